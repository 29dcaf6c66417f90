//! A broker stops all keys of its app at once, and lets them work again.

use axum::extract::Path;
use axum::response::Response;
use keyward_authority::apps::{freeze_app, plan_freeze, plan_thaw, thaw_own_app};
use keyward_authority::questions::{BrokerApp, broker_app};
use keyward_authority::{ActionError, AppKeyCounts};

use super::id::app_id;
use crate::fields::Fields;
use crate::pages::confirm::{Confirmation, ask_one, begin, prove};
use crate::pages::layout::{problem, told};
use crate::pages::note::Note;
use crate::pages::person::{Posted, SignedIn};
use keyward_rules::app::FrozenBy;
use keyward_rules::grant::ActionKind;

/// How many keys and accounts something touches.
pub fn touched(counts: &AppKeyCounts) -> String {
    let plural =
        |count: u64, one: &str, more: &str| format!("{count} {}", if count == 1 { one } else { more });
    format!(
        "It touches {} of {}; {} used within a day.",
        plural(counts.keys, "key", "keys"),
        plural(counts.accounts, "account", "accounts"),
        plural(counts.used, "was", "were"),
    )
}

async fn find(person: &SignedIn, id: &str) -> Result<BrokerApp, Response> {
    broker_app(&person.context(), app_id(id)?).await.map_err(problem)
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
            "Every gateway refuses them within a second, and your customers are told. You can lift it yourself, with a code by mail."
                .to_owned(),
        ],
        extra: String::new(),
    }
}

/// The question before.
pub async fn show_freeze(person: SignedIn, Path(id): Path<String>) -> Response {
    match find(&person, &id).await {
        Ok(app) if matches!(app.profile.frozen, Some(FrozenBy::Broker | FrozenBy::Both)) => {
            problem(ActionError::Unchanged)
        }
        Ok(app) => {
            let pending = plan_freeze(&app.profile);
            ask_one(&person, &person.context(), &freezing(&app), &Fields::default(), &pending).await
        }
        Err(answer) => answer,
    }
}

/// Freezes it.
pub async fn freeze(Path(id): Path<String>, posted: Posted) -> Response {
    let answer = async {
        let app = find(&posted.person, &id).await?;
        let proof =
            prove(&posted, &posted.person.context(), &freezing(&app), &plan_freeze(&app.profile)).await?;
        freeze_app(&posted.person.context(), proof, app.profile.id, "").await.map_err(problem)?;
        Ok(told(&posted.person, &format!("/apps/{}", app.profile.id), Note::Done(ActionKind::FreezeApp))
            .await)
    };
    answer.await.unwrap_or_else(|answer: Response| answer)
}

fn thawing(app: &BrokerApp) -> Confirmation {
    let mut words = plan_thaw(&app.profile).words;
    words.push(touched(&app.counts));
    Confirmation {
        title: "Let the app's keys work again?",
        action: format!("/apps/{}/thaw", app.profile.id),
        button: "Lift the freeze",
        danger: false,
        back: format!("/apps/{}", app.profile.id),
        part: "apps",
        words,
        extra: String::new(),
    }
}

/// The question before.
pub async fn show_thaw(person: SignedIn, Path(id): Path<String>) -> Response {
    match find(&person, &id).await {
        Ok(app) => begin(&person, &thawing(&app), ""),
        Err(answer) => answer,
    }
}

/// Lifts the freeze that the broker laid.
pub async fn thaw(Path(id): Path<String>, posted: Posted) -> Response {
    let answer = async {
        let app = find(&posted.person, &id).await?;
        let proof =
            prove(&posted, &posted.person.context(), &thawing(&app), &plan_thaw(&app.profile)).await?;
        thaw_own_app(&posted.person.context(), proof, app.profile.id).await.map_err(problem)?;
        Ok(told(&posted.person, &format!("/apps/{}", app.profile.id), Note::Done(ActionKind::ThawApp)).await)
    };
    answer.await.unwrap_or_else(|answer: Response| answer)
}
