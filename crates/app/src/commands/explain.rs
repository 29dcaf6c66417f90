//! `keyward explain CODE`.

use anyhow::{Result, bail};
use keyward_rules::denial::Denial;
use keyward_rules::okx::sub_accounts::EndpointRefusal;
use serde_json::json;

use crate::arguments::Explain;
use crate::output;

/// Prints every refusal that has the code.
pub fn run(options: &Explain) -> Result<()> {
    let mut found: Vec<_> =
        Denial::examples().iter().map(Denial::entry).filter(|entry| entry.code == options.code).collect();
    // Two refusals may differ in what they carry alone.
    found.dedup_by_key(|entry| entry.meaning);
    if let (true, Some(refusal)) = (found.is_empty(), of_endpoints(&options.code)) {
        return of_sub_accounts(options, &refusal);
    }
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

fn of_endpoints(code: &str) -> Option<EndpointRefusal> {
    EndpointRefusal::examples().into_iter().find(|refusal| refusal.code() == code)
}

/// What the endpoints for sub-accounts answer: their texts say what to do.
fn of_sub_accounts(options: &Explain, refusal: &EndpointRefusal) -> Result<()> {
    let (code, status, text) = (refusal.code(), refusal.status(), refusal.text());
    let meaning = "a request about sub-accounts and their keys was not carried out";
    let hint = "correct the request; docs/operating/sub-accounts.md lists the codes";
    let title = "Sub-account request refused";
    if options.output.json {
        let entry = json!({"code": code, "status": status, "title": title, "text": text, "meaning": meaning, "hint": hint});
        return output::data(json!([entry]));
    }
    output::data(format!(
        "{code} {title} (HTTP {status})\n  text     {text}\n  meaning  {meaning}\n  do       {hint}\n"
    ))
}
