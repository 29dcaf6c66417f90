//! The command line of `keyward sub-account`.

use clap::{Args, Subcommand};

use super::options::{Output, StoreChoice};

/// What to do with sub-accounts.
#[derive(Subcommand)]
pub enum SubAccount {
    /// Create a sub-account
    #[command(
        after_help = "Example:\n  keyward sub-account create --data ./sandbox --account trader@keyward.example --name alpha01 \\\n    --label \"Market maker\""
    )]
    Create(SubAccountCreate),
    /// List the sub-accounts of an account
    #[command(
        after_help = "Examples:\n  keyward sub-account list --data ./sandbox --account trader@keyward.example\n  keyward sub-account list --data ./sandbox --account trader@keyward.example --json | jq '.[].name'"
    )]
    List(SubAccountList),
    /// Stop all keys of a sub-account
    #[command(
        after_help = "Example:\n  keyward sub-account freeze --data ./sandbox --account trader@keyward.example --name alpha01"
    )]
    Freeze(SubAccountNamed),
    /// Let the keys of a sub-account work again
    #[command(
        after_help = "Example:\n  keyward sub-account thaw --data ./sandbox --account trader@keyward.example --name alpha01"
    )]
    Thaw(SubAccountNamed),
    /// Close a sub-account for good; the exchange refuses while it has funds
    #[command(
        after_help = "Example:\n  keyward sub-account close --data ./sandbox --account trader@keyward.example --name alpha01 --yes\n\nIts keys are refused at once, and the exchange is asked. When it has closed the sub-account, the keys\nare deleted; the name stays taken. `keyward sub-account list` shows its state."
    )]
    Close(SubAccountClose),
}

/// Options of `sub-account close`.
#[derive(Args)]
pub struct SubAccountClose {
    #[command(flatten)]
    pub which: SubAccountNamed,
    /// Close it without a question: you cannot undo it
    #[arg(long)]
    pub yes: bool,
}

/// Options of `sub-account create`.
#[derive(Args)]
pub struct SubAccountCreate {
    #[command(flatten)]
    pub which: SubAccountNamed,
    /// What people call it
    #[arg(long)]
    pub label: Option<String>,
}

/// Options of `sub-account list`.
#[derive(Args)]
pub struct SubAccountList {
    #[command(flatten)]
    pub store: StoreChoice,
    /// The e-mail address of the master account
    #[arg(long, value_name = "EMAIL")]
    pub account: String,
    #[command(flatten)]
    pub output: Output,
}

/// One sub-account of a master account.
#[derive(Args)]
pub struct SubAccountNamed {
    #[command(flatten)]
    pub store: StoreChoice,
    /// The e-mail address of the master account
    #[arg(long, value_name = "EMAIL")]
    pub account: String,
    /// The sub-account's name
    #[arg(long)]
    pub name: String,
    #[command(flatten)]
    pub output: Output,
}
