//! Ranges entered on a broker's behalf. The ranges in force are not shown beside them: reading those leaves a record.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use keyward_authority::PendingAction;
use keyward_authority::apps::{EnterRanges, Preview, check_ranges, preview};
use keyward_rules::grant::ActionKind;

use crate::fields::Fields;
use crate::pages::apps::{Editor, Judged, Sides, app_id, judge, kept};
use crate::pages::confirm::{Confirmation, act};
use crate::pages::layout::{Frame, page, page_with, problem, sentence, told};
use crate::pages::note::Note;
use crate::pages::operations::officer::{StaffMember, acting};
use crate::pages::person::{Posted, SignedIn};
use crate::requests::{RangesRequest, bad_ranges};

fn editor<'p>(
    person: &'p SignedIn,
    seen: &Preview,
    fields: &Fields,
    judged: &Judged,
    error: &str,
) -> Editor<'p> {
    let back = format!("/operations/apps/{}", seen.profile.id);
    Editor {
        frame: Frame::of(person, "operations/apps", "Enter ranges of an app"),
        csrf: &person.csrf,
        name: seen.profile.name.to_string(),
        title: "Enter ranges on the broker's behalf",
        lead: "Approval is a separate step. After it, these ranges replace all current ranges. A waiting submission is withdrawn. The broker is told.",
        action: format!("{back}/ranges"),
        back,
        ranges: fields.get("ranges").to_owned(),
        note: fields.get("note").to_owned(),
        overlaps: Editor::overlaps(fields),
        judged: judged.html(),
        error: error.to_owned(),
    }
}

/// The empty editor.
pub async fn show(officer: StaffMember, Path(id): Path<String>) -> Response {
    let answer = async {
        let context = acting(&officer.0, ActionKind::EnterRanges)?;
        let seen = preview(&context, app_id(&id)?).await.map_err(problem)?;
        Ok(page(&editor(&officer.0, &seen, &Fields::default(), &Judged::default(), "")))
    };
    answer.await.unwrap_or_else(|answer: Response| answer)
}

/// What is said of the text while it is typed.
pub async fn check(Path(id): Path<String>, posted: Posted) -> Response {
    let answer = async {
        let context = acting(&posted.person, ActionKind::EnterRanges)?;
        let judged = judge(&context, app_id(&id)?, &posted.fields, Sides::NewOnly).await;
        Ok(page(&judged.map_err(problem)?))
    };
    answer.await.unwrap_or_else(|answer: Response| answer)
}

fn asking(seen: &Preview, pending: &PendingAction) -> Confirmation {
    Confirmation {
        title: "Enter these ranges?",
        action: format!("/operations/apps/{}/ranges", seen.profile.id),
        button: "Enter them",
        danger: false,
        back: format!("/operations/apps/{}/ranges", seen.profile.id),
        part: "operations/apps",
        words: pending.words.clone(),
        extra: String::new(),
    }
}

/// The form, sent.
pub async fn submit(Path(id): Path<String>, posted: Posted) -> Response {
    let answer = async {
        let (context, fields) = (acting(&posted.person, ActionKind::EnterRanges)?, &posted.fields);
        let seen = preview(&context, app_id(&id)?).await.map_err(problem)?;
        if fields.has("check") {
            return again(&posted, &seen, StatusCode::OK, "").await;
        }
        let submission = RangesRequest::of_form(fields).read(&context, seen.profile.id);
        let submission = match submission.map_err(|wrong| bad_ranges(wrong).sentence()) {
            Ok(submission) => submission,
            Err(wrong) => return again(&posted, &seen, StatusCode::UNPROCESSABLE_ENTITY, &wrong).await,
        };
        if let Err(refusal) = check_ranges(&context, &submission).await {
            if !refusal.kind().is_refusal() {
                return Err(problem(refusal));
            }
            return again(&posted, &seen, StatusCode::UNPROCESSABLE_ENTITY, &sentence(&refusal)).await;
        }
        act(&kept(&posted), &context, EnterRanges(submission), |pending| asking(&seen, pending)).await?;
        Ok(told(
            &posted.person,
            &format!("/operations/apps/{}", seen.profile.id),
            Note::Done(ActionKind::EnterRanges),
        )
        .await)
    };
    answer.await.unwrap_or_else(|answer: Response| answer)
}

async fn again(
    posted: &Posted,
    seen: &Preview,
    status: StatusCode,
    error: &str,
) -> Result<Response, Response> {
    let context = acting(&posted.person, ActionKind::EnterRanges)?;
    let judged = judge(&context, seen.profile.id, &posted.fields, Sides::NewOnly).await.map_err(problem)?;
    Ok(page_with(status, &editor(&posted.person, seen, &posted.fields, &judged, error)))
}
