//! Keys of a third-party app from real source addresses: the test makes two networks of its own, so that requests come over
//! real sockets from the app's servers and from elsewhere.
//!
//! Where the kernel permits no networks, it says so on standard output, and the core judges the same cases.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use keyward_rules::address::{Binding, RangeTable, canonical};
use keyward_rules::decision::{Door, Received, Whole};
use keyward_rules::denial::Denial;
use keyward_rules::id::{AccountId, AppId, KeyId, RequestId};
use keyward_rules::key::{
    AppReach, Environment, HmacState, HolderState, Holds, KeyFacts, Life, PassphraseKey, Reach,
};
use keyward_rules::okx::{Credentials, RawCredentials};
use keyward_rules::route::{Method, RouteTable};
use keyward_rules::time::Moment;
use keyward_store::AppState;
use keyward_testkit::network::{Namespace, Network};
use keyward_testkit::process::{KeyEntry, Running};

use crate::beside::{Beside, ranges};
use crate::world::{Folder, Reply, Signed, Wire, now_ms, until};

const BALANCE: &str = "/api/v5/account/balance";

/// The app's servers at first, and after a move.
const FIRST: &str = "203.0.113.0/24,2001:db8::/32";
const MOVED: &str = "203.0.114.0/24,2001:db9::/64";

/// Who asks: the client's address, the server's that it turns to, and whether the first and the moved set hold the client.
const CASES: [Case; 6] = [
    Case { from: "203.0.113.7", to: "203.0.113.1", first: "0", moved: "50110" },
    Case { from: "2001:db8::7", to: "2001:db8::1", first: "0", moved: "50110" },
    Case { from: "203.0.114.1", to: "203.0.114.254", first: "50110", moved: "0" },
    Case { from: "2001:db9::7", to: "2001:db9::1", first: "50110", moved: "0" },
    Case { from: "127.0.0.1", to: "127.0.0.1", first: "50110", moved: "50110" },
    Case { from: "::1", to: "::1", first: "50110", moved: "50110" },
];

/// How long a change may take to every verdict (product.md 6.4).
const BOUND_MS: u64 = 1_000;

struct Case {
    from: &'static str,
    to: &'static str,
    first: &'static str,
    moved: &'static str,
}

impl Case {
    fn source(&self) -> IpAddr {
        self.from.parse().unwrap()
    }

    fn server(&self) -> IpAddr {
        self.to.parse().unwrap()
    }
}

#[test]
fn an_apps_key_works_from_its_servers_only() {
    let (servers, clients): (Vec<_>, Vec<_>) =
        CASES.iter().filter(|case| !case.source().is_loopback()).map(ends).unzip();
    match Network::new(&servers, &clients) {
        Ok(network) => {
            let told = over_sockets(&network);
            say(&format!("addresses: over real sockets in networks of its own; {told}"));
        }
        Err(problem) => {
            at_the_core();
            say(&format!(
                "addresses: NOT over sockets, this machine permits no networks ({problem}); at the core"
            ));
        }
    }
}

/// Both forms hold the same cases, so the one that needs nothing of the machine runs everywhere.
#[test]
fn the_core_judges_the_same_cases_alike() {
    at_the_core();
}

fn ends(case: &Case) -> ((IpAddr, u8), (IpAddr, u8)) {
    let prefix = if case.source().is_ipv4() { 24 } else { 64 };
    ((case.server(), prefix), (case.source(), prefix))
}

/// Past the capture of output by the test runner: which form ran is for every reader of the log.
fn say(text: &str) {
    use std::io::Write as _;
    writeln!(std::io::stdout().lock(), "{text}").unwrap();
}

/// One connection for each case, open from the beginning to the end.
struct Clients<'n> {
    network: &'n Network,
    port: u16,
    key: KeyEntry,
    open: Vec<Wire>,
}

impl<'n> Clients<'n> {
    fn connect(network: &'n Network, port: u16, key: KeyEntry) -> Self {
        let open = CASES.iter().map(|case| wire(network, case, port)).collect();
        Self { network, port, key, open }
    }

    /// The codes over the connections that were open before, and over new ones.
    fn codes(&mut self) -> [Vec<String>; 2] {
        let (network, port, key) = (self.network, self.port, &self.key);
        let before = self.open.iter_mut().map(|wire| ask(wire, key).code()).collect();
        let anew = CASES.iter().map(|case| ask(&mut wire(network, case, port), key).code()).collect();
        [before, anew]
    }

    /// Asks until all verdicts are these; gives how long after `committed` that was.
    fn follow(&mut self, committed: u64, wanted: &[&str]) -> u64 {
        loop {
            let codes = self.codes();
            let late = now_ms() - committed;
            if codes.iter().all(|codes| codes == wanted) {
                return late;
            }
            assert!(late < BOUND_MS, "after {late} ms still {codes:?}, not {wanted:?}");
        }
    }
}

/// Everything over real sockets; gives how long the changes took.
fn over_sockets(network: &Network) -> String {
    let folder = Folder::new();
    let flags = ["--gateway", "[::]:0", "--raise-rates", "1000"];
    let running = network.servers.inside(|| Running::start_with(&folder.data(), flags)).unwrap().unwrap();
    let gateway: SocketAddr =
        running.address("gateway_url").unwrap().trim_start_matches("http://").parse().unwrap();
    let beside = Beside::open(&folder.data());
    let mut app = beside.app("Ranges Of Its Own", FIRST);
    let (_, keys) = beside.account(&Binding::App(app.id), 1);
    let mut clients = Clients::connect(network, gateway.port(), keys[0].clone());
    until("the key is known", BOUND_MS, || clients.codes().iter().flatten().all(|code| code != "50119"));

    let (first, moved) = (CASES.map(|case| case.first), CASES.map(|case| case.moved));
    assert_eq!(clients.codes(), [first, first]);
    let committed = beside.change(&mut app, |app| app.ranges = ranges(MOVED));
    let replaced = clients.follow(committed, &moved);
    let committed = beside.change(&mut app, |app| app.state = AppState::Frozen);
    let frozen = clients.follow(committed, &["50100"; 6]);
    let committed = beside.change(&mut app, |app| {
        (app.state, app.ranges) = (AppState::Active, ranges(FIRST));
    });
    let thawed = clients.follow(committed, &first);
    format!(
        "all verdicts over open and new connections: {replaced} ms after other ranges, {frozen} ms after a freeze, \
         {thawed} ms after a thaw"
    )
}

fn wire(network: &Network, case: &Case, port: u16) -> Wire {
    let (from, to) = (case.source(), SocketAddr::from((case.server(), port)));
    let place: &Namespace = if from.is_loopback() { &network.servers } else { &network.clients };
    place.inside(|| Wire::between(from, to)).unwrap()
}

fn ask(wire: &mut Wire, key: &KeyEntry) -> Reply {
    wire.write(&Signed::new(key, "GET", BALANCE, "").bytes());
    wire.read().expect("an answer")
}

/// The same cases by the judge alone.
fn at_the_core() {
    let set = |text| AppReach::Ranges(Arc::new(RangeTable::of(&ranges(text))));
    for case in CASES {
        assert_eq!(judged(set(FIRST), case.source()), case.first, "{} at first", case.from);
        assert_eq!(judged(set(MOVED), case.source()), case.moved, "{} after the move", case.from);
        assert_eq!(judged(AppReach::Frozen, case.source()), "50100", "{} while frozen", case.from);
        assert_eq!(judged(AppReach::Nowhere, case.source()), "50110", "{} without ranges", case.from);
    }
    // As sockets for both families give it.
    let mapped = |v4: Ipv4Addr| canonical(IpAddr::V6(v4.to_ipv6_mapped()));
    assert_eq!(judged(set(FIRST), mapped(Ipv4Addr::new(203, 0, 113, 7))), "0");
    assert_eq!(judged(set(FIRST), IpAddr::V6(Ipv6Addr::LOCALHOST)), "50110");
}

/// The code that a well-signed request from `source` gets.
fn judged(reach: AppReach, source: IpAddr) -> &'static str {
    let now = Moment::from_unix_ms(1_800_000_000_123);
    let (id, account) = (KeyId::from_entropy([3; 16]), AccountId::from_u64(7).unwrap());
    let (table, passphrases) = (RouteTable::okx_v5(1).unwrap(), PassphraseKey::new([5; 32]));
    let facts = KeyFacts {
        id,
        account,
        master: None,
        life: Life { state: HolderState::Active, holds: Holds::NONE },
        permissions: "read".parse().unwrap(),
        environment: Environment::Live,
        reach: Reach::App(AppId::from_u64(1).unwrap(), reach),
        expires_at: None,
        rate_cap: None,
        fences: None,
        hmac: HmacState::from_key(b"secret"),
        passphrase: passphrases.tag(account, b"Probe-Pass1!"),
        slot: 0,
        copy: 0,
    };
    let key = KeyEntry {
        api_key: id.to_string(),
        secret: "secret".to_owned(),
        passphrase: "Probe-Pass1!".to_owned(),
        expect: String::new(),
    };
    let signed = Signed::at(&key, "GET", BALANCE, "", now.unix_ms());
    let raw = RawCredentials {
        key: Some(signed.key.as_bytes()),
        sign: Some(signed.sign.as_bytes()),
        timestamp: Some(signed.timestamp.as_bytes()),
        passphrase: Some(signed.passphrase.as_bytes()),
        simulated: None,
    };
    let whole = Whole {
        id: RequestId(1),
        method: Method::Get,
        target: BALANCE.as_bytes(),
        body: &Bytes::new(),
        plain: true,
        credentials: Credentials::read(raw).unwrap(),
        routed: table.find(Method::Get, BALANCE.as_bytes()),
        source,
        door: Door::Everybody,
        now,
    };
    let verdict = Received::new(whole).verify(Some(facts), &passphrases).and_then(|known| known.clear());
    verdict.map_or_else(|denial: Denial| denial.entry().code, |_| "0")
}
