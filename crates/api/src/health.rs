//! What `/healthz` and `/readyz` answer, on the gateway, the console and the listener for metrics alike.

use bytes::Bytes;
use serde_json::json;

/// `{"ready":true,"stale":[]}`. It is ready when the status is 200. What is stale is named also when it does not matter for
/// what was asked.
#[must_use]
pub fn body(status: u16, stale: &[String]) -> Bytes {
    let mut text = json!({ "ready": status == 200, "stale": stale }).to_string();
    text.push('\n');
    text.into()
}
