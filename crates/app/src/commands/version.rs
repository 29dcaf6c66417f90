//! `keyward version`.

use anyhow::Result;
use serde_json::json;

use crate::arguments::Output;
use crate::output;

/// Prints the version.
pub fn run(options: &Output) -> Result<()> {
    let version = env!("CARGO_PKG_VERSION");
    if options.json {
        return output::data(json!({"name": "keyward", "version": version}));
    }
    output::data(format_args!("keyward {version}"))
}
