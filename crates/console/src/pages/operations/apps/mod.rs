//! Third-party apps for those who oversee: what waits, all apps, one app, and what operators do about them.

mod enter;
mod review;
mod show;
mod stop;
mod why;

use crate::pages::apps::FORM_BYTES;
use crate::route::{Routes, get, post_each};

/// All of them.
pub fn routes() -> Routes {
    Routes::default()
        .staff("/operations/apps", get(show::list))
        .staff("/operations/apps/{id}", get(show::show))
        .operator(
            "/operations/apps/{id}/reject",
            get(review::show_reject_app).and_post(review::reject_one_app),
        )
        .operator("/operations/apps/{id}/ranges", get(enter::show).and_post(enter::submit))
        .operator("/operations/apps/{id}/ranges/check", post_each(enter::check))
        .operator("/operations/apps/{id}/ranges/{number}", post_each(review::read))
        .operator(
            "/operations/apps/{id}/ranges/{number}/reject",
            get(review::show_reject_ranges).and_post(review::reject_one_version),
        )
        .operator("/operations/apps/{id}/freeze", get(stop::show_freeze).and_post(stop::freeze))
        .operator("/operations/apps/{id}/demand", get(stop::show_demand).and_post(stop::demand))
        .with_bodies_up_to(FORM_BYTES)
}
