//! The editor of ranges: judged entry by entry while they are typed, compared with what is in force, sent with what the
//! change asks for. Without JavaScript the button "Check" does the same.

use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use keyward_authority::apps::{
    RangeSubmission, RangesGo, SubmitRanges, WithdrawRanges, check_ranges, size_in_words,
};
use keyward_authority::questions::{BrokerApp, broker_app};
use keyward_authority::{Action as _, ActionContext, ActionError, PendingAction};
use keyward_rules::app::{Difference, RangeSetError, Size, VersionStanding, read_entries};
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::id::AppId;

use super::id::app_id;
use crate::fields::Fields;
use crate::pages::confirm::{CEREMONY, Confirmation, act_as};
use crate::pages::layout::{Frame, page, page_with, problem, sentence, told};
use crate::pages::note::Note;
use crate::pages::person::{Posted, SignedIn};
use crate::requests::{RangesRequest, bad_ranges};

/// Lines of a judgement that are written out; the others are counted.
const SHOWN: usize = 200;
const HOUR_MS: u64 = 60 * 60 * 1_000;
/// The overlaps that the form offers, in hours.
const OVERLAPS: [(u64, &str); 4] =
    [(0, "Do not keep them"), (1, "1 hour"), (24, "24 hours"), (168, "7 days")];

/// What a page may say of the ranges in force.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Sides {
    /// The difference, to the broker whose ranges they are.
    Both,
    /// Nothing: who is no broker reads ranges in a way that leaves a record.
    NewOnly,
}

/// What was said of a text.
#[derive(Default, Template)]
#[template(path = "apps/judged.html")]
pub struct Judged {
    bad: Vec<String>,
    bad_more: usize,
    good: Vec<String>,
    good_more: usize,
    /// What the text as a whole is not.
    whole: String,
    size: String,
    added: Vec<String>,
    removed: Vec<String>,
    compared: bool,
    /// What will become of it, in words.
    goes: &'static str,
}

impl Judged {
    /// The HTML; every text in it is escaped by the template.
    pub fn html(&self) -> String {
        self.render().unwrap_or_default()
    }
}

/// Judges a text for an app; keeps nothing.
pub async fn judge(
    context: &ActionContext<'_>,
    app: AppId,
    fields: &Fields,
    sides: Sides,
) -> Result<Judged, ActionError> {
    // The note is not judged while it is typed.
    let request = RangesRequest { note: String::new(), ..RangesRequest::of_form(fields) };
    let text = request.ranges;
    let entries = read_entries(text, context.authority.settings.private_ranges);
    let mut judged = Judged::default();
    for entry in &entries {
        let (list, more, line) = match entry.judged {
            Ok(network) => {
                (&mut judged.good, &mut judged.good_more, format!("Line {}: {network}", entry.line))
            }
            Err(why) => (
                &mut judged.bad,
                &mut judged.bad_more,
                format!("Line {}: {}: {why}.", entry.line, entry.text),
            ),
        };
        if list.len() < SHOWN { list.push(line) } else { *more += 1 }
    }
    match request.read(context, app) {
        Ok(submission) => compare(context, &submission, sides, &mut judged).await?,
        Err(RangeSetError::Entries { .. }) => {}
        Err(RangeSetError::Empty) if text.trim().is_empty() => {}
        Err(
            wrong @ (RangeSetError::Empty
            | RangeSetError::TooWide
            | RangeSetError::TooMany
            | RangeSetError::TooLong),
        ) => {
            judged.whole = bad_ranges(wrong).sentence();
        }
    }
    Ok(judged)
}

async fn compare(
    context: &ActionContext<'_>,
    submission: &RangeSubmission,
    sides: Sides,
    judged: &mut Judged,
) -> Result<(), ActionError> {
    judged.size = size_in_words(Size::of(submission.ranges.networks()));
    if sides == Sides::NewOnly {
        return Ok(());
    }
    match check_ranges(context, submission).await {
        Ok((goes, change)) => {
            let list = |networks: &[keyward_rules::address::Network]| {
                networks.iter().take(SHOWN).map(ToString::to_string).collect()
            };
            judged.compared = true;
            judged.goes = goes_in_words(goes, &change);
            (judged.added, judged.removed) = (list(&change.added), list(&change.removed));
        }
        Err(ActionError::Unchanged) => "These are the ranges in force.".clone_into(&mut judged.whole),
        Err(refusal) if refusal.kind().is_refusal() => judged.whole = sentence(&refusal),
        Err(other) => return Err(other),
    }
    Ok(())
}

fn goes_in_words(goes: RangesGo, change: &Difference) -> &'static str {
    match goes {
        RangesGo::Narrow => "This only removes ranges. You need one factor, and it takes effect at once.",
        RangesGo::Widen if change.narrows() => {
            "This only removes ranges, but with an overlap operators must approve it. Without an overlap it takes effect at once."
        }
        RangesGo::Widen => {
            "This adds ranges. You need a code by mail and your second factor. Then operators must approve it."
        }
    }
}

/// An overlap in words; nothing when there is none.
pub fn overlap_words(overlap_ms: u64) -> String {
    let hours = overlap_ms / HOUR_MS;
    let offered = OVERLAPS.iter().skip(1).find(|(one, _)| *one == hours);
    match (overlap_ms, offered) {
        (0, _) => String::new(),
        (_, Some((_, words))) => (*words).to_owned(),
        (_, None) => format!("{hours} hours"),
    }
}

/// The editor, for the broker and for an operator on the broker's behalf.
#[derive(Template)]
#[template(path = "apps/ranges.html")]
pub struct Editor<'e> {
    /// The frame.
    pub frame: Frame,
    /// The token of the form.
    pub csrf: &'e str,
    /// The app's name.
    pub name: String,
    /// What the page is for.
    pub title: &'static str,
    /// What to know first.
    pub lead: &'static str,
    /// Where the form goes; `/check` behind it judges.
    pub action: String,
    /// The way back.
    pub back: String,
    /// The ranges, as typed.
    pub ranges: String,
    /// The note to the reviewers.
    pub note: String,
    /// The overlaps, and which is chosen.
    pub overlaps: Vec<(u64, &'static str, bool)>,
    /// What is said of the text, as HTML.
    pub judged: String,
    /// What is wrong.
    pub error: String,
}

impl Editor<'_> {
    /// The overlaps, with the one of the form chosen.
    pub fn overlaps(fields: &Fields) -> Vec<(u64, &'static str, bool)> {
        let chosen = fields.get("overlap").trim().parse().unwrap_or(0);
        OVERLAPS.iter().map(|(hours, words)| (*hours, *words, *hours == chosen)).collect()
    }
}

fn editor<'p>(
    person: &'p SignedIn,
    app: &BrokerApp,
    fields: &Fields,
    judged: &Judged,
    error: &str,
) -> Editor<'p> {
    let waits = app.versions.iter().any(|one| one.standing == VersionStanding::Submitted);
    let path = format!("/apps/{}", app.profile.id);
    Editor {
        frame: Frame::of(person, "apps", "Ranges of the app"),
        csrf: &person.csrf,
        name: app.profile.name.to_string(),
        title: "Ranges of the app's servers",
        lead: if waits {
            "Another submission is waiting for operators. This submission replaces it."
        } else {
            "Keys of the app work from these addresses only. They are confidential: your customers and other brokers never see them."
        },
        action: format!("{path}/ranges"),
        back: path,
        ranges: fields.get("ranges").to_owned(),
        note: fields.get("note").to_owned(),
        overlaps: Editor::overlaps(fields),
        judged: judged.html(),
        error: error.to_owned(),
    }
}

async fn find(person: &SignedIn, id: &str) -> Result<BrokerApp, Response> {
    broker_app(&person.own_context(), app_id(id)?).await.map_err(problem)
}

/// The editor with the ranges in force.
pub async fn show(person: SignedIn, Path(id): Path<String>) -> Response {
    match find(&person, &id).await {
        Ok(app) => {
            let active = app.versions.iter().find(|one| one.standing == VersionStanding::Active);
            let ranges = active.and_then(|one| one.ranges.as_ref()).map(|list| list.join("\n"));
            let fields = Fields(vec![("ranges".to_owned(), ranges.unwrap_or_default())]);
            page(&editor(&person, &app, &fields, &Judged::default(), ""))
        }
        Err(answer) => answer,
    }
}

/// What is said of the text while it is typed.
pub async fn check(Path(id): Path<String>, posted: Posted) -> Response {
    let answer = async {
        let app = find(&posted.person, &id).await?;
        let judged = judge(&posted.person.own_context(), app.profile.id, &posted.fields, Sides::Both).await;
        Ok(page(&judged.map_err(problem)?))
    };
    answer.await.unwrap_or_else(|answer: Response| answer)
}

/// The form, sent: judged, then proven as the change asks, then done.
pub async fn submit(Path(id): Path<String>, posted: Posted) -> Response {
    let answer = async {
        let app = find(&posted.person, &id).await?;
        let (context, fields) = (posted.person.own_context(), &posted.fields);
        if fields.has("check") {
            return again(&posted, &app, StatusCode::OK, "").await;
        }
        let submission = RangesRequest::of_form(fields).read(&context, app.profile.id);
        let submission = match submission.map_err(|wrong| bad_ranges(wrong).sentence()) {
            Ok(submission) => submission,
            Err(wrong) => return again(&posted, &app, StatusCode::UNPROCESSABLE_ENTITY, &wrong).await,
        };
        if let Err(refusal) = check_ranges(&context, &submission).await {
            if !refusal.kind().is_refusal() {
                return Err(problem(refusal));
            }
            return again(&posted, &app, StatusCode::UNPROCESSABLE_ENTITY, &sentence(&refusal)).await;
        }
        let asking = |pending: &PendingAction| asking(&app, pending);
        let (kind, _) = act_as(&kept(&posted), &context, SubmitRanges(submission), asking).await?;
        Ok(told(&posted.person, &format!("/apps/{}", app.profile.id), Note::Done(kind)).await)
    };
    answer.await.unwrap_or_else(|answer: Response| answer)
}

async fn again(
    posted: &Posted,
    app: &BrokerApp,
    status: StatusCode,
    error: &str,
) -> Result<Response, Response> {
    let judged = judge(&posted.person.own_context(), app.profile.id, &posted.fields, Sides::Both).await;
    let judged = judged.map_err(problem)?;
    Ok(page_with(status, &editor(&posted.person, app, &posted.fields, &judged, error)))
}

/// Only what belongs to the change goes through the ceremony.
pub fn kept(posted: &Posted) -> Posted {
    let mut fields = posted.fields.0.clone();
    fields.retain(|(name, _)| {
        ["ranges", "note", "overlap"].contains(&name.as_str()) || CEREMONY.contains(&name.as_str())
    });
    Posted { person: posted.person.clone(), fields: Fields(fields) }
}

fn asking(app: &BrokerApp, pending: &PendingAction) -> Confirmation {
    let (title, button) = if pending.action == ActionKind::NarrowRanges {
        ("Narrow the app's ranges now?", "Put them in force")
    } else {
        ("Submit these ranges?", "Submit them")
    };
    Confirmation {
        title,
        action: format!("/apps/{}/ranges", app.profile.id),
        button,
        danger: false,
        back: format!("/apps/{}/ranges", app.profile.id),
        part: "apps",
        words: pending.words.clone(),
        extra: String::new(),
    }
}

/// Takes a submission back.
pub async fn withdraw(Path((id, number)): Path<(String, String)>, posted: Posted) -> Response {
    let answer = async {
        let id = app_id(&id)?;
        let number = number.parse().map_err(|_| problem(ActionError::NoVersion))?;
        let withdrawal = WithdrawRanges { app: id, number };
        withdrawal.perform(&posted.person.own_context(), Proof::None).await.map_err(problem)?;
        Ok(told(&posted.person, &format!("/apps/{id}"), Note::Done(ActionKind::WithdrawRanges)).await)
    };
    answer.await.unwrap_or_else(|answer: Response| answer)
}
