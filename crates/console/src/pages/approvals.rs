//! Requests of keys: those that wait for their master account, what became of others, and which transfers pass without asking.

use askama::Template;
use axum::extract::Query as Asked;
use axum::response::Response;
use keyward_authority::ActionError;
use keyward_authority::questions::{UsedThreshold, list_approvals, transfer_thresholds};
use keyward_rules::approval::{ApprovalState, RequestApproval, Standing, Wanted};
use keyward_rules::key::Environment;
use keyward_rules::limits::PAGE_DEFAULT;
use keyward_rules::time::Moment;

use super::approval_place::{place, text_of};
use super::layout::{Frame, Query, page, problem};
use super::person::SignedIn;
use crate::words::{When, countdown, grouped_decimal};

/// A request as its master sees it.
pub struct Row {
    /// The number of its approval.
    pub id: String,
    /// How much of what a transfer moves, or what a change would do.
    pub lead: String,
    /// From where to where; the sub-account that a change is about.
    pub rest: String,
    /// What exactly would change, a line each.
    pub details: Vec<String>,
    /// The key's name.
    pub key: String,
    /// The beginning of its id.
    pub short: String,
    /// From which address; empty for an app's key.
    pub from: String,
    /// Whether it is a demo key.
    pub demo: bool,
    /// When it was asked for.
    pub at: When,
    /// Until when it can be decided, or used.
    pub until: When,
    /// The same from now.
    pub left: String,
    /// The word of its state.
    pub state: &'static str,
    /// The class of its badge.
    pub badge: &'static str,
    /// When it was decided, or used.
    pub then: Option<When>,
    /// Whether it can be taken back.
    pub open: bool,
}

impl Row {
    /// The row of an approval at `now`.
    pub fn of(approval: &RequestApproval, now: Moment) -> Self {
        let state = approval.state(now);
        let then = match approval.standing {
            Standing::Waiting => None,
            Standing::Approved(at, _) | Standing::Refused(at, _) | Standing::Used(_, (at, _)) => Some(at),
        };
        let badge = match state {
            ApprovalState::Waiting => "held",
            ApprovalState::Approved | ApprovalState::Used => "active",
            ApprovalState::Refused => "deleted",
            ApprovalState::Expired => "expired",
        };
        let asker = &approval.asker;
        let (lead, rest, details) = match &approval.wanted {
            Wanted::Transfer(transfer) => (
                format!("{} {}", grouped_decimal(&transfer.amount.to_string()), transfer.currency),
                transfer.direction_in_words(&asker.sub_account),
                Vec::new(),
            ),
            Wanted::Change(change) => {
                let mut lines = change.words.iter().cloned();
                let lead = lines.next().unwrap_or_default();
                (lead, format!("(sub-account {})", asker.sub_account), lines.collect())
            }
        };
        Self {
            id: approval.id.to_string(),
            lead,
            rest,
            details,
            key: asker.key_name.clone(),
            short: approval.key.to_string().chars().take(8).collect(),
            from: asker.source.map(|source| source.to_string()).unwrap_or_default(),
            demo: approval.environment == Environment::Demo,
            at: When::of(approval.made_at),
            until: When::of(approval.expires_at),
            left: countdown(now, approval.expires_at),
            state: state.word(),
            badge,
            then: then.map(When::of),
            open: state == ApprovalState::Approved,
        }
    }
}

/// A threshold as the page shows it.
struct Threshold {
    currency: String,
    limit: String,
    used: String,
    used_demo: String,
}

#[derive(Template)]
#[template(path = "approvals.html")]
struct Page<'p> {
    frame: Frame,
    csrf: &'p str,
    waiting: Vec<Row>,
    /// How many wait in all.
    count: u64,
    settled: Vec<Row>,
    older: String,
    thresholds: Vec<Threshold>,
}

/// The page.
pub async fn show(person: SignedIn, Asked(query): Asked<Query>) -> Response {
    match build(&person, &query).await {
        Ok(answer) => answer,
        Err(other) => problem(other),
    }
}

async fn build(person: &SignedIn, query: &Query) -> Result<Response, ActionError> {
    let context = person.own_context();
    let found = list_approvals(&context, person.id(), place(&query.before), PAGE_DEFAULT).await?;
    let (_, thresholds) = transfer_thresholds(&context, person.id()).await?;
    let rows = |all: &[RequestApproval]| all.iter().map(|one| Row::of(one, context.now)).collect();
    Ok(page(&Page {
        frame: Frame::of(person, "approvals", "Approvals"),
        csrf: &person.csrf,
        waiting: rows(&found.waiting),
        count: found.count,
        settled: rows(&found.settled),
        older: found.older.map(text_of).unwrap_or_default(),
        thresholds: thresholds.into_iter().map(threshold).collect(),
    }))
}

fn threshold(of: UsedThreshold) -> Threshold {
    let grouped = |amount: keyward_rules::fence::Decimal| grouped_decimal(&amount.to_string());
    Threshold {
        currency: of.currency,
        limit: grouped(of.limit),
        used: grouped(of.used),
        used_demo: if of.used_demo.is_zero() { String::new() } else { grouped(of.used_demo) },
    }
}
