//! The first page: what the keys do now, what needs attention, and the way to a first request.

use askama::Template;
use axum::extract::Query as Asked;
use axum::response::Response;
use keyward_authority::ActionError;
use keyward_authority::questions::{Ending, KeyView, Range, account_chart, list_alerts, list_keys, review};
use keyward_rules::alert::Urgency;
use keyward_rules::grant::TwoFactor;
use keyward_rules::key::Place;
use keyward_rules::limits::DAY_MS;
use keyward_rules::permission::Permission;
use keyward_rules::time::Moment;

use super::keys::ending_in_words;
use super::layout::{Frame, Query, go, page, problem};
use super::person::SignedIn;
use super::review::due_in_words;
use crate::chart;
use crate::words::When;

/// Lines of each list; the rest is behind its link.
const LINES: usize = 5;
/// How far ahead the page looks for keys that end.
const SOON_MS: u64 = 14 * DAY_MS;
/// After so many days without use the page asks whether a key is still needed.
const UNUSED_DAYS: u64 = 30;

/// A key that needs attention, and why.
struct AtRisk {
    id: String,
    name: String,
    why: &'static str,
}

/// A key that ends soon.
struct EndsSoon {
    id: String,
    name: String,
    rule: String,
    at: When,
}

/// An alert that was not looked at.
struct NewAlert {
    title: &'static str,
    key: String,
    at: When,
    critical: bool,
}

/// What was done on the way to the first request. The page shows it until all is done.
struct Steps {
    two_factor: bool,
    key: bool,
    bound: bool,
    used: bool,
}

impl Steps {
    /// Ended keys count: what was done once stays done.
    fn of(person: &SignedIn, keys: &[KeyView]) -> Self {
        Self {
            two_factor: person.account.two_factor == TwoFactor::On,
            key: !keys.is_empty(),
            bound: keys.iter().any(|key| key.bound),
            used: keys.iter().any(|key| key.last_used_at.is_some()),
        }
    }

    const fn are_done(&self) -> bool {
        self.two_factor && self.key && self.bound && self.used
    }
}

#[derive(Template)]
#[template(path = "overview.html")]
struct Page {
    frame: Frame,
    steps: Steps,
    /// Transfers that wait.
    waiting: u64,
    living: usize,
    /// The security score of all keys.
    score: u8,
    grade: &'static str,
    /// When the next review is due, in words; empty without a key.
    review: String,
    overdue: bool,
    /// Requests of the last hour that passed and that were refused.
    hour: (u64, u64),
    /// The same of the last day.
    day: (u64, u64),
    /// The last day, as HTML.
    chart: String,
    at_risk: Vec<AtRisk>,
    more_at_risk: usize,
    /// How many keys were not used for [`UNUSED_DAYS`].
    unused: usize,
    unused_days: u64,
    ends_soon: Vec<EndsSoon>,
    alerts: Vec<NewAlert>,
}

#[derive(Template)]
#[template(path = "overview_steps.html")]
struct StepsAlone {
    steps: Steps,
}

/// Why a key needs attention; the most urgent reason counts.
fn risk(key: &KeyView) -> Option<&'static str> {
    let may = |asked: &[Permission]| key.permissions.iter().any(|right| asked.contains(&right));
    if key.leaked {
        Some("reported as leaked: replace and delete it")
    } else if !key.bound && may(&[Permission::Withdraw, Permission::Funding]) {
        Some("works from any address and can move funds")
    } else if !key.bound && may(&[Permission::Trade]) {
        Some("works from any address and can trade")
    } else if key.state == "frozen" {
        Some("frozen: requests are refused")
    } else if key.state == "held" {
        Some("held: requests are refused")
    } else {
        None
    }
}

fn ends_soon(keys: &[KeyView], now: Moment) -> Vec<EndsSoon> {
    let mut soon: Vec<(&KeyView, Ending)> = keys
        .iter()
        .filter_map(|key| Some((key, key.ending?)))
        .filter(|(_, ending)| ending.at().ms_since(now) < SOON_MS)
        .collect();
    soon.sort_by_key(|(_, ending)| ending.at());
    let line = |(key, ending): (&KeyView, Ending)| {
        let (rule, at) = ending_in_words(ending, now);
        EndsSoon { id: key.id.to_string(), name: key.name.to_string(), rule, at }
    };
    soon.into_iter().take(LINES).map(line).collect()
}

/// Where a person begins: at the overview, or at the keys as long as there is none.
pub async fn home(person: SignedIn) -> Response {
    match list_keys(&person.context(), person.acts_for()).await {
        Ok((keys, _)) => go(if keys.is_empty() { "/keys" } else { "/overview" }),
        Err(other) => problem(other),
    }
}

/// The page, or its steps alone while it waits for the first request.
pub async fn show(person: SignedIn, Asked(query): Asked<Query>) -> Response {
    match build(&person, &query).await {
        Ok(answer) => answer,
        Err(other) => problem(other),
    }
}

async fn build(person: &SignedIn, query: &Query) -> Result<Response, ActionError> {
    let (context, now) = (person.context(), person.shell.now());
    let (mut keys, _) = list_keys(&context, person.acts_for()).await?;
    let steps = Steps::of(person, &keys);
    keys.retain(|key| key.is_living() && person.shows(key));
    if query.fragment == "steps" {
        return Ok(page(&StepsAlone { steps }));
    }
    let hour = account_chart(&context, person.acts_for(), Range::Hour).await?;
    let day = account_chart(&context, person.acts_for(), Range::Day).await?;
    let reviewed = review(&context, person.acts_for()).await?;
    let (due, overdue) = due_in_words(reviewed.due, now);
    let alerts = list_alerts(&person.own_context(), person.id(), None, LINES).await?;
    let alerts = alerts.into_iter().filter(|view| !view.seen).map(|view| NewAlert {
        title: view.alert.kind.title(),
        key: view.alert.key.map(|(_, name)| name).unwrap_or_default(),
        at: When::of(view.alert.at),
        critical: view.alert.kind.urgency() == Urgency::Critical,
    });
    let mut at_risk: Vec<AtRisk> = keys
        .iter()
        .filter_map(|key| {
            Some(AtRisk { id: key.id.to_string(), name: key.name.to_string(), why: risk(key)? })
        })
        .collect();
    let more_at_risk = at_risk.len().saturating_sub(LINES);
    at_risk.truncate(LINES);
    Ok(page(&Page {
        frame: Frame::of(person, "overview", "Overview"),
        waiting: person.waiting,
        living: keys.iter().filter(|key| key.place == Place::Own).count(),
        score: reviewed.score.points,
        grade: reviewed.score.grade(),
        review: due,
        overdue,
        hour: hour.sums(),
        day: day.sums(),
        chart: chart::requests(&day, Range::Day),
        at_risk,
        more_at_risk,
        unused: keys.iter().filter(|key| key.is_unused(UNUSED_DAYS, now)).count(),
        unused_days: UNUSED_DAYS,
        ends_soon: ends_soon(&keys, now),
        alerts: alerts.collect(),
        steps,
    }))
}
