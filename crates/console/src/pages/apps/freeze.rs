//! A broker stops all keys of its app at once. Letting them work again is one question, in `actions`.

use axum::extract::Path;
use axum::response::Response;
use keyward_authority::apps::FreezeApp;
use keyward_authority::questions::{BrokerApp, broker_app};
use keyward_authority::{Action as _, ActionError, AppKeyCounts};
use keyward_rules::app::FrozenBy;
use keyward_rules::grant::ActionKind;

use super::id::app_id;
use crate::fields::Fields;
use crate::pages::confirm::{Confirmation, act, ask_one};
use crate::pages::layout::{problem, told};
use crate::pages::note::Note;
use crate::pages::person::{Posted, SignedIn};

/// How many keys and accounts something touches.
pub fn touched(counts: &AppKeyCounts) -> String {
    let plural =
        |count: u64, one: &str, more: &str| format!("{count} {}", if count == 1 { one } else { more });
    format!(
        "This affects {} of {}. Keys used within the last day: {}.",
        plural(counts.keys, "key", "keys"),
        plural(counts.accounts, "account", "accounts"),
        counts.used,
    )
}

async fn find(person: &SignedIn, id: &str) -> Result<BrokerApp, Response> {
    broker_app(&person.own_context(), app_id(id)?).await.map_err(problem)
}

fn freezing(app: &BrokerApp) -> Confirmation {
    Confirmation {
        title: "Freeze all keys of this app?",
        action: format!("/apps/{}/freeze", app.profile.id),
        button: "Freeze all its keys",
        danger: true,
        back: format!("/apps/{}", app.profile.id),
        part: "apps",
        words: vec![
            app.profile.name.to_string(),
            touched(&app.counts),
            "Gateways refuse the keys within a second, and your customers are told. You can lift the freeze yourself, with a code by mail."
                .to_owned(),
        ],
        extra: String::new(),
    }
}

fn freeze_of(app: &BrokerApp) -> FreezeApp {
    FreezeApp { app: app.profile.id, why: String::new() }
}

/// The question before.
pub async fn show_freeze(person: SignedIn, Path(id): Path<String>) -> Response {
    let answer = async {
        let app = find(&person, &id).await?;
        if matches!(app.profile.frozen, Some(FrozenBy::Broker | FrozenBy::Both)) {
            return Err(problem(ActionError::Unchanged));
        }
        let context = person.own_context();
        let pending = freeze_of(&app).plan(&context).await.map_err(problem)?;
        Ok(ask_one(&person, &context, &freezing(&app), &Fields::default(), &pending).await)
    };
    answer.await.unwrap_or_else(|answer: Response| answer)
}

/// Freezes it.
pub async fn freeze(Path(id): Path<String>, posted: Posted) -> Response {
    let answer = async {
        let app = find(&posted.person, &id).await?;
        act(&posted, &posted.person.own_context(), freeze_of(&app), |_| freezing(&app)).await?;
        Ok(told(&posted.person, &format!("/apps/{}", app.profile.id), Note::Done(ActionKind::FreezeApp))
            .await)
    };
    answer.await.unwrap_or_else(|answer: Response| answer)
}
