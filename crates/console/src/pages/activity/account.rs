//! The charts of all keys of an account.

use askama::Template;
use axum::extract::Query as Asked;
use axum::response::Response;
use keyward_authority::questions::account_chart;

use super::drawn::{Drawn, drawn};
use super::query::Query;
use crate::pages::layout::{Frame, page, problem};
use crate::pages::person::SignedIn;

#[derive(Template)]
#[template(path = "activity_account.html")]
struct Page {
    frame: Frame,
    drawn: Drawn,
}

/// The page.
pub async fn show(person: SignedIn, Asked(query): Asked<Query>) -> Response {
    let range = query.chart_range();
    match account_chart(&person.context(), person.acts_for(), range).await {
        Ok(chart) => {
            let frame = Frame::of(&person, "activity", "Activity of all keys");
            page(&Page { frame, drawn: drawn(&chart, range, None) })
        }
        Err(other) => problem(other),
    }
}
