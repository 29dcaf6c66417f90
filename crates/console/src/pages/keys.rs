//! The list of keys.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::Query as Asked;
use axum::response::Response;
use keyward_authority::ActionError;
use keyward_authority::questions::{Ending, KeyView, app_names, counts_of_keys, list_keys};
use keyward_rules::grant::TwoFactor;
use keyward_rules::id::{AppId, KeyId};
use keyward_rules::key::{Environment, Place};
use keyward_rules::limits::KEYS_PER_ACCOUNT;
use keyward_rules::permission::Permission;
use keyward_rules::time::Moment;

use super::key_filter::{Headings, ListQuery};
use super::layout::{Frame, page, problem};
use super::person::SignedIn;
use crate::chart::spark;
use crate::words::{When, countdown, permission_line};

/// Tags of a row; the others are on the key's page.
const TAGS: usize = 2;

/// One row.
pub struct Row {
    /// The key's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its first tags.
    pub tags: Vec<String>,
    /// How many tags it has beside them.
    pub more_tags: usize,
    /// Its rights, as badges: word and name.
    pub rights: Vec<(&'static str, &'static str)>,
    /// The first address that it is bound to.
    pub first: String,
    /// How many addresses and ranges it has beside the first.
    pub more: usize,
    /// All of them, or where it works from in words.
    pub from: String,
    /// Whether it is bound.
    pub bound: bool,
    /// The name of the app whose servers it works from; empty for a key of one's own software.
    pub app: String,
    /// Whether it is a canary.
    pub canary: bool,
    /// Its state's word.
    pub state: &'static str,
    /// The same for people.
    pub state_words: &'static str,
    /// Until when it is held for a change of password, factor or e-mail address.
    pub rests: Option<When>,
    /// From when it does more than read.
    pub works_from: Option<When>,
    /// When it was made.
    pub created: When,
    /// When it was last used.
    pub used: Option<When>,
    /// From where.
    pub used_from: String,
    /// What ends it, if something does: in how long, by which rule, when.
    pub ending: Option<(String, &'static str, When)>,
    /// Whether anything can still be done with it.
    pub living: bool,
    /// Whether its successor lives, so that it ends with the overlap.
    pub superseded: bool,
    /// The last day, as a picture.
    pub spark: String,
}

#[derive(Template)]
#[template(path = "keys.html")]
struct Page<'p> {
    frame: Frame,
    csrf: &'p str,
    rows: Vec<Row>,
    /// How many keys the list has without a filter.
    of: usize,
    /// Whether there is a key in this environment, ended ones included.
    any: bool,
    /// Whether there is a row that something can be done with.
    selectable: bool,
    /// How many keys count, of both environments.
    living: usize,
    /// How many of them the list does not show, because they are of the other environment.
    elsewhere: usize,
    altered: usize,
    unbound: usize,
    two_factor: bool,
    broker: bool,
    demo: bool,
    query: ListQuery,
    head: Headings,
    tags: Vec<String>,
    states: [(&'static str, &'static str, bool); 7],
    permissions: [(&'static str, &'static str); 5],
}

/// The choices of the state: value, label, whether it is chosen.
fn states(query: &ListQuery) -> [(&'static str, &'static str, bool); 7] {
    let asked = if query.with_ended() { "all" } else { query.state.as_str() };
    [
        ("", "Any state"),
        ("active", "Active"),
        ("disabled", "Disabled"),
        ("held", "Held or frozen"),
        ("expiring", "Ends in 14 days"),
        ("ended", "Ended"),
        ("all", "All, ended too"),
    ]
    .map(|(value, label)| (value, label, value == asked))
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

/// The same for a column of its own.
fn ending_in_a_row(ending: Ending, now: Moment) -> (String, &'static str, When) {
    let rule = match ending {
        Ending::Idle(_) => "if unused",
        Ending::Date(_) => "end date",
        Ending::Overlap(_) => "overlap",
    };
    (countdown(now, ending.at()), rule, When::of(ending.at()))
}

/// The rights of a key as badges.
pub fn rights(key: &KeyView) -> Vec<(&'static str, &'static str)> {
    key.permissions.iter().map(|right| (right.word(), permission_line(right).0)).collect()
}

/// The first of a key's addresses, and how many there are beside it.
fn addresses(from: &str) -> (String, usize) {
    let first = from.split(',').next().unwrap_or_default().to_owned();
    (first, from.matches(',').count())
}

/// What the rows show beside the keys themselves, read for all of them at once.
struct Beside {
    counts: BTreeMap<KeyId, Vec<(u64, u64)>>,
    apps: BTreeMap<AppId, String>,
}

fn row(person: &SignedIn, key: KeyView, beside: &Beside) -> Row {
    let now = person.shell.now();
    let (first, more) = addresses(&key.from);
    Row {
        spark: spark(beside.counts.get(&key.id).map(Vec::as_slice).unwrap_or_default()),
        rights: rights(&key),
        state_words: key.state_in_words(),
        living: key.is_living(),
        superseded: key.place == Place::Superseded,
        // What stops it is told before what limits it.
        rests: When::maybe(person.account.cooling_until.filter(|_| key.rests)),
        works_from: When::maybe(key.works_from.filter(|_| key.is_living())),
        ending: key.ending.map(|ending| ending_in_a_row(ending, now)),
        id: key.id.to_string(),
        name: key.name.to_string(),
        more_tags: key.tags.len().saturating_sub(TAGS),
        tags: key.tags.into_iter().take(TAGS).collect(),
        first,
        more,
        // A space to break the line at.
        from: key.from.replace(',', ", "),
        bound: key.bound,
        canary: key.purpose == "canary",
        app: key.app.map(|app| app_name(app, &beside.apps)).unwrap_or_default(),
        state: key.state,
        created: When::of(key.created_at),
        used: When::maybe(key.last_used_at),
        used_from: key.last_used_from,
    }
}

fn app_name(app: AppId, names: &BTreeMap<AppId, String>) -> String {
    names.get(&app).cloned().unwrap_or_else(|| format!("app {app}"))
}

/// The page, or its rows alone for the live refresh.
pub async fn show(person: SignedIn, Asked(query): Asked<ListQuery>) -> Response {
    match build(&person, query).await {
        Ok(answer) => answer,
        Err(other) => problem(other),
    }
}

async fn build(person: &SignedIn, query: ListQuery) -> Result<Response, ActionError> {
    let (context, now) = (person.context(), person.shell.now());
    let (mut keys, altered) = list_keys(&context, person.acts_for()).await?;
    let counts = |key: &&KeyView| key.is_living() && key.place == Place::Own;
    let living = keys.iter().filter(counts).count();
    keys.retain(|key| person.shows(key));
    let elsewhere = living - keys.iter().filter(counts).count();
    let unbound = keys.iter().filter(|key| key.is_living() && !key.bound).count();
    let with_ended = query.with_ended() || query.state == "ended";
    let (of, any) = (keys.iter().filter(|key| with_ended || key.is_living()).count(), !keys.is_empty());
    let mut tags: Vec<String> =
        keys.iter().filter(|key| key.is_living()).flat_map(|key| key.tags.clone()).collect();
    tags.sort();
    tags.dedup();
    let mut keys = query.select(keys, now);
    keys.truncate(KEYS_PER_ACCOUNT * 4);
    let ids: Vec<KeyId> = keys.iter().map(|key| key.id).collect();
    let beside = Beside {
        counts: counts_of_keys(&context, &ids).await?,
        apps: app_names(&context, person.acts_for()).await?,
    };
    let rows: Vec<Row> = keys.into_iter().map(|key| row(person, key, &beside)).collect();
    if query.fragment == "rows" {
        return Ok(page(&Rows { rows }));
    }
    Ok(page(&Page {
        frame: Frame::of(person, "keys", "API keys"),
        csrf: &person.csrf,
        selectable: rows.iter().any(|row| row.living),
        rows,
        of,
        any,
        living,
        elsewhere,
        altered,
        unbound,
        two_factor: person.account.two_factor == TwoFactor::On,
        broker: person.broker,
        demo: person.environment == Environment::Demo,
        head: query.headings(),
        states: states(&query),
        query,
        tags,
        permissions: OFFERED.map(|right| (right.word(), permission_line(right).0)),
    }))
}

/// The permissions that the wizard offers, in its order.
pub const OFFERED: [Permission; 5] =
    [Permission::Read, Permission::Trade, Permission::Withdraw, Permission::Funding, Permission::Manage];
