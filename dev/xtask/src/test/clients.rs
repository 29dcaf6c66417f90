//! The real OKX clients: installed at their pinned versions, then made to trade through the built program.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::machine;
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
    once(&node, pins, || install_node(&node, &home()))?;
    let (browser, api) = (folder.join("browser"), folder.join("api"));
    let pins = read(&pages().join("package.json"))? + &read(&pages().join("package-lock.json"))?;
    once(&browser, pins, || install_node(&browser, &pages()))?;
    let requirements = contract().join("requirements.txt");
    let version = output(Command::new("python3").arg("--version")).unwrap_or_default();
    once(&api, version + &read(&requirements)?, || install_python(&api, &requirements))?;
    Ok(Clients { folder })
}

/// A person at the console in real Chromium, then a program at the API: from registering to a deleted key, with ccxt
/// between.
pub fn browse(clients: Option<&Clients>, program: Option<&Path>) -> Result<(), String> {
    let (clients, program) = both(clients, program)?;
    script(clients, program, "first.mjs", &[])?;
    script(clients, program, "flow.mjs", &[])?;
    script(clients, program, "operators.mjs", &[])?;
    script(clients, program, "apps.mjs", &[])?;
    script(clients, program, "limits.mjs", &[])?;
    script(clients, program, "review.mjs", &[])?;
    script(clients, program, "signals.mjs", &[])?;
    script(clients, program, "sub-accounts.mjs", &[])?;
    script(clients, program, "approvals.mjs", &[])?;
    script(clients, program, "passkeys.mjs", &[])?;
    script(clients, program, "phone.mjs", &[])?;
    script(clients, program, "conditions.mjs", &[])?;
    script(clients, program, "api.mjs", &[])
}

/// Every page as a picture, in the four combinations of light, dark, wide and narrow.
pub fn screenshots(clients: &Clients, program: &Path, to: &Path) -> Result<(), String> {
    let to = to.to_str().ok_or("the folder's name is no text")?;
    script(clients, program, "screenshots.mjs", &[to])
}

/// The management API against its own document.
pub fn conform(clients: Option<&Clients>, program: Option<&Path>) -> Result<(), String> {
    peer(clients, program, "conformance.py")
}

/// The real nginx, HAProxy and Caddy before the program.
pub fn proxies(clients: Option<&Clients>, program: Option<&Path>) -> Result<(), String> {
    peer(clients, program, "proxies.py")
}

/// The verifier of identities that others copy, as an exchange behind the program.
pub fn identity(clients: Option<&Clients>, program: Option<&Path>) -> Result<(), String> {
    peer(clients, program, "identity.py")
}

/// Strangers who try to use the program up.
pub fn strangers(clients: Option<&Clients>, program: Option<&Path>) -> Result<(), String> {
    peer(clients, program, "strangers.py")
}

/// Strangers and holders who try to use the console up.
pub fn crowds(clients: Option<&Clients>, program: Option<&Path>) -> Result<(), String> {
    peer(clients, program, "crowds.py")
}

/// Mails of a real server's configuration, taken by an independent SMTP server.
pub fn mail(clients: Option<&Clients>, program: Option<&Path>) -> Result<(), String> {
    peer(clients, program, "mail.py")
}

/// Webhooks of the built program, verified by the published packages and by the console's snippets.
pub fn webhooks(clients: Option<&Clients>, program: Option<&Path>) -> Result<(), String> {
    peer(clients, program, "webhooks.py")
}

fn peer(clients: Option<&Clients>, program: Option<&Path>, script: &str) -> Result<(), String> {
    let (clients, program) = both(clients, program)?;
    let mut command = Command::new(clients.folder.join("api").join("bin").join("python"));
    command.arg(contract().join(script)).current_dir(place::root());
    // Nothing is written beside the sources.
    command.env("PYTHONDONTWRITEBYTECODE", "1").env("KEYWARD_NODE_CLIENTS", clients.folder.join("node"));
    stream(command.env("KEYWARD_BIN", program))
}

fn both<'a>(
    clients: Option<&'a Clients>,
    program: Option<&'a Path>,
) -> Result<(&'a Clients, &'a Path), String> {
    let clients = clients.ok_or("not run: the clients are not installed")?;
    Ok((clients, program.ok_or("not run: there is no release build")?))
}

/// Runs a script of `dev/browser` beside its installed packages, where Node looks for them.
fn script(clients: &Clients, program: &Path, name: &str, arguments: &[&str]) -> Result<(), String> {
    let folder = clients.folder.join("browser");
    for entry in fs::read_dir(pages()).map_err(|error| error.to_string())?.flatten() {
        let file = entry.path();
        if file.extension().is_some_and(|ending| ending == "mjs") {
            fs::copy(&file, folder.join(entry.file_name()))
                .map_err(|error| format!("{}: {error}", file.display()))?;
        }
    }
    let chromium = machine::chromium().ok_or("Chromium is missing")?;
    let mut command = Command::new("node");
    command
        .arg(folder.join(name))
        .args(arguments)
        .current_dir(place::root())
        .env("KEYWARD_BIN", program)
        .env("KEYWARD_CHROMIUM", chromium)
        .env("KEYWARD_PYTHON", clients.folder.join("python").join("bin").join("python"));
    stream(&mut command)
}

/// Runs every script of `dev/clients` against the program.
pub fn trade(clients: Option<&Clients>, program: Option<&Path>) -> Result<(), String> {
    let (clients, program) = both(clients, program)?;
    let mut command = Command::new(clients.folder.join("python").join("bin").join("python"));
    command
        .arg(home().join("run.py"))
        .current_dir(place::root())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("KEYWARD_BIN", program)
        .env("KEYWARD_NODE_CLIENTS", clients.folder.join("node"));
    stream(&mut command)
}

/// The README as a new user follows it, block by block.
pub fn readme(clients: Option<&Clients>, program: Option<&Path>) -> Result<(), String> {
    let (clients, program) = both(clients, program)?;
    let mut command = Command::new(clients.folder.join("python").join("bin").join("python"));
    command.arg(home().join("readme.py")).current_dir(place::root());
    stream(command.env("PYTHONDONTWRITEBYTECODE", "1").env("KEYWARD_BIN", program))
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

fn install_node(folder: &Path, from: &Path) -> Result<(), String> {
    for name in ["package.json", "package-lock.json"] {
        fs::copy(from.join(name), folder.join(name)).map_err(|error| format!("{name}: {error}"))?;
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

fn pages() -> PathBuf {
    place::root().join("dev").join("browser")
}

fn contract() -> PathBuf {
    place::root().join("dev").join("api")
}

#[cfg(test)]
mod tests {
    use super::{contract, home, pages, read};

    #[test]
    fn every_python_requirement_is_pinned() {
        let api = read(&contract().join("requirements.txt")).unwrap();
        assert!(api.lines().all(|line| line.starts_with('#') || line.contains("==")), "{api}");
        let text = read(&home().join("requirements.txt")).unwrap();
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(lines.iter().all(|line| line.contains("==")), "{lines:?}");
        assert!(lines.contains(&"python-okx==0.4.4"));
        assert!(lines.contains(&"ccxt==4.5.90"));
    }

    #[test]
    fn the_npm_lock_names_no_host() {
        let text = read(&home().join("package-lock.json")).unwrap();
        assert!(text.contains("\"okx-api\": \"3.2.3\"") && text.contains("\"standardwebhooks\": \"1.1.1\""));
        assert!(!text.contains("\"resolved\""));
        assert!(text.matches("\"integrity\"").count() > 10);
        let text = read(&pages().join("package-lock.json")).unwrap();
        assert!(!text.contains("\"resolved\"") && text.contains("\"integrity\""));
    }
}
