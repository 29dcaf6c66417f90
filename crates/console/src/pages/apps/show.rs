//! The list of a broker's apps, and the page of one: how it stands, its keys in numbers, its ranges and their history.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use keyward_authority::apps::SubmitApp;
use keyward_authority::questions::{BrokerApp, VersionView, broker_app, broker_apps};
use keyward_authority::{Action as _, AppKeyCounts, AppProfile};
use keyward_rules::app::{AppStanding, FrozenBy, VersionStanding};
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::limits::APPS_PER_BROKER;

use super::id::app_id;
use super::ranges::overlap_words;
use crate::pages::layout::{Frame, page, problem, told};
use crate::pages::note::Note;
use crate::pages::person::{Posted, SignedIn};
use crate::words::{When, countdown, permission_line};

/// An app in the list.
struct Row {
    id: String,
    name: String,
    home_page: String,
    logo: String,
    state: &'static str,
    look: &'static str,
    rights: Vec<(&'static str, &'static str)>,
    changed: When,
}

#[derive(Template)]
#[template(path = "apps/list.html")]
struct List {
    frame: Frame,
    rows: Vec<Row>,
    more: bool,
}

/// The address of a logo; another one after each change, so that no old picture stays. Empty without one.
pub fn logo_path(profile: &AppProfile) -> String {
    match profile.logo {
        Some(_) => format!("/apps/{}/logo?v={}", profile.id, profile.version),
        None => String::new(),
    }
}

/// How an app stands: a word, and how it looks.
pub fn state(profile: &AppProfile) -> (&'static str, &'static str) {
    match (profile.frozen, profile.standing) {
        (Some(_), _) => ("frozen", "frozen"),
        (None, AppStanding::Draft) => ("draft", ""),
        (None, AppStanding::Submitted) => ("in review", "open"),
        (None, AppStanding::Verified) => ("verified", "active"),
        (None, AppStanding::Rejected) => ("sent back", "deleted"),
    }
}

fn rights(profile: &AppProfile) -> Vec<(&'static str, &'static str)> {
    profile.permissions.iter().map(|right| (right.word(), permission_line(right).0)).collect()
}

fn row(profile: &AppProfile) -> Row {
    let (state, look) = state(profile);
    Row {
        id: profile.id.to_string(),
        name: profile.name.to_string(),
        home_page: profile.home_page.clone(),
        logo: logo_path(profile),
        state,
        look,
        rights: rights(profile),
        changed: When::of(profile.changed_at),
    }
}

/// The list.
pub async fn list(person: SignedIn) -> Response {
    match broker_apps(&person.own_context()).await {
        Ok(apps) => page(&List {
            frame: Frame::of(&person, "apps", "Your apps"),
            more: apps.len() < APPS_PER_BROKER,
            rows: apps.iter().map(row).collect(),
        }),
        Err(other) => problem(other),
    }
}

/// A version in the history.
struct Version {
    number: u64,
    state: &'static str,
    look: &'static str,
    size: String,
    note: String,
    reason: String,
    by_operator: bool,
    submitted: When,
    active: Option<When>,
    ends: Option<(String, When)>,
    overlap: String,
    ranges: Vec<String>,
    /// The address to fetch, and the ranges that are still to be shown.
    proof: Option<(String, Vec<String>)>,
}

/// The word and the look of a version's standing.
pub const fn version_look(standing: VersionStanding) -> (&'static str, &'static str) {
    match standing {
        VersionStanding::Draft => ("draft", ""),
        VersionStanding::Submitted => ("in review", "open"),
        VersionStanding::Approved => ("approved", "open"),
        VersionStanding::Active => ("in force", "active"),
        VersionStanding::Retiring => ("retiring", "held"),
        VersionStanding::Retired => ("retired", ""),
        VersionStanding::Rejected => ("sent back", "deleted"),
        VersionStanding::Withdrawn => ("withdrawn", ""),
    }
}

#[derive(Template)]
#[template(path = "apps/show.html")]
struct Show<'p> {
    frame: Frame,
    csrf: &'p str,
    app: Row,
    contact: String,
    next: Vec<String>,
    /// Who may still do what: submit it, freeze it, lift the freeze.
    submits: bool,
    freezes: bool,
    thaws: bool,
    counts: AppKeyCounts,
    demand: Option<(String, When)>,
    in_force: Vec<Version>,
    waiting: Option<Version>,
    versions: Vec<Version>,
}

fn version(view: &VersionView, person: &SignedIn) -> Version {
    let (state, look) = version_look(view.standing);
    let ends = view.ends_at.filter(|_| view.standing == VersionStanding::Retiring);
    Version {
        number: view.number,
        state,
        look,
        size: view.size.clone(),
        note: view.note.clone(),
        reason: view.reason.clone(),
        by_operator: view.by_operator,
        submitted: When::of(view.submitted_at),
        active: When::maybe(view.active_at),
        ends: ends.map(|at| (countdown(person.shell.now(), at), When::of(at))),
        overlap: overlap_words(view.overlap_ms),
        ranges: view.ranges.clone().unwrap_or_default(),
        proof: view
            .proof
            .clone()
            .map(|(path, left)| (format!("{}{path}", person.shell.settings().origin), left)),
    }
}

/// What stands between the app and its customers, in words; what to do comes first.
fn next(app: &BrokerApp) -> Vec<String> {
    let profile = &app.profile;
    let waits = app.versions.iter().any(|one| one.standing == VersionStanding::Submitted);
    let in_force = app.versions.iter().any(|one| one.standing.is_in_force());
    let mut words = Vec::new();
    match profile.frozen {
        Some(FrozenBy::Operator) => words.push(
            "An operator froze all keys of the app: every gateway refuses them. Only operators can lift the freeze. The alert gives the reason.",
        ),
        Some(FrozenBy::Both) => words.push(
            "You and an operator froze all keys of the app: every gateway refuses them until both lift it.",
        ),
        Some(FrozenBy::Broker) => {
            words.push("You froze all keys of the app: every gateway refuses them until you lift it.");
        }
        None => {}
    }
    match profile.standing {
        AppStanding::Draft => words.push(
            "It is a draft that only you see. Submit it for review when it is complete: operators verify it before anybody can bind a key to it.",
        ),
        AppStanding::Submitted if in_force => words.push(
            "Operators are reviewing your change. Existing keys still work; new keys can be bound after the app is verified again. You get a mail with the result.",
        ),
        AppStanding::Submitted => {
            words.push("Operators are reviewing it. You get a mail with the result.");
        }
        AppStanding::Rejected => {
            words.push("Operators rejected it. Change what they ask for below, and submit it again.");
        }
        AppStanding::Verified => words.push("It is verified: its name and logo are its own."),
    }
    words.push(match (in_force, waits) {
        (false, false) => {
            "No ranges are in force, so no key can work through the app. Submit the ranges of its servers."
        }
        (false, true) => {
            "Its first ranges wait for operators. Until they are in force, nobody can bind a key to the app."
        }
        (true, true) => "New ranges wait for operators. Until then the ranges in force stay as they are.",
        (true, false) if app.open => "Every user can bind keys to it.",
        (true, false) => "Its ranges are in force.",
    });
    words.into_iter().map(str::to_owned).collect()
}

/// The page of one.
pub async fn show(person: SignedIn, Path(id): Path<String>) -> Response {
    let answer = async {
        let app = broker_app(&person.own_context(), app_id(&id)?).await.map_err(problem)?;
        let profile = &app.profile;
        let all = |fits: fn(VersionStanding) -> bool| {
            app.versions.iter().filter(move |one| fits(one.standing)).map(|one| version(one, &person))
        };
        let mut next = next(&app);
        if !profile.reason.is_empty() {
            next.insert(1, format!("They say: {}", profile.reason));
        }
        Ok(page(&Show {
            frame: Frame::of(&person, "apps", profile.name.as_str()),
            csrf: &person.csrf,
            app: row(profile),
            contact: profile.contact.clone(),
            next,
            submits: matches!(profile.standing, AppStanding::Draft | AppStanding::Rejected),
            freezes: matches!(profile.frozen, None | Some(FrozenBy::Operator))
                && app.counts.keys + u64::from(app.open) > 0,
            thaws: matches!(profile.frozen, Some(FrozenBy::Broker | FrozenBy::Both)),
            counts: app.counts,
            demand: profile
                .demand
                .map(|demand| (countdown(person.shell.now(), demand.due), When::of(demand.due))),
            in_force: all(VersionStanding::is_in_force).collect(),
            waiting: all(|one| matches!(one, VersionStanding::Approved | VersionStanding::Submitted)).next(),
            versions: all(|_| true).collect(),
        }))
    };
    answer.await.unwrap_or_else(|answer: Response| answer)
}

/// Submits a draft for review.
pub async fn submit(Path(id): Path<String>, posted: Posted) -> Response {
    let answer = async {
        let id = app_id(&id)?;
        SubmitApp(id).perform(&posted.person.own_context(), Proof::None).await.map_err(problem)?;
        Ok(told(&posted.person, &format!("/apps/{id}"), Note::Done(ActionKind::SubmitApp)).await)
    };
    answer.await.unwrap_or_else(|answer: Response| answer)
}
