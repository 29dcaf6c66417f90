//! The credentials file, as outside scripts rely on it.

use std::path::Path;

use serde_json::json;

use super::fixtures::Fixtures;
use super::places::Places;
use super::scanner::KEY_ID;

/// The JSON document: addresses, people and keys by name.
pub fn document(fixtures: &Fixtures, places: &Places, scanner: &Path) -> String {
    let document = json!({
        "console_url": places.console,
        "gateway_url": format!("http://{}", places.plain),
        "gateway_tls_url": format!("https://localhost:{}", places.tls.port()),
        "ws_url": places.sockets(),
        "wss_url": places.tls_sockets(),
        "ca_file": places.ca_file,
        "metrics_url": format!("http://{}", places.metrics),
        "mail_url": format!("{}/dev/mail", places.console),
        "people": fixtures.people,
        "keys": fixtures.keys,
        "scanner": {"key_id": KEY_ID, "private_key_file": scanner},
    });
    format!("{document:#}\n")
}
