//! What a broker does to its apps that is one question.

use async_trait::async_trait;
use axum::http::StatusCode;
use keyward_authority::ActionError;
use keyward_authority::apps::ThawApp;
use keyward_authority::questions::broker_app;
use keyward_rules::id::AppId;
use utoipa::openapi::HttpMethod;
use utoipa_axum::router::OpenApiRouter;

use super::exposed::{Exposed, FormStep, Operation, Question, Wanted};
use super::handlers::{operation_of, page_of};
use crate::api::{Caller, Enable, Given, Problem, parsed_id};
use crate::fields::Fields;
use crate::pages::apps::touched;
use crate::pages::person::SignedIn;
use crate::route::Routes;
use crate::shell::Shell;

/// The pages.
pub fn pages(routes: Routes) -> Routes {
    page_of::<ThawApp>(routes)
}

/// The operations.
pub fn operations(api: OpenApiRouter<Shell>) -> OpenApiRouter<Shell> {
    operation_of::<ThawApp>(api)
}

#[async_trait]
impl Exposed for ThawApp {
    const PAGE: Question = Question {
        path: "/apps/{id}/thaw",
        title: "Let the app's keys work again?",
        button: "Lift the freeze",
        danger: false,
        part: "apps",
    };
    const OPERATION: Operation = Operation {
        method: HttpMethod::Post,
        path: "/api/v1/apps/{id}/thaw",
        id: "apps_thaw",
        tag: "apps",
        summary: "Unfreeze the keys of your app",
        about: "The app",
        status: StatusCode::NO_CONTENT,
        answers: "They work; a freeze by an operator stays",
    };
    type Body = Enable;
    type Answer = ();

    async fn of_form(person: &SignedIn, id: &str, _: &Fields) -> Result<FormStep<Self>, ActionError> {
        let id: AppId = id.parse().map_err(|_| ActionError::NoApp)?;
        let app = broker_app(&person.own_context(), id).await?;
        let page = format!("/apps/{id}");
        Ok(FormStep::Proof(Wanted {
            action: Self(id),
            words: vec![touched(&app.counts)],
            carried: Vec::new(),
            back: page.clone(),
            then: page,
        }))
    }

    fn of_body(_: &Caller, id: &str, body: Enable) -> Result<(Self, Given), Problem> {
        Ok((Self(parsed_id(id)?), Given::step_up(body.step_up)))
    }

    fn answer((): ()) {}
}
