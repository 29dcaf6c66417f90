//! The binary: configuration, wiring, command line.
//!
//! Owns: reading what people ask and joining the parts in `node.rs`. Leaves to others: everything else.

#![expect(clippy::print_stdout, reason = "a command's data goes to standard output")]

mod ambient;
mod arguments;
mod audit;
mod backup;
mod checkpoint;
mod commands;
mod config;
mod control;
mod descriptors;
mod doctor;
mod log;
mod metrics;
mod node;
mod retention;
mod sandbox;
mod set_up_link;
mod status;
mod tasks;
mod tls;
mod worker;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;

use arguments::{Arguments, Command};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Exit codes: 0 done, 1 refused or failed, 2 wrong usage (by the parser), 3 configuration wrong.
fn main() -> ExitCode {
    end_quietly_when_nobody_reads();
    let arguments = Arguments::parse();
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
            Command::Operator(command) => commands::operator::run(command).await,
            Command::Doctor(options) => commands::doctor::run(&options).await,
            Command::Backup(options) => commands::backup::run(options).await,
            Command::Restore(options) => commands::restore::run(options).await,
            Command::MasterKey(command) => commands::master_key::run(command).await,
            Command::IdentityKey(options) => commands::identity_key::run(options).await,
            Command::Audit(command) => commands::audit::run(command).await,
            Command::Init(options) => commands::init::run(&options),
            Command::Config(command) => commands::config::run(command),
            Command::Explain(options) => commands::explain::run(&options),
            Command::Version(options) => commands::version::run(&options),
        }
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) if problem.downcast_ref::<config::ConfigError>().is_some() => {
            eprintln_chain(&problem);
            ExitCode::from(3)
        }
        Err(problem) => failed(&problem),
    }
}

/// `keyward key list | head` is no failure: when the reader has gone, the rest is not written.
fn end_quietly_when_nobody_reads() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let text = panic.payload().downcast_ref::<String>().map(String::as_str).unwrap_or_default();
        if text.starts_with("failed printing to stdout: Broken pipe") {
            std::process::exit(0);
        }
        usual(panic);
    }));
}

fn failed(problem: &anyhow::Error) -> ExitCode {
    eprintln_chain(problem);
    ExitCode::from(1)
}

/// One line: what went wrong, then its causes.
fn eprintln_chain(problem: &anyhow::Error) {
    // Where nobody listens the exit code says it.
    let _ = writeln!(std::io::stderr(), "keyward: {problem:#}");
}
