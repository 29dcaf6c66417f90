//! What a holder does to several keys at once. The list of keys and the page of an address lead here with the keys that were
//! selected; without any, the page lists those that fit.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use async_trait::async_trait;
use axum::http::StatusCode;
use keyward_authority::ActionError;
use keyward_authority::keys::{DeleteKeys, DisableKeys, EnableKeys, KeySet};
use keyward_authority::questions::{KeyView, list_keys};
use keyward_rules::id::KeyId;
use keyward_rules::key::Environment;
use keyward_rules::limits::KEYS_PER_ACTION;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;

use super::exposed::{Exposed, FormStep, Inputs, Operation, Question, Wanted};
use super::handlers::{operation_of, page_of};
use crate::api::{Caller, Given, PasskeyAnswer, Problem, StepUp, parsed_id};
use crate::fields::Fields;
use crate::pages::person::SignedIn;
use crate::route::Routes;
use crate::shell::Shell;

/// Where all of it begins and ends.
const LIST: &str = "/keys";

/// The pages.
pub fn pages(routes: Routes) -> Routes {
    page_of::<DeleteKeys>(page_of::<EnableKeys>(page_of::<DisableKeys>(routes)))
}

/// The operations.
pub fn operations(api: OpenApiRouter<Shell>) -> OpenApiRouter<Shell> {
    operation_of::<DeleteKeys>(operation_of::<EnableKeys>(operation_of::<DisableKeys>(api)))
}

/// An operation on keys that its body names.
const fn operation(
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    answers: &'static str,
) -> Operation {
    Operation { about: "", ..super::keys::operation(path, id, summary, answers) }
}

/// Keys to disable or delete.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SelectedKeys {
    /// 1 to 100 API keys of the account, each with its name. All of them are changed, or none.
    keys: BTreeMap<String, String>,
    /// A code of the authenticator, a recovery code, or the password. With neither this nor `passkey`, the answer is 403
    /// `factor_required`, and `approves` lists the keys.
    #[serde(default)]
    factor: String,
    /// Instead of `factor`: a passkey's answer to the question of the 403 answer, for the same request.
    #[serde(default)]
    passkey: Option<PasskeyAnswer>,
}

/// Keys to enable.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeysToEnable {
    /// 1 to 100 API keys of the account, each of them disabled. All of them are enabled, or none.
    api_keys: Vec<String>,
    /// The answer to the challenge.
    #[serde(default)]
    step_up: Option<StepUp>,
}

/// The keys that were changed.
#[derive(Serialize, ToSchema)]
pub struct ChangedKeys {
    /// Their API keys.
    changed: Vec<String>,
}

impl ChangedKeys {
    fn of(ids: &[KeyId]) -> Self {
        Self { changed: ids.iter().map(ToString::to_string).collect() }
    }
}

/// The keys of a body, or why there are none or too many of them.
fn some(set: Option<KeySet>) -> Result<KeySet, Problem> {
    set.ok_or_else(|| {
        let text = format!("name 1 to {KEYS_PER_ACTION} API keys");
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_keys", text)
    })
}

/// Keys with the names that confirm the harm.
fn named(keys: BTreeMap<String, String>) -> Result<KeySet, Problem> {
    let keys = keys.into_iter().map(|(id, name)| Ok::<_, Problem>((parsed_id(&id)?, name)));
    some(KeySet::named(keys.collect::<Result<Vec<(KeyId, String)>, _>>()?))
}

/// What the page of an action on several keys says.
struct About {
    /// Whether the action changes a key in this state.
    takes: fn(&KeyView) -> bool,
    /// What it does, before keys are selected.
    what: &'static str,
    /// What the page says about the effect.
    effect: &'static str,
    /// What the page says when no key fits.
    none: &'static str,
}

/// The form that lists the keys that fit.
#[derive(Template)]
#[template(path = "selected_keys.html")]
struct Choices {
    /// Id, name, state, whether it is a demo key.
    keys: Vec<(String, String, &'static str, bool)>,
    nothing: &'static str,
}

fn choose(keys: &[KeyView], about: &About, error: String) -> Inputs {
    let choice = |key: &KeyView| {
        let demo = key.environment == Environment::Demo;
        (key.id.to_string(), key.name.to_string(), key.state_in_words(), demo)
    };
    let keys = keys.iter().filter(|key| (about.takes)(key)).map(choice).collect();
    Inputs {
        words: vec![about.what.to_owned()],
        html: Choices { keys, nothing: about.none }.render().unwrap_or_default(),
        error,
        back: LIST.to_owned(),
    }
}

/// Reads the keys that a form selects. Those that the action would not change are left out, and the page says so.
async fn selected<A>(
    person: &SignedIn,
    fields: &Fields,
    about: &About,
    action: fn(KeySet) -> A,
) -> Result<FormStep<A>, ActionError> {
    let (keys, _) = list_keys(&person.context(), person.acts_for()).await?;
    let asked: Result<BTreeSet<KeyId>, _> = fields.all("key").map(str::parse::<KeyId>).collect();
    let asked = asked.map_err(|_| ActionError::NoKey)?;
    let mine: Vec<&KeyView> = keys.iter().filter(|key| asked.contains(&key.id)).collect();
    if mine.len() != asked.len() {
        return Err(ActionError::NoKey);
    }
    let fitting: Vec<KeyId> = mine.iter().filter(|key| (about.takes)(key)).map(|key| key.id).collect();
    let Some(set) = KeySet::new(fitting.iter().copied()) else {
        let error = if fields.0.is_empty() {
            String::new()
        } else if asked.is_empty() {
            "Select at least one key.".to_owned()
        } else if fitting.is_empty() {
            about.none.to_owned()
        } else {
            format!("Select at most {KEYS_PER_ACTION} keys.")
        };
        return Ok(FormStep::Inputs(choose(&keys, about, error)));
    };
    let left_out = mine.iter().filter(|key| !(about.takes)(key));
    let mut words: Vec<String> = left_out
        .map(|key| {
            let why = if key.leaked { "reported as leaked" } else { key.state_in_words() };
            format!("“{}” is {why} and stays as it is.", key.name)
        })
        .collect();
    words.push(about.effect.to_owned());
    Ok(FormStep::Proof(Wanted {
        action: action(set),
        words,
        carried: fitting.iter().map(|id| ("key", id.to_string())).collect(),
        back: LIST.to_owned(),
        then: LIST.to_owned(),
    }))
}

const DISABLE: About = About {
    takes: |key| key.is_living() && !key.disabled,
    what: "Select the API keys to disable. The next page asks for one factor.",
    effect: "Gateways refuse them within a second. You can enable them again later, with a code by mail.",
    none: "There is no key to disable: all of them are disabled already or have ended.",
};

#[async_trait]
impl Exposed for DisableKeys {
    const PAGE: Question = Question {
        path: "/keys/disable-selected",
        title: "Disable selected API keys",
        button: "Disable these keys",
        danger: true,
        part: "keys",
    };
    const OPERATION: Operation = operation(
        "/api/v1/keys/disable-selected",
        "keys_disable_selected",
        "Disable several keys",
        "Disabled",
    );
    type Body = SelectedKeys;
    type Answer = ChangedKeys;

    async fn of_form(person: &SignedIn, _: &str, fields: &Fields) -> Result<FormStep<Self>, ActionError> {
        selected(person, fields, &DISABLE, DisableKeys).await
    }

    fn of_body(_: &Caller, _: &str, body: SelectedKeys) -> Result<(Self, Given), Problem> {
        Ok((Self(named(body.keys)?), Given::factor(body.factor, body.passkey)))
    }

    fn answer(disabled: Vec<KeyId>) -> ChangedKeys {
        ChangedKeys::of(&disabled)
    }
}

const ENABLE: About = About {
    takes: |key| key.is_living() && key.disabled && !key.leaked,
    what: "Select the API keys to enable. The next page asks for a code by mail and a second factor.",
    effect: "They work again from their addresses. A key that is held stays held.",
    none: "There is no key to enable: none of them is disabled, or it was reported as leaked.",
};

#[async_trait]
impl Exposed for EnableKeys {
    const PAGE: Question = Question {
        path: "/keys/enable-selected",
        title: "Enable selected API keys",
        button: "Enable these keys",
        danger: false,
        part: "keys",
    };
    const OPERATION: Operation =
        operation("/api/v1/keys/enable-selected", "keys_enable_selected", "Enable several keys", "Enabled");
    type Body = KeysToEnable;
    type Answer = ChangedKeys;

    async fn of_form(person: &SignedIn, _: &str, fields: &Fields) -> Result<FormStep<Self>, ActionError> {
        selected(person, fields, &ENABLE, EnableKeys).await
    }

    fn of_body(_: &Caller, _: &str, body: KeysToEnable) -> Result<(Self, Given), Problem> {
        let ids = body.api_keys.iter().map(|id| parsed_id(id));
        Ok((Self(some(KeySet::new(ids.collect::<Result<Vec<KeyId>, _>>()?))?), Given::step_up(body.step_up)))
    }

    fn answer(enabled: Vec<KeyId>) -> ChangedKeys {
        ChangedKeys::of(&enabled)
    }
}

const DELETE: About = About {
    takes: KeyView::is_living,
    what: "Select the API keys to delete. The next page asks for one factor.",
    effect: "Gateways refuse them within a second. You cannot undo this. If you are not sure, disable the keys instead.",
    none: "There is no key to delete: all of them have ended.",
};

#[async_trait]
impl Exposed for DeleteKeys {
    const PAGE: Question = Question {
        path: "/keys/delete-selected",
        title: "Delete selected API keys",
        button: "Delete these keys",
        danger: true,
        part: "keys",
    };
    const OPERATION: Operation =
        operation("/api/v1/keys/delete-selected", "keys_delete_selected", "Delete several keys", "Deleted");
    type Body = SelectedKeys;
    type Answer = ChangedKeys;

    async fn of_form(person: &SignedIn, _: &str, fields: &Fields) -> Result<FormStep<Self>, ActionError> {
        selected(person, fields, &DELETE, DeleteKeys).await
    }

    fn of_body(_: &Caller, _: &str, body: SelectedKeys) -> Result<(Self, Given), Problem> {
        Ok((Self(named(body.keys)?), Given::factor(body.factor, body.passkey)))
    }

    fn answer(deleted: Vec<KeyId>) -> ChangedKeys {
        ChangedKeys::of(&deleted)
    }
}
