//! The list of keys.

use askama::Template;
use axum::extract::Query as Asked;
use axum::response::Response;
use keyward_authority::ActionError;
use keyward_authority::questions::{Ending, KeyView, app_name, key_counts, list_keys};
use keyward_rules::grant::TwoFactor;
use keyward_rules::key::{Environment, Place};
use keyward_rules::limits::KEYS_PER_ACCOUNT;
use keyward_rules::paste::composed;
use keyward_rules::permission::Permission;
use keyward_rules::time::Moment;

use super::layout::{Frame, Query, page, problem};
use super::person::SignedIn;
use crate::chart;
use crate::words::{When, countdown, permission_line};

/// One row.
pub struct Row {
    /// The key's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// Its rights, as badges: word and name.
    pub rights: Vec<(&'static str, &'static str)>,
    /// From where.
    pub from: String,
    /// Whether it is bound.
    pub bound: bool,
    /// The name of the app whose servers it works from; empty for a key of one's own software.
    pub app: String,
    /// Whether it is a demo key.
    pub demo: bool,
    /// Its state's word.
    pub state: &'static str,
    /// The same for people.
    pub state_words: &'static str,
    /// Until when it is held for a change of password, factor or e-mail address.
    pub rests: Option<When>,
    /// When it was made.
    pub created: When,
    /// When it was last used.
    pub used: Option<When>,
    /// From where.
    pub used_from: String,
    /// What ends it, if something does.
    pub ending: Option<(String, When)>,
    /// Whether anything can still be done with it.
    pub living: bool,
    /// The last day, as SVG.
    pub chart: String,
}

#[derive(Template)]
#[template(path = "keys.html")]
struct Page {
    frame: Frame,
    rows: Vec<Row>,
    total: usize,
    living: usize,
    altered: usize,
    unbound: usize,
    two_factor: bool,
    broker: bool,
    query: Query,
    tags: Vec<String>,
}

#[derive(Template)]
#[template(path = "keys_rows.html")]
struct Rows {
    rows: Vec<Row>,
}

/// The rule that ends a key, in words with its countdown.
pub fn ending_in_words(ending: Ending, now: Moment) -> (String, When) {
    let rule = match ending {
        Ending::Idle(_) => "deleted if unused",
        Ending::Date(_) => "ends",
        Ending::Overlap(_) => "overlap ends",
    };
    (format!("{rule} {}", countdown(now, ending.at())), When::of(ending.at()))
}

/// The rights of a key as badges.
pub fn rights(key: &KeyView) -> Vec<(&'static str, &'static str)> {
    key.permissions.iter().map(|right| (right.word(), permission_line(right).0)).collect()
}

async fn row(person: &SignedIn, key: KeyView) -> Result<Row, ActionError> {
    let (_, counts) = key_counts(&person.context(), key.id).await?;
    Ok(Row {
        chart: chart::day(&counts, 120, 28, "Requests"),
        rights: rights(&key),
        state_words: key.state_in_words(),
        living: key.is_living(),
        rests: When::maybe(person.account.cooling_until.filter(|_| key.rests)),
        ending: key.ending.map(|ending| ending_in_words(ending, person.shell.now())),
        id: key.id.to_string(),
        name: key.name.to_string(),
        tags: key.tags,
        // A space to break the line at.
        from: key.from.replace(',', ", "),
        bound: key.bound,
        app: match key.app {
            Some(app) => app_name(&person.context(), app).await?,
            None => String::new(),
        },
        demo: key.environment == Environment::Demo,
        state: key.state,
        created: When::of(key.created_at),
        used: When::maybe(key.last_used_at),
        used_from: key.last_used_from,
    })
}

/// Sorted and narrowed by what the query asks.
fn select(mut keys: Vec<KeyView>, query: &Query) -> Vec<KeyView> {
    let needle = composed(query.q.trim()).to_lowercase();
    keys.retain(|key| {
        (key.is_living() || !query.ended.is_empty())
            && (query.tag.is_empty() || key.tags.contains(&query.tag))
            && (needle.is_empty()
                || key.name.as_str().to_lowercase().contains(&needle)
                || key.id.to_string().starts_with(&needle)
                || key.from.contains(&needle))
    });
    match query.sort.as_str() {
        "name" => keys.sort_by(|one, other| one.name.cmp(&other.name)),
        "used" => keys.sort_by_key(|key| std::cmp::Reverse(key.last_used_at)),
        "ending" => keys.sort_by_key(|key| key.ending.map_or(u64::MAX, |ending| ending.at().unix_ms())),
        _ => keys.sort_by_key(|key| std::cmp::Reverse(key.created_at)),
    }
    keys
}

/// The page, or its rows alone for the live refresh.
pub async fn show(person: SignedIn, Asked(query): Asked<Query>) -> Response {
    match build(&person, query).await {
        Ok(answer) => answer,
        Err(other) => problem(other),
    }
}

async fn build(person: &SignedIn, query: Query) -> Result<Response, ActionError> {
    let (keys, altered) = list_keys(&person.context(), person.id()).await?;
    let total = keys.len();
    let living = keys.iter().filter(|key| key.is_living() && key.place == Place::Own).count();
    let unbound = keys.iter().filter(|key| key.is_living() && !key.bound).count();
    let mut tags: Vec<String> =
        keys.iter().filter(|key| key.is_living()).flat_map(|key| key.tags.clone()).collect();
    tags.sort();
    tags.dedup();
    let mut rows = Vec::new();
    for key in select(keys, &query).into_iter().take(KEYS_PER_ACCOUNT * 4) {
        rows.push(row(person, key).await?);
    }
    if query.fragment == "rows" {
        return Ok(page(&Rows { rows }));
    }
    let frame = Frame::of(person, "keys", "API keys");
    let two_factor = person.account.two_factor == TwoFactor::On;
    let broker = person.broker;
    Ok(page(&Page { frame, rows, total, living, altered, unbound, two_factor, broker, query, tags }))
}

/// The permissions that the wizard offers, in its order.
pub const OFFERED: [Permission; 5] =
    [Permission::Read, Permission::Trade, Permission::Withdraw, Permission::Funding, Permission::Manage];
