//! `keyward audit verify`.

use std::io::IsTerminal as _;

use anyhow::{Context as _, Result, bail};
use keyward_rules::limits::NOTE_BYTES;
use keyward_rules::log::VerifierKey;
use keyward_store::{Kept, Signer, Verdict, Verification};
use serde_json::json;

use crate::arguments::audit::AuditVerify;
use crate::commands::opened;
use crate::output;

/// Findings that are printed one by one.
const SHOWN: usize = 50;

/// Checks the log; fails when anything is not as it was written.
pub async fn run(options: AuditVerify) -> Result<()> {
    let kept: Result<Vec<Kept>> = options.checkpoints.iter().map(|file| read(file)).collect();
    let kept = kept?;
    let given = options.public_key.as_deref().map(VerifierKey::parse).transpose().context("--public-key")?;
    let opened = opened(&options.store).await?;
    let own = opened.audit.key(opened.store.root())?.verifier().clone();
    let signer = given.map_or(Signer::Own(own), Signer::Given);
    let from_elsewhere = !kept.is_empty();
    let verdict = opened.store.log().verify(&Verification { signer, kept }, progress()).await;
    let mut verdict = verdict?;
    let state = if options.state { Some(opened.store.states().check(counting()).await?) } else { None };
    opened.store.close().await;
    let rows = state.as_ref().map(|state| state.rows);
    verdict.findings.extend(state.into_iter().flat_map(|state| state.findings));
    let shown = output::data(if options.output.json {
        as_json(&verdict, rows).to_string()
    } else {
        page(&verdict, rows)
    });
    if !verdict.findings.is_empty() {
        shown.context("the store is not as it was written, but the findings were not shown")?;
        bail!("the store is not as it was written");
    }
    shown?;
    if !from_elsewhere {
        output::note(
            "A log that was cut off with all its tables shows only against a checkpoint that was kept elsewhere: add \
             --checkpoint FILE.",
        );
    }
    Ok(())
}

fn read(file: &std::path::Path) -> Result<Kept> {
    let length = std::fs::metadata(file).map(|about| about.len());
    if length.is_ok_and(|length| length > NOTE_BYTES as u64) {
        bail!("{} is too large for a checkpoint", file.display());
    }
    let note = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    Ok(Kept { source: format!("the checkpoint {}", file.display()), note })
}

fn page(verdict: &Verdict, rows: Option<u64>) -> String {
    let shown = verdict.findings.iter().take(SHOWN);
    let mut lines: Vec<String> = shown.map(|finding| format!("{finding}\n  {}", finding.advice())).collect();
    let more = verdict.findings.len().saturating_sub(SHOWN);
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    if verdict.findings.is_empty() {
        lines.push(format!(
            "{} records are as they were written; {} checkpoints agree. Root {}",
            verdict.records, verdict.checkpoints, verdict.root
        ));
        lines.extend(rows.map(|rows| format!("{rows} rows are as the newest records about them left them")));
    }
    lines.join("\n")
}

fn as_json(verdict: &Verdict, rows: Option<u64>) -> serde_json::Value {
    let findings: Vec<_> = verdict
        .findings
        .iter()
        .map(|finding| json!({"what": finding.to_string(), "do": finding.advice()}))
        .collect();
    json!({"good": verdict.findings.is_empty(), "records": verdict.records, "root": verdict.root.to_string(),
        "checkpoints": verdict.checkpoints, "rows": rows, "findings": findings})
}

/// The same for records and rows, whose number is not known before.
fn counting() -> impl FnMut(u64) + Send {
    let shown = std::io::stderr().is_terminal();
    move |done| {
        if shown && done > 10_000 {
            output::progress(format_args!("\r{done} records and rows"));
        }
    }
}

/// A line that counts, if somebody sits at a terminal.
fn progress() -> impl FnMut(u64, u64) + Send {
    let shown = std::io::stderr().is_terminal();
    move |done, all| {
        if shown && all > 10_000 {
            let end = if done == all { "\n" } else { "" };
            output::progress(format_args!("\r{done} of {all} records{end}"));
        }
    }
}
