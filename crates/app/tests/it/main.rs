//! The built program from outside: real sockets, a real process, an exchange that counts.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::wildcard_enum_match_arm,
    missing_docs,
    reason = "a test stops at the first thing that is not as expected, and reads the clock to sign"
)]

mod addresses;
mod altered;
mod approvals;
mod apps_listen;
mod audit;
mod audit_elsewhere;
mod backup;
mod bans;
mod beside;
mod breach;
mod bytes_out;
mod commands;
mod crash;
mod database_away;
mod disks;
mod doctor;
mod exchange_notices;
mod failover;
mod faults;
mod fences;
mod framing;
mod framing2;
mod health;
mod idle;
mod kills;
mod leaks;
mod limits;
mod log;
mod master_key;
mod orders;
mod output;
mod rates;
mod refusals;
mod retention;
mod secrets;
mod secure;
mod server;
mod set_up_link;
mod signals;
mod socket;
mod sub_account_endpoints;
mod sub_accounts;
mod terminal;
mod uniform;
mod watched;
mod world;
