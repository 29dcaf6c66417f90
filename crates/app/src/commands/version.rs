//! `keyward version`.

use anyhow::Result;
use serde_json::json;

use crate::arguments::Output;

/// Prints the version.
pub fn run(options: &Output) -> Result<()> {
    let version = env!("CARGO_PKG_VERSION");
    if options.json {
        println!("{}", json!({"name": "keyward", "version": version}));
    } else {
        println!("keyward {version}");
    }
    Ok(())
}
