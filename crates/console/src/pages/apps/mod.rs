//! A broker's own apps: registering, the page of one, its ranges, freezing it; and the logos of all.

#![expect(clippy::result_large_err, reason = "what goes wrong here is an answer, and it goes straight out")]

mod form;
mod freeze;
mod id;
mod logo;
mod ranges;
mod show;

pub use freeze::touched;
pub use id::app_id;
pub use ranges::{Editor, Judged, Sides, judge, kept, overlap_words};
pub use show::{logo_path, state, version_look};

use crate::route::{Routes, get, post, post_each};

/// Bytes of a form with a set of ranges or a logo in it, as browsers write it.
pub const FORM_BYTES: usize = 1024 * 1024;

/// All of them.
pub fn routes() -> Routes {
    Routes::default()
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
        .with_bodies_up_to(FORM_BYTES)
}
