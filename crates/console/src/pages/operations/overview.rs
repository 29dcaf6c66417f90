//! How the deployment stands.

use askama::Template;
use axum::response::Response;
use keyward_authority::operators::overview;

use super::officer::StaffMember;
use crate::pages::layout::{Frame, page, problem};

#[derive(Template)]
#[template(path = "operations/overview.html")]
struct Page {
    frame: Frame,
    tab: &'static str,
    acts: bool,
    accounts: i64,
    keys: Vec<(String, i64)>,
    mails: Vec<(String, i64)>,
    events: i64,
    open: i64,
    set_up_open: bool,
    reviews: u64,
}

/// The page.
pub async fn show(officer: StaffMember) -> Response {
    let context = match officer.context() {
        Ok(context) => context,
        Err(answer) => return answer,
    };
    match overview(&context).await {
        Ok(view) => page(&Page {
            frame: Frame::of(&officer.0, "operations", "Operations"),
            tab: "overview",
            acts: officer.acts(),
            accounts: view.counts.accounts,
            keys: view.counts.keys,
            mails: view.counts.mails,
            events: view.counts.events,
            open: view.counts.proposals,
            set_up_open: view.set_up_open,
            reviews: view.reviews,
        }),
        Err(other) => problem(other),
    }
}
