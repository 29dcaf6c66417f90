//! A new alert channel: the kind, the form, the ceremony, and the one answer that shows a webhook's secret.

use askama::Template;
use axum::extract::Query as Asked;
use axum::http::StatusCode;
use axum::response::Response;
use keyward_authority::channels::Added;
use keyward_authority::{ActionError, PendingAction};
use keyward_rules::channel::ChannelKind;
use keyward_rules::grant::ActionKind;

use super::channel_choices::choices_html;
use super::confirm::{Confirmation, Halted, act};
use super::field::{Field, FieldError, Kind, html_of};
use super::layout::{Frame, go, page, page_with, told};
use super::note::Note;
use super::person::{Posted, SignedIn};
use crate::fields::Fields;
use crate::requests::{ChannelRequest, FieldErrors, NewChannelRequest};

/// How receivers verify, by language; a test of the API runs each against a real delivery.
const SNIPPETS: [(&str, &str); 3] = [
    ("Python", include_str!("../../snippets/verify.py")),
    ("JavaScript (Node)", include_str!("../../snippets/verify.mjs")),
    ("Go", include_str!("../../snippets/verify.go")),
];

const KINDS: [(&str, &str, &str); 4] = [
    ("webhook", "Webhook", "Signed JSON to your program, which listens on a public address with TLS."),
    ("slack", "Slack", "Text in a channel, sent to the URL of an incoming webhook."),
    ("telegram", "Telegram", "Text in a chat, sent by your bot, which must be a member of the chat."),
    ("discord", "Discord", "Text in a channel, sent to the URL of a webhook."),
];

#[derive(Template)]
#[template(path = "channel_new.html")]
struct Page<'p> {
    frame: Frame,
    csrf: &'p str,
    kind: &'static str,
    kind_name: &'static str,
    kinds: [(&'static str, &'static str, &'static str); 4],
    fields: Vec<String>,
    choices: String,
    summary: Vec<FieldError>,
    error: String,
}

#[derive(Template)]
#[template(path = "channel_made.html")]
struct Made<'m> {
    frame: Frame,
    id: String,
    secret: &'m str,
    snippets: [(&'static str, &'static str); 3],
}

/// `?kind=…`.
#[derive(serde::Deserialize)]
pub struct KindQuery {
    #[serde(default)]
    kind: String,
}

/// The inputs of a kind.
fn inputs(kind: ChannelKind, fields: &Fields, errors: &FieldErrors) -> Vec<Field> {
    let input = |name, label, hint| {
        Field::new(name, label, Kind::Text).value(fields.get(name)).hint(hint).error(errors.text(name))
    };
    let own = match kind {
        ChannelKind::Webhook => vec![input(
            "url",
            "URL",
            "It begins with https:// and is reachable from the internet. Redirects are not followed.",
        )],
        ChannelKind::Slack => vec![input(
            "url",
            "URL of the incoming webhook",
            "https://hooks.slack.com/services/…, as Slack shows it under Incoming Webhooks of your app.",
        )],
        ChannelKind::Telegram => vec![
            input("token", "Token of the bot", "As BotFather shows it."),
            input("chat", "Chat", "A number such as -1001234567890, or the @name of a public channel."),
        ],
        ChannelKind::Discord => vec![input(
            "url",
            "URL of the webhook",
            "https://discord.com/api/webhooks/…, as Discord shows it under Integrations of the channel.",
        )],
    };
    let name = input("name", "Name", "The name in the list, such as “on call”.");
    std::iter::once(name).chain(own).collect()
}

fn form(person: &SignedIn, kind: ChannelKind, fields: &Fields, errors: &FieldErrors) -> Response {
    let inputs = inputs(kind, fields, errors);
    let quiet = FieldError::new("quiet-from", "Quiet hours", &errors.text("quiet_from"));
    let summary: Vec<FieldError> = inputs.iter().filter_map(Field::slip).chain(quiet).collect();
    let page = Page {
        frame: Frame::of(person, "alerts", "Add an alert channel"),
        csrf: &person.csrf,
        kind: kind.word(),
        kind_name: kind.name(),
        kinds: KINDS,
        fields: html_of(inputs),
        choices: choices_html(&ChannelRequest::of_form(fields), errors),
        summary,
        error: errors.text(FieldErrors::WHOLE),
    };
    let good = page.summary.is_empty() && page.error.is_empty();
    page_with(if good { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY }, &page)
}

/// The choice of a kind, or the form of the chosen one.
pub async fn show(person: SignedIn, Asked(query): Asked<KindQuery>) -> Response {
    match ChannelKind::from_word(&query.kind) {
        Some(kind) => form(&person, kind, &Fields::default(), &FieldErrors::default()),
        None => page(&Page {
            frame: Frame::of(&person, "alerts", "Add an alert channel"),
            csrf: &person.csrf,
            kind: "",
            kind_name: "",
            kinds: KINDS,
            fields: Vec::new(),
            summary: Vec::new(),
            choices: String::new(),
            error: String::new(),
        }),
    }
}

/// A new channel.
pub async fn submit(posted: Posted) -> Response {
    let (person, fields) = (&posted.person, &posted.fields);
    let Some(kind) = ChannelKind::from_word(fields.get("kind")) else { return go("/alerts/channels/new") };
    let context = person.own_context();
    let request = NewChannelRequest::of_form(kind, fields);
    let channel = match request.read(person.id(), &context.authority.settings.channels) {
        Ok(channel) => channel,
        Err(errors) => return form(person, kind, fields, &errors),
    };
    let asking = |pending: &PendingAction| Confirmation {
        title: "Add this alert channel?",
        action: "/alerts/channels/new".to_owned(),
        button: "Add the channel",
        danger: false,
        back: "/alerts/channels".to_owned(),
        part: "alerts",
        words: pending.words.clone(),
        extra: String::new(),
    };
    let errors = match act(&posted, &context, channel, asking).await {
        Ok(added) => return added_page(person, &added).await,
        Err(Halted::Refused(taken @ ActionError::ChannelNameTaken)) => FieldErrors::one("name", taken),
        Err(Halted::Refused(full @ ActionError::TooManyChannels)) => {
            FieldErrors::one(FieldErrors::WHOLE, full)
        }
        Err(halted) => return halted.into(),
    };
    form(person, kind, fields, &errors)
}

/// The secret of a new webhook, this once; other channels have none.
async fn added_page(person: &SignedIn, added: &Added) -> Response {
    match &added.secret {
        Some(secret) => page(&Made {
            frame: Frame::of(person, "alerts", "The channel is added"),
            id: added.id.to_string(),
            secret: secret.expose(),
            snippets: SNIPPETS,
        }),
        None => {
            let channel = format!("/alerts/channels/{}", added.id);
            told(person, &channel, Note::Done(ActionKind::AddChannel)).await
        }
    }
}
