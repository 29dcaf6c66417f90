//! Third-party apps for those who oversee: what waits, all apps, one app, and what operators do about them.

mod enter;
mod review;
mod show;
mod stop;

use axum::Router;
use axum::extract::DefaultBodyLimit;

use super::acting;
use crate::pages::apps::FORM_BYTES;
use crate::pages::field::{Field, Kind};
use crate::route::{AndPost as _, get, post_each};
use crate::shell::Shell;

/// The reason's field, which the broker reads.
fn why_field(why: &str, error: &str) -> String {
    let hint = "The broker reads it, and the audit log keeps it. Up to 200 characters.";
    Field::new("why", "Why", Kind::Text).hint(hint).error(error).value(why).html()
}

/// All of them.
pub fn router() -> Router<Shell> {
    Router::new()
        .route("/operations/apps", get(show::list))
        .route("/operations/apps/{id}", get(show::show))
        .route("/operations/apps/{id}/reject", get(review::show_reject_app).and_post(review::reject_one_app))
        .route("/operations/apps/{id}/ranges", get(enter::show).and_post(enter::submit))
        .route("/operations/apps/{id}/ranges/check", post_each(enter::check))
        .route("/operations/apps/{id}/ranges/{number}", post_each(review::read))
        .route(
            "/operations/apps/{id}/ranges/{number}/reject",
            get(review::show_reject_ranges).and_post(review::reject_one_version),
        )
        .route("/operations/apps/{id}/freeze", get(stop::show_freeze).and_post(stop::freeze))
        .route("/operations/apps/{id}/demand", get(stop::show_demand).and_post(stop::demand))
        .layer(DefaultBodyLimit::max(FORM_BYTES))
}
