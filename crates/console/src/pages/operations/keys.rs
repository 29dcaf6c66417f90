//! Keys of everybody: search, one key, freezing it, stopping it from trading.

use askama::Template;
use axum::extract::{Path, Query as Asked};
use axum::response::Response;
use keyward_authority::ActionError;
use keyward_authority::operators::{FreezeKey, StopKey, overseen_key, search_keys};
use keyward_authority::questions::KeyView;
use keyward_rules::grant::ActionKind;
use keyward_rules::limits::PAGE_DEFAULT;

use super::officer::{StaffMember, acting, context, reasoned, why_field};
use crate::fields::Fields;
use crate::pages::confirm::{Confirmation, ask_at_once};
use crate::pages::layout::{Frame, Query, page, problem, told};
use crate::pages::note::Note;
use crate::pages::person::{Posted, SignedIn};
use crate::words::When;

#[derive(Template)]
#[template(path = "operations/keys.html")]
struct List {
    frame: Frame,
    q: String,
    rows: Vec<(KeyView, String)>,
    next: String,
}

/// The list.
pub async fn list(officer: StaffMember, Asked(query): Asked<Query>) -> Response {
    let context = match officer.context() {
        Ok(context) => context,
        Err(answer) => return answer,
    };
    match search_keys(&context, &query.q, query.before.parse().ok(), PAGE_DEFAULT).await {
        Ok(rows) => {
            let next = rows.last().filter(|_| rows.len() == PAGE_DEFAULT).map(|(key, _)| key.id.to_string());
            let frame = Frame::of(&officer.0, "operations/keys", "Keys");
            page(&List { frame, q: query.q, rows, next: next.unwrap_or_default() })
        }
        Err(other) => problem(other),
    }
}

#[derive(Template)]
#[template(path = "operations/key.html")]
struct Show {
    frame: Frame,
    acts: bool,
    key: KeyView,
    account: String,
    living: bool,
    frozen: bool,
    created: When,
    used: Option<When>,
}

async fn find(person: &SignedIn, id: &str) -> Result<(KeyView, String), Response> {
    let context = context(person)?;
    let id = id.parse().map_err(|_| problem(ActionError::NoKey))?;
    overseen_key(&context, id).await.map_err(problem)
}

/// One key.
pub async fn show(officer: StaffMember, Path(id): Path<String>) -> Response {
    match find(&officer.0, &id).await {
        Ok((key, account)) => page(&Show {
            frame: Frame::of(&officer.0, "operations/keys", key.name.as_str()),
            acts: officer.acts(),
            living: key.is_living(),
            frozen: key.frozen,
            created: When::of(key.created_at),
            used: When::maybe(key.last_used_at),
            key,
            account,
        }),
        Err(answer) => answer,
    }
}

/// What one operator does to a key at once.
#[derive(Clone, Copy)]
enum Step {
    Freeze,
    Stop,
}

impl Step {
    const fn action(self) -> ActionKind {
        match self {
            Self::Freeze => ActionKind::FreezeKey,
            Self::Stop => ActionKind::StopTrading,
        }
    }

    fn asking(self, key: &KeyView, account: &str, fields: &Fields, error: &str) -> Confirmation {
        let (title, path, button, effect) = match self {
            Self::Freeze => (
                "Freeze this key?",
                "freeze",
                "Freeze the key",
                "Gateways refuse it within a second. To unfreeze it, another operator must approve a proposal.",
            ),
            Self::Stop => (
                "Stop trading with this key?",
                "stop-trading",
                "Stop trading",
                "It only reads and cancels, within a second. Its user can lift that with a second factor and a code by mail.",
            ),
        };
        Confirmation {
            title,
            action: format!("/operations/keys/{}/{path}", key.id),
            button,
            danger: true,
            back: format!("/operations/keys/{}", key.id),
            part: "operations/keys",
            words: vec![format!("{} ({}) of {account}", key.name, key.id), effect.to_owned()],
            extra: why_field(fields, error),
        }
    }
}

async fn question(officer: &StaffMember, id: &str, step: Step) -> Result<Response, Response> {
    acting(&officer.0, step.action())?;
    let ((key, account), none) = (find(&officer.0, id).await?, Fields::default());
    Ok(ask_at_once(&officer.0, &step.asking(&key, &account, &none, ""), &none).await)
}

async fn done(posted: &Posted, id: &str, step: Step) -> Result<Response, Response> {
    let context = acting(&posted.person, step.action())?;
    let (key, account) = find(&posted.person, id).await?;
    let page = |fields: &Fields, error: &str| step.asking(&key, &account, fields, error);
    match step {
        Step::Freeze => {
            reasoned(posted, &context, page, |why| FreezeKey { key: key.id, why }).await?;
        }
        Step::Stop => {
            reasoned(posted, &context, page, |why| StopKey { key: key.id, why }).await?;
        }
    }
    Ok(told(&posted.person, &format!("/operations/keys/{}", key.id), Note::Done(step.action())).await)
}

/// The question before a freeze.
pub async fn show_freeze(officer: StaffMember, Path(id): Path<String>) -> Response {
    question(&officer, &id, Step::Freeze).await.unwrap_or_else(|answer| answer)
}

/// Freezes it.
pub async fn freeze(Path(id): Path<String>, posted: Posted) -> Response {
    done(&posted, &id, Step::Freeze).await.unwrap_or_else(|answer| answer)
}

/// The question before a quarantine.
pub async fn show_stop(officer: StaffMember, Path(id): Path<String>) -> Response {
    question(&officer, &id, Step::Stop).await.unwrap_or_else(|answer| answer)
}

/// Puts it in quarantine.
pub async fn stop(Path(id): Path<String>, posted: Posted) -> Response {
    done(&posted, &id, Step::Stop).await.unwrap_or_else(|answer| answer)
}
