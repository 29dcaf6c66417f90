//! `keyward audit export`: records as lines.

use anyhow::{Result, bail};
use keyward_rules::trail::Entry;
use keyward_store::Log;
use serde_json::{Map, Value, json};

use super::{cells, tiles};
use crate::arguments::audit::{AuditExport, ExportFormat};
use crate::commands::opened;
use crate::output::Pieces;

/// The columns of CSV.
const COLUMNS: [&str; 9] = ["n", "at", "actor", "action", "subject", "from", "device", "factors", "facts"];

/// Writes the records.
pub async fn run(options: AuditExport) -> Result<()> {
    if options.from == 0 || options.to.is_some_and(|to| to < options.from) {
        bail!("records are numbered from 1, and --to is not before --from");
    }
    let opened = opened(&options.store).await?;
    let log = opened.store.log();
    let done = match &options.tiles {
        Some(folder) => tiles::write(&log, opened.audit.key(opened.store.root())?.verifier(), folder).await,
        None => lines(&log, &options).await,
    };
    opened.store.close().await;
    done
}

async fn lines(log: &Log, options: &AuditExport) -> Result<()> {
    let line = match options.format {
        ExportFormat::Jsonl => json_line,
        ExportFormat::Csv => csv_line,
    };
    let mut out = Pieces::new();
    if options.format == ExportFormat::Csv && out.add(&cells::line(COLUMNS))?.is_break() {
        return Ok(());
    }
    let (mut from, last) = (options.from, options.to.unwrap_or(u64::MAX));
    loop {
        let page = log.records(from).await?;
        let Some((end, _)) = page.last() else { break };
        from = end + 1;
        for (n, record) in page.iter().filter(|(n, _)| *n <= last) {
            if out.add(&line(*n, record))?.is_break() {
                return Ok(());
            }
        }
        if from > last {
            break;
        }
    }
    out.end()
}

/// The record's members behind its number; what is no record is told as such.
fn json_line(n: u64, record: &str) -> String {
    let mut members = Map::from_iter([("n".to_owned(), json!(n))]);
    match (Entry::read(record), serde_json::from_str(record)) {
        (Some(_), Ok(Value::Object(read))) => members.extend(read),
        (_, _) => members.extend([("unreadable".to_owned(), json!(record))]),
    }
    format!("{}\n", Value::Object(members))
}

fn csv_line(n: u64, record: &str) -> String {
    let number = n.to_string();
    let Some(entry) = Entry::read(record) else {
        return cells::line([&number, "", "", "unreadable", "", "", "", "", record]);
    };
    let facts = json!(entry.facts).to_string();
    let Entry { at, action, actor, subject, from, device, factors, facts: _ } = &entry;
    let cells = [&number, at, actor, action, subject, from, device, factors, &facts];
    cells::line(cells.map(String::as_str))
}

#[cfg(test)]
mod tests {
    use super::{csv_line, json_line};

    const RECORD: &str = r#"{"action":"key.edit","actor":"host:ops","at":"1970-01-01T00:00:00.000Z","facts":{"name":"=1"},"subject":"key:1","v":"1"}"#;

    #[test]
    fn a_line_is_a_record_with_its_number() {
        assert_eq!(json_line(7, RECORD), format!("{{\"n\":7,{}\n", &RECORD[1..]));
        assert_eq!(json_line(7, "x\n"), "{\"n\":7,\"unreadable\":\"x\\n\"}\n");
        assert_eq!(
            csv_line(7, RECORD),
            "\"7\",\"1970-01-01T00:00:00.000Z\",\"host:ops\",\"key.edit\",\"key:1\",\"\",\"\",\"\",\"{\"\"name\"\":\"\"=1\"\"}\"\r\n"
        );
    }
}
