//! `[gateway] apps_listen`: a listener for keys of third-party apps, from their servers only.

use std::net::TcpListener;

use keyward_rules::address::Binding;
use keyward_testkit::process::KeyEntry;

use crate::beside::{Beside, ranges};
use crate::server::{Server, make_key, set_up};
use crate::world::{Folder, Signed, Upstream, Wire, until};

/// An app's server, another app's, and a stranger.
const OWN: u8 = 5;
const OTHER: u8 = 6;
const STRANGER: u8 = 2;

/// The code of a request of this key from 127.0.0.`last`; `None` where the connection is closed without an answer.
fn code(address: &str, last: u8, key: &KeyEntry) -> Option<String> {
    let mut wire = Wire::from(address, [127, 0, 0, last]);
    wire.write(&Signed::new(key, "GET", "/api/v5/account/balance", "").bytes());
    wire.read().map(|reply| reply.code())
}

#[test]
fn a_listener_for_apps_is_for_their_servers_and_keys_only() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let (config, address) = set_up(&folder, &upstream);
    let for_apps = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let (listen, text) = (format!("listen = \"{address}\""), std::fs::read_to_string(&config).unwrap());
    let both = format!("{listen}\napps_listen = \"{for_apps}\"");
    std::fs::write(&config, text.replacen(&listen, &both, 1)).unwrap();
    let own_key = make_key(&config);
    let server = Server::start(&config, &address);
    let beside = Beside::open_with(&folder.data(), &folder.0.join("etc/master.key"));
    let mut app = beside.app("Own", "127.0.0.5/32");
    let _other = beside.app("Other", "127.0.0.6/32");
    let (_, keys) = beside.account(&Binding::App(app.id), 1);
    let app_key = &keys[0];
    until("the app's key works from its server", 5_000, || {
        code(&for_apps, OWN, app_key).as_deref() == Some("0")
    });
    assert_eq!(code(&for_apps, OTHER, app_key).as_deref(), Some("50110"), "another app's server");
    for key in [app_key, &own_key] {
        assert_eq!(code(&for_apps, STRANGER, key), None, "closed without a word");
    }
    assert_eq!(code(&for_apps, OWN, &own_key).as_deref(), Some("50101"), "no key of an app");
    assert_eq!(code(&server.address, STRANGER, &own_key).as_deref(), Some("0"), "by the other listener");
    assert_eq!(code(&server.address, OWN, app_key).as_deref(), Some("0"), "apps too");
    // A range set that changes: open connections of its keys are judged by it, new ones are closed.
    let mut open = Wire::from(&for_apps, [127, 0, 0, OWN]);
    let ask = Signed::new(app_key, "GET", "/api/v5/account/balance", "");
    open.write(&ask.bytes());
    assert_eq!(open.read().unwrap().code(), "0");
    beside.change(&mut app, |app| app.ranges = ranges("127.0.0.7/32"));
    until("the old server is closed out", 5_000, || code(&for_apps, OWN, app_key).is_none());
    open.write(&ask.bytes());
    assert_eq!(open.read().unwrap().code(), "50110");
    assert_eq!(code(&for_apps, 7, app_key).as_deref(), Some("0"));
}
