//! `cargo xtask fuzz`: every parser that meets the network, under libFuzzer on the stable toolchain.
//!
//! The coverage instrumentation is LLVM's own, switched on by plain code-generation flags; only the C++ runtime
//! of libFuzzer is built on top. What is found stays under `target/fuzz`; seeds are in `dev/fuzz/seeds`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{cargo, output, stream};
use crate::{Failure, place};

const FLAGS: [&str; 8] = [
    "--cfg",
    "fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
];

/// What to fuzz, and for how long.
#[derive(PartialEq, Eq, Debug)]
pub struct Options {
    /// Per target.
    pub seconds: u32,
    /// `None` for all of them.
    pub target: Option<String>,
}

impl Options {
    /// Reads `[--seconds N] [TARGET]`.
    pub fn read(arguments: &[String]) -> Result<Self, Failure> {
        let mut options = Self { seconds: 60, target: None };
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            if argument == "--seconds" {
                let number = rest.next().and_then(|text| text.parse().ok()).filter(|seconds| *seconds > 0);
                options.seconds = number
                    .ok_or_else(|| Failure::Usage("`--seconds` wants a number greater than 0".to_owned()))?;
            } else if argument.starts_with('-') || options.target.is_some() {
                return Err(Failure::Usage(format!("`fuzz` does not take `{argument}`")));
            } else {
                options.target = Some(argument.clone());
            }
        }
        Ok(options)
    }
}

/// Builds the targets and runs one after the other; stops at the first that crashes.
pub fn run(options: &Options) -> Result<(), Failure> {
    let all = targets().map_err(Failure::Refused)?;
    let chosen = match &options.target {
        None => all,
        Some(name) if all.contains(name) => vec![name.clone()],
        Some(name) => {
            let known = all.join(", ");
            return Err(Failure::Usage(format!("there is no fuzz target `{name}`; there are {known}")));
        }
    };
    let folder = build().map_err(Failure::Refused)?;
    for name in &chosen {
        println!("fuzzing {name} for {} s", options.seconds);
        fuzz(&folder.join(name), name, options.seconds).map_err(Failure::Refused)?;
    }
    println!("{} fuzz targets, nothing found", chosen.len());
    Ok(())
}

/// The names of the targets, in order.
fn targets() -> Result<Vec<String>, String> {
    let folder = home().join("fuzz_targets");
    let entries = fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let name = |path: &Path| Some(path.file_name()?.to_str()?.strip_suffix(".rs")?.to_owned());
    let mut names: Vec<String> = entries.flatten().filter_map(|entry| name(&entry.path())).collect();
    names.sort_unstable();
    Ok(names)
}

/// Builds all targets and returns the folder that holds them.
fn build() -> Result<PathBuf, String> {
    let host = host().ok_or("`rustc -vV` does not name a host")?;
    let target = scratch();
    let mut command = cargo();
    // Naming the host as the target keeps the flags away from build scripts and procedural macros.
    command
        .args(["build", "--release", "--locked", "--target", &host])
        .arg("--manifest-path")
        .arg(home().join("Cargo.toml"))
        .arg("--target-dir")
        .arg(&target)
        .env("CARGO_ENCODED_RUSTFLAGS", FLAGS.join("\u{1f}"));
    stream(&mut command)?;
    Ok(target.join(host).join("release"))
}

fn fuzz(program: &Path, name: &str, seconds: u32) -> Result<(), String> {
    let corpus = scratch().join("corpus").join(name);
    let artifacts = scratch().join("artifacts").join(name);
    for folder in [&corpus, &artifacts] {
        fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    let mut command = Command::new(program);
    command
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .args(["-timeout=10", "-verbosity=0", "-print_final_stats=1"])
        .arg(corpus);
    let seeds = home().join("seeds").join(name);
    if seeds.is_dir() {
        command.arg(seeds);
    }
    stream(&mut command)
}

fn host() -> Option<String> {
    let version = output(Command::new("rustc").arg("-vV").current_dir(place::root()))?;
    version.lines().find_map(|line| line.strip_prefix("host: ")).map(str::to_owned)
}

fn home() -> PathBuf {
    place::root().join("dev").join("fuzz")
}

fn scratch() -> PathBuf {
    place::target().join("fuzz")
}

#[cfg(test)]
mod tests {
    use super::Options;

    fn read(line: &str) -> Option<Options> {
        let arguments: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Options::read(&arguments).ok()
    }

    #[test]
    fn reads_its_arguments() {
        assert_eq!(read(""), Some(Options { seconds: 60, target: None }));
        let wanted = Options { seconds: 5, target: Some("key_id".to_owned()) };
        assert_eq!(read("--seconds 5 key_id"), Some(wanted));
        for wrong in ["--seconds", "--seconds 0", "--seconds x", "a b", "--fast"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn every_target_is_declared_and_has_seeds() {
        let manifest = std::fs::read_to_string(super::home().join("Cargo.toml")).unwrap();
        let names = super::targets().unwrap();
        assert!(!names.is_empty());
        for name in names {
            let path = format!("path = \"fuzz_targets/{name}.rs\"");
            assert!(manifest.contains(&path), "{name} is not in dev/fuzz/Cargo.toml");
            assert!(super::home().join("seeds").join(&name).is_dir(), "{name} has no seeds");
        }
    }
}
