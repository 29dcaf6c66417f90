//! Sub-accounts at the host, and what a gateway makes of a master's freeze.

use keyward_testkit::process::{KeyEntry, Running};
use serde_json::Value;

use crate::world::{Folder, Signed, keyward, send, until};

const TRADER: &str = "trader@keyward.example";

fn command(folder: &Folder, words: &[&str]) -> String {
    let data = folder.data().display().to_string();
    let mut all = vec!["sub-account"];
    all.extend(words);
    all.extend(["--account", TRADER, "--data", &data]);
    keyward(&all)
}

fn listed(folder: &Folder) -> Vec<Value> {
    serde_json::from_str(&command(folder, &["list", "--json"])).unwrap()
}

fn balance(running: &Running, key: &KeyEntry) -> String {
    send(running, &Signed::new(key, "GET", "/api/v5/account/balance", "")).code()
}

#[test]
fn the_command_line_creates_lists_freezes_and_thaws() {
    let folder = Folder::new();
    let running = Running::start(&folder.data()).unwrap();
    let (sub, own) = (running.key("sub").unwrap(), running.key("trade").unwrap());
    let made = command(&folder, &["create", "--name", "alpha01", "--label", "Market maker"]);
    assert!(made.contains("sub-account alpha01 made, id "), "{made}");
    let names: Vec<_> = listed(&folder).iter().map(|one| one["name"].clone()).collect();
    assert_eq!(names, ["probeSub01", "alpha01"]);
    let lines = command(&folder, &["list"]);
    assert!(
        lines.contains("active") && lines.contains("“Market maker”") && !lines.contains("withdraw"),
        "{lines}"
    );
    // A freeze reaches the gateway within the bound, and the master's own keys go on.
    assert_eq!([balance(&running, &sub), balance(&running, &own)], ["0", "0"]);
    command(&folder, &["freeze", "--name", "probeSub01"]);
    until("the freeze is in force", 5_000, || balance(&running, &sub) == "50100");
    assert_eq!(balance(&running, &own), "0");
    assert!(listed(&folder)[0]["frozen_at_ms"].is_u64());
    command(&folder, &["thaw", "--name", "probeSub01"]);
    until("the key works again", 5_000, || balance(&running, &sub) == "0");
}
