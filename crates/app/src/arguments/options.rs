//! Options that many commands share: which store, and how to print.

use std::path::PathBuf;

use clap::Args;

/// Which store a command acts on.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub struct StoreChoice {
    /// A server's store, by its configuration
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// A sandbox's store, by its folder
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
}

/// How to print.
#[derive(Args)]
pub struct Output {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}
