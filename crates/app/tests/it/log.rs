//! A log that nobody reads holds nothing up.

use std::process::{Command, Stdio};

use keyward_testkit::process::program;

use crate::server::{make_key, set_up};
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
