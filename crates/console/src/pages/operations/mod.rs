//! The pages of operators and auditors, and the way to become the first operator.

#![expect(clippy::result_large_err, reason = "what goes wrong here is an answer, and it goes straight out")]

mod accounts;
mod apps;
mod audit;
mod keys;
mod officer;
mod proposals;
mod queue;
mod reviews;
mod set_up;
mod settings;
mod staff;

use crate::route::{Routes, get, post};

/// All of them.
pub fn routes() -> Routes {
    Routes::default()
        .route("/set-up", get(set_up::show).and_post(set_up::take))
        .staff("/operations", get(queue::show))
        .staff("/operations/accounts", get(accounts::list))
        .staff("/operations/accounts/{id}", get(accounts::show))
        .operator("/operations/accounts/{id}/freeze", get(accounts::show_freeze).and_post(accounts::freeze))
        .staff("/operations/keys", get(keys::list))
        .staff("/operations/keys/{id}", get(keys::show))
        .operator("/operations/keys/{id}/freeze", get(keys::show_freeze).and_post(keys::freeze))
        .operator("/operations/keys/{id}/stop-trading", get(keys::show_stop).and_post(keys::stop))
        .staff("/operations/reviews", get(reviews::list))
        .staff("/operations/audit", get(audit::list))
        .staff("/operations/audit/{n}/proof", get(audit::proof))
        .staff("/operations/staff", get(staff::list))
        .operator("/operations/staff/invite", get(staff::show_invite).and_post(staff::invite))
        .operator("/operations/staff/{id}/revoke", get(staff::show_revoke).and_post(staff::revoke))
        .staff("/operations/settings", get(settings::show))
        .operator("/operations/settings", post(settings::change))
        .staff("/operations/proposals", get(proposals::list))
        .operator("/operations/proposals/new", get(proposals::show_new).and_post(proposals::make))
        .staff("/operations/proposals/{id}", get(proposals::show))
        .operator(
            "/operations/proposals/{id}/approve",
            get(proposals::show_approve).and_post(proposals::approve),
        )
        .operator("/operations/proposals/{id}/carry-out", post(proposals::carry_out))
        .operator(
            "/operations/proposals/{id}/cancel",
            get(proposals::show_cancel).and_post(proposals::cancel),
        )
        .merge(apps::routes())
}
