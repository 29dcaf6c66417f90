//! A log that nobody reads holds nothing up.

use std::process::{Command, Stdio};

use keyward_testkit::process::program;

use crate::server::{Server, make_key, set_up};
use crate::world::{Folder, Signed, Upstream, exchange, until};

/// F93: a reader that stalls, then one that goes away.
#[test]
fn a_stalled_reader_and_a_closed_one_stop_nothing() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let (config, address) = set_up(&folder, &upstream);
    let key = make_key(&config);
    let mut command = Command::new(program().unwrap());
    command.args(["serve", "--config", &config]).stdin(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    until("the server listens", 20_000, || std::net::TcpStream::connect(&address).is_ok());
    let refused = Signed::new(&key, "GET", "/api/v5/no-such-route", "");
    let passes = |n: u32| {
        // Each refusal is a line of its own: more than a pipe holds.
        for _ in 0..n {
            assert_eq!(exchange(&address, &refused.bytes()).expect("an answer").code(), "50005");
        }
        let order = Signed::new(&key, "POST", "/api/v5/trade/order", crate::world::ORDER);
        assert_eq!(exchange(&address, &order.bytes()).expect("an answer").code(), "0");
    };
    passes(1_000);
    drop(child.stderr.take());
    passes(200);
    // A change by another process is still followed: no task has died of it.
    crate::world::keyward(&["key", "disable", "--config", &config, &key.api_key]);
    until("the key is refused", 5_000, || {
        let read = Signed::new(&key, "GET", "/api/v5/account/balance", "");
        exchange(&address, &read.bytes()).is_some_and(|reply| reply.code() == "50114")
    });
    let process = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &process]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// The level of the log is read again on SIGHUP, and a mistake in the file changes nothing.
#[test]
fn the_level_changes_while_the_server_runs() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let (config, address) = set_up(&folder, &upstream);
    let key = make_key(&config);
    let path = folder.0.join("log");
    let log = || std::fs::read_to_string(&path).unwrap();
    let server = Server::start_with(&config, &address, (&[], std::fs::File::create(&path).unwrap().into()));
    let text = std::fs::read_to_string(&config).unwrap();
    let refused = || {
        let before = log().matches("refused").count();
        assert_eq!(server.code(&Signed::new(&key, "GET", "/api/v5/no-such-route", "")), "50005");
        // The log is written by a thread of its own, in order: a line that is surely written comes after.
        server.signal("HUP");
        before
    };
    let at = |level: &str| {
        assert!(text.contains("level = \"info\""));
        std::fs::write(&config, text.replace("level = \"info\"", &format!("level = \"{level}\""))).unwrap();
        server.signal("HUP");
    };
    let before = refused();
    until("it is told at info", 5_000, || log().matches("refused").count() > before);
    at("warn,keyward::log=info");
    until("the level is told", 5_000, || log().contains("level=\"warn,keyward::log=info\""));
    let told = log().matches("written at this level").count();
    let before = refused();
    until("the next line", 5_000, || log().matches("written at this level").count() > told);
    assert_eq!(log().matches("refused").count(), before, "{}", log());
    at("inf");
    until("a mistake is told", 5_000, || log().contains("the log level was not changed"));
    let told = log().matches("level=\"info\"").count();
    at("info");
    until("the level is told", 5_000, || log().matches("level=\"info\"").count() > told);
    let before = refused();
    until("it is told again", 5_000, || log().matches("refused").count() > before);
    assert_eq!(server.stop().code(), Some(0));
    assert!(!log().contains('\u{1b}'), "colour codes in a file: {}", log());
}
