//! The command line of `keyward audit`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::options::{Output, StoreChoice};

/// What to do with the audit log.
#[derive(Subcommand)]
pub enum Audit {
    /// Check every record against the tree and against every signed checkpoint
    #[command(
        after_help = "Examples:\n  keyward audit verify --data ./sandbox\n  keyward audit verify --config /etc/keyward/keyward.toml \\\n    --checkpoint /mnt/elsewhere/latest\n  keyward audit verify --data ./sandbox --state\n\nExit code 0: everything is as it was written. 1: it is not, and each finding says what to do."
    )]
    Verify(AuditVerify),
    /// Write the records out: as JSON lines or CSV, or as tiles for other tools
    #[command(
        after_help = "Examples:\n  keyward audit export --data ./sandbox --format csv > audit.csv\n  keyward audit export --data ./sandbox --tiles ./audit-log"
    )]
    Export(AuditExport),
    /// Print the proof that a record is in the log, with its signed checkpoint
    #[command(after_help = "Example:\n  keyward audit prove --data ./sandbox 42 > 42.tlog-proof")]
    Prove(AuditProve),
    /// Print the public key that checkpoints are signed with
    #[command(after_help = "Example:\n  keyward audit key --data ./sandbox")]
    Key(AuditKey),
}

/// Options of `audit verify`.
#[derive(Args)]
pub struct AuditVerify {
    #[command(flatten)]
    pub store: StoreChoice,
    /// A checkpoint that was kept elsewhere; repeat for more
    #[arg(long = "checkpoint", value_name = "FILE")]
    pub checkpoints: Vec<PathBuf>,
    /// The public key that you wrote down, instead of the one of this master key
    #[arg(long, value_name = "VKEY")]
    pub public_key: Option<String>,
    /// Also compare every row with the log, to find old, missing and unknown rows
    #[arg(long)]
    pub state: bool,
    #[command(flatten)]
    pub output: Output,
}

/// How records are written.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// One JSON object a line
    Jsonl,
    /// Comma-separated values, safe to open in a spreadsheet
    Csv,
}

/// Options of `audit export`.
#[derive(Args)]
pub struct AuditExport {
    #[command(flatten)]
    pub store: StoreChoice,
    /// How to write them, to standard output
    #[arg(long, value_enum, default_value = "jsonl")]
    pub format: ExportFormat,
    /// The first record
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub from: u64,
    /// The last record; left out, the end of the log
    #[arg(long, value_name = "N")]
    pub to: Option<u64>,
    /// Write the log up to its newest checkpoint into this new folder instead (c2sp.org/tlog-tiles)
    #[arg(long, value_name = "DIR", conflicts_with_all = ["format", "from", "to"])]
    pub tiles: Option<PathBuf>,
}

/// Options of `audit prove`.
#[derive(Args)]
pub struct AuditProve {
    #[command(flatten)]
    pub store: StoreChoice,
    /// The record's number
    #[arg(value_name = "N")]
    pub record: u64,
    #[command(flatten)]
    pub output: Output,
}

/// Options of `audit key`.
#[derive(Args)]
pub struct AuditKey {
    #[command(flatten)]
    pub store: StoreChoice,
    #[command(flatten)]
    pub output: Output,
}
