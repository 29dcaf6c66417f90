//! Running other programs: nothing to read from, output straight through, a failure as one line.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::place;

/// The cargo that runs us, in the workspace's folder.
pub fn cargo() -> Command {
    let program = place::variable("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from);
    let mut command = Command::new(program);
    command.current_dir(place::root());
    command
}

/// Runs to the end with the output streamed; the error names the command.
pub fn stream(command: &mut Command) -> Result<(), String> {
    let line = describe(command);
    println!("  $ {line}");
    match command.stdin(Stdio::null()).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{line}` ended with {status}")),
        Err(error) => Err(format!("`{line}` did not start: {error}")),
    }
}

/// Whether a program starts and succeeds, with its output dropped.
pub fn succeeds(command: &mut Command) -> bool {
    let silent = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    silent.status().is_ok_and(|status| status.success())
}

/// What a program prints, if it succeeds and prints text.
pub fn output(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8(output.stdout).ok()).flatten()
}

fn describe(command: &Command) -> String {
    let program = PathBuf::from(command.get_program());
    let name = program.file_name().unwrap_or(command.get_program()).to_string_lossy().into_owned();
    let root = place::root();
    command.get_args().fold(name, |line, argument| {
        let text = argument.to_string_lossy();
        let short = text.strip_prefix(&*root.to_string_lossy()).map(|rest| rest.trim_start_matches('/'));
        format!("{line} {}", short.unwrap_or(&text))
    })
}
