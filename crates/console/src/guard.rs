//! What holds for every request: where it may come from, how long it may take, and what its answer carries.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::pages::message;
use crate::shell::Shell;

/// How long a request may take altogether.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// No inline code or style, nothing from elsewhere, in no frame; forms go to this origin only.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self'; font-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Refuses changes that another site's page caused, and dresses every answer.
pub async fn guard(State(shell): State<Shell>, request: Request, next: Next) -> Response {
    let program = request.uri().path().starts_with("/api/v1/");
    let refused = !request.method().is_safe() && !program && !same_origin(&shell, request.headers());
    let mut answer = if refused {
        message(
            StatusCode::FORBIDDEN,
            "Request from another site",
            "The request did not come from a page of this console, so nothing was done. Open the page here and try again.",
        )
    } else {
        match tokio::time::timeout(PATIENCE, next.run(request)).await {
            Ok(answer) => answer,
            Err(_) if program => StatusCode::SERVICE_UNAVAILABLE.into_response(),
            Err(_) => message(
                StatusCode::SERVICE_UNAVAILABLE,
                "That took too long",
                "The console stopped after 30 seconds. Check what was changed before you try again. If it happens often, tell the operator.",
            ),
        }
    };
    let headers = answer.headers_mut();
    let set = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (
            HeaderName::from_static("permissions-policy"),
            "camera=(), geolocation=(), microphone=(), payment=(), publickey-credentials-create=(self), publickey-credentials-get=(self)",
        ),
    ];
    for (name, value) in set {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if shell.settings().origin.starts_with("https://") {
        headers.insert(
            header::STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=31536000; includeSubDomains"),
        );
    }
    // Assets and logos say for themselves how long they keep.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    answer
}

/// Whether a request that changes something came from a page of ours. Browsers say so themselves: by
/// `Sec-Fetch-Site`, and older ones by `Origin`. The API is not asked: it takes no cookie, so nothing can ride on one there.
fn same_origin(shell: &Shell, headers: &HeaderMap) -> bool {
    let text = |name: HeaderName| {
        let mut all = headers.get_all(name).iter();
        let first = all.next().map(|value| value.to_str().unwrap_or("?"));
        // Two of them are no browser's.
        if all.next().is_some() { Some("?") } else { first }
    };
    // Under `Referrer-Policy: no-referrer`, which proxies like to add, browsers send `Origin: null` even here. It says
    // nothing, and `Sec-Fetch-Site`, which no page can set, decides alone.
    let origin = text(header::ORIGIN).filter(|origin| *origin != "null");
    let origin = origin.map(|origin| origin == shell.settings().origin);
    match (text(HeaderName::from_static("sec-fetch-site")), origin) {
        (Some("same-origin"), Some(false)) => false,
        (Some("same-origin"), _) | (None, Some(true)) => true,
        (Some(_), _) | (None, Some(false) | None) => false,
    }
}
