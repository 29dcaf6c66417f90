//! Sockets of keys, as the tests need them: a sandbox before an exchange that a test plays, and logins that hold.

use keyward_testkit::process::{KeyEntry, Running};

use super::exchange::Exchange;
use super::wire::{Login, Socket};
use crate::server::set_up;
use crate::world::{Folder, Upstream, until};

/// How long a gateway may take to know of a new key.
const KNOWN_MS: u64 = 10_000;

/// A sandbox's gateway before `exchange`, with rates that no test exceeds.
pub fn quick(folder: &Folder, exchange: &Exchange) -> Running {
    let flags = ["--upstream", &exchange.url, "--raise-rates", "1000"];
    Running::start_with(&folder.data(), flags).unwrap()
}

/// The same with the rates that users have.
pub fn usual(folder: &Folder, exchange: &Exchange) -> Running {
    Running::start_with(&folder.data(), ["--upstream", &exchange.url]).unwrap()
}

/// A socket whose login holds.
pub fn logged_in(running: &Running, path: &str, key: &KeyEntry) -> Socket {
    let mut socket = Socket::open(running, path);
    socket.log_in(key);
    socket
}

/// The same of a key that was made beside the gateway, which may not know it yet.
pub fn once_known(running: &Running, path: &str, key: &KeyEntry) -> Socket {
    let mut found = None;
    until("the gateway knows the key", KNOWN_MS, || {
        let mut socket = Socket::open(running, path);
        let holds = socket.ask(&Login::of(key).text())["event"] == "login";
        found = holds.then_some(socket);
        holds
    });
    found.unwrap()
}

/// Sets a server up before `exchange`, with these settings in place of the defaults; gives the configuration's path and the
/// address.
pub fn set_up_with(folder: &Folder, exchange: &Exchange, settings: &[(&str, &str)]) -> (String, String) {
    let upstream = Upstream::start();
    let (config, address) = set_up(folder, &upstream);
    let mut text = std::fs::read_to_string(&config).unwrap();
    for &(from, to) in settings.iter().chain(&[(upstream.url.as_str(), exchange.url.as_str())]) {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    std::fs::write(&config, text).unwrap();
    (config, address)
}
