//! Reviewing: ranges are read by a form that leaves a record, and what is not good goes back with a reason. What is good
//! is proposed on the pages of proposals.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use keyward_authority::apps::{
    Findings, Preview, ReadRanges, RejectApp, RejectRanges, Reviewed, preview, size_in_words,
};
use keyward_authority::{Action as _, ActionContext, ActionError};
use keyward_rules::address::Network;
use keyward_rules::app::{Size, VersionStanding};
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::id::AppId;

use super::why::why_field;
use crate::fields::Fields;
use crate::pages::apps::{app_id, overlap_words, version_look};
use crate::pages::confirm::{Confirmation, ask_at_once};
use crate::pages::layout::{Frame, page, problem, told};
use crate::pages::note::Note;
use crate::pages::operations::officer::{StaffMember, acting, reasoned};
use crate::pages::person::Posted;
use crate::words::When;

/// A version in words that name no range.
struct Head {
    number: u64,
    state: &'static str,
    look: &'static str,
    by_operator: bool,
    submitted: When,
}

#[derive(Template)]
#[template(path = "operations/app_ranges.html")]
struct Page {
    frame: Frame,
    id: String,
    name: String,
    version: Head,
    waits: bool,
    size: String,
    note: String,
    overlap: String,
    print: String,
    findings: Vec<String>,
    ranges: Vec<String>,
    added: Vec<String>,
    removed: Vec<String>,
}

fn number(text: &str) -> Result<u64, Response> {
    text.parse().map_err(|_| problem(ActionError::NoVersion))
}

/// Shows a version with its ranges. A form and no link: that somebody read them is a record.
pub async fn read(Path((id, text)): Path<(String, String)>, posted: Posted) -> Response {
    let answer = async {
        let context = acting(&posted.person, ActionKind::ReadRanges)?;
        let read = ReadRanges { app: app_id(&id)?, number: number(&text)? };
        let reviewed = read.perform(&context, Proof::None).await.map_err(problem)?;
        Ok(page(&reading(&posted, &reviewed)))
    };
    answer.await.unwrap_or_else(|answer: Response| answer)
}

fn reading(posted: &Posted, reviewed: &Reviewed) -> Page {
    let (profile, version) = (&reviewed.profile, &reviewed.version);
    let list = |networks: &[Network]| networks.iter().map(ToString::to_string).collect();
    let (state, look) = version_look(version.standing);
    Page {
        frame: Frame::of(&posted.person, "operations/apps", "Ranges of an app"),
        id: profile.id.to_string(),
        name: profile.name.to_string(),
        version: Head {
            number: version.number,
            state,
            look,
            by_operator: version.submitted_by != profile.owner,
            submitted: When::of(version.submitted_at),
        },
        waits: version.standing == VersionStanding::Submitted,
        size: size_in_words(Size::of(version.ranges.networks())),
        note: version.note.clone(),
        overlap: overlap_words(version.overlap_ms),
        print: reviewed.print.clone(),
        findings: findings_in_words(&reviewed.findings),
        ranges: list(version.ranges.networks()),
        added: list(&reviewed.change.added),
        removed: list(&reviewed.change.removed),
    }
}

fn findings_in_words(findings: &Findings) -> Vec<String> {
    let mut words = Vec::new();
    if let Some(size) = &findings.wide {
        words.push(format!("Very wide: {size}. Few brokers have that many servers."));
    }
    for (app, count) in &findings.overlaps {
        let ranges = if *count == 1 { "1 range shares".to_owned() } else { format!("{count} ranges share") };
        words.push(format!("{ranges} addresses with “{app}”, whose ranges are in force."));
    }
    for (provider, block) in &findings.shared {
        words.push(format!("{block} belongs to {provider}, whose addresses many customers use."));
    }
    for app in &findings.retired {
        words.push(format!("“{app}” stopped using some of these addresses in the last 90 days."));
    }
    words
}

async fn find(context: &ActionContext<'_>, id: &str) -> Result<Preview, Response> {
    preview(context, app_id(id)?).await.map_err(problem)
}

fn sending_back(id: AppId, path: &str, words: Vec<String>, fields: &Fields, error: &str) -> Confirmation {
    Confirmation {
        title: "Reject this submission?",
        action: format!("/operations/apps/{id}{path}"),
        button: "Reject",
        danger: true,
        back: format!("/operations/apps/{id}"),
        part: "operations/apps",
        words,
        extra: why_field(fields.get("why"), error),
    }
}

fn rejecting_app(seen: &Preview, fields: &Fields, error: &str) -> Confirmation {
    let words = vec![
        format!("The app “{}”", seen.profile.name),
        "Its broker reads the reason, can change the app, and submit it again.".to_owned(),
    ];
    sending_back(seen.profile.id, "/reject", words, fields, error)
}

fn rejecting_ranges(seen: &Preview, number: u64, fields: &Fields, error: &str) -> Confirmation {
    let words = vec![
        format!("Version {number} of the ranges of “{}”", seen.profile.name),
        "Its broker reads the reason. The ranges in force stay as they are.".to_owned(),
    ];
    sending_back(seen.profile.id, &format!("/ranges/{number}/reject"), words, fields, error)
}

/// The question before an app is sent back.
pub async fn show_reject_app(officer: StaffMember, Path(id): Path<String>) -> Response {
    let answer = async {
        let seen = find(&acting(&officer.0, ActionKind::RejectApp)?, &id).await?;
        let none = Fields::default();
        Ok(ask_at_once(&officer.0, &rejecting_app(&seen, &none, ""), &none).await)
    };
    answer.await.unwrap_or_else(|answer: Response| answer)
}

/// Sends an app back.
pub async fn reject_one_app(Path(id): Path<String>, posted: Posted) -> Response {
    let answer = async {
        let context = acting(&posted.person, ActionKind::RejectApp)?;
        let seen = find(&context, &id).await?;
        let asking = |fields: &Fields, error: &str| rejecting_app(&seen, fields, error);
        let app = seen.profile.id;
        reasoned(&posted, &context, asking, |why| RejectApp { app, why }).await?;
        Ok(told(
            &posted.person,
            &format!("/operations/apps/{}", seen.profile.id),
            Note::Done(ActionKind::RejectApp),
        )
        .await)
    };
    answer.await.unwrap_or_else(|answer: Response| answer)
}

/// The question before ranges are sent back.
pub async fn show_reject_ranges(officer: StaffMember, Path((id, text)): Path<(String, String)>) -> Response {
    let answer = async {
        let (number, none) = (number(&text)?, Fields::default());
        let seen = find(&acting(&officer.0, ActionKind::RejectRanges)?, &id).await?;
        Ok(ask_at_once(&officer.0, &rejecting_ranges(&seen, number, &none, ""), &none).await)
    };
    answer.await.unwrap_or_else(|answer: Response| answer)
}

/// Sends ranges back.
pub async fn reject_one_version(Path((id, text)): Path<(String, String)>, posted: Posted) -> Response {
    let answer = async {
        let context = acting(&posted.person, ActionKind::RejectRanges)?;
        let (number, seen) = (number(&text)?, find(&context, &id).await?);
        let asking = |fields: &Fields, error: &str| rejecting_ranges(&seen, number, fields, error);
        let app = seen.profile.id;
        reasoned(&posted, &context, asking, |why| RejectRanges { app, number, why }).await?;
        Ok(told(
            &posted.person,
            &format!("/operations/apps/{}", seen.profile.id),
            Note::Done(ActionKind::RejectRanges),
        )
        .await)
    };
    answer.await.unwrap_or_else(|answer: Response| answer)
}
