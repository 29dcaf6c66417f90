//! Backups under load, a lost data folder, and what comes back: everything that was acknowledged, and no dead key.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex};

use keyward_testkit::process::{KeyEntry, program};
use serde_json::Value;

use crate::server::{Server, make_key, set_up};
use crate::world::{Folder, ORDER, Signed, Upstream, Wire, keyward, now_ms};

/// A server whose checkpoint lies on another disk, with a key that trades.
struct Place {
    folder: Folder,
    upstream: Upstream,
    config: String,
    address: String,
    key: KeyEntry,
}

impl Place {
    fn new() -> Self {
        let (folder, upstream) = (Folder::new(), Upstream::start());
        let (config, address) = set_up(&folder, &upstream);
        let other = folder.0.join("other-disk");
        std::fs::create_dir(&other).unwrap();
        let text = std::fs::read_to_string(&config).unwrap();
        let line = format!("checkpoint_file = \"{}\"", other.join("checkpoint").display());
        let text = text.replace("# checkpoint_file = \"/var/lib/keyward-node/checkpoint\"", &line);
        std::fs::write(&config, text).unwrap();
        let key = make_key(&config);
        Self { folder, upstream, config, address, key }
    }

    fn start(&self) -> Server {
        Server::start(&self.config, &self.address)
    }

    fn backup(&self, name: &str) -> (PathBuf, Value) {
        let to = self.folder.0.join(name);
        let told =
            keyward(&["backup", "--config", &self.config, "--to", &to.display().to_string(), "--json"]);
        (to, serde_json::from_str(&told).unwrap())
    }

    fn restore(&self, from: &Path, more: &[&str]) -> Output {
        let from = from.display().to_string();
        let mut arguments = vec!["restore", "--config", &self.config, "--from", &from, "--json"];
        arguments.extend(more);
        Command::new(program().unwrap()).args(arguments).output().unwrap()
    }

    fn lose_the_data(&self) {
        std::fs::remove_dir_all(self.folder.data()).unwrap();
    }

    fn create(&self, name: &str) -> KeyEntry {
        let config = self.config.as_str();
        let made = keyward(&[
            "key",
            "create",
            "--config",
            config,
            "--account",
            "trader@keyward.example",
            "--name",
            name,
            "--permission",
            "read",
            "--permission",
            "trade",
            "--json",
        ]);
        let made: Value = serde_json::from_str(&made).unwrap();
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        KeyEntry {
            api_key: text("api_key"),
            secret: text("secret"),
            passphrase: text("passphrase"),
            expect: "0".to_owned(),
        }
    }

    /// Acknowledged when this returns; the change's number.
    fn change(&self, verb: &str, key: &str) -> u64 {
        let mut arguments = vec!["key", verb, "--config", &self.config, key, "--json"];
        if verb == "delete" {
            arguments.push("--yes");
        }
        serde_json::from_str::<Value>(&keyward(&arguments)).unwrap()["revision"].as_u64().unwrap()
    }

    /// `active`, `disabled` or `deleted`; `none` when there is no such key.
    fn state(&self, key: &str) -> String {
        let arguments = ["key", "show", "--config", &self.config, key, "--json"];
        let output = Command::new(program().unwrap()).args(arguments).output().unwrap();
        let shown: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        shown["state"].as_str().unwrap_or("none").to_owned()
    }

    fn balance(&self, server: &Server, key: &KeyEntry) -> String {
        server.code(&Signed::new(key, "GET", "/api/v5/account/balance", ""))
    }

    fn log_is_clean(&self) {
        keyward(&["audit", "verify", "--config", &self.config]);
    }
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What was acknowledged, in order.
#[derive(Default)]
struct Notes {
    list: Mutex<Vec<(KeyEntry, &'static str)>>,
    more: Condvar,
}

impl Notes {
    fn add(&self, key: &KeyEntry, state: &'static str) {
        self.list.lock().unwrap().push((key.clone(), state));
        self.more.notify_all();
    }

    fn count(&self) -> usize {
        self.list.lock().unwrap().len()
    }

    fn wait_for(&self, count: usize) {
        drop(self.more.wait_while(self.list.lock().unwrap(), |list| list.len() < count).unwrap());
    }
}

/// Makes keys and ends them in turn until told to stop; each change is noted once it is acknowledged.
fn churn(place: &Place, name: &str, notes: &Notes, stop: &AtomicBool) {
    for round in 0.. {
        let key = place.create(&format!("{name}-{round}"));
        notes.add(&key, "active");
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let (verb, state) = [("disable", "disabled"), ("delete", "deleted")][round % 2];
        place.change(verb, &key.api_key);
        notes.add(&key, state);
        if stop.load(Ordering::Relaxed) {
            return;
        }
    }
}

/// Asks for the balance over and over, at most until the server is gone; gives how many passed.
fn trade(place: &Place, stop: &AtomicBool) -> usize {
    let (mut wire, mut passed) = (Wire::open(&place.address), 0);
    while !stop.load(Ordering::Relaxed) {
        wire.write(&Signed::new(&place.key, "GET", "/api/v5/account/balance", "").bytes());
        match wire.read().map(|reply| reply.code()).as_deref() {
            Some("0") => passed += 1,
            Some("50011") => {}
            Some(other) => panic!("{other}"),
            None => break,
        }
    }
    passed
}

#[test]
fn a_backup_under_load_holds_all_that_was_acknowledged_and_no_dead_key_comes_back() {
    let place = Place::new();
    let server = place.start();
    let (notes, stop) = (Notes::default(), AtomicBool::new(false));
    let ended_after = place.create("ended-after");
    let (before, backup, manifest) = std::thread::scope(|scope| {
        scope.spawn(|| churn(&place, "a", &notes, &stop));
        scope.spawn(|| churn(&place, "b", &notes, &stop));
        let trading = scope.spawn(|| trade(&place, &stop));
        notes.wait_for(6);
        let before = notes.count();
        let (backup, manifest) = place.backup("backup");
        notes.wait_for(before + 4);
        let ended = place.change("delete", &ended_after.api_key);
        assert!(ended > manifest["revision"].as_u64().unwrap());
        stop.store(true, Ordering::Relaxed);
        assert!(trading.join().unwrap() > 0);
        (before, backup, manifest)
    });
    server.kill();
    place.lose_the_data();

    // The files by hand, or the command without saying so: the node has seen more.
    std::fs::create_dir(place.folder.data()).unwrap();
    std::fs::set_permissions(place.folder.data(), std::fs::Permissions::from_mode(0o700)).unwrap();
    for name in ["keyward.db", "activity.db"] {
        std::fs::copy(backup.join(name), place.folder.data().join(name)).unwrap();
    }
    let refused =
        Command::new(program().unwrap()).args(["serve", "--config", &place.config]).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(told(&refused).contains("rolled back or replaced"), "{}", told(&refused));
    place.lose_the_data();
    let refused = place.restore(&backup, &[]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(told(&refused).contains("--accept-rollback"), "{}", told(&refused));

    let restored = place.restore(&backup, &["--accept-rollback"]);
    assert!(restored.status.success(), "{}", told(&restored));
    let restored: Value = serde_json::from_slice(&restored.stdout).unwrap();
    assert_eq!((&restored["rollback"], &restored["revision"]), (&Value::Bool(true), &manifest["revision"]));
    place.log_is_clean();
    let noted = notes.list.into_inner().unwrap();
    // The newest state of each key that was acknowledged before the backup began.
    for (key, _) in &noted[..before] {
        let states = noted.iter().filter(|(other, _)| other.api_key == key.api_key);
        let known: Vec<_> = states.map(|(_, state)| *state).collect();
        let acknowledged = noted[..before].iter().rfind(|(other, _)| other.api_key == key.api_key).unwrap().1;
        let state = place.state(&key.api_key);
        match acknowledged {
            // It may have moved on while the backup was taken; what was active is held.
            "active" => assert!(state == "disabled" || known.contains(&state.as_str()), "{state}"),
            ended => assert_eq!(state, ended),
        }
    }
    let server = place.start();
    for (key, _) in noted.iter().chain([(ended_after.clone(), ""), (place.key.clone(), "")].iter()) {
        let code = place.balance(&server, key);
        assert!(code == "50114" || code == "50119", "{} {code}", place.state(&key.api_key));
    }
    assert_eq!(place.balance(&server, &ended_after), "50114", "deleted after the backup, so it is held");
    place.change("enable", &place.key.api_key);
    let deadline = now_ms() + 1_000;
    while place.balance(&server, &place.key) != "0" {
        assert!(now_ms() < deadline, "the key is not back within a second");
    }
    server.kill();
    let server = place.start();
    assert_eq!(place.balance(&server, &ended_after), "50114");
    place.log_is_clean();
}

#[test]
fn a_backup_after_the_last_change_brings_everything_back_as_it_was() {
    let place = Place::new();
    let server = place.start();
    let (gone, off) = (place.create("gone"), place.create("off"));
    place.change("delete", &gone.api_key);
    place.change("disable", &off.api_key);
    let order = Signed::new(&place.key, "POST", "/api/v5/trade/order", ORDER);
    assert_eq!(server.code(&order), "0");
    server.kill();
    // Only now: what a gateway tells a holder of is a record of its own, a moment later.
    let (backup, _) = place.backup("backup");
    place.lose_the_data();

    let restored = place.restore(&backup, &[]);
    assert!(restored.status.success(), "{}", told(&restored));
    assert!(String::from_utf8_lossy(&restored.stdout).contains("\"keys_disabled\":0"));
    let server = place.start();
    let codes = [&place.key, &gone, &off].map(|key| place.balance(&server, key));
    assert_eq!(codes, ["0", "50119", "50114"]);
    assert_eq!(server.code(&order), "50013", "it was accepted by the store that was lost");
    assert_eq!(place.upstream.requests().iter().filter(|one| one.starts_with(b"POST")).count(), 1);
    place.log_is_clean();

    // One change more, and the same backup is a rollback.
    place.change("delete", &place.key.api_key);
    assert_eq!(server.stop().code(), Some(0));
    let refused = place.restore(&backup, &["--replace"]);
    assert!(told(&refused).contains("this node has seen"), "{}", told(&refused));
    assert_eq!(place.state(&place.key.api_key), "deleted", "nothing was touched");
    let restored = place.restore(&backup, &["--replace", "--accept-rollback"]);
    let restored: Value = serde_json::from_slice(&restored.stdout).unwrap();
    let aside = PathBuf::from(restored["moved_aside"].as_str().unwrap());
    assert!(aside.join("keyward.db").is_file());
    assert_eq!(place.balance(&place.start(), &place.key), "50114");
}

#[test]
fn what_cannot_be_trusted_is_refused() {
    let place = Place::new();
    let (backup, _) = place.backup("backup");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&backup), 0o700);
    let mut names: Vec<_> =
        std::fs::read_dir(&backup).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["activity.db", "keyward.db", "manifest.json"], "and no master key");
    for name in &names {
        assert_eq!(mode(&backup.join(name)), 0o600, "{name:?}");
    }
    let refused = |output: &Output, words: &str| {
        assert_eq!(output.status.code(), Some(1));
        assert!(told(output).contains(words), "{words}: {}", told(output));
    };
    let to = backup.display().to_string();
    let again =
        Command::new(program().unwrap()).args(["backup", "--config", &place.config, "--to", &to]).output();
    refused(&again.unwrap(), "is there already");
    refused(&place.restore(&backup, &[]), "--replace");
    let server = place.start();
    refused(&place.restore(&backup, &["--replace"]), "stop the server first");
    assert_eq!(server.stop().code(), Some(0));

    let spoil = |name: &str, from: &str, to: &str| {
        let file = backup.join(name);
        let bytes = std::fs::read(&file).unwrap();
        let text = String::from_utf8_lossy(&bytes).replace(from, to);
        assert_ne!(text.as_bytes(), bytes, "{name}");
        std::fs::write(&file, text).unwrap();
        let output = place.restore(&backup, &["--replace", "--accept-rollback"]);
        std::fs::write(&file, bytes).unwrap();
        output
    };
    refused(&spoil("keyward.db", "trader@", "raider@"), "does not match the manifest");
    refused(&spoil("activity.db", "SQLite", "sQLite"), "does not match the manifest");
    refused(&spoil("manifest.json", "\"revision\": ", "\"revision\": 1"), "was altered");
    let etc = Path::new(&place.config).parent().unwrap();
    let key = std::fs::read_to_string(etc.join("master.key")).unwrap();
    let other: String = key.chars().map(|digit| if digit == 'a' { 'b' } else { digit }).rev().collect();
    std::fs::write(etc.join("master.key"), other.trim()).unwrap();
    refused(&place.restore(&backup, &["--replace", "--accept-rollback"]), "another master key");
    std::fs::write(etc.join("master.key"), key).unwrap();
    assert_eq!(place.state(&place.key.api_key), "active", "nothing was touched");

    let text = std::fs::read_to_string(&place.config).unwrap();
    let data = format!("{}\"", place.folder.data().display());
    std::fs::write(&place.config, text.replace(&data, "postgres://keyward@db/keyward\"")).unwrap();
    let to = place.folder.0.join("pg").display().to_string();
    let asked =
        Command::new(program().unwrap()).args(["backup", "--config", &place.config, "--to", &to]).output();
    refused(&asked.unwrap(), "pg_dump");
}

#[test]
fn restarts_and_crashes_under_load_lose_nothing_and_revive_nothing() {
    let place = Place::new();
    let notes = Notes::default();
    for round in 0..4 {
        let server = place.start();
        let (stop, name) = (AtomicBool::new(false), format!("r{round}"));
        std::thread::scope(|scope| {
            let reached = notes.count() + 3;
            scope.spawn(|| churn(&place, &name, &notes, &stop));
            scope.spawn(|| trade(&place, &stop));
            notes.wait_for(reached);
            if round % 2 == 0 {
                server.kill();
            } else {
                assert_eq!(server.stop().code(), Some(0));
            }
            stop.store(true, Ordering::Relaxed);
        });
        place.log_is_clean();
    }
    let server = place.start();
    let noted = notes.list.into_inner().unwrap();
    for (key, _) in &noted {
        let newest = noted.iter().rfind(|(other, _)| other.api_key == key.api_key).unwrap().1;
        let expected = match newest {
            "active" => "0",
            "disabled" => "50114",
            _ => "50119",
        };
        assert_eq!(place.balance(&server, key), expected, "{newest}");
    }
}
