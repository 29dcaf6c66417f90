//! The checks that cargo runs.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::Depth;
use crate::process::{cargo, stream, succeeds};
use crate::{Failure, fuzz, graph, place, words};

/// The code is formatted.
pub fn format() -> Result<(), String> {
    stream(cargo().args(["fmt", "--all", "--check"]))
}

/// No lint fires, tests included. In the profile of the release build, so that C code is compiled once for both.
pub fn lints() -> Result<(), String> {
    let fuzzing = ["--features", "keyward-fuzz/fuzzing"];
    let mut command = cargo();
    command.args(["clippy", "--release", "--workspace", "--all-targets"]).args(fuzzing);
    stream(command.args(["--", "-D", "warnings"]))
}

/// Arrows between crates point inward.
pub fn layering() -> Result<(), String> {
    graph::run(&[]).map_err(reason)
}

/// No text for people has a word of the refused list.
pub fn words() -> Result<(), String> {
    words::run().map_err(reason)
}

/// Builds the product as it ships; returns the program.
pub fn release() -> Result<PathBuf, String> {
    stream(cargo().args(["build", "--release", "--package", "keyward"]))?;
    let program = place::target().join("release").join("keyward");
    program.is_file().then_some(program).ok_or_else(|| "the build left no program `keyward`".to_owned())
}

/// Unit tests only.
pub fn unit_tests() -> Result<(), String> {
    stream(runner().args(["--workspace", "--lib", "--bins"]))
}

/// Unit and integration tests, with the built program and PostgreSQL at hand.
pub fn tests(program: Option<&Path>, postgres: &Path, depth: Depth) -> Result<(), String> {
    let program = program.ok_or("not run: there is no release build")?;
    let mut command = runner();
    command.arg("--workspace").env("KEYWARD_BIN", program).env("KEYWARD_PG_BIN", postgres);
    if depth == Depth::Soak {
        command.env("PROPTEST_CASES", "20000");
    }
    stream(&mut command)
}

/// The one test that depends on what the kernel permits, by itself: it prints whether its requests came from real source
/// addresses or only the core judged them.
pub fn source_addresses(program: Option<&Path>) -> Result<(), String> {
    let program = program.ok_or("not run: there is no release build")?;
    let mut command = cargo();
    command.args([
        "test",
        "--quiet",
        "--release",
        "--workspace",
        "--test",
        "it",
        "an_apps_key_works_from_its_servers_only",
    ]);
    stream(command.args(["--", "--nocapture"]).env("KEYWARD_BIN", program))
}

/// Faults whose tests take a minute and more.
pub fn long_faults(program: Option<&Path>, postgres: &Path) -> Result<(), String> {
    let program = program.ok_or("there is no release build to test")?;
    let mut command = cargo();
    command.args(["test", "--quiet", "--release", "--workspace", "--test", "it", "faults::"]);
    command.args(["--", "--ignored", "--nocapture"]);
    stream(command.env("KEYWARD_BIN", program).env("KEYWARD_PG_BIN", postgres))
}

/// The time of a refusal tells nothing of an app's ranges. By itself and as it ships, because it is about nanoseconds.
pub fn refusal_times() -> Result<(), String> {
    let mut command = cargo();
    // Of the whole workspace, or the crates of others would be built once more with fewer features.
    command.args(["test", "--quiet", "--release", "--workspace", "--test", "timing"]);
    stream(command.args(["--", "--nocapture"]))
}

/// The documentation builds without a warning: every link leads somewhere. There are no examples in it to run.
pub fn documentation() -> Result<(), String> {
    let mut command = cargo();
    command.args(["doc", "--release", "--workspace", "--no-deps", "--document-private-items"]);
    stream(command.env("RUSTDOCFLAGS", "--deny warnings --allow rustdoc::private_intra_doc_links"))
}

/// A run of every fuzz target.
pub fn fuzzing(depth: Depth) -> Result<(), String> {
    let seconds = match depth {
        Depth::Quick | Depth::Full => 2,
        Depth::Soak => 600,
    };
    fuzz::run(&fuzz::Options { seconds, target: None }).map_err(reason)
}

/// Licences, banned and repeated crates, sources; not the advisories, whose database may be out of reach.
pub fn supply_chain(deny: &Path) -> Result<(), String> {
    let mut command = Command::new(deny);
    command.current_dir(place::root());
    stream(command.args(["--all-features", "check", "licenses", "bans", "sources"]))
}

/// nextest where it is installed, cargo's own runner elsewhere; in the profile of the release build, so that the
/// crates of others are built once.
fn runner() -> Command {
    let mut command = cargo();
    if succeeds(cargo().args(["nextest", "--version"])) {
        command.args(["nextest", "run", "--no-fail-fast", "--cargo-profile", "release"]);
    } else {
        command.args(["test", "--no-fail-fast", "--release"]);
    }
    command
}

fn reason(failure: Failure) -> String {
    match failure {
        Failure::Refused(reason) | Failure::Usage(reason) => reason,
    }
}
