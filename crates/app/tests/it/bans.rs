//! Who is closed out, in a file and as rules of a firewall: the rules are put in force in a network namespace of the test's own.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use keyward_testkit::network::Namespace;
use keyward_testkit::process::program;
use serde_json::Value;
use socket2::{Domain, Socket, Type};

use crate::server::{Server, make_key, set_up};
use crate::world::{Folder, Signed, Upstream, Wire, until};

const BALANCE: &str = "/api/v5/account/balance";

fn bans(config: &str, flags: &[&str]) -> Output {
    let mut command = Command::new(program().unwrap());
    command.args(["bans", "--config", config]).args(flags).output().unwrap()
}

fn listed(config: &str) -> BTreeSet<String> {
    let out = bans(config, &["--json"]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let all: Value = serde_json::from_slice(&out.stdout).unwrap();
    all.as_array().unwrap().iter().map(|ban| ban["source"].as_str().unwrap().to_owned()).collect()
}

/// Whether a connection from here is accepted within a second.
fn connects(from: &str, to: SocketAddr) -> bool {
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::new(from.parse().unwrap(), 0).into()).unwrap();
    socket.connect_timeout(&to.into(), Duration::from_secs(1)).is_ok()
}

#[test]
fn who_is_closed_out_is_listed_and_kept_out_by_the_firewall() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let (config, address) = set_up(&folder, &upstream);
    let without = bans(&config, &[]);
    assert_eq!(without.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&without.stderr).contains("set `ban_file` under [sources]"));
    let file = folder.0.join("bans");
    let text = std::fs::read_to_string(&config).unwrap();
    let (before, after) = ("bad_credentials_per_minute = 100", "bad_credentials_per_minute = 5");
    assert!(text.contains(before));
    let after = format!("{after}\nban_file = \"{}\"", file.display());
    std::fs::write(&config, text.replace(before, &after)).unwrap();
    let key = make_key(&config);
    let server = Server::start(&config, &address);
    until("the file is there", 10_000, || file.exists());
    assert!(listed(&config).is_empty());
    assert_eq!(String::from_utf8_lossy(&bans(&config, &[]).stdout), "no source is closed out\n");
    let mut wrong = key.clone();
    wrong.secret = "not the secret of this key".to_owned();
    for source in [[127, 0, 9, 9], [127, 0, 9, 10]] {
        for _ in 0..8 {
            let mut wire = Wire::from(&server.address, source);
            wire.write(&Signed::new(&wrong, "GET", BALANCE, "").bytes());
            let _ = wire.read();
        }
    }
    let both = BTreeSet::from(["127.0.9.9".to_owned(), "127.0.9.10".to_owned()]);
    until("both are listed", 10_000, || listed(&config) == both);
    let printed = String::from_utf8_lossy(&bans(&config, &["--nft"]).stdout).into_owned();
    assert!(printed.contains("127.0.9.9 timeout 6") || printed.contains("127.0.9.9 timeout 5"), "{printed}");
    match Namespace::new() {
        Ok(namespace) => namespace.inside(|| in_force(&config, server.address.parse().unwrap())).unwrap(),
        Err(problem) => {
            use std::io::Write as _;
            let said = format!(
                "bans: the rules were NOT put in force, this machine permits no networks ({problem})"
            );
            writeln!(std::io::stdout().lock(), "{said}").unwrap();
        }
    }
}

/// In a namespace, where the gateway's port is free: a listener there stands for it.
fn in_force(config: &str, gateway: SocketAddr) {
    let up = Command::new("ip").args(["link", "set", "lo", "up"]).status().unwrap();
    assert!(up.success());
    let _listener = TcpListener::bind(gateway).unwrap();
    let other = TcpListener::bind(SocketAddr::new(IpAddr::from([127, 0, 0, 1]), 0)).unwrap();
    let other = other.local_addr().map(|address| (other, address)).unwrap();
    assert!(connects("127.0.9.9", gateway) && connects("127.0.9.10", gateway));
    for _ in 0..2 {
        let applied = bans(config, &["--apply"]);
        assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
        assert_eq!(String::from_utf8_lossy(&applied.stdout), "2 sources are in the firewall's set\n");
        assert!(!connects("127.0.9.9", gateway) && !connects("127.0.9.10", gateway));
        assert!(connects("127.0.0.1", gateway), "everybody else is let in");
        assert!(connects("127.0.9.9", other.1), "and other ports are not touched");
    }
    // Who is no longer closed out is let in.
    let file = Path::new(config).parent().unwrap().parent().unwrap().join("bans");
    std::fs::write(&file, "# none\n").unwrap();
    assert!(bans(config, &["--apply"]).status.success());
    assert!(connects("127.0.9.9", gateway));
}
