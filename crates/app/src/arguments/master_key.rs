//! The command line of `keyward master-key` and `keyward identity-key`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::options::{Output, StoreChoice};

/// What to do with the master key.
#[derive(Subcommand)]
pub enum MasterKey {
    /// Say which master key the store and the file have
    #[command(after_help = "Example:\n  keyward master-key show --config /etc/keyward/keyward.toml")]
    Show(WhichStore),
    /// Create the next master key, in a file next to the current one; nothing else changes yet
    #[command(
        after_help = "Example:\n  keyward master-key new --config /etc/keyward/keyward.toml\n\nThen an operator proposes it in the console by the name that this prints, and others approve it."
    )]
    New(WhichStore),
    /// Replace the current master key with the next one, after operators approved it; servers keep running
    #[command(
        after_help = "Example:\n  keyward master-key rotate --config /etc/keyward/keyward.toml\n\nIf it was interrupted, run it again: it continues where it stopped."
    )]
    Rotate(WhichStore),
}

/// Options of all of them.
#[derive(Args)]
pub struct WhichStore {
    #[command(flatten)]
    pub store: StoreChoice,
    #[command(flatten)]
    pub output: Output,
}

/// Options of `identity-key`.
#[derive(Args)]
pub struct IdentityKey {
    #[command(flatten)]
    pub store: StoreChoice,
    /// The file to create, readable by its owner only; it must not exist yet
    #[arg(long, value_name = "FILE")]
    pub to: PathBuf,
}
