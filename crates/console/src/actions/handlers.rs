//! The handlers of exposed actions, the same for all: the page, its form, the operation.

use std::collections::HashMap;

use axum::Json;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use keyward_authority::{ActionContext, PendingAction, ceremony_of};
use keyward_rules::grant::Ceremony;
use utoipa::ToSchema as _;
use utoipa::openapi::path::{OperationBuilder, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{Content, ObjectBuilder, Ref, Required, ResponseBuilder, ResponsesBuilder, Type};
use utoipa_axum::router::OpenApiRouter;

use super::exposed::{Exposed, FormStep, Inputs, Question};
use crate::api::{Body, Caller, Described, Problem, Problems};
use crate::fields::Fields;
use crate::handler::boxed;
use crate::pages::confirm::{Confirmation, Halted, act_as, ask_one, begin};
use crate::pages::layout::told;
use crate::pages::note::Note;
use crate::pages::person::{Posted, SignedIn};
use crate::route::{Routes, get};
use crate::shell::Shell;

/// The route of an action's page.
pub(super) fn page_of<A: Exposed>(routes: Routes) -> Routes {
    let show = |person: SignedIn, Path(path): Path<HashMap<String, String>>| async move {
        show::<A>(&person, &id_of(&path)).await.unwrap_or_else(Response::from)
    };
    let submit = |Path(path): Path<HashMap<String, String>>, posted: Posted| async move {
        submit::<A>(&posted, &id_of(&path)).await.unwrap_or_else(Response::from)
    };
    routes.route(A::PAGE.path, get(show).and_post(submit))
}

fn id_of(path: &HashMap<String, String>) -> String {
    path.get("id").cloned().unwrap_or_default()
}

/// In which context an action of a part of the console is done: keys are those of the account that the user acts for, everything
/// else is their own.
fn context_in<'p>(person: &'p SignedIn, part: &str) -> ActionContext<'p> {
    if part == "keys" { person.context() } else { person.own_context() }
}

/// The page before an action.
async fn show<A: Exposed>(person: &SignedIn, id: &str) -> Result<Response, Halted> {
    let wanted = match A::of_form(person, id, &Fields::default()).await? {
        FormStep::Inputs(inputs) => return Ok(fill_in(person, &A::PAGE, id, inputs)),
        FormStep::Proof(wanted) => wanted,
    };
    let context = context_in(person, A::PAGE.part);
    wanted.action.judge(&context).await?;
    let pending = wanted.action.plan(&context).await?;
    let carried = wanted.carried.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let asking = asking(&A::PAGE, id, &wanted.back, wanted.words, &pending);
    Ok(match ceremony_of(&context, pending.action)? {
        Ceremony::OneFactor => ask_one(person, &context, &asking, &Fields(carried), &pending).await,
        Ceremony::Session
        | Ceremony::StepUp
        | Ceremony::MailCode
        | Ceremony::Link
        | Ceremony::Proposal
        | Ceremony::Consent
        | Ceremony::Never => begin(person, &asking, ""),
    })
}

/// The form, sent: read, proven, done.
async fn submit<A: Exposed>(posted: &Posted, id: &str) -> Result<Response, Halted> {
    let person = &posted.person;
    let wanted = match A::of_form(person, id, &posted.fields).await? {
        FormStep::Inputs(inputs) => return Ok(fill_in(person, &A::PAGE, id, inputs)),
        FormStep::Proof(wanted) => wanted,
    };
    let kept = carrying(posted, &wanted.carried);
    let question = |pending: &PendingAction| asking(&A::PAGE, id, &wanted.back, wanted.words, pending);
    let (kind, _) = act_as(&kept, &context_in(person, A::PAGE.part), wanted.action, question).await?;
    Ok(told(person, &wanted.then, Note::Done(kind)).await)
}

/// The same form with the fields that the action carries, in place of what was filled in.
fn carrying(posted: &Posted, carried: &[(&'static str, String)]) -> Posted {
    let names: Vec<&str> = carried.iter().map(|(name, _)| *name).collect();
    let mut fields = posted.fields.without(&names);
    fields.extend(carried.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    Posted { person: posted.person.clone(), fields: Fields(fields) }
}

fn asking(
    page: &Question,
    id: &str,
    back: &str,
    words: Vec<String>,
    pending: &PendingAction,
) -> Confirmation {
    Confirmation {
        title: page.title,
        action: page.path.replace("{id}", id),
        button: page.button,
        danger: page.danger,
        back: back.to_owned(),
        part: page.part,
        words: pending.words.iter().cloned().chain(words).collect(),
        extra: String::new(),
    }
}

fn fill_in(person: &SignedIn, page: &Question, id: &str, inputs: Inputs) -> Response {
    let asking = Confirmation {
        title: page.title,
        action: page.path.replace("{id}", id),
        button: "Continue",
        danger: false,
        back: inputs.back,
        part: page.part,
        words: inputs.words,
        extra: inputs.html,
    };
    begin(person, &asking, &inputs.error)
}

/// The route of an action's operation, and what the document says of it.
pub(super) fn operation_of<A: Exposed>(api: OpenApiRouter<Shell>) -> OpenApiRouter<Shell> {
    let handler = boxed(
        |caller: Caller,
         path: Result<Path<HashMap<String, String>>, PathRejection>,
         Body(body): Body<A::Body>| async move {
            // A path that is not UTF-8 names nothing, as the empty id does.
            let id = path.map(|Path(path)| id_of(&path)).unwrap_or_default();
            operate::<A>(&caller, &id, body).await.unwrap_or_else(Problem::into_response)
        },
    );
    let mut described = Described::default();
    described.schema::<A::Body>();
    if A::OPERATION.status != StatusCode::NO_CONTENT {
        described.schema::<A::Answer>();
    }
    described.operation(A::OPERATION.method, A::OPERATION.path, document::<A>(), handler);
    api.routes(described.into_routes())
}

async fn operate<A: Exposed>(caller: &Caller, id: &str, body: A::Body) -> Result<Response, Problem> {
    let (action, given) = A::of_body(caller, id, body)?;
    let reply = caller.act(action, given).await?;
    Ok(match A::OPERATION.status {
        StatusCode::NO_CONTENT => StatusCode::NO_CONTENT.into_response(),
        status => (status, Json(A::answer(reply))).into_response(),
    })
}

/// What the document says of an action's operation.
fn document<A: Exposed>() -> utoipa::openapi::path::Operation {
    let operation = A::OPERATION;
    let content = |name: String| Content::new(Some(Ref::from_schema_name(name)));
    let body = RequestBodyBuilder::new()
        .content("application/json", content(A::Body::name().into_owned()))
        .required(Some(Required::True))
        .build();
    let mut done = ResponseBuilder::new().description(operation.answers);
    if operation.status != StatusCode::NO_CONTENT {
        done = done.content("application/json", content(A::Answer::name().into_owned()));
    }
    let responses = ResponsesBuilder::new()
        .response(operation.status.as_u16().to_string(), done)
        .responses_from_into_responses::<Problems>();
    let id = || -> Parameter {
        ParameterBuilder::new()
            .name("id")
            .parameter_in(ParameterIn::Path)
            .description(Some(operation.about))
            .required(Required::True)
            .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
            .build()
    };
    OperationBuilder::new()
        .tag(operation.tag)
        .summary(Some(operation.summary))
        .operation_id(Some(operation.id))
        .parameters((!operation.about.is_empty()).then(|| [id()]))
        .request_body(Some(body))
        .responses(responses.build())
        .security(SecurityRequirement::new("bearer", Vec::<String>::new()))
        .build()
}
