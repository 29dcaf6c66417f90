//! When a broker was broken into: all keys of its app stop at once, or are replaced by a deadline. Each asks before, with how
//! many keys and accounts it touches.

use axum::extract::Path;
use axum::response::Response;
use keyward_authority::ActionContext;
use keyward_authority::apps::{DemandSuccessors, FreezeApp, Preview, preview};
use keyward_rules::grant::ActionKind;
use keyward_rules::limits::DAY_MS;
use keyward_rules::time::Moment;

use super::why::why_field;
use crate::fields::Fields;
use crate::pages::apps::{app_id, touched};
use crate::pages::confirm::{Confirmation, ask_at_once};
use crate::pages::field::{Field, Kind};
use crate::pages::layout::{problem, told};
use crate::pages::note::Note;
use crate::pages::operations::officer::{StaffMember, acting, reasoned};
use crate::pages::person::{Posted, SignedIn};
use crate::words::moment;

async fn find(context: &ActionContext<'_>, id: &str) -> Result<Preview, Response> {
    preview(context, app_id(id)?).await.map_err(problem)
}

fn freezing(seen: &Preview, fields: &Fields, error: &str) -> Confirmation {
    let id = seen.profile.id;
    Confirmation {
        title: "Freeze all keys of this app?",
        action: format!("/operations/apps/{id}/freeze"),
        button: "Freeze all its keys",
        danger: true,
        back: format!("/operations/apps/{id}"),
        part: "operations/apps",
        words: vec![
            seen.profile.name.to_string(),
            touched(&seen.counts),
            "Gateways refuse the keys within a second. Users and the broker are told. To lift the freeze, another operator must approve a proposal."
                .to_owned(),
        ],
        extra: why_field(fields.get("why"), error),
    }
}

/// The question before.
pub async fn show_freeze(officer: StaffMember, Path(id): Path<String>) -> Response {
    let answer = async {
        let seen = find(&acting(&officer.0, ActionKind::FreezeApp)?, &id).await?;
        let none = Fields::default();
        Ok(ask_at_once(&officer.0, &freezing(&seen, &none, ""), &none).await)
    };
    answer.await.unwrap_or_else(|answer: Response| answer)
}

/// Freezes them.
pub async fn freeze(Path(id): Path<String>, posted: Posted) -> Response {
    let answer = async {
        let context = acting(&posted.person, ActionKind::FreezeApp)?;
        let seen = find(&context, &id).await?;
        let asking = |fields: &Fields, error: &str| freezing(&seen, fields, error);
        let app = seen.profile.id;
        reasoned(&posted, &context, asking, |why| FreezeApp { app, why }).await?;
        Ok(told(
            &posted.person,
            &format!("/operations/apps/{}", seen.profile.id),
            Note::Done(ActionKind::FreezeApp),
        )
        .await)
    };
    answer.await.unwrap_or_else(|answer: Response| answer)
}

fn demanding(person: &SignedIn, seen: &Preview, fields: &Fields, errors: (&str, &str)) -> Confirmation {
    let id = seen.profile.id;
    // A week from now, to the minute, as the field writes it.
    let week = person.shell.now().plus_ms(7 * DAY_MS).to_string();
    let due = match fields.get("due") {
        "" => week.get(..16).unwrap_or_default(),
        typed => typed,
    };
    let due = Field::new("due", "Deadline (UTC)", Kind::Moment)
        .hint("1 hour to 30 days from now. After the deadline, keys that were made before now are held.")
        .value(due)
        .error(errors.0);
    Confirmation {
        title: "Demand successors for all keys of this app?",
        action: format!("/operations/apps/{id}/demand"),
        button: "Demand successors",
        danger: true,
        back: format!("/operations/apps/{id}"),
        part: "operations/apps",
        words: vec![
            seen.profile.name.to_string(),
            touched(&seen.counts),
            "Users are told at once to rotate these keys. To withdraw the demand, another operator must approve a proposal.".to_owned(),
        ],
        extra: format!("{}{}", due.html(), why_field(fields.get("why"), errors.1)),
    }
}

/// The question before.
pub async fn show_demand(officer: StaffMember, Path(id): Path<String>) -> Response {
    let answer = async {
        let seen = find(&acting(&officer.0, ActionKind::DemandSuccessors)?, &id).await?;
        let none = Fields::default();
        Ok(ask_at_once(&officer.0, &demanding(&officer.0, &seen, &none, ("", "")), &none).await)
    };
    answer.await.unwrap_or_else(|answer: Response| answer)
}

/// Demands them.
pub async fn demand(Path(id): Path<String>, posted: Posted) -> Response {
    let answer = async {
        let (person, context) = (&posted.person, acting(&posted.person, ActionKind::DemandSuccessors)?);
        let seen = find(&context, &id).await?;
        let kept = Fields(posted.fields.without(&["why", "due"]));
        let Some(due) = due(&posted.fields, context.now) else {
            let wrong = ("At least an hour and at most 30 days from now, as 2026-11-21T08:15.", "");
            return Ok(ask_at_once(person, &demanding(person, &seen, &posted.fields, wrong), &kept).await);
        };
        let typed = Posted { person: person.clone(), fields: Fields(posted.fields.without(&["due"])) };
        let asking = |_: &Fields, error: &str| demanding(person, &seen, &posted.fields, ("", error));
        let app = seen.profile.id;
        reasoned(&typed, &context, asking, |why| DemandSuccessors { app, due, why }).await?;
        Ok(told(
            &posted.person,
            &format!("/operations/apps/{}", seen.profile.id),
            Note::Done(ActionKind::DemandSuccessors),
        )
        .await)
    };
    answer.await.unwrap_or_else(|answer: Response| answer)
}

/// The deadline of the form, where it is one.
fn due(fields: &Fields, now: Moment) -> Option<Moment> {
    let due = moment(fields.get("due").trim())?;
    let ahead = due.ms_since(now);
    (60 * 60 * 1_000..=30 * DAY_MS).contains(&ahead).then_some(due)
}
