//! Choosing the signals of a key that its holder is told of.

use askama::Template;
use async_trait::async_trait;
use axum::http::StatusCode;
use keyward_authority::ActionError;
use keyward_authority::keys::{ChooseSignals, KeyNamed};
use keyward_authority::questions::{key_signals, show_living_key};
use keyward_rules::signal::{MOST_FROM, SignalChoices, SignalKind, SignalSet};
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
    /// Tell only bursts of at least so many requests in three seconds, 1 to 1,000,000.
    #[serde(default)]
    burst_from: Option<u32>,
    /// Tell only refusals of at least so many within a minute, 1 to 1,000,000.
    #[serde(default)]
    refusals_from: Option<u32>,
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
    burst_from: String,
    refusals_from: String,
}

fn inputs(choices: SignalChoices, page: &str, error: &str) -> Inputs {
    let kinds = SignalKind::ALL.map(|kind| (kind.word(), kind.label(), !choices.muted.has(kind))).into();
    let number = |from: Option<u32>| from.map(|from| from.to_string()).unwrap_or_default();
    let (burst_from, refusals_from) = (number(choices.burst_from), number(choices.refusals_from));
    Inputs {
        words: vec!["Keyward tells you when this key does something that is unusual for it.".to_owned()],
        html: Choices { kinds, burst_from, refusals_from }.render().unwrap_or_default(),
        error: error.to_owned(),
        back: page.to_owned(),
    }
}

const NOT_A_NUMBER: &str = "Enter a whole number from 1 to 1,000,000 without commas, or nothing.";

/// A number that a form may leave out.
fn number(typed: &str) -> Result<Option<u32>, ()> {
    match typed.trim() {
        "" => Ok(None),
        typed => {
            let number = typed.parse().ok().filter(|number| (1..=MOST_FROM).contains(number));
            number.map(Some).ok_or(())
        }
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
        let before = key_signals(&person.context(), key.id).await?.choices;
        let page = format!("/keys/{}/settings", key.id);
        let told = |kind: &SignalKind| fields.all("told").any(|word| word == kind.word());
        let choices = if fields.has("signals") {
            fields.get("signals").parse().unwrap_or(before)
        } else if fields.has("chosen") {
            let [Ok(burst_from), Ok(refusals_from)] =
                ["burst_from", "refusals_from"].map(|name| number(fields.get(name)))
            else {
                return Ok(FormStep::Inputs(inputs(before, &page, NOT_A_NUMBER)));
            };
            let muted = SignalSet::of(SignalKind::ALL.into_iter().filter(|kind| !told(kind)));
            SignalChoices { muted, burst_from, refusals_from }
        } else {
            return Ok(FormStep::Inputs(inputs(before, &page, "")));
        };
        if choices == before {
            return Ok(FormStep::Inputs(inputs(before, &page, &sentence(&ActionError::Unchanged))));
        }
        Ok(FormStep::Proof(Wanted {
            action: Self { which: KeyNamed { id: key.id, name: key.name.to_string() }, choices },
            words: Vec::new(),
            carried: vec![("signals", choices.to_string())],
            back: page.clone(),
            then: page,
        }))
    }

    fn of_body(_: &Caller, id: &str, body: MutedSignals) -> Result<(Self, Given), Problem> {
        let kinds: Result<Vec<SignalKind>, _> = body.muted.iter().map(|word| word.parse()).collect();
        let kinds = kinds.map_err(|wrong| {
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_signal", wrong.to_string())
        })?;
        let numbers = [body.burst_from, body.refusals_from];
        if numbers.into_iter().flatten().any(|from| !(1..=MOST_FROM).contains(&from)) {
            return Err(Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "bad_signal",
                NOT_A_NUMBER.to_owned(),
            ));
        }
        let which = KeyNamed { id: parsed_id(id)?, name: body.name };
        let choices = SignalChoices {
            muted: SignalSet::of(kinds),
            burst_from: body.burst_from,
            refusals_from: body.refusals_from,
        };
        Ok((Self { which, choices }, Given::factor(body.factor, body.passkey)))
    }

    fn answer((): ()) -> Signals {
        Signals::default()
    }
}
