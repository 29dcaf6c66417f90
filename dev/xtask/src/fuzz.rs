//! `cargo xtask fuzz`: every parser that meets the network, under libFuzzer on the stable toolchain.
//!
//! The coverage instrumentation is LLVM's own, switched on by plain code-generation flags for our own crates; only the
//! C++ runtime of libFuzzer is built on top. The crates of others are those of the release build. What is found stays
//! under `target/fuzz`; seeds are in `dev/fuzz/seeds`.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::process::{cargo, stream};
use crate::{Failure, place};

const FLAGS: [&str; 10] = [
    "--cfg",
    "fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
    "-Cdebug-assertions=on",
    "-Coverflow-checks=on",
];

/// What libFuzzer prints before the number of inputs that it tried.
const EXECUTED: &str = "stat::number_of_executed_units:";

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
        let done = fuzz(&folder.join(name), name, options.seconds).map_err(Failure::Refused)?;
        println!("  {done}");
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
    let compiler = compiler().map_err(|error| format!("a copy of this program: {error}"))?;
    let mut command = cargo();
    command
        // Of the whole workspace, or the crates of others would be built once more with fewer features.
        .args(["build", "--release", "--locked", "--workspace", "--features", "keyward-fuzz/fuzzing"])
        .args(targets()?.iter().flat_map(|name| ["--bin", name]))
        // cargo calls this program in place of the compiler for our own crates, and keeps what it makes apart.
        .env("RUSTC_WORKSPACE_WRAPPER", compiler);
    stream(&mut command)?;
    Ok(place::target().join("release"))
}

/// A copy of this program under a name that the flags determine, because cargo builds anew only for another name.
fn compiler() -> std::io::Result<PathBuf> {
    let mut hasher = DefaultHasher::new();
    FLAGS.hash(&mut hasher);
    fs::create_dir_all(scratch())?;
    let copy = scratch().join(format!("compile-{:016x}", hasher.finish()));
    fs::copy(std::env::current_exe()?, &copy)?;
    Ok(copy)
}

/// Compiles one crate of ours with the instrumentation: this program, called by cargo in place of the compiler.
pub fn compile(rustc: &str, arguments: &[String]) -> Result<(), Failure> {
    let mut command = Command::new(rustc);
    command.args(arguments);
    // Without a crate cargo only asks the compiler what it is.
    if arguments.iter().any(|argument| argument == "--crate-name") {
        command.args(FLAGS);
    }
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure::Refused(format!("the compiler ended with {status}"))),
        Err(error) => Err(Failure::Refused(format!("{rustc} did not start: {error}"))),
    }
}

/// Runs one target; gives what it did in a line. A target that is not instrumented, or that hardly ran, proves nothing.
fn fuzz(program: &Path, name: &str, seconds: u32) -> Result<String, String> {
    let corpus = scratch().join("corpus").join(name);
    let artifacts = scratch().join("artifacts").join(name);
    for folder in [&corpus, &artifacts] {
        fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    let mut command = Command::new(program);
    command
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .args(["-timeout=10", "-print_final_stats=1"])
        .arg(corpus);
    let seeds = home().join("seeds").join(name);
    if seeds.is_dir() {
        command.arg(seeds);
    }
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("{name}: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("{said}\n{name} ended with {}", output.status));
    }
    let (points, runs) = (number_before(&said, " inline 8-bit counters"), number_after(&said, EXECUTED));
    match (points, runs) {
        (Some(points @ 100..), Some(runs @ 1_000..)) => Ok(format!("{name}: {runs} runs, {points} points")),
        (points, runs) => Err(format!("{said}\n{name}: only {runs:?} runs over {points:?} points")),
    }
}

/// The number that ends where `words` begin: `(668 inline 8-bit counters)`.
fn number_before(text: &str, words: &str) -> Option<u64> {
    let (before, _) = text.split_once(words)?;
    before.rsplit(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
}

/// The number behind `words` and blanks.
fn number_after(text: &str, words: &str) -> Option<u64> {
    let (_, behind) = text.split_once(words)?;
    behind.split_whitespace().next()?.parse().ok()
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
    fn reads_what_a_target_did() {
        let said = "INFO: Loaded 1 modules   (668 inline 8-bit counters): 668 [0x5]\nstat::number_of_executed_units: 1234\n";
        assert_eq!(super::number_before(said, " inline 8-bit counters"), Some(668));
        assert_eq!(super::number_after(said, super::EXECUTED), Some(1234));
        assert_eq!(super::number_before("INFO: A corpus", " inline 8-bit counters"), None);
    }

    #[test]
    fn every_target_is_declared_and_has_seeds() {
        let manifest = std::fs::read_to_string(super::home().join("Cargo.toml")).unwrap();
        let names = super::targets().unwrap();
        assert!(!names.is_empty());
        for name in names {
            let path = format!("path = \"fuzz_targets/{name}.rs\"\nrequired-features");
            assert!(manifest.contains(&path), "{name} is not in dev/fuzz/Cargo.toml");
            assert!(super::home().join("seeds").join(&name).is_dir(), "{name} has no seeds");
        }
    }
}
