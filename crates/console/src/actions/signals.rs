//! Choosing the signals of a key that its holder is told of.

use askama::Template;
use async_trait::async_trait;
use axum::http::StatusCode;
use keyward_authority::ActionError;
use keyward_authority::keys::{ChooseSignals, KeyNamed};
use keyward_authority::questions::{key_signals, show_living_key};
use keyward_rules::signal::{SignalKind, SignalSet};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa::openapi::HttpMethod;
use utoipa_axum::router::OpenApiRouter;

use super::exposed::{Exposed, FormStep, Inputs, Operation, Question, Wanted};
use super::handlers::{operation_of, page_of};
use super::keys::operation;
use crate::api::{Caller, Given, PasskeyAnswer, Problem, Signals, parsed_id};
use crate::fields::Fields;
use crate::pages::layout::sentence;
use crate::pages::person::SignedIn;
use crate::route::Routes;
use crate::shell::Shell;

/// The page.
pub fn pages(routes: Routes) -> Routes {
    page_of::<ChooseSignals>(routes)
}

/// The operation.
pub fn operations(api: OpenApiRouter<Shell>) -> OpenApiRouter<Shell> {
    operation_of::<ChooseSignals>(api)
}

/// The signals that are not told from now on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MutedSignals {
    /// `burst`, `new_use`, `first_withdrawal`, `dormant`, `two_networks`, `refusals`; with none, all are told.
    muted: Vec<String>,
    /// The key's exact name.
    name: String,
    /// A code of the authenticator, a recovery code, or the password. With neither this nor `passkey`, the answer is 403
    /// `factor_required`.
    #[serde(default)]
    factor: String,
    /// Instead of `factor`: a passkey's answer to the question of the 403 answer, for the same request.
    #[serde(default)]
    passkey: Option<PasskeyAnswer>,
}

/// The form.
#[derive(Template)]
#[template(path = "signals.html")]
struct Choices {
    /// Word, label, and whether it is told.
    kinds: Vec<(&'static str, &'static str, bool)>,
}

fn choices(muted: SignalSet, page: &str, error: &str) -> Inputs {
    let kinds = SignalKind::ALL.map(|kind| (kind.word(), kind.label(), !muted.has(kind)));
    Inputs {
        words: vec!["Keyward tells you when this key does something that is unusual for it.".to_owned()],
        html: Choices { kinds: kinds.into() }.render().unwrap_or_default(),
        error: error.to_owned(),
        back: page.to_owned(),
    }
}

#[async_trait]
impl Exposed for ChooseSignals {
    const PAGE: Question = Question {
        path: "/keys/{id}/signals",
        title: "Choose the signals of this key",
        button: "Save",
        danger: false,
        part: "keys",
    };
    const OPERATION: Operation = Operation {
        method: HttpMethod::Put,
        status: StatusCode::NO_CONTENT,
        ..operation(
            "/api/v1/keys/{id}/signals",
            "keys_choose_signals",
            "Choose the signals of a key",
            "Chosen",
        )
    };
    type Body = MutedSignals;
    type Answer = Signals;

    async fn of_form(person: &SignedIn, id: &str, fields: &Fields) -> Result<FormStep<Self>, ActionError> {
        let key = show_living_key(&person.context(), id).await?;
        let before = key_signals(&person.context(), key.id).await?.muted;
        let page = format!("/keys/{}/settings", key.id);
        let told = |kind: &SignalKind| fields.all("told").any(|word| word == kind.word());
        let muted = if fields.has("muted") {
            fields.get("muted").parse().unwrap_or(before)
        } else if fields.has("chosen") {
            SignalSet::of(SignalKind::ALL.into_iter().filter(|kind| !told(kind)))
        } else {
            return Ok(FormStep::Inputs(choices(before, &page, "")));
        };
        if muted == before {
            return Ok(FormStep::Inputs(choices(before, &page, &sentence(&ActionError::Unchanged))));
        }
        Ok(FormStep::Proof(Wanted {
            action: Self { which: KeyNamed { id: key.id, name: key.name.to_string() }, muted },
            words: Vec::new(),
            carried: vec![("muted", muted.to_string())],
            back: page.clone(),
            then: page,
        }))
    }

    fn of_body(_: &Caller, id: &str, body: MutedSignals) -> Result<(Self, Given), Problem> {
        let kinds: Result<Vec<SignalKind>, _> = body.muted.iter().map(|word| word.parse()).collect();
        let kinds = kinds.map_err(|wrong| {
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_signal", wrong.to_string())
        })?;
        let which = KeyNamed { id: parsed_id(id)?, name: body.name };
        Ok((Self { which, muted: SignalSet::of(kinds) }, Given::factor(body.factor, body.passkey)))
    }

    fn answer((): ()) -> Signals {
        Signals::default()
    }
}
