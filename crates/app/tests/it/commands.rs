//! The command line by itself: set-up, configuration, exit codes, help.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use keyward_testkit::process::program;

use crate::server::Server;
use crate::world::{Folder, exchange, keyward};

fn run(arguments: &[&str]) -> Output {
    Command::new(program().unwrap()).args(arguments).output().unwrap()
}

#[test]
fn init_makes_what_check_accepts_and_never_overwrites() {
    let folder = Folder::new();
    let dir = folder.0.join("etc").display().to_string();
    keyward(&["init", "--dir", &dir]);
    let config = format!("{dir}/keyward.toml");
    any_port(&config);
    assert!(keyward(&["config", "check", "--config", &config]).contains("is good"));
    assert!(keyward(&["config", "show", "--config", &config]).contains("master.key"));
    assert_eq!(run(&["init", "--dir", &dir]).status.code(), Some(1));
    assert_eq!(mode(&folder.0.join("etc")), 0o700, "whoever may write the folder may replace the master key");
}

/// The usual port may be somebody else's on this machine.
fn any_port(config: &str) {
    let text = std::fs::read_to_string(config).unwrap();
    assert!(text.contains("127.0.0.1:8481"), "{text}");
    std::fs::write(config, text.replace("127.0.0.1:8481", "127.0.0.1:0")).unwrap();
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn init_names_places_that_the_same_user_can_serve_from() {
    let folder = Folder::new();
    // As people type it: from where they stand.
    for dir in
        ["etc", "./here", "a/b/../c", "it's", "two words", "a\"b", "a\\b", "#1", "sch\u{fc}tz", "$HOME"]
    {
        let mut init = Command::new(program().unwrap());
        let output = init.args(["init", "--dir", dir]).current_dir(&folder.0).output().unwrap();
        assert!(output.status.success(), "{dir}: {}", String::from_utf8_lossy(&output.stderr));
        let config = folder.0.join(dir).join("keyward.toml");
        let config = config.to_str().unwrap();
        any_port(config);
        // And from anywhere else it means the same.
        assert!(keyward(&["config", "check", "--config", config]).contains("is good"), "{dir}");
        keyward(&["account", "create", "--config", config, "--email", "trader@keyward.example"]);
        assert!(folder.0.join(dir).join("data/keyward.db").exists(), "{dir}");
        // And it serves from there.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let text = std::fs::read_to_string(config).unwrap();
        std::fs::write(config, text.replace("127.0.0.1:0", &address)).unwrap();
        let server = Server::start(config, &address);
        let ready = exchange(&address, b"GET /readyz HTTP/1.0\r\n\r\n").expect("an answer");
        assert_eq!(ready.status, 200, "{dir}: {}", ready.body);
        assert_eq!(server.stop().code(), Some(0), "{dir}");
    }
}

#[test]
fn an_address_in_use_says_who_may_have_it() {
    let folder = Folder::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, data) = (taken.local_addr().unwrap().to_string(), folder.data().display().to_string());
    let refused = run(&["sandbox", "--data", &data, "--gateway", &address]);
    assert_eq!(refused.status.code(), Some(1));
    let told = String::from_utf8(refused.stderr).unwrap();
    assert!(told.contains(&address) && told.contains("may be running already"), "{told}");
}

#[test]
fn serve_refuses_a_master_key_inside_the_data_folder() {
    let folder = Folder::new();
    let dir = folder.0.display().to_string();
    keyward(&["init", "--dir", &dir]);
    let config = folder.0.join("keyward.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let url = format!("\"{dir}/data\"");
    assert!(text.contains(&url), "{text}");
    std::fs::write(&config, text.replace(&url, &format!("\"{dir}\""))).unwrap();
    let refused = run(&["serve", "--config", &config.display().to_string()]);
    assert_eq!(refused.status.code(), Some(3));
    assert!(String::from_utf8(refused.stderr).unwrap().contains("inside the data folder"));
}

#[test]
fn mistakes_have_their_exit_codes() {
    let folder = Folder::new();
    let config = folder.0.join("bad.toml");
    std::fs::write(&config, "[store]\nurl = \"x\"\nunheard_of = 1\n").unwrap();
    assert_eq!(run(&["config", "check", "--config", &config.display().to_string()]).status.code(), Some(3));
    assert_eq!(run(&["key", "create"]).status.code(), Some(2));
    assert_eq!(run(&["explain", "12345"]).status.code(), Some(1));
    assert_eq!(run(&["--help"]).status.code(), Some(0));
}

#[test]
fn explain_knows_every_code_of_the_registry() {
    for denial in keyward_rules::denial::Denial::examples() {
        let entry = denial.entry();
        assert!(keyward(&["explain", entry.code]).contains(entry.meaning), "{}", entry.code);
    }
    for refusal in keyward_rules::okx::sub_accounts::EndpointRefusal::examples() {
        assert!(keyward(&["explain", refusal.code()]).contains("  meaning  "), "{}", refusal.code());
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = Command::new(program().unwrap());
    let output = command.args(["config", "example"]).stdout(writer).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

/// S38: the findings and the score of an account, as text and as JSON. It changes nothing.
#[test]
fn a_review_is_shown_at_the_host() {
    let folder = Folder::new();
    let dir = folder.0.join("etc").display().to_string();
    keyward(&["init", "--dir", &dir]);
    let config = format!("{dir}/keyward.toml");
    let to = ["--config", &config, "--account", "trader@keyward.example"];
    keyward(&["account", "create", "--config", &config, "--email", "trader@keyward.example"]);
    let with = |command: &[&str], more: &[&str]| keyward(&[command, &to, more].concat());
    assert_eq!(with(&["review"], &[]), "", "without a key there is nothing to say");
    let reader = ["--name", "loose", "--permission", "read", "--permission", "trade"];
    with(&["key", "create"], &reader);
    with(&["key", "create"], &["--name", "bound", "--permission", "read", "--ip", "192.0.2.1"]);
    let text = with(&["review"], &[]);
    for words in [
        "score  86 of 100, fair",
        "-10  Can trade from any address (1 key)",
        "-2   No expiry date (2 keys)",
        "warning  Can trade from any address. It is bound to no address.",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let shown: serde_json::Value = serde_json::from_str(&with(&["review"], &["--json"])).unwrap();
    assert_eq!((&shown["score"], shown["keys"].as_array().unwrap().len()), (&86.into(), 2), "{shown}");
    assert_eq!(
        shown["keys"][0]["findings"][0]["finding"], "unbound_trade",
        "the most serious first: {shown}"
    );
    assert_eq!(shown["last_ms"], serde_json::Value::Null);
    let unknown = run(&["review", "--config", &config, "--account", "nobody@keyward.example"]);
    assert_eq!(unknown.status.code(), Some(1));
}
