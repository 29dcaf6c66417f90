//! What a holder does to alert channels that is one question.

use async_trait::async_trait;
use axum::http::StatusCode;
use keyward_authority::ActionError;
use keyward_authority::channels::RemoveChannel;
use keyward_rules::channel::ChannelId;
use utoipa::openapi::HttpMethod;
use utoipa_axum::router::OpenApiRouter;

use super::exposed::{Exposed, FormStep, Operation, Question, Wanted};
use super::handlers::{operation_of, page_of};
use crate::api::{Caller, Given, OneFactor, Problem, parsed_id};
use crate::fields::Fields;
use crate::pages::person::SignedIn;
use crate::route::Routes;
use crate::shell::Shell;

/// The pages.
pub fn pages(routes: Routes) -> Routes {
    page_of::<RemoveChannel>(routes)
}

/// The operations.
pub fn operations(api: OpenApiRouter<Shell>) -> OpenApiRouter<Shell> {
    operation_of::<RemoveChannel>(api)
}

#[async_trait]
impl Exposed for RemoveChannel {
    const PAGE: Question = Question {
        path: "/alerts/channels/{id}/remove",
        title: "Remove this alert channel?",
        button: "Remove it",
        danger: true,
        part: "alerts",
    };
    const OPERATION: Operation = Operation {
        method: HttpMethod::Delete,
        path: "/api/v1/channels/{id}",
        id: "channels_remove",
        tag: "channels",
        summary: "Remove an alert channel",
        about: "The channel's id",
        status: StatusCode::NO_CONTENT,
        answers: "Removed, with its log",
    };
    type Body = OneFactor;
    type Answer = ();

    async fn of_form(_: &SignedIn, id: &str, _: &Fields) -> Result<FormStep<Self>, ActionError> {
        let id: ChannelId = id.parse().map_err(|_| ActionError::NoChannel)?;
        Ok(FormStep::Proof(Wanted {
            action: Self(id),
            words: vec![
                "No alerts go there any more, and its log is deleted. You still get mails.".to_owned(),
            ],
            carried: Vec::new(),
            back: format!("/alerts/channels/{id}"),
            then: "/alerts/channels".to_owned(),
        }))
    }

    fn of_body(_: &Caller, id: &str, body: OneFactor) -> Result<(Self, Given), Problem> {
        Ok((Self(parsed_id(id)?), Given::factor(body.factor, body.passkey)))
    }

    fn answer((): ()) {}
}
