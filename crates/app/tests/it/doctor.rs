//! `keyward doctor`: each finding that a set-up can be brought to, by its name.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use keyward_testkit::process::program;

use crate::server::{make_key, set_up};
use crate::world::{Folder, Manner, Upstream};

/// The level of each finding, by name, and the exit code.
fn examine(config: &str) -> (serde_json::Value, Option<i32>) {
    let output =
        Command::new(program().unwrap()).args(["doctor", "--json", "--config", config]).output().unwrap();
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    (found, output.status.code())
}

fn level(config: &str, name: &str) -> String {
    let (found, _) = examine(config);
    let one = found.as_array().unwrap().iter().rfind(|one| one["name"] == name);
    one.unwrap_or_else(|| panic!("{name} is not told of"))["level"].as_str().unwrap().to_owned()
}

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// What `serve` says when it does not start.
fn refused(config: &str) -> String {
    let output = Command::new(program().unwrap()).args(["serve", "--config", config]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn what_is_unsafe_has_a_name_and_does_not_serve() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let (config, _) = set_up(&folder, &upstream);
    make_key(&config);
    let (found, code) = examine(&config);
    assert_eq!(code, Some(0), "{found}");
    let key = Path::new(&config).with_file_name("master.key");
    let data = folder.data();
    for (path, open, closed, name) in [
        (&key, 0o640, 0o600, "doctor.master_key.readable_by_others"),
        (&data, 0o755, 0o700, "doctor.data.open_to_others"),
    ] {
        mode(path, open);
        let (found, code) = examine(&config);
        assert_eq!(code, Some(1));
        assert!(found.to_string().contains(name));
        assert!(refused(&config).contains(name), "{name}");
        mode(path, closed);
        assert_eq!(level(&config, name), "ok");
    }
    mode(&data.join("activity.db"), 0o644);
    assert_eq!(level(&config, "doctor.data.file_open_to_others"), "warning");
    assert_eq!(
        level(&config, "doctor.data.file_open_to_others"),
        "ok",
        "opening the store took the rights away"
    );
    let inside = data.join("master.key");
    std::fs::copy(&key, &inside).unwrap();
    let text = std::fs::read_to_string(&config).unwrap();
    let moved = text.replace(&key.display().to_string(), &inside.display().to_string());
    std::fs::write(&config, moved).unwrap();
    assert_eq!(level(&config, "doctor.master_key.inside_data"), "refused");
    assert!(refused(&config).contains("doctor.master_key.inside_data"));
}

#[test]
fn what_does_not_work_has_a_name() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let (config, _) = set_up(&folder, &upstream);
    assert_eq!(level(&config, "doctor.store"), "warning", "an empty place");
    assert!(!folder.data().join("keyward.db").exists(), "and it stays empty");
    make_key(&config);
    assert_eq!(level(&config, "doctor.store"), "ok");
    assert_eq!(level(&config, "doctor.audit.checkpoint"), "warning", "nobody has signed yet");
    assert_eq!(level(&config, "doctor.upstream"), "ok");
    assert_eq!(level(&config, "doctor.upstream.answers_unsigned"), "warning", "it answers everything");
    upstream.behave(Manner::Close);
    assert_eq!(level(&config, "doctor.upstream"), "refused");

    let key = Path::new(&config).with_file_name("master.key");
    let text = std::fs::read_to_string(&key).unwrap();
    std::fs::write(&key, text.trim().chars().rev().collect::<String>()).unwrap();
    assert_eq!(level(&config, "doctor.store"), "refused", "another master key");
    std::fs::write(&key, "none").unwrap();
    assert_eq!(level(&config, "doctor.master_key"), "refused");
    std::fs::write(&key, text).unwrap();

    let text = std::fs::read_to_string(&config).unwrap();
    let password = folder.0.join("password");
    std::fs::write(&password, "secret").unwrap();
    mode(&password, 0o644);
    let more = format!(
        "{text}\n[console]\nlisten = \"0.0.0.0:8480\"\norigin = \"https://keys.example.com\"\n\
         gateway = \"https://api.example.com\"\n[mail]\nurl = \"smtp+plain://localhost:1\"\n\
         from = \"keyward@example.com\"\nuser = \"keyward\"\npassword_file = \"{}\"\n",
        password.display()
    );
    std::fs::write(&config, more).unwrap();
    for (name, expected) in [
        ("doctor.mail", "refused"),
        ("doctor.listen.public_without_tls", "warning"),
        ("doctor.secret.readable_by_others", "refused"),
        ("doctor.clock", "ok"),
    ] {
        assert_eq!(level(&config, name), expected, "{name}");
    }
}
