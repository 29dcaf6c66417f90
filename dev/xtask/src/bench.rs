//! `cargo xtask bench`: the benchmarks, built for release.

use crate::Failure;
use crate::process::{cargo, stream};

/// Hands `arguments` to the benchmark driver.
pub fn run(arguments: &[String]) -> Result<(), Failure> {
    let mut command = cargo();
    command.args(["run", "--profile", "dist", "--package", "keyward-bench", "--"]).args(arguments);
    stream(&mut command).map_err(Failure::Refused)
}
