//! `keyward audit verify`.

use std::io::IsTerminal as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use keyward_rules::log::VerifierKey;
use keyward_store::{Kept, Signer, Verdict, Verification, Witnessed};
use serde_json::json;

use crate::arguments::audit::AuditVerify;
use crate::audit::{AuditSettings, Folder, read_note};
use crate::commands::{Opened, opened};
use crate::output;

/// Findings that are printed one by one.
const SHOWN: usize = 50;

/// Checks the log; fails when anything is not as it was written.
pub async fn run(options: AuditVerify) -> Result<()> {
    let notes: Result<Vec<Kept>> =
        options.checkpoints.iter().map(|file| Ok(kept(file, read_note(file)?))).collect();
    let mut notes = notes?;
    let given = options.public_key.as_deref().map(VerifierKey::parse).transpose().context("--public-key")?;
    let opened = opened(&options.store).await?;
    // What lies outside the store is read before the store, which is at least as far by then.
    notes.extend(in_folder(&opened.audit)?);
    let witnessed = witnessed(&opened);
    let own = opened.audit.key(opened.store.root())?.verifier().clone();
    let signer = given.map_or(Signer::Own(own), Signer::Given);
    let from_elsewhere = !notes.is_empty();
    let verification = Verification { signer, kept: notes, witnessed };
    let verdict = opened.store.log().verify(&verification, progress()).await;
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
            "A log that was cut off with all its tables, and with this node's own file, shows only against a checkpoint that \
             was kept elsewhere: add --checkpoint FILE.",
        );
    }
    Ok(())
}

fn kept(file: &Path, note: String) -> Kept {
    Kept { source: format!("the checkpoint {}", file.display()), note }
}

/// What lies in the configured folder of checkpoints. One that is out of reach is an error: what it holds is not compared.
fn in_folder(settings: &AuditSettings) -> Result<Vec<Kept>> {
    let Some(path) = &settings.checkpoint_dir else { return Ok(Vec::new()) };
    let Some(notes) = Folder::new(path).notes().context("audit.checkpoint_dir")? else {
        output::note(format_args!(
            "audit.checkpoint_dir {} does not exist and is not compared.",
            path.display()
        ));
        return Ok(Vec::new());
    };
    Ok(notes.into_iter().map(|(file, note)| kept(&file, note)).collect())
}

/// What this node's own file says.
fn witnessed(opened: &Opened) -> Option<Witnessed> {
    let (file, state) = opened.node.as_ref()?;
    Some(Witnessed {
        source: format!("this node's file {}", file.display()),
        audit: state.seen.audit,
        checkpoints: state.signed.count,
        newest: state.signed.newest,
    })
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
        lines.extend(rows.map(|rows| format!("{rows} rows match the newest records about them")));
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
