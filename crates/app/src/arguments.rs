//! The command line.

pub mod approvals;
pub mod audit;
pub mod backup;
pub mod master_key;
mod options;
pub mod sub_account;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use keyward_rules::account::Email;

pub use options::{Output, StoreChoice};

/// API keys for an exchange, as OKX does it, on your own machine.
#[derive(Parser)]
#[command(
    name = "keyward",
    version,
    max_term_width = 100,
    after_help = "Start here: keyward sandbox\n\nExit code 0: done. 1: refused or failed, or the output cannot be written. 2: wrong usage.\n3: the configuration cannot be used. docs/operating/hosting.md says more."
)]
pub struct Arguments {
    /// Write the log as JSON lines
    #[arg(long, global = true, env = "KEYWARD_LOG_JSON")]
    pub log_json: bool,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Subcommand)]
pub enum Command {
    /// Run everything on this machine with a sandbox exchange behind it
    #[command(
        after_help = "Examples:\n  keyward sandbox\n  keyward sandbox --data ./sandbox --credentials creds.json"
    )]
    Sandbox(Sandbox),
    /// Run the gateway in front of a real exchange
    #[command(
        after_help = "Example:\n  keyward init --dir ./server && keyward serve --config ./server/keyward.toml"
    )]
    Serve(ConfigFile),
    /// Create, list and delete keys
    #[command(subcommand)]
    Key(Key),
    /// Make accounts
    #[command(subcommand)]
    Account(Account),
    /// Create, list and freeze sub-accounts
    #[command(subcommand)]
    SubAccount(sub_account::SubAccount),
    /// Approve or refuse transfers by keys of sub-accounts
    #[command(subcommand)]
    Approvals(approvals::Approvals),
    /// Show what a review finds of an account's keys, and the security score
    #[command(
        after_help = "Example:\n  keyward review --data ./sandbox --account trader@keyward.example\n\nThe user finishes the review in the console. docs/operating/review.md lists the findings."
    )]
    Review(Review),
    /// The first operators
    #[command(subcommand)]
    Operator(Operator),
    /// Check, export and prove the audit log
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Replace the master key
    #[command(subcommand)]
    MasterKey(master_key::MasterKey),
    /// Write the key that the exchange verifies identities with to a file
    #[command(
        after_help = "Example:\n  keyward identity-key --config /etc/keyward/keyward.toml --to /etc/exchange/keyward-identity.key"
    )]
    IdentityKey(master_key::IdentityKey),
    /// Check a set-up for mistakes and unsafe settings
    #[command(
        after_help = "Examples:\n  keyward doctor --config /etc/keyward/keyward.toml\n  sudo -u keyward keyward doctor --json | jq '.[] | select(.level == \"refused\")'\n  keyward doctor --send-test you@example.com\n\nRun it as the user that keyward runs as. Exit code 0: nothing is refused, though there may be\nwarnings. 1: something is, such as a mistake in the configuration. docs/operating/hosting.md lists every finding."
    )]
    Doctor(Doctor),
    /// Copy the store into a new folder while a server runs on it
    #[command(
        after_help = "Example:\n  keyward backup --config /etc/keyward/keyward.toml --to /mnt/backup/keyward-2026-11-21\n\nThe master key is not in it: keep a copy of that somewhere else."
    )]
    Backup(backup::Backup),
    /// Put a backup back
    #[command(
        after_help = "Example:\n  keyward restore --config /etc/keyward/keyward.toml --from /mnt/backup/keyward-2026-11-21"
    )]
    Restore(backup::Restore),
    /// Write a master key and a configuration to start from
    Init(Init),
    /// Show, check or print an example of the configuration
    #[command(subcommand)]
    Config(Config),
    /// List the sources that the gateway has closed out, or make firewall rules of them
    #[command(
        after_help = "Examples:\n  keyward bans --config /etc/keyward/keyward.toml\n  keyward bans --nft | ssh proxy sudo nft -f -\n  sudo keyward bans --apply\n\nThe gateway keeps its bans in `ban_file` under [sources]. --apply needs nftables and the right to change\nthe firewall. docs/operating/proxies.md shows how to run it whenever the file changes."
    )]
    Bans(Bans),
    /// Say what a refusal's code means and what to do about it
    #[command(after_help = "Example:\n  keyward explain 50113")]
    Explain(Explain),
    /// Print the version
    Version(Output),
}

/// Options of `sandbox`.
#[derive(Args)]
pub struct Sandbox {
    /// Keep state in this folder; without it a temporary one is removed at the end
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Write the credentials as JSON to this file (mode 0600) once ready
    #[arg(long, value_name = "FILE")]
    pub credentials: Option<PathBuf>,
    /// Where the console listens
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8480")]
    pub console: SocketAddr,
    /// Where the gateway listens; port 0 picks one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8481")]
    pub gateway: SocketAddr,
    /// Where the gateway listens with TLS
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8482")]
    pub gateway_tls: SocketAddr,
    /// Where metrics and the health of each part are served
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8483")]
    pub metrics: SocketAddr,
    /// A receiver of alerts on this machine or network, such as 127.0.0.1:9000; repeat for more
    #[arg(long = "allow-receiver", value_name = "HOST:PORT")]
    pub allow_receivers: Vec<String>,
    /// A proxy that is trusted to name the client's address, such as 10.0.0.7 or 10.1.0.0/24; repeat for more
    #[arg(long = "trusted-proxy", value_name = "CIDR")]
    pub trusted_proxies: Vec<String>,
    /// In which form trusted proxies name their clients
    #[arg(long, value_name = "FORM", value_parser = ["forwarded", "proxy-protocol"], default_value = "forwarded")]
    pub client_address: String,
    /// A backend to use instead of the sandbox exchange
    #[arg(long, value_name = "URL")]
    pub upstream: Option<String>,
    /// Also make this many unbound read+trade keys over many accounts
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub extra_keys: u64,
    /// Multiply every rate, for load tests
    #[arg(long, value_name = "FACTOR", default_value_t = 1, hide = true)]
    pub raise_rates: u32,
}

/// A configuration file.
#[derive(Args)]
pub struct ConfigFile {
    /// The configuration
    #[arg(long, value_name = "FILE", default_value = "/etc/keyward/keyward.toml")]
    pub config: PathBuf,
}

/// Options of `doctor`.
#[derive(Args)]
pub struct Doctor {
    /// The configuration
    #[arg(long, value_name = "FILE", default_value = "/etc/keyward/keyward.toml")]
    pub config: PathBuf,
    /// Also send one mail to this address, and tell what the mail server answers
    #[arg(long, value_name = "ADDRESS", value_parser = Email::parse)]
    pub send_test: Option<Email>,
    #[command(flatten)]
    pub output: Output,
}

/// What to do with keys.
#[derive(Subcommand)]
pub enum Key {
    /// Make a key and show its three credentials, once
    #[command(
        after_help = "Example:\n  keyward key create --data ./sandbox --account trader@keyward.example --name bot \\\n    --permission read --permission trade --ip 127.0.0.1\n\nExit code 1 with the name of a key in the message: the key was made, but its secret could not be shown.\nDelete the key and make another."
    )]
    Create(KeyCreate),
    /// List an account's keys
    List(KeyList),
    /// Show one key
    Show(KeyName),
    /// Change the limits of a key
    #[command(
        after_help = "Examples:\n  keyward key edit --data ./sandbox --limits '{\"instruments\": [\"BTC-USDT\"], \"max_order_value\": \"500\"}' API_KEY\n  keyward key edit --data ./sandbox --limits @limits.json API_KEY\n  keyward key edit --data ./sandbox --limits '{}' API_KEY      takes all limits away\n\ndocs/operating/limits.md lists all limits."
    )]
    Edit(KeyEdit),
    /// Disable a key; it can be enabled again
    Disable(KeyName),
    /// Enable a disabled key
    Enable(KeyName),
    /// Put a key in quarantine: it reads and cancels, and does nothing else
    StopTrading(KeyName),
    /// Put a key in quarantine: it reads, and does nothing else
    ReadOnly(KeyName),
    /// Lift a key's quarantine
    LiftQuarantine(KeyName),
    /// Delete a key for good
    Delete(KeyDelete),
}

/// Options of `key create`.
#[derive(Args)]
pub struct KeyCreate {
    #[command(flatten)]
    pub store: StoreChoice,
    /// The account's e-mail address
    #[arg(long, value_name = "EMAIL")]
    pub account: String,
    /// The key's name, unique in the account
    #[arg(long)]
    pub name: String,
    /// A permission: read, trade, withdraw, funding or manage; repeat for more
    #[arg(long = "permission", value_name = "WORD", required_unless_present = "canary")]
    pub permissions: Vec<String>,
    /// Addresses and CIDR blocks that it works from, separated by commas; without it, the key works from anywhere
    #[arg(long, value_name = "LIST")]
    pub ip: Option<String>,
    /// A file that holds the passphrase; without it, one is generated
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
    /// Most requests per second, 1 to 1000, below the standard rates
    #[arg(long, value_name = "N")]
    pub rate_cap: Option<u64>,
    /// What its requests may ask for, as a JSON object or as @FILE that holds one
    #[arg(long, value_name = "JSON")]
    pub limits: Option<String>,
    /// Make a demo key
    #[arg(long)]
    pub demo: bool,
    /// Make a canary: it admits no request, and raises the alarm when somebody uses it
    #[arg(long, conflicts_with_all = ["permissions", "ip", "limits", "rate_cap"])]
    pub canary: bool,
    /// Allow addresses wider than a /8 (IPv4) or /32 (IPv6)
    #[arg(long)]
    pub acknowledge_wide: bool,
    #[command(flatten)]
    pub output: Output,
}

/// Options of `key list`.
#[derive(Args)]
pub struct KeyList {
    #[command(flatten)]
    pub store: StoreChoice,
    /// The account's e-mail address
    #[arg(long, value_name = "EMAIL")]
    pub account: String,
    /// Only keys that were not used for so many days; a key that was never used counts from its creation
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=3650))]
    pub unused_days: Option<u64>,
    #[command(flatten)]
    pub output: Output,
}

/// Options of `review`.
#[derive(Args)]
pub struct Review {
    #[command(flatten)]
    pub store: StoreChoice,
    /// The account's e-mail address
    #[arg(long, value_name = "EMAIL")]
    pub account: String,
    #[command(flatten)]
    pub output: Output,
}

/// Which key.
#[derive(Args)]
pub struct KeyName {
    #[command(flatten)]
    pub store: StoreChoice,
    /// The API key
    #[arg(value_name = "API_KEY")]
    pub key: String,
    #[command(flatten)]
    pub output: Output,
}

/// Options of `key edit`.
#[derive(Args)]
pub struct KeyEdit {
    #[command(flatten)]
    pub which: KeyName,
    /// All its limits from now on, as a JSON object or as @FILE that holds one
    #[arg(long, value_name = "JSON")]
    pub limits: String,
}

/// Options of `key delete`.
#[derive(Args)]
pub struct KeyDelete {
    #[command(flatten)]
    pub which: KeyName,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// What to do with accounts.
#[derive(Subcommand)]
pub enum Account {
    /// Make an account
    #[command(
        after_help = "Example:\n  keyward account create --data ./sandbox --email trader2@keyward.example"
    )]
    Create(AccountCreate),
    /// Show or change the limits of an account, over all its keys
    #[command(
        after_help = "Examples:\n  keyward account limits --data ./sandbox --account trader@keyward.example\n  keyward account limits --data ./sandbox --account trader@keyward.example --set '{\"daily_value\": \"50000\"}'\n  keyward account limits --data ./sandbox --account trader@keyward.example --set '{}'      takes all limits away\n\ndocs/operating/limits.md lists all limits."
    )]
    Limits(AccountLimits),
}

/// What to do with operators.
#[derive(Subcommand)]
pub enum Operator {
    /// Print a set-up link while there are too few operators; the user who opens it becomes one
    #[command(
        after_help = "Example:\n  keyward operator link --config /etc/keyward/keyward.toml\n\nExit code 1 with `was made, but not shown` in the message: the link is lost. Run the command again,\nwhich makes the lost link invalid."
    )]
    Link(OperatorLink),
}

/// Options of `operator link`.
#[derive(Args)]
pub struct OperatorLink {
    #[command(flatten)]
    pub store: StoreChoice,
    #[command(flatten)]
    pub output: Output,
}

/// Options of `account create`.
#[derive(Args)]
pub struct AccountCreate {
    #[command(flatten)]
    pub store: StoreChoice,
    /// Its e-mail address
    #[arg(long)]
    pub email: String,
    #[command(flatten)]
    pub output: Output,
}

/// Options of `account limits`.
#[derive(Args)]
pub struct AccountLimits {
    #[command(flatten)]
    pub store: StoreChoice,
    /// The account's e-mail address
    #[arg(long, value_name = "EMAIL")]
    pub account: String,
    /// A sub-account of it, by name
    #[arg(long, value_name = "NAME")]
    pub sub_account: Option<String>,
    /// All its limits from now on, as a JSON object or as @FILE that holds one
    #[arg(long, value_name = "JSON")]
    pub set: Option<String>,
    #[command(flatten)]
    pub output: Output,
}

/// Options of `init`.
#[derive(Args)]
pub struct Init {
    /// Where to write `master.key` and `keyward.toml`
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
}

/// What to do with the configuration.
#[derive(Subcommand)]
pub enum Config {
    /// Print every setting with its default and meaning
    Example,
    /// Check a configuration and what it names on this machine; all mistakes at once
    Check(ConfigFile),
    /// Print a configuration as it is understood
    Show(ConfigFile),
}

/// Options of `bans`.
#[derive(Args)]
pub struct Bans {
    /// The configuration
    #[arg(long, value_name = "FILE", default_value = "/etc/keyward/keyward.toml")]
    pub config: PathBuf,
    /// Print rules for `nft -f` that drop what these sources send to the gateway's ports
    #[arg(long, conflicts_with = "json")]
    pub nft: bool,
    /// Put these rules into the kernel's firewall, in place of those from before
    #[arg(long, conflicts_with_all = ["json", "nft"])]
    pub apply: bool,
    #[command(flatten)]
    pub output: Output,
}

/// Options of `explain`.
#[derive(Args)]
pub struct Explain {
    /// A code such as 50113
    pub code: String,
    #[command(flatten)]
    pub output: Output,
}
