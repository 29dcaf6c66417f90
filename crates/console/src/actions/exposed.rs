//! What an action declares to be exposed: its words, its page, its operation in the document.

use async_trait::async_trait;
use axum::http::StatusCode;
use keyward_authority::{Action, ActionError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;
use utoipa::openapi::HttpMethod;

use crate::api::{Caller, Given, Problem};
use crate::fields::Fields;
use crate::pages::person::SignedIn;

/// The page of an action.
pub struct Question {
    /// Its path; `{id}` is what the action is about.
    pub path: &'static str,
    /// Its title.
    pub title: &'static str,
    /// The button.
    pub button: &'static str,
    /// Whether it does harm.
    pub danger: bool,
    /// The part of the navigation.
    pub part: &'static str,
}

/// The operation of an action in the API.
pub struct Operation {
    /// Its method.
    pub method: HttpMethod,
    /// Its path.
    pub path: &'static str,
    /// Its id, unique in the document.
    pub id: &'static str,
    /// Its group.
    pub tag: &'static str,
    /// What it does.
    pub summary: &'static str,
    /// What `{id}` in the path is; empty where there is none.
    pub about: &'static str,
    /// The status when it is done.
    pub status: StatusCode,
    /// What the answer says then.
    pub answers: &'static str,
}

/// What a form asks for.
pub struct Wanted<A> {
    /// The action.
    pub action: A,
    /// What the page says behind the words of the plan.
    pub words: Vec<String>,
    /// The fields that the form carries.
    pub carried: Vec<(&'static str, String)>,
    /// The way back.
    pub back: String,
    /// Where it leads when it is done.
    pub then: String,
}

/// What a page asks for next.
pub enum FormStep<A> {
    /// What is still to be filled in.
    Inputs(Inputs),
    /// What proves the action.
    Proof(Wanted<A>),
}

/// The form before the question.
pub struct Inputs {
    /// What the page says before them.
    pub words: Vec<String>,
    /// The inputs, as HTML.
    pub html: String,
    /// What is wrong with the whole; empty if nothing is.
    pub error: String,
    /// The way back.
    pub back: String,
}

/// An action that pages and API expose.
#[async_trait]
pub trait Exposed: Action + 'static {
    /// Its page.
    const PAGE: Question;
    /// Its operation.
    const OPERATION: Operation;
    /// The body of a request.
    type Body: DeserializeOwned + ToSchema + Send + 'static;
    /// The body of an answer; not sent with status 204.
    type Answer: Serialize + ToSchema + Send;

    /// Reads a form; without fields, when the page is asked for first.
    async fn of_form(person: &SignedIn, id: &str, fields: &Fields) -> Result<FormStep<Self>, ActionError>;

    /// Reads a body.
    fn of_body(caller: &Caller, id: &str, body: Self::Body) -> Result<(Self, Given), Problem>;

    /// The body of the answer.
    fn answer(reply: Self::Reply) -> Self::Answer;
}
