//! A new key: the form, its live judgement, the ceremony, and the one answer that shows the credentials.

use askama::Template;
use axum::extract::Query as Asked;
use axum::http::StatusCode;
use axum::response::Response;
use keyward_authority::keys::{IssueKey, Issued, Outcome, made_before, suggest_name};
use keyward_authority::operators::policy_in_force;
use keyward_authority::questions::{AppCard, KeyView, app_card, open_apps, show_key};
use keyward_authority::{ActionError, PendingAction};
use keyward_rules::grant::TwoFactor;
use keyward_rules::id::KeyId;
use keyward_rules::key::{Environment, KeyRefusal, Need};
use keyward_rules::permission::Permission;

mod check;
mod presets;
mod summary;

pub use check::check;

use super::confirm::{Confirmation, Halted, act};
use super::field::{Field, FieldError, Kind};
use super::key_limits::LimitsFields;
use super::keys::OFFERED;
use super::layout::{Frame, Query, go, message, page, page_with, problem, sentence, told};
use super::note::Note;
use super::person::{Posted, SignedIn};
use presets::{PRESETS, Preset};
use summary::Summary;

use crate::fields::Fields;
use crate::requests::{FieldErrors, LimitsForm, NewKeyRequest, limits_of_form};
use crate::words::{When, countdown, permission_line};

/// Apps of the list that are shown; a search finds the others.
const APPS_SHOWN: usize = 60;

/// The fields of the form and their labels, in the order of the page.
const LABELS: [(&str, &str); 8] = [
    ("name", "Name"),
    ("permission", "Permissions"),
    ("addresses", "Where it works from"),
    ("limits", "Limits"),
    ("passphrase", "Passphrase"),
    ("expires", "Expires after (days)"),
    ("cap", "Maximum requests per second"),
    ("tags", "Tags"),
];

/// A permission of the form.
struct Right {
    word: &'static str,
    name: &'static str,
    line: &'static str,
    ticked: bool,
    danger: bool,
}

#[derive(Template)]
#[template(path = "key_new.html")]
struct Page<'p> {
    frame: Frame,
    csrf: &'p str,
    replaces: String,
    replaced: String,
    name: String,
    rights: Vec<Right>,
    errors: FieldErrors,
    /// What is wrong with the whole form; empty if nothing is.
    error: String,
    /// What is wrong, in the order of the page, and the field that comes first.
    summary: Vec<FieldError>,
    first: &'static str,
    /// The app that it is bound to, or none for a key of one's own software.
    app: Option<AppCard>,
    /// Whether it is to be a canary.
    canary: bool,
    presets: &'static [Preset],
    /// The word of the preset that was chosen.
    preset: String,
    reach: String,
    /// The fields of limits, as HTML, and whether they are shown at once.
    limits: String,
    limited: bool,
    passphrase: String,
    expires: String,
    cap: String,
    tags: String,
    demo: bool,
    /// What the key can do as the form stands, as HTML.
    can: String,
}

/// The part of a form that says where a key works from.
#[derive(Template)]
#[template(path = "addresses.html")]
pub struct Addresses {
    /// The addresses, as typed.
    pub addresses: String,
    /// Whether it works from anywhere.
    pub anywhere: bool,
    /// Whether a wide range is meant.
    pub wide: bool,
    /// What is wrong.
    pub error: String,
    /// Whether it is the first thing that is wrong on its page.
    pub focus: bool,
    /// The reader's own address.
    pub here: String,
}

impl Addresses {
    /// The HTML; every text in it is escaped by the template.
    pub fn html(&self) -> String {
        self.render().unwrap_or_default()
    }
}

#[derive(Template)]
#[template(path = "key_made.html")]
struct Made<'m> {
    frame: Frame,
    csrf: &'m str,
    id: String,
    secret: &'m str,
    passphrase: &'m str,
    name: &'m str,
    rights: String,
    from: String,
    demo: bool,
    gateway: &'m str,
    /// Whether a request was seen: not yet.
    used: bool,
    /// How long it only reads because of a new device, and until when.
    works_from: Option<(String, When)>,
}

/// The apps to choose from.
#[derive(Template)]
#[template(path = "key_apps.html")]
struct Apps {
    frame: Frame,
    q: String,
    cards: Vec<AppCard>,
    left_out: usize,
    error: String,
}

/// The form, empty or modelled on another key.
pub async fn show(person: SignedIn, Asked(query): Asked<Query>) -> Response {
    if person.account.two_factor == TwoFactor::Off {
        return go("/security/authenticator");
    }
    if let Some(answer) = only_on_a_desk(&person).await {
        return answer;
    }
    match begin(&person, &query).await {
        Ok(answer) => answer,
        Err(other) => problem(other),
    }
}

async fn begin(person: &SignedIn, query: &Query) -> Result<Response, ActionError> {
    let context = person.context();
    let model = match query.from.parse::<KeyId>() {
        Ok(id) => Some(show_key(&context, id).await?),
        Err(_) => None,
    };
    let named = model.as_ref().map_or_else(|| query.app.parse().ok(), |key| key.app);
    let app = match named {
        Some(id) => app_card(&context, id).await.ok().filter(|card| card.state == "open"),
        None => None,
    };
    if app.is_none() && (named.is_some() || query.purpose == "third_party_app") {
        let error = if named.is_some() { sentence(&ActionError::AppClosed) } else { String::new() };
        return choose(person, &query.q, error).await;
    }
    let preset = PRESETS.iter().find(|preset| preset.word == query.preset);
    let mut fields = prefilled(model.as_ref(), app.as_ref(), preset);
    if query.purpose == "canary" || model.as_ref().is_some_and(KeyView::is_canary) {
        fields.0.push(("purpose".to_owned(), "canary".to_owned()));
    }
    if model.is_none() && person.environment == Environment::Demo {
        fields.0.push(("demo".to_owned(), "yes".to_owned()));
    }
    Ok(page(&form(person, &fields, app, FieldErrors::default())))
}

/// The apps that a key can be bound to.
async fn choose(person: &SignedIn, q: &str, error: String) -> Result<Response, ActionError> {
    let mut cards = open_apps(&person.context(), q).await?;
    let left_out = cards.len().saturating_sub(APPS_SHOWN);
    cards.truncate(APPS_SHOWN);
    let frame = Frame::of(person, "keys", "Choose an app");
    Ok(page(&Apps { frame, q: q.to_owned(), cards, left_out, error }))
}

/// The app that a form names.
async fn app_of(person: &SignedIn, fields: &Fields) -> Option<AppCard> {
    app_card(&person.context(), fields.get("app").parse().ok()?).await.ok()
}

/// A refusal for phones and tablets, where the deployment wants that.
async fn only_on_a_desk(person: &SignedIn) -> Option<Response> {
    let policy = match policy_in_force(&person.context()).await {
        Ok(in_force) => in_force.policy.keys,
        Err(other) => return Some(problem(other)),
    };
    let refused = policy.desktop_browser == Need::Required && person.holder.origin.device.is_handheld();
    refused.then(|| {
        message(
            StatusCode::FORBIDDEN,
            "Keys are created on a desktop",
            "This exchange makes API keys in desktop browsers only. Open the console there; everything else works here.",
        )
    })
}

/// The fields as they stand when the form opens.
fn prefilled(model: Option<&KeyView>, app: Option<&AppCard>, preset: Option<&Preset>) -> Fields {
    let mut fields = vec![];
    let mut set = |name: &str, value: String| fields.push((name.to_owned(), value));
    if let Some(app) = app {
        set("app", app.id.to_string());
    }
    match model {
        None if app.is_some() => {
            let declared = app.into_iter().flat_map(|app| app.permissions.iter());
            declared.for_each(|right| set("permission", right.word().to_owned()));
        }
        None => {
            let permissions = preset.map_or(&[Permission::Read] as &[_], |preset| preset.permissions);
            permissions.iter().for_each(|right| set("permission", right.word().to_owned()));
            set("reach", "addresses".to_owned());
            if let Some(preset) = preset {
                set("preset", preset.word.to_owned());
                set("name", preset.name.to_owned());
                set("cap", preset.cap.to_owned());
                set("expires", preset.expires.to_owned());
            }
        }
        Some(key) => {
            set("replaces", key.id.to_string());
            set("replaced", key.name.to_string());
            set("name", suggest_name(&key.name));
            key.permissions.iter().for_each(|right| set("permission", right.word().to_owned()));
            let bound = key.bound && key.purpose == "trading";
            set("reach", if bound { "addresses" } else { "anywhere" }.to_owned());
            set("addresses", if bound { key.from.clone() } else { String::new() });
            set("tags", key.tags.join(", "));
            set("cap", key.rate_cap.map(|cap| cap.to_string()).unwrap_or_default());
            if let Some(fences) = &key.fences {
                LimitsForm::showing(fences)
                    .into_fields()
                    .into_iter()
                    .for_each(|(name, value)| set(name, value));
            }
            if key.environment == Environment::Demo {
                set("demo", "yes".to_owned());
            }
        }
    }
    Fields(fields)
}

fn form<'p>(person: &'p SignedIn, fields: &Fields, app: Option<AppCard>, errors: FieldErrors) -> Page<'p> {
    let mut error = errors.text(FieldErrors::WHOLE);
    let canary = fields.get("purpose") == "canary";
    if app.is_some() || canary {
        // There is no field for addresses beside which it could stand.
        error.push_str(&errors.text("addresses"));
    }
    let ticked = |right: Permission| fields.all("permission").any(|word| word == right.word());
    let rights = OFFERED.map(|right| {
        let (name, line) = permission_line(right);
        let danger = right == Permission::Withdraw;
        Right { word: right.word(), name, line, ticked: ticked(right), danger }
    });
    let text = |name: &str| fields.get(name).to_owned();
    let labels = LABELS.into_iter().filter(|(field, _)| app.is_none() && !canary || *field != "addresses");
    let summary = errors.summary(labels);
    let first = summary.first().map_or("", |slip| slip.field);
    let reach = Addresses {
        addresses: text("addresses"),
        anywhere: fields.get("reach") == "anywhere",
        wide: fields.has("wide"),
        error: errors.text("addresses"),
        focus: first == "addresses",
        here: person.holder.origin.address.to_string(),
    };
    let limits = LimitsForm::of(fields);
    let limited = !limits.is_empty() || errors.has("limits");
    let fault = limits_of_form(fields).err();
    let limits = LimitsFields::of(limits, fault.as_ref(), false).html();
    let can = Summary::of(fields, app.as_ref()).html();
    Page {
        can,
        frame: Frame::of(person, "keys", "Create an API key"),
        csrf: &person.csrf,
        replaces: text("replaces"),
        replaced: text("replaced"),
        name: text("name"),
        rights: rights.into(),
        summary,
        first,
        error,
        errors,
        app,
        canary,
        presets: &PRESETS,
        preset: text("preset"),
        reach: reach.html(),
        limited,
        limits,
        passphrase: text("passphrase"),
        expires: text("expires"),
        cap: text("cap"),
        tags: text("tags"),
        demo: fields.has("demo"),
    }
}

/// The form, sent: judged, then approved, then done.
pub async fn submit(posted: Posted) -> Response {
    let (person, fields) = (&posted.person, &posted.fields);
    if let Some(answer) = only_on_a_desk(person).await {
        return answer;
    }
    let request = match NewKeyRequest::of_form(fields).read(person.acts_for(), person.shell.now()) {
        Ok(request) => request,
        Err(errors) => {
            let app = app_of(person, fields).await;
            return page_with(StatusCode::UNPROCESSABLE_ENTITY, &form(person, fields, app, errors));
        }
    };
    // The challenge of a form that created its key before is used up, so nothing can be approved again.
    if fields.has("challenge")
        && let Some(answer) = made_already(person, &request).await
    {
        return answer;
    }
    let asking = |pending: &PendingAction| Confirmation {
        title: "Create this API key?",
        action: "/keys/new".to_owned(),
        button: "Create the key",
        danger: false,
        back: "/keys/new".to_owned(),
        part: "keys",
        words: pending.words.clone(),
        extra: String::new(),
    };
    match act(&posted, &person.context(), request, asking).await {
        Ok(Outcome::Made(issued)) => page(&made(person, &issued)),
        Ok(Outcome::MadeBefore(id)) => go_to_made(person, id).await,
        Err(Halted::Refused(refusal)) => refused(person, fields, refusal).await,
        Err(Halted::Page(answer)) => answer,
    }
}

/// Where a form leads that made its key when it arrived before. The challenge is used up then, so nothing is approved again.
async fn made_already(person: &SignedIn, request: &IssueKey) -> Option<Response> {
    let id = made_before(&person.context(), request).await.ok().flatten()?;
    Some(go_to_made(person, id).await)
}

/// To the page of a key that an earlier request made, without its secret.
pub async fn go_to_made(person: &SignedIn, id: KeyId) -> Response {
    told(person, &format!("/keys/{id}"), Note::MadeBefore).await
}

/// The credentials, this once.
pub fn made_page(person: &SignedIn, issued: &Issued) -> Response {
    page(&made(person, issued))
}

fn made<'m>(person: &'m SignedIn, issued: &'m Issued) -> Made<'m> {
    Made {
        frame: Frame::of(person, "keys", "Your new API key"),
        csrf: &person.csrf,
        id: issued.id.to_string(),
        secret: issued.secret.expose(),
        passphrase: issued.passphrase.expose(),
        name: issued.spec.name.as_str(),
        rights: issued
            .spec
            .permissions
            .iter()
            .map(|right| permission_line(right).0)
            .collect::<Vec<_>>()
            .join(", "),
        from: keyward_authority::questions::reach_in_words(&issued.spec.binding),
        demo: issued.spec.environment == Environment::Demo,
        gateway: &person.shell.settings().gateway,
        used: false,
        works_from: issued.works_from.map(|until| (countdown(person.shell.now(), until), When::of(until))),
    }
}

/// A refusal beside its field.
async fn refused(person: &SignedIn, fields: &Fields, refusal: ActionError) -> Response {
    use KeyRefusal as R;
    let field = if matches!(refusal, ActionError::Key(R::NameTaken | R::NameAlike)) {
        "name"
    } else if matches!(refusal, ActionError::Key(R::PassphraseTaken)) {
        "passphrase"
    } else if matches!(refusal, ActionError::Key(R::WideRange | R::WithdrawUnbound | R::ManageUnbound)) {
        "addresses"
    } else if matches!(refusal, ActionError::Key(R::Expired)) {
        "expires"
    } else if matches!(
        refusal,
        ActionError::Key(_)
            | ActionError::Cooling
            | ActionError::TwoFactorOff
            | ActionError::NoApp
            | ActionError::AppClosed
    ) {
        FieldErrors::WHOLE
    } else {
        return problem(refusal);
    };
    let app = app_of(person, fields).await;
    let errors = FieldErrors::one(field, refusal);
    page_with(StatusCode::UNPROCESSABLE_ENTITY, &form(person, fields, app, errors))
}

/// A field for a new passphrase.
pub fn passphrase_field(typed: &str, error: &str) -> Field {
    Field::new("passphrase", "Passphrase", Kind::Text)
        .hint("8 to 32 visible ASCII characters with upper case, lower case, digit and special character. You choose it; we keep only a hash.")
        .value(typed)
        .error(error)
        .live()
}
