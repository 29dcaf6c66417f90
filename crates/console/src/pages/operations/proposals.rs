//! Proposals: the list, one with its words and approvals, making, approving, carrying out and cancelling one.

use askama::Template;
use axum::extract::{Path, Query as Asked};
use axum::response::Response;
use keyward_authority::operators::{
    ApproveProposal, CancelProposal, Progress, ProposalView, ProposeChange, carry_out as carry_it_out,
    carry_out_if_complete, check_proposal, list_proposals, show_proposal,
};
use keyward_authority::{Action as _, ActionContext, ActionError};
use keyward_rules::grant::ActionKind;
use keyward_rules::limits::PAGE_DEFAULT;
use keyward_rules::proposal::{Change, ChangeHash, ChangeSubject, NotPassed, ProposalId};
use serde::Deserialize;

use super::officer::{StaffMember, acting};
use crate::fields::Fields;
use crate::pages::confirm::{Confirmation, act, ask_one, begin};
use crate::pages::layout::{Frame, Query, page, problem, told};
use crate::pages::note::Note;
use crate::pages::person::{Posted, SignedIn};
use crate::words::{When, countdown, moment};

/// A proposal in the list.
struct Row {
    id: String,
    what: String,
    requester: String,
    made: When,
    standing: &'static str,
    counting: u8,
    takes: u8,
}

fn row(view: &ProposalView) -> Row {
    Row {
        id: view.id.to_string(),
        what: view.words.first().cloned().unwrap_or_default(),
        requester: view.requester.1.clone(),
        made: When::of(view.made_at),
        standing: view.standing,
        counting: view.counting.0,
        takes: view.counting.1,
    }
}

#[derive(Template)]
#[template(path = "operations/proposals.html")]
struct List {
    frame: Frame,
    rows: Vec<Row>,
    altered: usize,
    next: String,
}

/// The list.
pub async fn list(officer: StaffMember, Asked(query): Asked<Query>) -> Response {
    let context = match officer.context() {
        Ok(context) => context,
        Err(answer) => return answer,
    };
    match list_proposals(&context, query.before.parse().ok(), PAGE_DEFAULT).await {
        Ok((views, altered)) => {
            let rows: Vec<Row> = views.iter().map(row).collect();
            let next = rows.last().filter(|_| rows.len() == PAGE_DEFAULT).map(|last| last.id.clone());
            let frame = Frame::of(&officer.0, "operations/proposals", "Proposals");
            page(&List { frame, rows, altered, next: next.unwrap_or_default() })
        }
        Err(other) => problem(other),
    }
}

#[derive(Template)]
#[template(path = "operations/proposal.html")]
struct Show<'p> {
    frame: Frame,
    csrf: &'p str,
    acts: bool,
    row: Row,
    words: Vec<String>,
    hash: String,
    approvals: Vec<(String, When)>,
    expires: When,
    left: String,
    settled: Option<(When, String)>,
    mine: bool,
    approved: bool,
    complete: bool,
    at_the_host: bool,
    about: String,
}

async fn find(context: &ActionContext<'_>, id: &str) -> Result<ProposalView, Response> {
    let id: ProposalId = id.parse().map_err(|_| problem(ActionError::NoProposal))?;
    show_proposal(context, id).await.map_err(problem)
}

/// One proposal.
pub async fn show(officer: StaffMember, Path(id): Path<String>) -> Response {
    let answer = async {
        let view = find(&officer.context()?, &id).await?;
        let me = officer.0.id();
        Ok(page(&Show {
            frame: Frame::of(&officer.0, "operations/proposals", &format!("Proposal {}", view.id)),
            csrf: &officer.0.csrf,
            acts: officer.acts() && view.standing == "open",
            row: row(&view),
            hash: view.hash.to_string(),
            approvals: view.approvals.iter().map(|(_, by, at)| (by.clone(), When::of(*at))).collect(),
            expires: When::of(view.expires_at),
            left: countdown(officer.0.shell.now(), view.expires_at),
            settled: view.settled.as_ref().map(|(at, by)| (When::of(*at), by.clone())),
            mine: view.requester.0 == me,
            approved: view.approvals.iter().any(|(by, _, _)| *by == me),
            at_the_host: view.change.is_done_at_the_host(),
            about: back_of(view.change),
            complete: view.counting.0 >= view.counting.1,
            words: view.words,
        }))
    };
    answer.await.unwrap_or_else(|answer: Response| answer)
}

/// `?change=…`, or with its last word in a field of its own.
#[derive(Deserialize)]
pub struct NewProposal {
    #[serde(default)]
    change: String,
    #[serde(default)]
    value: String,
    /// Two moments in UTC, where the change has a beginning and an end.
    #[serde(default)]
    from: String,
    #[serde(default)]
    until: String,
}

impl NewProposal {
    fn text(&self) -> String {
        let ms = |text: &str| moment(text.trim()).map(|at| at.unix_ms().to_string()).unwrap_or_default();
        let words = [self.change.clone(), self.value.trim().to_owned(), ms(&self.from), ms(&self.until)];
        words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
    }
}

fn change_of(text: &str) -> Result<Change, Response> {
    Change::parse(text).ok_or_else(|| problem(ActionError::NoProposal))
}

fn back_of(change: Change) -> String {
    match change.subject() {
        ChangeSubject::Account(account) => format!("/operations/accounts/{account}"),
        ChangeSubject::Key(key) => format!("/operations/keys/{key}"),
        ChangeSubject::App(app) => format!("/operations/apps/{app}"),
        ChangeSubject::Policy(_) | ChangeSubject::Store => "/operations/settings".to_owned(),
    }
}

fn proposing(change: Change, words: Vec<String>) -> Confirmation {
    Confirmation {
        title: "Propose this change?",
        action: "/operations/proposals/new".to_owned(),
        button: "Propose it",
        danger: false,
        back: back_of(change),
        part: "operations/proposals",
        words,
        extra: format!("<input type=\"hidden\" name=\"change\" value=\"{change}\">"),
    }
}

/// What would be proposed, in the words that the others will read.
pub async fn show_new(officer: StaffMember, Asked(query): Asked<NewProposal>) -> Response {
    let answer = async {
        let context = acting(&officer.0, ActionKind::Propose)?;
        let change = change_of(&query.text())?;
        let mut words = check_proposal(&context, change).await.map_err(problem)?;
        words.push("The other operators are told by mail. You cannot approve it yourself.".to_owned());
        Ok(begin(&officer.0, &proposing(change, words), ""))
    };
    answer.await.unwrap_or_else(|answer: Response| answer)
}

/// Proposes it, and carries it out where nobody else is asked.
pub async fn make(posted: Posted) -> Response {
    let answer = async {
        let context = acting(&posted.person, ActionKind::Propose)?;
        let change = change_of(posted.fields.get("change"))?;
        let (kept, proposal) = (without_change(&posted), ProposeChange(change));
        let id = act(&kept, &context, proposal, |pending| proposing(change, pending.words.clone())).await?;
        after(&posted.person, id, carry_out_if_complete(&context, id).await, Note::Done(ActionKind::Propose))
            .await
    };
    answer.await.unwrap_or_else(|answer: Response| answer)
}

/// The hidden field stands in the page's own words; it must not stand there twice.
fn without_change(posted: &Posted) -> Posted {
    Posted { person: posted.person.clone(), fields: Fields(posted.fields.without(&["change", "hash"])) }
}

/// Back to the proposal; what the change itself refuses is shown, and the proposal stays.
async fn after(
    person: &SignedIn,
    id: ProposalId,
    progress: Progress,
    note: Note,
) -> Result<Response, Response> {
    let page = format!("/operations/proposals/{id}");
    match progress {
        Progress::Done => Ok(told(person, &page, Note::CarriedOut).await),
        Progress::Waits => Ok(told(person, &page, note).await),
        Progress::Refused(why) => Err(problem(why)),
    }
}

fn approving(view: &ProposalView) -> Confirmation {
    Confirmation {
        title: "Approve this change?",
        action: format!("/operations/proposals/{}/approve", view.id),
        button: "Approve it",
        danger: false,
        back: format!("/operations/proposals/{}", view.id),
        part: "operations/proposals",
        words: view.words.clone(),
        extra: format!("<input type=\"hidden\" name=\"hash\" value=\"{}\">", view.hash),
    }
}

/// The words once more, and the hash that the approval is bound to.
pub async fn show_approve(officer: StaffMember, Path(id): Path<String>) -> Response {
    let answer = async {
        let view = find(&acting(&officer.0, ActionKind::Approve)?, &id).await?;
        if view.requester.0 == officer.0.id() {
            return Err(problem(NotPassed::OwnProposal.into()));
        }
        Ok(begin(&officer.0, &approving(&view), ""))
    };
    answer.await.unwrap_or_else(|answer: Response| answer)
}

/// Approves it, and carries it out if that was the last approval.
pub async fn approve(Path(id): Path<String>, posted: Posted) -> Response {
    let answer = async {
        let context = acting(&posted.person, ActionKind::Approve)?;
        let view = find(&context, &id).await?;
        let read = ChangeHash::parse(posted.fields.get("hash"));
        let read = read.ok_or_else(|| problem(NotPassed::Changed.into()))?;
        if view.requester.0 == posted.person.id() {
            return Err(problem(NotPassed::OwnProposal.into()));
        }
        if read != view.hash {
            return Err(problem(NotPassed::Changed.into()));
        }
        let approval = ApproveProposal { proposal: view.id, read };
        act(&without_change(&posted), &context, approval, |_| approving(&view)).await?;
        after(
            &posted.person,
            view.id,
            carry_out_if_complete(&context, view.id).await,
            Note::Done(ActionKind::Approve),
        )
        .await
    };
    answer.await.unwrap_or_else(|answer: Response| answer)
}

/// Carries out what has all its approvals, for when the last approver could not.
pub async fn carry_out(Path(id): Path<String>, posted: Posted) -> Response {
    let answer = async {
        let context = acting(&posted.person, ActionKind::Approve)?;
        let view = find(&context, &id).await?;
        carry_it_out(&context, view.id).await.map_err(problem)?;
        Ok(told(&posted.person, &format!("/operations/proposals/{}", view.id), Note::CarriedOut).await)
    };
    answer.await.unwrap_or_else(|answer: Response| answer)
}

fn cancelling(view: &ProposalView) -> Confirmation {
    Confirmation {
        title: "Cancel this proposal?",
        action: format!("/operations/proposals/{}/cancel", view.id),
        button: "Cancel the proposal",
        danger: true,
        back: format!("/operations/proposals/{}", view.id),
        part: "operations/proposals",
        words: view.words.iter().take(2).cloned().collect(),
        extra: String::new(),
    }
}

/// The question before.
pub async fn show_cancel(officer: StaffMember, Path(id): Path<String>) -> Response {
    let answer = async {
        let context = acting(&officer.0, ActionKind::CancelProposal)?;
        let view = find(&context, &id).await?;
        let pending = CancelProposal(view.id).plan(&context).await.map_err(problem)?;
        Ok(ask_one(&officer.0, &context, &cancelling(&view), &Fields::default(), &pending).await)
    };
    answer.await.unwrap_or_else(|answer: Response| answer)
}

/// Cancels it.
pub async fn cancel(Path(id): Path<String>, posted: Posted) -> Response {
    let answer = async {
        let context = acting(&posted.person, ActionKind::CancelProposal)?;
        let view = find(&context, &id).await?;
        act(&posted, &context, CancelProposal(view.id), |_| cancelling(&view)).await?;
        Ok(told(
            &posted.person,
            &format!("/operations/proposals/{}", view.id),
            Note::Done(ActionKind::CancelProposal),
        )
        .await)
    };
    answer.await.unwrap_or_else(|answer: Response| answer)
}

/// For pages that lead to a proposal.
pub fn link_to(change: Change) -> String {
    format!("/operations/proposals/new?change={}", change.to_string().replace(' ', "+"))
}
