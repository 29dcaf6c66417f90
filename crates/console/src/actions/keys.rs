//! What a holder does to keys that is one question.

use async_trait::async_trait;
use axum::http::StatusCode;
use keyward_authority::keys::{
    DeleteKey, DeleteUnusedKeys, DisableAllKeys, DisableKey, EnableKey, EndOverlap, KeyNamed, LiftQuarantine,
    MakeReadOnly, ReleaseKey, ReportLeak, StopAllTrading, StopTrading,
};
use keyward_authority::questions::show_living_key;
use keyward_authority::{Action, ActionError};
use keyward_rules::id::{KeyId, Revision};
use keyward_rules::limits::DAY_MS;
use keyward_rules::time::Moment;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::HttpMethod;
use utoipa_axum::router::OpenApiRouter;

use super::exposed::{Exposed, FormStep, Inputs, Operation, Question, Wanted};
use super::handlers::{operation_of, page_of};
use crate::api::{
    Caller, Changed, Confirmed, DisabledAll, Enable, Given, OneFactor, PasskeyAnswer, Problem, StoppedAll,
    parsed_id,
};
use crate::fields::Fields;
use crate::pages::field::{Field, Kind};
use crate::pages::layout::sentence;
use crate::pages::person::SignedIn;
use crate::route::Routes;
use crate::shell::Shell;
use crate::words::When;

/// The pages.
pub fn pages(routes: Routes) -> Routes {
    let routes = page_of::<DisableAllKeys>(routes);
    let routes = page_of::<DisableKey>(routes);
    let routes = page_of::<EnableKey>(routes);
    let routes = page_of::<EndOverlap>(routes);
    let routes = page_of::<StopAllTrading>(routes);
    let routes = page_of::<StopTrading>(routes);
    let routes = page_of::<MakeReadOnly>(routes);
    let routes = page_of::<LiftQuarantine>(routes);
    let routes = page_of::<ReleaseKey>(routes);
    let routes = page_of::<ReportLeak>(routes);
    let routes = page_of::<DeleteUnusedKeys>(routes);
    page_of::<DeleteKey>(routes)
}

/// The operations.
pub fn operations(api: OpenApiRouter<Shell>) -> OpenApiRouter<Shell> {
    let api = operation_of::<DisableAllKeys>(api);
    let api = operation_of::<DisableKey>(api);
    let api = operation_of::<EnableKey>(api);
    let api = operation_of::<EndOverlap>(api);
    let api = operation_of::<StopAllTrading>(api);
    let api = operation_of::<StopTrading>(api);
    let api = operation_of::<MakeReadOnly>(api);
    let api = operation_of::<LiftQuarantine>(api);
    let api = operation_of::<ReleaseKey>(api);
    let api = operation_of::<ReportLeak>(api);
    let api = operation_of::<DeleteUnusedKeys>(api);
    operation_of::<DeleteKey>(api)
}

pub(super) const fn operation(
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    answers: &'static str,
) -> Operation {
    Operation {
        method: HttpMethod::Post,
        path,
        id,
        tag: "keys",
        summary,
        about: "The API key",
        status: StatusCode::OK,
        answers,
    }
}

/// A form about one key, which it names twice: by its path and by its name. A key that has ended is refused before any form.
async fn about_key<A>(
    person: &SignedIn,
    id: &str,
    fields: &Fields,
    action: fn(KeyNamed) -> A,
    warning: &str,
) -> Result<FormStep<A>, ActionError> {
    let key = show_living_key(&person.context(), id).await?;
    let id = key.id;
    let used = match key.last_used_at {
        None => "It was never used.".to_owned(),
        Some(at) => format!("Last used {}.", When::of(at).utc),
    };
    // Only the page that is asked for first fills the name in: harm is never done to a key by its id alone.
    let name = if fields.0.is_empty() { key.name.to_string() } else { fields.get("name").to_owned() };
    let page = format!("/keys/{id}");
    Ok(FormStep::Proof(Wanted {
        action: action(KeyNamed { id, name: name.clone() }),
        words: vec![used, warning.to_owned()],
        carried: vec![("name", name)],
        back: page.clone(),
        then: page,
    }))
}

/// The step of an action that needs nothing but the key's id and a proof.
fn by_id<A>(id: &str, action: fn(KeyId) -> A) -> Result<FormStep<A>, ActionError> {
    let id: KeyId = id.parse().map_err(|_| ActionError::NoKey)?;
    let page = format!("/keys/{id}");
    let (action, words, carried) = (action(id), Vec::new(), Vec::new());
    Ok(FormStep::Proof(Wanted { action, words, carried, back: page.clone(), then: page }))
}

fn changed(revision: Option<Revision>) -> Changed {
    Changed { revision: revision.map(|revision| revision.0) }
}

/// An action on one key that its form and its body name twice: by its id and by its name.
trait OneKey: Action<Reply = Option<Revision>> + 'static {
    /// Its page.
    const PAGE: Question;
    /// Its operation.
    const OPERATION: Operation;
    /// What the page says about the effect.
    const WARNING: &'static str;

    /// The action on this key.
    fn of(which: KeyNamed) -> Self;
}

#[async_trait]
impl<A: OneKey> Exposed for A {
    const PAGE: Question = <A as OneKey>::PAGE;
    const OPERATION: Operation = <A as OneKey>::OPERATION;
    type Body = Confirmed;
    type Answer = Changed;

    async fn of_form(person: &SignedIn, id: &str, fields: &Fields) -> Result<FormStep<Self>, ActionError> {
        about_key(person, id, fields, Self::of, Self::WARNING).await
    }

    fn of_body(_: &Caller, id: &str, body: Confirmed) -> Result<(Self, Given), Problem> {
        let which = KeyNamed { id: parsed_id(id)?, name: body.name };
        Ok((Self::of(which), Given::factor(body.factor, body.passkey)))
    }

    fn answer(revision: Option<Revision>) -> Changed {
        changed(revision)
    }
}

impl OneKey for DisableKey {
    const PAGE: Question = Question {
        path: "/keys/{id}/disable",
        title: "Disable this key?",
        button: "Disable the key",
        danger: true,
        part: "keys",
    };
    const OPERATION: Operation =
        operation("/api/v1/keys/{id}/disable", "keys_disable", "Disable a key", "Disabled");
    const WARNING: &'static str =
        "Gateways refuse it within a second. You can enable it again later, with a code by mail.";

    fn of(which: KeyNamed) -> Self {
        Self(which)
    }
}

impl OneKey for StopTrading {
    const PAGE: Question = Question {
        path: "/keys/{id}/stop-trading",
        title: "Stop trading with this key?",
        button: "Stop trading",
        danger: true,
        part: "keys",
    };
    const OPERATION: Operation = operation(
        "/api/v1/keys/{id}/stop-trading",
        "keys_stop_trading",
        "Stop a key from trading; it still reads and cancels",
        "Stopped",
    );
    const WARNING: &'static str = "Within a second, gateways refuse its orders, changes of orders, transfers and withdrawals. It can still read and cancel. Its open orders stay. You can lift this later, with a code by mail.";

    fn of(which: KeyNamed) -> Self {
        Self(which)
    }
}

impl OneKey for MakeReadOnly {
    const PAGE: Question = Question {
        path: "/keys/{id}/read-only",
        title: "Limit this key to reading?",
        button: "Allow reading only",
        danger: true,
        part: "keys",
    };
    const OPERATION: Operation =
        operation("/api/v1/keys/{id}/read-only", "keys_read_only", "Limit a key to reading", "Limited");
    const WARNING: &'static str = "Within a second, gateways refuse everything but reading. It cannot cancel orders either. You can lift this later, with a code by mail.";

    fn of(which: KeyNamed) -> Self {
        Self(which)
    }
}

impl OneKey for DeleteKey {
    const PAGE: Question = Question {
        path: "/keys/{id}/delete",
        title: "Delete this key?",
        button: "Delete the key",
        danger: true,
        part: "keys",
    };
    const OPERATION: Operation = Operation {
        method: HttpMethod::Delete,
        ..operation("/api/v1/keys/{id}", "keys_delete", "Delete a key permanently", "Deleted")
    };
    const WARNING: &'static str = "Gateways refuse it within a second. You cannot undo this. If you are not sure, disable the key instead.";

    fn of(which: KeyNamed) -> Self {
        Self(which)
    }
}

impl OneKey for ReportLeak {
    const PAGE: Question = Question {
        path: "/keys/{id}/leaked",
        title: "Report this key as leaked?",
        button: "Disable it now",
        danger: true,
        part: "keys",
    };
    const OPERATION: Operation =
        operation("/api/v1/keys/{id}/leaked", "keys_leaked", "Report a key as leaked", "Disabled");
    const WARNING: &'static str = "It is disabled at once. The next page shows what it did last, how to create a successor, and what to update.";

    fn of(which: KeyNamed) -> Self {
        Self(which)
    }
}

impl OneKey for EndOverlap {
    const PAGE: Question = Question {
        path: "/keys/{id}/end-overlap",
        title: "End the overlap now?",
        button: "End the old key",
        danger: true,
        part: "keys",
    };
    const OPERATION: Operation = Operation {
        about: "The old API key",
        ..operation(
            "/api/v1/keys/{id}/end-overlap",
            "keys_end_overlap",
            "End the overlap of a rotation",
            "The old key has ended",
        )
    };
    const WARNING: &'static str =
        "The old key expires and cannot be used again. Only its successor works from now on.";

    fn of(which: KeyNamed) -> Self {
        Self(which)
    }
}

#[async_trait]
impl Exposed for LiftQuarantine {
    const PAGE: Question = Question {
        path: "/keys/{id}/lift-quarantine",
        title: "Lift the quarantine of this key?",
        button: "Lift the quarantine",
        danger: false,
        part: "keys",
    };
    const OPERATION: Operation = operation(
        "/api/v1/keys/{id}/lift-quarantine",
        "keys_lift_quarantine",
        "Lift the quarantine of a key",
        "Lifted",
    );
    type Body = Enable;
    type Answer = Changed;

    async fn of_form(_: &SignedIn, id: &str, _: &Fields) -> Result<FormStep<Self>, ActionError> {
        by_id(id, Self)
    }

    fn of_body(_: &Caller, id: &str, body: Enable) -> Result<(Self, Given), Problem> {
        Ok((Self(parsed_id(id)?), Given::step_up(body.step_up)))
    }

    fn answer(revision: Option<Revision>) -> Changed {
        changed(revision)
    }
}

#[async_trait]
impl Exposed for ReleaseKey {
    const PAGE: Question = Question {
        path: "/keys/{id}/release",
        title: "Let this key work now?",
        button: "Let it work now",
        danger: false,
        part: "keys",
    };
    const OPERATION: Operation = operation(
        "/api/v1/keys/{id}/release",
        "keys_release",
        "Let a key work at once that was created or changed on a new device; only on a device that is known for longer",
        "Released",
    );
    type Body = Enable;
    type Answer = Changed;

    async fn of_form(_: &SignedIn, id: &str, _: &Fields) -> Result<FormStep<Self>, ActionError> {
        by_id(id, Self)
    }

    fn of_body(_: &Caller, id: &str, body: Enable) -> Result<(Self, Given), Problem> {
        Ok((Self(parsed_id(id)?), Given::step_up(body.step_up)))
    }

    fn answer(revision: Option<Revision>) -> Changed {
        changed(revision)
    }
}

#[async_trait]
impl Exposed for EnableKey {
    const PAGE: Question = Question {
        path: "/keys/{id}/enable",
        title: "Enable this key?",
        button: "Enable the key",
        danger: false,
        part: "keys",
    };
    const OPERATION: Operation =
        operation("/api/v1/keys/{id}/enable", "keys_enable", "Enable a key", "Enabled");
    type Body = Enable;
    type Answer = Changed;

    async fn of_form(_: &SignedIn, id: &str, _: &Fields) -> Result<FormStep<Self>, ActionError> {
        by_id(id, Self)
    }

    fn of_body(_: &Caller, id: &str, body: Enable) -> Result<(Self, Given), Problem> {
        Ok((Self(parsed_id(id)?), Given::step_up(body.step_up)))
    }

    fn answer(revision: Option<Revision>) -> Changed {
        changed(revision)
    }
}

#[async_trait]
impl Exposed for DisableAllKeys {
    const PAGE: Question = Question {
        path: "/keys/disable-all",
        title: "Disable all API keys?",
        button: "Disable all keys",
        danger: true,
        part: "keys",
    };
    const OPERATION: Operation = Operation {
        about: "",
        ..operation("/api/v1/keys/disable-all", "keys_disable_all", "Disable all keys", "How many")
    };
    type Body = OneFactor;
    type Answer = DisabledAll;

    async fn of_form(person: &SignedIn, _: &str, _: &Fields) -> Result<FormStep<Self>, ActionError> {
        let effect = "Live and demo keys are disabled. Gateways refuse all software that uses them within a second. You enable the keys again one by one, each with a code by mail.";
        let (action, back) = (Self(person.acts_for()), "/keys".to_owned());
        let (words, carried) = (vec![effect.to_owned()], Vec::new());
        Ok(FormStep::Proof(Wanted { action, words, carried, back: back.clone(), then: back }))
    }

    fn of_body(caller: &Caller, _: &str, body: OneFactor) -> Result<(Self, Given), Problem> {
        Ok((Self(caller.acts_for()), Given::factor(body.factor, body.passkey)))
    }

    fn answer(disabled: usize) -> DisabledAll {
        DisabledAll { disabled }
    }
}

#[async_trait]
impl Exposed for StopAllTrading {
    const PAGE: Question = Question {
        path: "/keys/stop-trading",
        title: "Stop trading with all API keys?",
        button: "Stop trading",
        danger: true,
        part: "keys",
    };
    const OPERATION: Operation = Operation {
        about: "",
        ..operation("/api/v1/keys/stop-trading", "keys_stop_all", "Stop all keys from trading", "How many")
    };
    type Body = OneFactor;
    type Answer = StoppedAll;

    async fn of_form(person: &SignedIn, _: &str, _: &Fields) -> Result<FormStep<Self>, ActionError> {
        let effect = "Live and demo keys only read and cancel. Within a second, gateways refuse all their orders, transfers and withdrawals. Open orders stay. You lift this key by key, each with a code by mail.";
        let (action, back) = (Self(person.acts_for()), "/keys".to_owned());
        let (words, carried) = (vec![effect.to_owned()], Vec::new());
        Ok(FormStep::Proof(Wanted { action, words, carried, back: back.clone(), then: back }))
    }

    fn of_body(caller: &Caller, _: &str, body: OneFactor) -> Result<(Self, Given), Problem> {
        Ok((Self(caller.acts_for()), Given::factor(body.factor, body.passkey)))
    }

    fn answer(stopped: usize) -> StoppedAll {
        StoppedAll { stopped }
    }
}

/// Which keys count as unused.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Unused {
    /// Keys whose last use is before this moment are deleted; one that was never used counts from its creation. At least a
    /// day ago. With neither `factor` nor `passkey`, the answer is 403 `factor_required`, and `approves` lists the keys.
    not_used_since_ms: u64,
    /// A code of the authenticator, a recovery code, or the password.
    #[serde(default)]
    factor: String,
    /// Instead of `factor`: a passkey's answer to the question of the 403 answer, for the same request.
    #[serde(default)]
    passkey: Option<PasskeyAnswer>,
}

/// The keys that were deleted.
#[derive(Serialize, ToSchema)]
pub struct DeletedUnused {
    /// Their API keys.
    deleted: Vec<String>,
}

/// The form that asks for the days.
fn days_form(typed: &str, error: &str) -> Inputs {
    let days = Field::new("days", "Days without use", Kind::Text)
        .value(if typed.is_empty() { "90" } else { typed })
        .hint("1 to 3650. A key that was never used counts from its creation. The next page lists the keys.")
        .error(error);
    Inputs {
        words: vec!["Delete the live and demo keys that no program has used for some time.".to_owned()],
        html: days.html(),
        error: String::new(),
        back: "/keys".to_owned(),
    }
}

/// The moment that a form names: by days, or as the page before carried it.
fn not_used_since(fields: &Fields, now: Moment) -> Option<Moment> {
    let ago = |days: u64| Moment::from_unix_ms(now.unix_ms().saturating_sub(days * DAY_MS));
    match fields.get("days").trim() {
        "" => fields.get("not_used_since").parse().ok().map(Moment::from_unix_ms),
        days => days.parse().ok().filter(|days| (1..=3_650).contains(days)).map(ago),
    }
}

#[async_trait]
impl Exposed for DeleteUnusedKeys {
    const PAGE: Question = Question {
        path: "/keys/delete-unused",
        title: "Delete unused API keys",
        button: "Delete these keys",
        danger: true,
        part: "keys",
    };
    const OPERATION: Operation = Operation {
        about: "",
        ..operation("/api/v1/keys/delete-unused", "keys_delete_unused", "Delete unused keys", "Deleted")
    };
    type Body = Unused;
    type Answer = DeletedUnused;

    async fn of_form(person: &SignedIn, _: &str, fields: &Fields) -> Result<FormStep<Self>, ActionError> {
        let context = person.context();
        let typed = fields.get("days");
        if typed.is_empty() && !fields.has("not_used_since") {
            return Ok(FormStep::Inputs(days_form("90", "")));
        }
        let since = not_used_since(fields, context.now);
        let Some(action) = since.and_then(|since| Self::new(person.acts_for(), since, context.now)) else {
            return Ok(FormStep::Inputs(days_form(typed, "Type a whole number of days from 1 to 3650.")));
        };
        if action.preview(&context).await?.is_empty() {
            return Ok(FormStep::Inputs(days_form(typed, &sentence(&ActionError::NoneUnused))));
        }
        let (since, back) = (action.not_used_since().unix_ms().to_string(), "/keys".to_owned());
        Ok(FormStep::Proof(Wanted {
            action,
            words: vec!["Gateways refuse them within a second. You cannot undo this.".to_owned()],
            carried: vec![("days", String::new()), ("not_used_since", since)],
            back: back.clone(),
            then: back,
        }))
    }

    fn of_body(caller: &Caller, _: &str, body: Unused) -> Result<(Self, Given), Problem> {
        let since = Moment::from_unix_ms(body.not_used_since_ms);
        let action = Self::new(caller.acts_for(), since, caller.context().now).ok_or_else(|| {
            let text = "`not_used_since_ms` is at least a day ago";
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_moment", text)
        })?;
        Ok((action, Given::factor(body.factor, body.passkey)))
    }

    fn answer(deleted: Vec<KeyId>) -> DeletedUnused {
        DeletedUnused { deleted: deleted.iter().map(ToString::to_string).collect() }
    }
}
