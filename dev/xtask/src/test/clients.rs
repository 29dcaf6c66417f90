//! The real OKX clients: installed at their pinned versions, then made to trade through the built program.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::place;
use crate::process::{output, stream};

/// Where the clients are installed.
pub struct Clients {
    folder: PathBuf,
}

/// Installs both families, each only if its pins have changed since the last time.
pub fn install() -> Result<Clients, String> {
    let folder = place::target().join("clients");
    let (python, node) = (folder.join("python"), folder.join("node"));
    let requirements = home().join("requirements.txt");
    let version = output(Command::new("python3").arg("--version")).unwrap_or_default();
    once(&python, version + &read(&requirements)?, || install_python(&python, &requirements))?;
    let pins = read(&home().join("package.json"))? + &read(&home().join("package-lock.json"))?;
    once(&node, pins, || install_node(&node))?;
    Ok(Clients { folder })
}

/// Runs every script of `dev/clients` against the program.
pub fn trade(clients: Option<&Clients>, program: Option<&Path>) -> Result<(), String> {
    let clients = clients.ok_or("not run: the clients are not installed")?;
    let program = program.ok_or("not run: there is no release build")?;
    let mut command = Command::new(clients.folder.join("python").join("bin").join("python"));
    command
        .arg(home().join("run.py"))
        .current_dir(place::root())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("KEYWARD_BIN", program)
        .env("KEYWARD_NODE_CLIENTS", clients.folder.join("node"));
    stream(&mut command)
}

/// Does `work` in a fresh folder unless the stamp there says that it was done for these pins.
fn once(folder: &Path, pins: String, work: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    let stamp = folder.join("stamp");
    if fs::read_to_string(&stamp).is_ok_and(|done| done == pins) {
        println!("  {} is up to date", folder.display());
        return Ok(());
    }
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    work()?;
    fs::write(&stamp, pins).map_err(|error| format!("{}: {error}", stamp.display()))
}

fn install_python(folder: &Path, requirements: &Path) -> Result<(), String> {
    stream(Command::new("python3").args(["-m", "venv"]).arg(folder))?;
    let mut pip = Command::new(folder.join("bin").join("python"));
    // The list is complete, so what a package asks for beyond it is an error that `pip check` shows.
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--requirement",
    ])
    .arg(requirements);
    stream(&mut pip)?;
    stream(Command::new(folder.join("bin").join("python")).args(["-m", "pip", "check"]))
}

fn install_node(folder: &Path) -> Result<(), String> {
    for name in ["package.json", "package-lock.json"] {
        fs::copy(home().join(name), folder.join(name)).map_err(|error| format!("{name}: {error}"))?;
    }
    let arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
    stream(Command::new("npm").args(arguments).current_dir(folder))
}

fn read(file: &Path) -> Result<String, String> {
    fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))
}

fn home() -> PathBuf {
    place::root().join("dev").join("clients")
}

#[cfg(test)]
mod tests {
    use super::{home, read};

    #[test]
    fn every_python_requirement_is_pinned() {
        let text = read(&home().join("requirements.txt")).unwrap();
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(lines.iter().all(|line| line.contains("==")), "{lines:?}");
        assert!(lines.contains(&"python-okx==0.4.4"));
        assert!(lines.contains(&"ccxt==4.5.90"));
    }

    #[test]
    fn the_npm_lock_names_no_host() {
        let text = read(&home().join("package-lock.json")).unwrap();
        assert!(text.contains("\"okx-api\": \"3.2.3\""));
        assert!(!text.contains("\"resolved\""));
        assert!(text.matches("\"integrity\"").count() > 10);
    }
}
