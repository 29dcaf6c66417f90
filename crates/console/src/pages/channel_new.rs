//! A new alert channel: the kind, the form, the ceremony, and the one answer that shows a webhook's secret.

use askama::Template;
use axum::extract::Query as Asked;
use axum::http::StatusCode;
use axum::response::Response;
use keyward_authority::channels::{AddChannel, Added};
use keyward_authority::{ActionError, PendingAction};
use keyward_rules::channel::{ChannelKind, ChannelPolicy, NotATarget, TargetInput};
use keyward_rules::grant::ActionKind;
use keyward_rules::key::KeyName;

use super::channel_choices::{Typed, parse};
use super::confirm::{Confirmation, Halted, act};
use super::field::{Field, FieldError, Kind, html_of};
use super::layout::{Frame, go, page, page_with, sentence, told};
use super::note::Note;
use super::person::{Posted, SignedIn};
use crate::fields::Fields;

/// How receivers verify, by language; a test of the API runs each against a real delivery.
const SNIPPETS: [(&str, &str); 3] = [
    ("Python", include_str!("../../snippets/verify.py")),
    ("JavaScript (Node)", include_str!("../../snippets/verify.mjs")),
    ("Go", include_str!("../../snippets/verify.go")),
];

const KINDS: [(&str, &str, &str); 4] = [
    ("webhook", "Webhook", "Signed JSON to a program of yours that listens on a public address with TLS."),
    ("slack", "Slack", "Text into a channel, by the URL of an incoming webhook."),
    ("telegram", "Telegram", "Text into a chat, by a bot of yours that is a member there."),
    ("discord", "Discord", "Text into a channel, by the URL of a webhook."),
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

/// What is wrong, by field.
#[derive(Default)]
struct Errors {
    name: String,
    target: String,
    chat: String,
    whole: String,
}

/// The inputs of a kind.
fn inputs(kind: ChannelKind, fields: &Fields, errors: &Errors) -> Vec<Field> {
    let target = |name, label, hint| {
        Field::new(name, label, Kind::Text).value(fields.get(name)).hint(hint).error(errors.target.as_str())
    };
    let name = Field::new("name", "Name", Kind::Text)
        .value(fields.get("name"))
        .hint("As it stands in the list, such as “on call”.")
        .error(errors.name.as_str());
    let own = match kind {
        ChannelKind::Webhook => {
            vec![target("url", "URL", "https://…, reachable from everywhere. Redirects are not followed.")]
        }
        ChannelKind::Slack => vec![target(
            "url",
            "URL of the incoming webhook",
            "https://hooks.slack.com/services/…, as Slack shows it under Incoming Webhooks of your app.",
        )],
        ChannelKind::Telegram => {
            let chat = Field::new("chat", "Chat", Kind::Text)
                .value(fields.get("chat"))
                .hint("A number such as -1001234567890, or the @name of a public channel.")
                .error(errors.chat.as_str());
            vec![target("token", "Token of the bot", "As BotFather shows it."), chat]
        }
        ChannelKind::Discord => vec![target(
            "url",
            "URL of the webhook",
            "https://discord.com/api/webhooks/…, as Discord shows it under Integrations of the channel.",
        )],
    };
    std::iter::once(name).chain(own).collect()
}

fn form(person: &SignedIn, kind: ChannelKind, fields: &Fields, typed: &Typed, errors: &Errors) -> Response {
    let inputs = inputs(kind, fields, errors);
    let summary: Vec<FieldError> = inputs.iter().filter_map(Field::slip).chain(typed.slip()).collect();
    let page = Page {
        frame: Frame::of(person, "alerts", "Add an alert channel"),
        csrf: &person.csrf,
        kind: kind.word(),
        kind_name: kind.name(),
        kinds: KINDS,
        fields: html_of(inputs),
        choices: typed.html(),
        summary,
        error: errors.whole.clone(),
    };
    let good = page.summary.is_empty() && page.error.is_empty();
    page_with(if good { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY }, &page)
}

/// The choice of a kind, or the form of the chosen one.
pub async fn show(person: SignedIn, Asked(query): Asked<KindQuery>) -> Response {
    match ChannelKind::from_word(&query.kind) {
        Some(kind) => form(&person, kind, &Fields::default(), &Typed::default(), &Errors::default()),
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

fn aim(kind: ChannelKind, fields: &Fields, policy: &ChannelPolicy) -> Result<TargetInput, NotATarget> {
    let url = fields.get("url").trim();
    match kind {
        ChannelKind::Webhook => TargetInput::webhook(url, policy),
        ChannelKind::Slack => TargetInput::slack(url, policy),
        ChannelKind::Telegram => TargetInput::telegram(fields.get("token").trim(), fields.get("chat").trim()),
        ChannelKind::Discord => TargetInput::discord(url, policy),
    }
}

/// A new channel.
pub async fn submit(posted: Posted) -> Response {
    let (person, fields) = (&posted.person, &posted.fields);
    let Some(kind) = ChannelKind::from_word(fields.get("kind")) else { return go("/alerts/channels/new") };
    let typed = Typed::from(fields);
    let choices = match parse(fields) {
        Ok(choices) => choices,
        Err(wrong) => return form(person, kind, fields, &typed.wrong(wrong), &Errors::default()),
    };
    let context = person.context();
    let read = || -> Result<AddChannel, ActionError> {
        let name = KeyName::parse(fields.get("name").trim())?;
        let aim = aim(kind, fields, &context.authority.settings.channels)?;
        Ok(AddChannel { account: person.id(), name, aim, choices })
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
    let added = match read() {
        Ok(channel) => act(&posted, &context, channel, asking).await,
        Err(wrong) => Err(Halted::Refused(wrong)),
    };
    let mut errors = Errors::default();
    match added {
        Ok(added) => return added_page(person, &added).await,
        Err(Halted::Refused(wrong @ (ActionError::Name(_) | ActionError::ChannelNameTaken))) => {
            errors.name = sentence(&wrong);
        }
        Err(Halted::Refused(wrong @ ActionError::Target(NotATarget::TelegramChat))) => {
            errors.chat = sentence(&wrong);
        }
        Err(Halted::Refused(wrong @ ActionError::Target(_))) => errors.target = sentence(&wrong),
        Err(Halted::Refused(wrong @ ActionError::TooManyChannels)) => errors.whole = sentence(&wrong),
        Err(halted) => return halted.into(),
    }
    form(person, kind, fields, &typed, &errors)
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
