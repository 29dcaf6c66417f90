//! The configuration: one TOML file, unknown names refused, all mistakes at once.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Every setting with its default and meaning.
pub const EXAMPLE: &str = include_str!("../../../config/default.toml");

/// A server's settings.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The store.
    pub store: StoreSettings,
    /// The gateway.
    pub gateway: GatewaySettings,
    /// The exchange.
    pub upstream: UpstreamSettings,
}

/// The store's settings.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct StoreSettings {
    /// Folder or URL.
    pub url: String,
    /// Where the master key is.
    pub master_key_file: PathBuf,
}

/// The gateway's settings.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct GatewaySettings {
    /// Without TLS.
    pub listen: Option<SocketAddr>,
    /// With TLS.
    pub tls_listen: Option<SocketAddr>,
    /// The certificate chain.
    pub tls_certificate_file: Option<PathBuf>,
    /// Its key.
    pub tls_key_file: Option<PathBuf>,
    /// Threads that serve.
    pub threads: Option<usize>,
    /// Where the newest change seen is kept.
    pub checkpoint_file: Option<PathBuf>,
}

/// The exchange's settings.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct UpstreamSettings {
    /// Its URL.
    pub url: String,
}

/// A configuration that cannot be used.
#[derive(Debug)]
pub struct ConfigError {
    mistakes: Vec<String>,
}

impl std::fmt::Display for ConfigError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "the configuration cannot be used: {}", self.mistakes.join("; "))
    }
}

impl std::error::Error for ConfigError {}

fn mistake(text: impl Into<String>) -> ConfigError {
    ConfigError { mistakes: vec![text.into()] }
}

/// Reads and checks a file.
pub fn read(file: &Path) -> Result<Config, ConfigError> {
    let text = std::fs::read_to_string(file)
        .map_err(|problem| mistake(format!("{} cannot be read: {problem}", file.display())))?;
    let config: Config =
        toml::from_str(&text).map_err(|problem| mistake(format!("{}: {problem}", file.display())))?;
    let mistakes = mistakes(&config);
    if mistakes.is_empty() { Ok(config) } else { Err(ConfigError { mistakes }) }
}

fn mistakes(config: &Config) -> Vec<String> {
    let mut found = Vec::new();
    let gateway = &config.gateway;
    if gateway.listen.is_none() && gateway.tls_listen.is_none() {
        found.push("gateway.listen or gateway.tls_listen is needed".to_owned());
    }
    if gateway.tls_listen.is_some()
        && (gateway.tls_certificate_file.is_none() || gateway.tls_key_file.is_none())
    {
        found.push("gateway.tls_listen needs tls_certificate_file and tls_key_file".to_owned());
    }
    if gateway.threads == Some(0) {
        found.push("gateway.threads must be at least 1".to_owned());
    }
    if crate::node::backend(&config.upstream.url).is_err() {
        found.push(format!("upstream.url `{}` must be http://host[:port]", config.upstream.url));
    }
    if keyward_store::Location::parse(&config.store.url).is_err() {
        found.push("store.url must be a folder or postgres://…".to_owned());
    }
    found
}

/// A thief of the data folder must not get the key with it.
pub fn refuse_key_inside(folder: &Path, key: &Path) -> Result<(), ConfigError> {
    let inside = match (folder.canonicalize(), key.canonicalize()) {
        (Ok(folder), Ok(key)) => key.starts_with(folder),
        (_, _) => key.starts_with(folder),
    };
    if inside {
        return Err(mistake("store.master_key_file lies inside the data folder; keep it elsewhere"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_example_is_good() {
        let config: super::Config = toml::from_str(super::EXAMPLE).unwrap();
        assert!(super::mistakes(&config).is_empty());
        assert!(
            toml::from_str::<super::Config>(
                &super::EXAMPLE.replace("[upstream]", "[upstream]\nunheard_of = 1")
            )
            .is_err()
        );
    }
}
