//! The switch between one's own account and a sub-account. It decides whose keys pages show and change.

use axum::http::header;
use axum::response::{AppendHeaders, IntoResponse as _, Response};
use keyward_authority::ActionError;
use keyward_authority::questions::acting_for;
use keyward_rules::id::AccountId;

use super::environment::first_page;
use super::layout::{go, problem};
use super::person::Posted;
use crate::who::set_acting;

/// Remembers the account, and leads back to the part of the console that the switch was pressed in.
pub async fn choose(posted: Posted) -> Response {
    let (person, fields) = (&posted.person, &posted.fields);
    let chosen = match fields.get("account") {
        "" => None,
        id => {
            let found = async {
                let id: AccountId = id.parse().map_err(|_| ActionError::NoSubAccount)?;
                acting_for(&person.own_context(), person.id(), id).await.map(|_| id)
            };
            match found.await {
                Ok(id) => Some(id),
                Err(other) => return problem(other),
            }
        }
    };
    let cookie = (header::SET_COOKIE, set_acting(chosen, person.id()));
    (AppendHeaders([cookie]), go(first_page(fields.get("part")))).into_response()
}
