//! The command line of `keyward backup` and `keyward restore`.

use std::path::PathBuf;

use clap::Args;

use super::options::{Output, StoreChoice};

/// Options of `backup`.
#[derive(Args)]
pub struct Backup {
    #[command(flatten)]
    pub store: StoreChoice,
    /// The folder to create; it must not exist yet
    #[arg(long, value_name = "DIR")]
    pub to: PathBuf,
    #[command(flatten)]
    pub output: Output,
}

/// Options of `restore`.
#[derive(Args)]
pub struct Restore {
    #[command(flatten)]
    pub store: StoreChoice,
    /// The folder that `keyward backup` made
    #[arg(long, value_name = "DIR")]
    pub from: PathBuf,
    /// The master key of the backup, if it was replaced since; the store is restored under the current one
    #[arg(long, value_name = "FILE")]
    pub taken_under: Option<PathBuf>,
    /// Move an existing store to a folder next to it
    #[arg(long)]
    pub replace: bool,
    /// Accept that changes after the backup may be lost; disables every key and ends every session
    #[arg(long)]
    pub accept_rollback: bool,
    #[command(flatten)]
    pub output: Output,
}
