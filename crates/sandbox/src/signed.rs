//! Requests and frames as the gateway would send them, for the tests.

use http::{HeaderMap, HeaderName, HeaderValue};
use keyward_rules::identity::{self, Identity, IdentityKey};
use serde_json::{Map, Value};

/// When the tests' requests are made.
pub(crate) const NOW_MS: u64 = 1_800_000_000_000;

pub(crate) fn key(id: u32) -> IdentityKey {
    IdentityKey::new(id, [5; 32])
}

/// An account that may do everything.
pub(crate) fn trader() -> Identity<'static> {
    Identity {
        account: Some("1001"),
        key: Some("k"),
        label: Some("my%20bot"),
        addresses: Some("127.0.0.1,::1"),
        permissions: "read,trade,withdraw,funding",
        environment: "live",
        route: "r",
        request_id: "q1",
        deadline_ms: NOW_MS + 5_000,
        client_address: "203.0.113.9",
        ..Identity::default()
    }
}

/// Nobody, on a public route.
pub(crate) fn nobody() -> Identity<'static> {
    Identity { account: None, key: None, label: None, addresses: None, permissions: "", ..trader() }
}

/// The names and values of an identity, signed.
fn members(
    told: &Identity<'_>,
    key: &IdentityKey,
    method: &str,
    target: &str,
    body: &str,
) -> Vec<(&'static str, String)> {
    let signed = key.sign(told, method, target.as_bytes(), body.as_bytes());
    let deadline = told.deadline_ms.to_string();
    let all = [
        (identity::ACCOUNT, told.account),
        (identity::SUB_ACCOUNT, told.sub_account),
        (identity::KEY, told.key),
        (identity::LABEL, told.label),
        (identity::ADDRESSES, told.addresses),
        (identity::PERMISSIONS, Some(told.permissions)),
        (identity::ENVIRONMENT, Some(told.environment)),
        (identity::ROUTE, Some(told.route)),
        (identity::REQUEST_ID, Some(told.request_id)),
        (identity::DEADLINE, Some(deadline.as_str())),
        (identity::CLIENT_ADDRESS, Some(told.client_address)),
        (identity::IDENTITY, Some(&*signed)),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name, value?.to_owned()))).collect()
}

/// The headers that the gateway would send.
pub(crate) fn headers(
    told: &Identity<'_>,
    key: &IdentityKey,
    method: &str,
    target: &str,
    body: &str,
) -> HeaderMap {
    let header = |(name, value): (&'static str, String)| {
        (HeaderName::from_static(name), HeaderValue::from_str(&value).unwrap())
    };
    members(told, key, method, target, body).into_iter().map(header).collect()
}

/// The frame that the gateway would send on a socket whose upgrade had this target.
pub(crate) fn frame(told: &Identity<'_>, key: &IdentityKey, target: &str, request: &str) -> String {
    let member = |(name, value): (&'static str, String)| (name.to_owned(), Value::String(value));
    let line: Map<String, Value> =
        members(told, key, "WS", target, request).into_iter().map(member).collect();
    format!("{}\n{request}", Value::Object(line))
}
