//! `keyward explain CODE`.

use anyhow::{Result, bail};
use keyward_rules::denial::Denial;
use serde_json::json;

use crate::arguments::Explain;
use crate::output;

/// Prints every refusal that has the code.
pub fn run(options: &Explain) -> Result<()> {
    let found: Vec<_> =
        Denial::examples().iter().map(Denial::entry).filter(|entry| entry.code == options.code).collect();
    if found.is_empty() {
        bail!("the gateway makes no refusal with code {}; the exchange may", options.code);
    }
    if options.output.json {
        let all: Vec<_> = found
            .iter()
            .map(|entry| json!({"code": entry.code, "status": entry.status, "title": entry.title, "text": entry.text, "meaning": entry.meaning, "hint": entry.hint}))
            .collect();
        return output::data(json!(all));
    }
    let all = found.iter().map(|entry| {
        format!(
            "{} {} (HTTP {})\n  text     {}\n  meaning  {}\n  do       {}\n",
            entry.code, entry.title, entry.status, entry.text, entry.meaning, entry.hint
        )
    });
    output::data(all.collect::<String>())
}
