//! The credentials file, as outside scripts rely on it.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::json;

use super::Places;
use super::fixtures::Fixtures;

/// The JSON document: addresses, people and keys by name. What does not exist yet is `null`.
pub fn document(fixtures: &Fixtures, places: &Places) -> String {
    let document = json!({
        "console_url": places.console,
        "gateway_url": format!("http://{}", places.plain),
        "gateway_tls_url": format!("https://localhost:{}", places.tls.port()),
        "ws_url": null,
        "wss_url": null,
        "ca_file": places.ca_file,
        "metrics_url": format!("http://{}", places.metrics),
        "mail_url": format!("{}/dev/mail", places.console),
        "people": fixtures.people,
        "keys": fixtures.keys,
    });
    format!("{document:#}\n")
}

/// Writes a file that only its owner may read, whole or not at all.
pub fn write(file: &Path, text: &str) -> Result<()> {
    let partial = file.with_extension("partial");
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut open = options.open(&partial).with_context(|| format!("cannot write {}", file.display()))?;
    open.write_all(text.as_bytes())?;
    open.sync_all()?;
    std::fs::rename(&partial, file).with_context(|| format!("cannot write {}", file.display()))
}
