//! The binary: configuration, wiring, command line.
//!
//! Owns: reading what people ask and joining the parts in `node.rs`. Leaves to others: everything else.

mod ambient;
mod approvals;
mod arguments;
mod audit;
mod backup;
mod bans;
mod checkpoint;
mod commands;
mod config;
mod control;
mod descriptors;
mod doctor;
mod endpoints;
mod exchange;
mod files;
mod log;
mod master_key_source;
mod metrics;
mod node;
mod output;
mod retention;
mod sandbox;
mod set_up_link;
mod spooled;
mod status;
mod tasks;
mod tls;
mod watch;
mod worker;

use std::process::ExitCode;

use clap::Parser as _;

use arguments::{Arguments, Command};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Exit codes: 0 done, 1 refused or failed, 2 wrong usage (by the parser), 3 configuration wrong. Output that cannot be written is
/// a failure; a reader that has gone away is none.
fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(answer) => return answered(&answer),
    };
    let _log = log::start(arguments.log_json);
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(problem) => return failed(&problem.into()),
    };
    let done = runtime.block_on(async {
        match arguments.command {
            Command::Sandbox(options) => sandbox::run(options).await,
            Command::Serve(options) => commands::serve::run(&options).await,
            Command::Key(command) => commands::key::run(command).await,
            Command::Account(command) => commands::account::run(command).await,
            Command::SubAccount(command) => commands::sub_account::run(command).await,
            Command::Approvals(command) => commands::approvals::run(command).await,
            Command::Review(options) => commands::review::run(options).await,
            Command::Operator(command) => commands::operator::run(command).await,
            Command::Doctor(options) => commands::doctor::run(&options).await,
            Command::Backup(options) => commands::backup::run(options).await,
            Command::Restore(options) => commands::restore::run(options).await,
            Command::MasterKey(command) => commands::master_key::run(command).await,
            Command::IdentityKey(options) => commands::identity_key::run(options).await,
            Command::Audit(command) => commands::audit::run(command).await,
            Command::Init(options) => commands::init::run(&options),
            Command::Config(command) => commands::config::run(command),
            Command::Bans(options) => commands::bans::run(&options),
            Command::Explain(options) => commands::explain::run(&options),
            Command::Version(options) => commands::version::run(&options),
        }
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) if problem.downcast_ref::<config::ConfigError>().is_some() => told(&problem, 3),
        Err(problem) => failed(&problem),
    }
}

/// What the parser says instead of giving a command: help and the version are data, wrong usage is told on standard error.
fn answered(answer: &clap::Error) -> ExitCode {
    let outcome = output::settle(answer.print());
    if answer.use_stderr() {
        return ExitCode::from(2);
    }
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => failed(&problem),
    }
}

fn failed(problem: &anyhow::Error) -> ExitCode {
    told(problem, 1)
}

/// Tells on one line what went wrong, then its causes.
fn told(problem: &anyhow::Error, code: u8) -> ExitCode {
    output::note(format_args!("keyward: {problem:#}"));
    ExitCode::from(code)
}
