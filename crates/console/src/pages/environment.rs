//! The switch between live and demo trading. It decides what lists show and what a new key is for; it changes no key.

use axum::http::{StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse as _, Response};
use keyward_rules::key::Environment;

use super::layout::{go, message};
use super::person::Posted;
use crate::who::set_environment;

/// Remembers the environment, and leads back to the part of the console that the switch was pressed in.
pub async fn choose(posted: Posted) -> Response {
    let (person, fields) = (&posted.person, &posted.fields);
    let Ok(environment) = fields.get("environment").parse::<Environment>() else {
        return message(
            StatusCode::UNPROCESSABLE_ENTITY,
            "That did not work",
            "The environment is live or demo. Nothing was changed. Go back, load the page again, and choose one of the two.",
        );
    };
    let cookie = (header::SET_COOKIE, set_environment(environment, person.id()));
    (AppendHeaders([cookie]), go(first_page(fields.get("part")))).into_response()
}

/// The first page of a part. A form names the part and no address, so it cannot lead elsewhere.
pub(super) fn first_page(part: &str) -> &'static str {
    match part {
        "keys" => "/keys",
        "activity" => "/activity",
        "alerts" => "/alerts",
        "apps" => "/apps",
        "security" => "/security",
        "audit" => "/trail",
        "sub-accounts" => "/sub-accounts",
        "approvals" => "/approvals",
        "review" => "/review",
        _ => "/overview",
    }
}
