//! The credentials file, as outside scripts rely on it.

use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};

/// The JSON document: addresses, and the fixture keys by name. What does not exist yet is `null`.
pub fn document(keys: &Map<String, Value>, plain: SocketAddr, tls: SocketAddr, ca_file: &Path) -> String {
    let document = json!({
        "console_url": null,
        "gateway_url": format!("http://{plain}"),
        "gateway_tls_url": format!("https://localhost:{}", tls.port()),
        "ws_url": null,
        "wss_url": null,
        "ca_file": ca_file,
        "mail_url": null,
        "people": null,
        "keys": keys,
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
