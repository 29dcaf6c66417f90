//! `keyward audit …`: checking, exporting and proving what the log says. Nothing here changes a record.

mod cells;
mod export;
mod tiles;
mod verify;

use anyhow::Result;
use keyward_authority::questions::prove_record;
use serde_json::json;

use super::{host, opened};
use crate::arguments::audit::{Audit, AuditKey, AuditProve};
use crate::{ambient, output};

/// Runs one of the audit commands.
pub async fn run(command: Audit) -> Result<()> {
    match command {
        Audit::Verify(options) => verify::run(options).await,
        Audit::Export(options) => export::run(options).await,
        Audit::Prove(options) => prove(options).await,
        Audit::Key(options) => key(options).await,
    }
}

async fn prove(options: AuditProve) -> Result<()> {
    let opened = opened(&options.store).await?;
    let proof = prove_record(&opened.authority.context(host(), ambient::now()), options.record).await;
    opened.store.close().await;
    let proof = proof?;
    if options.output.json {
        let path: Vec<String> = proof.path.iter().map(ToString::to_string).collect();
        let shown = json!({"n": proof.n, "index": proof.n - 1, "size": proof.size, "record": proof.record,
            "leaf": proof.leaf.to_string(), "path": path, "checkpoint": proof.checkpoint});
        return output::data(shown);
    }
    output::data(proof.to_text())
}

async fn key(options: AuditKey) -> Result<()> {
    let opened = opened(&options.store).await?;
    opened.store.close().await;
    let key = opened.audit.key(opened.store.root())?;
    if options.output.json {
        return output::data(json!({"public_key": key.verifier().to_string()}));
    }
    output::data(key.verifier())
}
