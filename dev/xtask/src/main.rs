//! The project's own commands: `cargo xtask help`.
//!
//! Owns: how everything is checked, and what a machine needs for it. Leaves to others: what is checked.
//! Has no dependencies at all, so that the first command on a fresh machine starts in a second.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command's output is its purpose")]

mod bench;
mod fuzz;
mod graph;
mod help;
mod place;
mod process;
mod test;
mod tokens;
mod words;

use std::path::Path;
use std::process::ExitCode;

/// Why a command ended without success.
enum Failure {
    /// Something was checked and is not right, or could not be done.
    Refused(String),
    /// The command line is wrong.
    Usage(String),
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Refused(reason)) => {
            eprintln!("error: {reason}");
            ExitCode::from(1)
        }
        Err(Failure::Usage(reason)) => {
            eprintln!("error: {reason}\n\n{}", help::TEXT);
            ExitCode::from(2)
        }
    }
}

fn dispatch(arguments: &[String]) -> Result<(), Failure> {
    let (command, rest) = arguments.split_first().map_or(("help", arguments), |(first, rest)| (first, rest));
    // Only while fuzz targets are built: cargo puts the compiler's path before its arguments.
    if Path::new(command).file_name().is_some_and(|name| name == "rustc") {
        return fuzz::compile(command, rest);
    }
    match command {
        "test" => test::run(test::Options::read(rest)?),
        "clients" => test::run_clients(rest),
        "graph" => graph::run(rest),
        "words" if rest.is_empty() => words::run(),
        "fuzz" => fuzz::run(&fuzz::Options::read(rest)?),
        "screenshots" => test::run_screenshots(rest),
        "bench" => bench::run(rest),
        "help" | "--help" | "-h" => help::run(),
        other => Err(Failure::Usage(format!("there is no command `{other}`"))),
    }
}
