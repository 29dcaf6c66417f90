//! The command line of `keyward backup` and `keyward restore`.

use std::path::PathBuf;

use clap::Args;

use super::options::{Output, StoreChoice};

/// Options of `backup`.
#[derive(Args)]
pub struct Backup {
    #[command(flatten)]
    pub store: StoreChoice,
    /// The folder to make; it must not be there yet
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
    /// The master key of the backup, where another took its place since; the store is restored under today's
    #[arg(long, value_name = "FILE")]
    pub taken_under: Option<PathBuf>,
    /// Move a store that is there aside, into a folder beside it
    #[arg(long)]
    pub replace: bool,
    /// Yes, changes made after the backup may be lost: disable every key and end every session
    #[arg(long)]
    pub accept_rollback: bool,
    #[command(flatten)]
    pub output: Output,
}
