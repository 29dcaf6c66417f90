//! What keys did: charts from an hour to a month, a search of requests, a live view, one request, an export.

mod account;
mod drawn;
mod export;
mod key;
mod live;
mod query;
mod request;
mod rows;

pub use rows::{Row, row};

use crate::route::{Routes, get};

/// All of them.
pub fn routes() -> Routes {
    Routes::default()
        .route("/activity", get(account::show))
        .route("/activity/live", get(live::account))
        .route("/keys/{id}/activity", get(key::show))
        .route("/keys/{id}/activity/export", get(export::export))
        .route("/keys/{id}/live", get(live::key))
        .route("/keys/{id}/requests/{n}", get(request::show))
}
