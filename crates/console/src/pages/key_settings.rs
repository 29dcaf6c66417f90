//! One key's settings: its name and tags, from where it works, what never changes, snippets, and what takes it away.

use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use keyward_authority::keys::{EditKey, parse_tags};
use keyward_authority::questions::{KeyView, SignalsView, key_signals, show_key};
use keyward_authority::{Action as _, ActionError};
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::id::KeyId;
use keyward_rules::key::{Environment, KeyName, LifecycleError};

use super::field::{Field, FieldError, Kind, html_of};
use super::key_head::KeyHead;
use super::keys::{ending_in_words, rights};
use super::layout::{Frame, page_with, problem, sentence, told};
use super::note::Note;
use super::person::{Posted, SignedIn};
use crate::words::When;

#[derive(Template)]
#[template(path = "key_settings.html")]
struct Page<'p> {
    frame: Frame,
    csrf: &'p str,
    head: KeyHead,
    key: &'p KeyView,
    rights: Vec<(&'static str, &'static str)>,
    ending: Option<(String, When)>,
    demo: bool,
    /// What is usual for it, and what its holder does not want to hear of.
    signals: SignalsShown,
    /// What is wrong with the form, and its fields as HTML.
    summary: Vec<FieldError>,
    fields: Vec<String>,
    /// The gateway's address, for the snippets.
    gateway: &'p str,
}

/// What is known of how the key is used, for people.
struct SignalsShown {
    /// Facts with their names; empty while too little is known.
    usual: Vec<(&'static str, String)>,
    /// The days on which it was used, while they are too few.
    days: usize,
    /// What is not told.
    muted: Vec<String>,
}

impl SignalsShown {
    fn of(view: SignalsView) -> Self {
        let choices = view.choices;
        let mut muted: Vec<String> = choices.muted.kinds().map(|kind| kind.label().to_owned()).collect();
        muted.extend(choices.burst_from.map(|from| format!("Fewer than {from} requests in three seconds")));
        muted.extend(
            choices.refusals_from.map(|from| format!("Fewer than {from} refused requests in a minute")),
        );
        let Some(usual) = view.usual else { return Self { usual: Vec::new(), days: 0, muted } };
        let mut facts = vec![
            ("Busiest three seconds", counted(usual.requests, "request")),
            ("Worst minute", counted(usual.refusals, "refusal")),
            ("What it does", usual.classes.join(", ")),
            ("Hours of the day (UTC)", hours_in_words(&usual.hours)),
        ];
        if !usual.networks.is_empty() {
            let networks: Vec<String> = usual.networks.iter().map(ToString::to_string).collect();
            facts.push(("Networks", networks.join(", ")));
        }
        Self { usual: if usual.learned { facts } else { Vec::new() }, days: usual.days, muted }
    }
}

fn counted(count: u32, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Hours with those between them left out: `08–11, 14`.
fn hours_in_words(hours: &[u8]) -> String {
    if hours.len() == 24 {
        return "all".to_owned();
    }
    let mut spans: Vec<(u8, u8)> = Vec::new();
    for hour in hours {
        match spans.last_mut() {
            Some((_, last)) if *last + 1 == *hour => *last = *hour,
            Some(_) | None => spans.push((*hour, *hour)),
        }
    }
    let words = spans.iter().map(|(first, last)| {
        if first == last { format!("{first:02}") } else { format!("{first:02}–{last:02}") }
    });
    words.collect::<Vec<_>>().join(", ")
}

/// Name and tags as they were typed, and why they were refused.
struct Refused {
    name: String,
    tags: String,
    why: ActionError,
}

/// The page.
pub async fn show(person: SignedIn, Path(id): Path<String>) -> Response {
    let Ok(id) = id.parse() else { return problem(ActionError::NoKey) };
    answer(&person, id, None).await
}

async fn answer(person: &SignedIn, id: KeyId, refused: Option<Refused>) -> Response {
    let context = person.context();
    let answer = async {
        let key = show_key(&context, id).await?;
        // A key that has ended has no form that could say what was wrong.
        if refused.is_some() && !key.is_living() {
            return Err(LifecycleError::Ended.into());
        }
        let signals = SignalsShown::of(key_signals(&context, id).await?);
        Ok(shown(person, &key, signals, refused.as_ref()))
    };
    answer.await.unwrap_or_else(problem)
}

fn shown(person: &SignedIn, key: &KeyView, signals: SignalsShown, refused: Option<&Refused>) -> Response {
    let inputs = inputs(key, refused);
    let page = Page {
        frame: Frame::of(person, "keys", &format!("Settings of {}", key.name)),
        csrf: &person.csrf,
        head: KeyHead::of(key, "settings"),
        rights: rights(key),
        ending: key.ending.map(|ending| ending_in_words(ending, person.shell.now())),
        demo: key.environment == Environment::Demo,
        signals,
        summary: inputs.iter().filter_map(Field::slip).collect(),
        fields: html_of(inputs),
        gateway: &person.shell.settings().gateway,
        key,
    };
    page_with(if refused.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK }, &page)
}

/// The two fields. A refusal stands beside the field that it is about.
fn inputs(key: &KeyView, refused: Option<&Refused>) -> [Field; 2] {
    let (name, tags) = match refused {
        Some(refused) => (refused.name.clone(), refused.tags.clone()),
        None => (key.name.to_string(), key.tags.join(", ")),
    };
    let why = refused.map(|refused| sentence(&refused.why)).unwrap_or_default();
    let of_tags = refused.is_some_and(|refused| matches!(refused.why, ActionError::Tags));
    let (name_error, tags_error) = if of_tags { (String::new(), why) } else { (why, String::new()) };
    [
        Field::new("name", "Name", Kind::Text).value(name).error(name_error),
        Field::new("tags", "Tags", Kind::Text)
            .value(tags)
            .hint("Up to 10, separated by commas.")
            .error(tags_error)
            .optional(),
    ]
}

/// Name and tags.
pub async fn edit(Path(id): Path<String>, posted: Posted) -> Response {
    let Ok(id) = id.parse::<KeyId>() else { return problem(ActionError::NoKey) };
    let (person, fields) = (&posted.person, &posted.fields);
    let typed = fields.get("name").trim();
    let edited = async {
        let (name, tags) = (KeyName::parse(typed)?, parse_tags(fields.get("tags"))?);
        EditKey { key: id, name, tags }.perform(&person.context(), Proof::None).await
    };
    match edited.await {
        Ok(()) => told(person, &format!("/keys/{id}/settings"), Note::Done(ActionKind::EditKey)).await,
        Err(why @ (ActionError::Key(_) | ActionError::Name(_) | ActionError::Tags)) => {
            let (name, tags) = (typed.to_owned(), fields.get("tags").to_owned());
            answer(person, id, Some(Refused { name, tags, why })).await
        }
        Err(other) => problem(other),
    }
}
