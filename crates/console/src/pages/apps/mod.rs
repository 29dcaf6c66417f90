//! A broker's own apps: registering, the page of one, its ranges, freezing it; and the logos of all.

#![expect(clippy::result_large_err, reason = "what goes wrong here is an answer, and it goes straight out")]

mod form;
mod freeze;
mod logo;
mod ranges;
mod show;

pub use freeze::touched;
pub use ranges::{Editor, Judged, Sides, judge, kept, overlap_words, wish};
pub use show::{logo_path, state, version_look};

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::response::Response;
use keyward_authority::ActionError;
use keyward_rules::id::AppId;

use super::layout::problem;
use crate::route::{AndPost as _, get, post, post_each};
use crate::shell::Shell;

/// Bytes of a form with a set of ranges or a logo in it, as browsers write it.
pub const FORM_BYTES: usize = 1024 * 1024;

/// The app that a path names.
pub fn app_id(text: &str) -> Result<AppId, Response> {
    text.parse().map_err(|_| problem(ActionError::NoApp))
}

/// All of them.
pub fn router() -> Router<Shell> {
    Router::new()
        .route("/apps", get(show::list))
        .route("/apps/new", get(form::show_new).and_post(form::register))
        .route("/apps/{id}", get(show::show))
        .route("/apps/{id}/edit", get(form::show_edit).and_post(form::edit))
        .route("/apps/{id}/submit", post(show::submit))
        .route("/apps/{id}/logo", get(logo::serve))
        .route("/apps/{id}/ranges", get(ranges::show).and_post(ranges::submit))
        .route("/apps/{id}/ranges/check", post_each(ranges::check))
        .route("/apps/{id}/ranges/{number}/withdraw", post(ranges::withdraw))
        .route("/apps/{id}/freeze", get(freeze::show_freeze).and_post(freeze::freeze))
        .route("/apps/{id}/thaw", get(freeze::show_thaw).and_post(freeze::thaw))
        .layer(DefaultBodyLimit::max(FORM_BYTES))
}
