//! cargo-deny: the one that is installed, if it is new enough, or one built from source under `target/tools`.

use std::path::PathBuf;
use std::process::Command;

use crate::place;
use crate::process::{cargo, output, stream};

/// The version that is built. Debian's 0.14 does not read the form of our `deny.toml`.
const VERSION: &str = "0.20.2";
/// The oldest that reads it.
const OLDEST: (u32, u32) = (0, 20);

/// The program, built from source where none is at hand.
pub fn find_or_build() -> Result<PathBuf, String> {
    let folder = place::target().join("tools");
    let built = folder.join("bin").join("cargo-deny");
    for candidate in place::program("cargo-deny").into_iter().chain([built.clone()]) {
        if version_of(&candidate).is_some_and(|version| version >= OLDEST) {
            return Ok(candidate);
        }
    }
    let package = format!("cargo-deny@{VERSION}");
    let mut command = cargo();
    // It runs for a second, so building it quickly matters more than its speed.
    command.args(["install", "--locked", "--quiet", "--debug", "--root"]).arg(&folder).arg(package);
    stream(&mut command).map(|()| built)
}

fn version_of(program: &PathBuf) -> Option<(u32, u32)> {
    parse(&output(Command::new(program).arg("--version"))?)
}

/// `cargo-deny 0.20.2`.
fn parse(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split_whitespace().nth(1)?.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::{OLDEST, VERSION, parse};

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(parse("cargo-deny 0.20.2\n"), Some((0, 20)));
        assert!(parse("cargo-deny 0.14.2").unwrap() < OLDEST && parse("cargo-deny 0.9.0").unwrap() < OLDEST);
        assert!(parse(&format!("cargo-deny {VERSION}")).unwrap() >= OLDEST);
        assert_eq!(parse("error"), None);
    }
}
