//! The id of an app in a path.

use axum::response::Response;
use keyward_authority::ActionError;
use keyward_rules::id::AppId;

use crate::pages::layout::problem;

/// The app that a path names.
pub fn app_id(text: &str) -> Result<AppId, Response> {
    text.parse().map_err(|_| problem(ActionError::NoApp))
}
