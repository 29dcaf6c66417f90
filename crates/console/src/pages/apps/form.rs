//! What a broker says of an app: the form, what is wrong with it field by field, and the factor that it takes.

use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use keyward_authority::ActionError;
use keyward_authority::apps::{AppDescription, EditApp, RegisterApp};
use keyward_authority::questions::{BrokerApp, broker_app};
use keyward_rules::app::AppStanding;
use keyward_rules::grant::ActionKind;
use keyward_rules::permission::Permission;

use super::id::app_id;
use super::logo;
use crate::fields::Fields;
use crate::pages::confirm::{CEREMONY, Confirmation, Halted, act};
use crate::pages::field::{Field, FieldError, Kind, html_of};
use crate::pages::layout::{Frame, page_with, problem, told};
use crate::pages::note::Note;
use crate::pages::person::{Posted, SignedIn};
use crate::requests::{AppRequest, FieldErrors};
use crate::words::permission_line;

/// What an app can ask for; never the administration of whole accounts.
const ASKED: [Permission; 4] =
    [Permission::Read, Permission::Trade, Permission::Withdraw, Permission::Funding];

/// A permission of the form.
struct Right {
    word: &'static str,
    name: &'static str,
    line: &'static str,
    ticked: bool,
    danger: bool,
}

#[derive(Template)]
#[template(path = "apps/form.html")]
struct Page<'p> {
    frame: Frame,
    csrf: &'p str,
    /// Where the form goes, and the way back.
    action: String,
    back: String,
    title: &'static str,
    /// Whether operators will have to look again.
    again: bool,
    fields: Vec<String>,
    rights: Vec<Right>,
    logo: String,
    has_logo: bool,
    errors: FieldErrors,
    /// What is wrong, in the order of the page, and the field that comes first.
    summary: Vec<FieldError>,
    first: &'static str,
}

fn form(
    person: &SignedIn,
    app: Option<&BrokerApp>,
    fields: &Fields,
    errors: FieldErrors,
    status: StatusCode,
) -> Response {
    let title = if app.is_some() { "Change the app" } else { "Register an app" };
    let path = app.map(|app| format!("/apps/{}", app.profile.id));
    let text = |name: &str| fields.get(name).to_owned();
    let inputs = [
        Field::new("name", "Name", Kind::Text)
            .hint(
                "2 to 40 characters, as your customers know it. No two apps may have names that look alike.",
            )
            .value(text("name"))
            .error(errors.text("name")),
        Field::new("home_page", "Home page", Kind::Text)
            .hint("Where people read about it: https://…")
            .value(text("home_page"))
            .error(errors.text("home_page")),
        Field::new("contact", "Contact", Kind::Email)
            .hint("Operators write to this address. Your customers do not see it.")
            .value(text("contact"))
            .error(errors.text("contact")),
    ];
    let ticked = |right: Permission| fields.all("permission").any(|word| word == right.word());
    let right = |right: Permission| {
        let (name, line) = permission_line(right);
        let danger = right == Permission::Withdraw;
        Right { word: right.word(), name, line, ticked: ticked(right), danger }
    };
    let mut summary: Vec<FieldError> = inputs.iter().filter_map(Field::slip).collect();
    summary.extend(errors.summary([("permission", "Permissions"), ("logo", "Logo")]));
    let page = Page {
        frame: Frame::of(person, "apps", title),
        csrf: &person.csrf,
        action: path.as_ref().map_or_else(|| "/apps/new".to_owned(), |path| format!("{path}/edit")),
        back: path.unwrap_or_else(|| "/apps".to_owned()),
        title,
        again: app.is_some_and(|app| app.profile.standing == AppStanding::Verified),
        fields: html_of(inputs),
        rights: ASKED.map(right).into(),
        logo: text("logo"),
        has_logo: app.is_some_and(|app| app.profile.logo.is_some()),
        errors,
        first: summary.first().map_or("", |slip| slip.field),
        summary,
    };
    page_with(status, &page)
}

/// The fields of an app as it stands.
fn prefilled(app: &BrokerApp) -> Fields {
    let profile = &app.profile;
    let mut fields = vec![
        ("name".to_owned(), profile.name.to_string()),
        ("home_page".to_owned(), profile.home_page.clone()),
        ("contact".to_owned(), profile.contact.clone()),
    ];
    fields.extend(profile.permissions.iter().map(|right| ("permission".to_owned(), right.word().to_owned())));
    Fields(fields)
}

/// The empty form.
pub async fn show_new(person: SignedIn) -> Response {
    let fields = Fields(vec![
        ("permission".to_owned(), Permission::Read.word().to_owned()),
        ("contact".to_owned(), person.account.email.to_string()),
    ]);
    form(&person, None, &fields, FieldErrors::default(), StatusCode::OK)
}

/// The form of an app that is there.
pub async fn show_edit(person: SignedIn, Path(id): Path<String>) -> Response {
    match find(&person, &id).await {
        Ok(app) => form(&person, Some(&app), &prefilled(&app), FieldErrors::default(), StatusCode::OK),
        Err(answer) => answer,
    }
}

async fn find(person: &SignedIn, id: &str) -> Result<BrokerApp, Response> {
    broker_app(&person.own_context(), app_id(id)?).await.map_err(problem)
}

fn asking(said: &AppDescription, app: Option<&BrokerApp>) -> Confirmation {
    let asked: Vec<&str> = said.permissions.iter().map(|right| permission_line(right).0).collect();
    let mut words = vec![
        said.name.to_string(),
        format!("Home page: {}", said.home_page),
        format!("Contact: {}", said.contact),
        format!("It asks for: {}", asked.join(", ")),
    ];
    words.push(
        match app.map(|app| app.profile.standing) {
            None => "It is a draft. Others see it after you submit it and an operator verifies it.",
            Some(AppStanding::Verified) => {
                "Operators review it again before new keys can be bound to it. Existing keys still work."
            }
            Some(AppStanding::Draft | AppStanding::Submitted | AppStanding::Rejected) => {
                "Nobody else sees it before an operator has verified it."
            }
        }
        .to_owned(),
    );
    Confirmation {
        title: if app.is_some() { "Change this app?" } else { "Register this app?" },
        action: app.map_or_else(|| "/apps/new".to_owned(), |app| format!("/apps/{}/edit", app.profile.id)),
        button: if app.is_some() { "Change the app" } else { "Register the app" },
        danger: false,
        back: app.map_or_else(|| "/apps".to_owned(), |app| format!("/apps/{}", app.profile.id)),
        part: "apps",
        words,
        extra: String::new(),
    }
}

/// The form with nothing that it does not have.
fn kept(posted: &Posted, said: &AppDescription) -> Posted {
    let names = ["name", "home_page", "contact", "permission"];
    let mut fields = posted.fields.0.clone();
    fields.retain(|(name, _)| names.contains(&name.as_str()) || CEREMONY.contains(&name.as_str()));
    fields.push(("logo".to_owned(), logo::write(said.logo.as_ref())));
    Posted { person: posted.person.clone(), fields: Fields(fields) }
}

/// Registers an app: judged, proven, done.
pub async fn register(posted: Posted) -> Response {
    send(posted, None).await
}

/// Changes one.
pub async fn edit(Path(id): Path<String>, posted: Posted) -> Response {
    match find(&posted.person, &id).await {
        Ok(app) => send(posted, Some(app)).await,
        Err(answer) => answer,
    }
}

async fn send(posted: Posted, app: Option<BrokerApp>) -> Response {
    let person = &posted.person;
    let said = match AppRequest::of_form(&posted.fields).read() {
        Ok(said) => said,
        Err(errors) => {
            return form(person, app.as_ref(), &posted.fields, errors, StatusCode::UNPROCESSABLE_ENTITY);
        }
    };
    let (app, context) = (app.as_ref(), person.own_context());
    let (kept, asked) = (kept(&posted, &said), asking(&said, app));
    let done = match app.map(|app| app.profile.id) {
        None => {
            let register = RegisterApp { owner: person.id(), app: said };
            let registered = act(&kept, &context, register, |_| asked).await;
            registered.map(|id| (id, Note::Done(ActionKind::RegisterApp)))
        }
        Some(id) => {
            let edited = act(&kept, &context, EditApp { app: id, to: said }, |_| asked).await;
            edited.map(|()| (id, Note::Done(ActionKind::EditApp)))
        }
    };
    match done {
        Ok((id, note)) => told(person, &format!("/apps/{id}"), note).await,
        Err(Halted::Refused(refusal)) => refused(&kept, app, refusal),
        Err(Halted::Page(page)) => page,
    }
}

/// A refusal on the form: beside the name when another app has one like it.
fn refused(posted: &Posted, app: Option<&BrokerApp>, refusal: ActionError) -> Response {
    let field = match (refusal.kind().is_refusal(), &refusal) {
        (true, ActionError::Store(_)) => "name",
        (true, _) => FieldErrors::WHOLE,
        (false, _) => return problem(refusal),
    };
    let errors = FieldErrors::one(field, refusal);
    form(&posted.person, app, &posted.fields, errors, StatusCode::UNPROCESSABLE_ENTITY)
}
