//! `keyward review`: what a review finds of an account's keys. It changes nothing.

use anyhow::{Context as _, Result};
use keyward_authority::questions::{ReviewView, ReviewedKey, review};
use keyward_rules::account::Email;
use keyward_rules::review::{Finding, Question};
use serde_json::{Value, json};

use super::{host, open};
use crate::arguments::Review;
use crate::{ambient, output};

/// Runs the command.
pub async fn run(options: Review) -> Result<()> {
    let email = Email::parse(&options.account)?;
    let (store, authority) = open(&options.store).await?;
    let account = store.reader().account_by_email(&email).await?;
    let account = account.context("this account does not exist; create it with `keyward account create`")?.id;
    let view = review(&authority.context(host(), ambient::now()), account).await?;
    store.close().await;
    if view.altered > 0 {
        output::note(format_args!(
            "keyward: {} stored keys do not verify: they were altered outside the program, and are held",
            view.altered
        ));
    }
    if options.output.json {
        return output::data(as_json(&view));
    }
    if view.keys.is_empty() {
        output::note("No keys yet. `keyward key create --help` shows how to make one.");
        return Ok(());
    }
    output::data(page(&view))
}

fn as_json(view: &ReviewView) -> Value {
    let deductions = view
        .score
        .deductions
        .iter()
        .map(|one| json!({"finding": one.kind.word(), "keys": one.keys, "points": one.points}));
    let finding = |one: &Finding| json!({"finding": one.kind.word(), "severity": one.kind.severity().word(), "evidence": one.evidence});
    let question = |one: &Question| json!({"question": one.text, "known": one.known});
    let key = |one: &ReviewedKey| {
        let findings: Vec<Value> = one.findings.iter().map(finding).collect();
        let known: Vec<Value> = one.questions.iter().map(question).collect();
        json!({"api_key": one.key.id.to_string(), "name": one.key.name.as_str(), "findings": findings, "known": known})
    };
    json!({
        "score": view.score.points, "grade": view.score.grade(), "deductions": deductions.collect::<Vec<_>>(),
        "due_ms": view.due.map(|due| due.unix_ms()), "last_ms": view.past.first().map(|last| last.at.unix_ms()),
        "keys": view.keys.iter().map(key).collect::<Vec<_>>(),
    })
}

fn page(view: &ReviewView) -> String {
    let mut text = format!("score  {} of 100, {}\n", view.score.points, view.score.grade());
    if let Some(due) = view.due {
        text.push_str(&format!("due    {due}\n"));
    }
    for one in &view.score.deductions {
        let keys = if one.keys == 1 { "1 key".to_owned() } else { format!("{} keys", one.keys) };
        text.push_str(&format!("  -{:<3} {} ({keys})\n", one.points, one.kind.title()));
    }
    for one in &view.keys {
        text.push_str(&format!("\n{} ({})\n", one.key.name, one.key.id));
        if one.findings.is_empty() {
            text.push_str("  no findings\n");
        }
        for finding in &one.findings {
            let (kind, evidence) = (finding.kind, &finding.evidence);
            text.push_str(&format!("  {:<8} {}. {evidence}\n", kind.severity().word(), kind.title()));
        }
    }
    text
}
