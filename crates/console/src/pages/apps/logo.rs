//! Logos as pictures of ours: decoded and encoded anew when they came in, so that a browser gets a PNG and nothing else.

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use keyward_authority::apps::SentPicture;
use keyward_authority::questions::app_logo;

use crate::pages::person::SignedIn;

/// The logo of an app, for who may see the app.
pub async fn serve(person: SignedIn, Path(id): Path<String>) -> Response {
    let Ok(id) = id.parse() else { return StatusCode::NOT_FOUND.into_response() };
    // In their role people see the logos of apps that nobody verified yet.
    let context = person.staff_context().unwrap_or_else(|| person.own_context());
    match app_logo(&context, id).await {
        Ok(png) => {
            let headers =
                [(header::CONTENT_TYPE, "image/png"), (header::CACHE_CONTROL, "private, max-age=300")];
            (headers, png).into_response()
        }
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}

/// A logo for a form that is shown again.
pub fn write(logo: Option<&SentPicture>) -> String {
    logo.map(|logo| BASE64_STANDARD.encode(logo.bytes())).unwrap_or_default()
}
