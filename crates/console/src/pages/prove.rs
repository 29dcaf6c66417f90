//! Where a broker's servers fetch the token of a version, to show that its ranges are theirs. Only programs come here: the
//! answer is one line of text.

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use keyward_authority::apps::ProveControl;
use keyward_authority::{Action as _, ErrorKind};
use keyward_rules::grant::{Actor, Proof};
use keyward_rules::id::AppId;

use crate::shell::Shell;
use crate::who::From;

/// One answer for every token, version and address that does not count.
fn nothing(status: StatusCode) -> Response {
    (status, [(header::CACHE_CONTROL, "no-store")], "nothing to show here\n").into_response()
}

/// Counts the address that the request came from.
pub async fn prove(
    State(shell): State<Shell>,
    From(origin): From,
    Path((app, number, token)): Path<(String, String, String)>,
) -> Response {
    let (Ok(app), Ok(number)) = (app.parse::<AppId>(), number.parse::<u64>()) else {
        return nothing(StatusCode::NOT_FOUND);
    };
    let control = ProveControl { app, number, token, source: origin.address };
    match control.perform(&shell.context(Actor::Visitor(origin)), Proof::None).await {
        Ok(progress) => {
            let text = format!("noted: {} of {} ranges\n", progress.proven, progress.all);
            (StatusCode::OK, [(header::CACHE_CONTROL, "no-store")], text).into_response()
        }
        Err(other) if other.kind() == ErrorKind::Broken => {
            tracing::error!(problem = other.for_the_log(), "a proof of control could not be noted");
            nothing(StatusCode::SERVICE_UNAVAILABLE)
        }
        Err(_) => nothing(StatusCode::NOT_FOUND),
    }
}
