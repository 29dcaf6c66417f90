//! `keyward doctor`: what is wrong with a set-up, each finding with a name that stays.
//!
//! Owns: the checks, one file per subject. `serve` refuses to start on those of [`files`] that are refused.

pub mod files;
mod finding;
mod host;
mod network;
mod store;

pub use finding::{Finding, Level};

use crate::config::Config;

/// All findings; good ones among them.
pub async fn examine(config: &Config) -> Vec<Finding> {
    let mut found = vec![Finding::good("doctor.config", "The configuration has no mistake.")];
    found.extend(files::examine(config));
    found.extend(host::examine());
    found.extend(store::examine(config).await);
    found.extend(network::examine(config).await);
    found
}
