//! `keyward approvals …`.

use clap::{Args, Subcommand};

use super::{Output, StoreChoice};

/// What to do with requests of keys that wait for their master account.
#[derive(Subcommand)]
pub enum Approvals {
    /// Show the requests that wait for their master account, and what became of others
    #[command(
        after_help = "Example:\n  keyward approvals list --data ./sandbox --account trader@keyward.example"
    )]
    List(ApprovalsOf),
    /// Approve requests: each passes once, when its program sends it again within 24 hours
    #[command(after_help = "Example:\n  keyward approvals approve --data ./sandbox 123456789012345678")]
    Approve(ApprovalNumbers),
    /// Refuse requests, or take approvals back that are not used
    #[command(after_help = "Example:\n  keyward approvals refuse --data ./sandbox 123456789012345678")]
    Refuse(ApprovalNumbers),
    /// Show or change how much the sub-accounts of an account may transfer in a UTC day without asking
    #[command(
        after_help = "Examples:\n  keyward approvals thresholds --data ./sandbox --account trader@keyward.example\n  keyward approvals thresholds --data ./sandbox --account trader@keyward.example --set '100 USDT, 0.01 BTC'\n  keyward approvals thresholds --data ./sandbox --account trader@keyward.example --set ''      asks for every transfer\n\ndocs/operating/approvals.md says how approvals work."
    )]
    Thresholds(ApprovalThresholds),
}

/// Options of `approvals list`.
#[derive(Args)]
pub struct ApprovalsOf {
    #[command(flatten)]
    pub store: StoreChoice,
    /// The master account's e-mail address
    #[arg(long, value_name = "EMAIL")]
    pub account: String,
    #[command(flatten)]
    pub output: Output,
}

/// Options of `approvals approve` and `approvals refuse`.
#[derive(Args)]
pub struct ApprovalNumbers {
    #[command(flatten)]
    pub store: StoreChoice,
    /// The numbers that the clients were answered with, at most 100
    #[arg(value_name = "NUMBER", required = true)]
    pub numbers: Vec<String>,
    #[command(flatten)]
    pub output: Output,
}

/// Options of `approvals thresholds`.
#[derive(Args)]
pub struct ApprovalThresholds {
    #[command(flatten)]
    pub store: StoreChoice,
    /// The master account's e-mail address
    #[arg(long, value_name = "EMAIL")]
    pub account: String,
    /// All thresholds from now on, each an amount and a currency
    #[arg(long, value_name = "LIST")]
    pub set: Option<String>,
    #[command(flatten)]
    pub output: Output,
}
