//! What the exchange is told of sub-accounts: signed, in order, again until it is taken; and what closing one leads to.

use std::collections::HashSet;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};

use keyward_rules::exchange_notice::{ExchangeNotice, NOTICE_ROUTE, NoticeKind};
use keyward_rules::identity::{Identity, IdentityKey};
use keyward_testkit::process::{KeyEntry, Running, program};
use serde_json::Value;

use crate::server::{Server, set_up};
use crate::world::{Folder, Signed, Upstream, keyward, send, until};

const TRADER: &str = "trader@keyward.example";
const OTHER: &str = "other@keyward.example";
const PATH: &str = "/keyward/sub-accounts";
const TAKEN: &str = r#"{"code":"0","msg":""}"#;
const BALANCES: &str = r#"{"code":"59606","msg":"it still has funds"}"#;
const FAULT: &str = r#"{"code":"50001","msg":"later"}"#;

/// What an exchange answers to a notice.
type Say = dyn Fn(&ExchangeNotice) -> &'static str + Send;

/// The part of an exchange that takes notices: it keeps those whose signature is right.
#[derive(Clone)]
struct Told {
    key: Arc<Mutex<Option<IdentityKey>>>,
    heard: Arc<Mutex<Vec<ExchangeNotice>>>,
    wrong: Arc<Mutex<Vec<String>>>,
    say: Arc<Mutex<Box<Say>>>,
}

impl Told {
    fn new() -> Self {
        let say: Box<Say> = Box::new(|_| TAKEN);
        Self {
            key: Arc::default(),
            heard: Arc::default(),
            wrong: Arc::default(),
            say: Arc::new(Mutex::new(say)),
        }
    }

    /// Takes notices at `address` from now on.
    fn listen(&self, address: SocketAddr) {
        let (told, listener) = (self.clone(), TcpListener::bind(address).unwrap());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let told = told.clone();
                std::thread::spawn(move || told.serve(stream));
            }
        });
    }

    fn says(&self, say: impl Fn(&ExchangeNotice) -> &'static str + Send + 'static) {
        *self.say.lock().unwrap() = Box::new(say);
    }

    fn serve(&self, mut stream: TcpStream) {
        let (mut request, mut part) = (Vec::new(), [0; 4_096]);
        let (head, body) = loop {
            let count = stream.read(&mut part).unwrap_or(0);
            if count == 0 {
                return;
            }
            request.extend_from_slice(&part[..count]);
            let text = String::from_utf8_lossy(&request).into_owned();
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            if header(head, "content-length").is_some_and(|length| length == body.len().to_string()) {
                break (head.to_owned(), body.to_owned());
            }
        };
        let Some(notice) = self.verified(&head, &body) else {
            self.wrong.lock().unwrap().push(format!("{head}\n{body}"));
            return;
        };
        let answer = self.say.lock().unwrap()(&notice);
        self.heard.lock().unwrap().push(notice);
        let length = answer.len();
        let text =
            format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{answer}");
        let _ = stream.write_all(text.as_bytes());
    }

    fn verified(&self, head: &str, body: &str) -> Option<ExchangeNotice> {
        let notice = ExchangeNotice::read(body.as_bytes())?;
        let get = |name: &str| header(head, name).unwrap_or_default();
        let (account, sub_account) = (get("keyward-account"), get("keyward-sub-account"));
        let (request_id, client_address) = (get("keyward-request-id"), get("keyward-client-address"));
        let identity = Identity {
            account: Some(&account),
            sub_account: Some(&sub_account),
            environment: "live",
            route: NOTICE_ROUTE,
            request_id: &request_id,
            deadline_ms: get("keyward-deadline").parse().ok()?,
            client_address: &client_address,
            ..Identity::default()
        };
        let key = self.key.lock().unwrap();
        let signed = get("keyward-identity");
        key.as_ref()?.verify(&identity, "POST", PATH.as_bytes(), body.as_bytes(), &signed).ok()?;
        let same = (notice.account.to_string(), notice.sub_account.to_string()) == (account, sub_account);
        same.then_some(notice)
    }

    /// What was taken so far, as sub-account and kind.
    fn heard(&self) -> Vec<(String, NoticeKind)> {
        assert_eq!(*self.wrong.lock().unwrap(), Vec::<String>::new(), "every notice verifies");
        let heard = self.heard.lock().unwrap();
        heard.iter().map(|notice| (notice.name.as_str().to_owned(), notice.kind)).collect()
    }

    fn awaits(&self, count: usize) -> Vec<(String, NoticeKind)> {
        until(&format!("{count} notices"), 20_000, || self.heard().len() >= count);
        self.heard()
    }
}

fn header(head: &str, name: &str) -> Option<String> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(": ")?;
        found.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    })
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// A server that tells an exchange, which need not be there yet.
struct World {
    _folder: Folder,
    _upstream: Upstream,
    config: String,
    address: String,
    exchange: SocketAddr,
    told: Told,
}

impl World {
    fn new() -> Self {
        let (folder, upstream, exchange, told) =
            (Folder::new(), Upstream::start(), free_address(), Told::new());
        let (config, address) = set_up(&folder, &upstream);
        let text = std::fs::read_to_string(&config).unwrap();
        let setting = format!("[exchange]\nsub_accounts_url = \"http://{exchange}{PATH}\"\n");
        assert!(text.contains("[exchange]\n"), "{text}");
        std::fs::write(&config, text.replacen("[exchange]\n", &setting, 1)).unwrap();
        for email in [TRADER, OTHER] {
            keyward(&["account", "create", "--config", &config, "--email", email]);
        }
        let file = folder.0.join("identity").display().to_string();
        keyward(&["identity-key", "--config", &config, "--to", &file]);
        let text = std::fs::read_to_string(file).unwrap();
        let bytes: Vec<u8> =
            (0..32).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()).collect();
        *told.key.lock().unwrap() = Some(IdentityKey::new(1, bytes.try_into().unwrap()));
        Self { _folder: folder, _upstream: upstream, config, address, exchange, told }
    }

    fn serve(&self) -> Server {
        Server::start(&self.config, &self.address)
    }

    fn does(&self, what: &str, email: &str, name: &str) -> String {
        let mut words =
            vec!["sub-account", what, "--config", &self.config, "--account", email, "--name", name];
        if what == "close" {
            words.push("--yes");
        }
        keyward(&words)
    }

    fn state(&self, name: &str) -> Value {
        let listed =
            keyward(&["sub-account", "list", "--config", &self.config, "--account", TRADER, "--json"]);
        let all: Vec<Value> = serde_json::from_str(&listed).unwrap();
        all.into_iter().find(|one| one["name"] == name).unwrap()["state"].clone()
    }
}

use NoticeKind::{Closing, Created, Frozen, Unfrozen};

fn of(name: &str, kinds: &[NoticeKind]) -> Vec<(String, NoticeKind)> {
    kinds.iter().map(|kind| (name.to_owned(), *kind)).collect()
}

#[test]
fn a_sub_account_that_is_created_frozen_and_unfrozen_is_told_in_order() {
    let world = World::new();
    world.told.listen(world.exchange);
    let server = world.serve();
    world.does("create", TRADER, "alpha01");
    assert_eq!(world.told.awaits(1), of("alpha01", &[Created]));
    world.does("freeze", TRADER, "alpha01");
    world.does("thaw", TRADER, "alpha01");
    assert_eq!(world.told.awaits(3), of("alpha01", &[Created, Frozen, Unfrozen]));
    let heard = world.told.heard.lock().unwrap().clone();
    assert!(heard.is_sorted_by(|one, next| one.number < next.number), "{heard:?}");
    let ids: HashSet<String> = heard.iter().map(ExchangeNotice::id).collect();
    assert_eq!(ids.len(), 3, "each has an id of its own");
    assert_eq!(server.stop().code(), Some(0));
}

#[test]
fn an_exchange_that_was_away_is_told_everything_once_it_is_back() {
    let world = World::new();
    let server = world.serve();
    world.does("create", TRADER, "alpha01");
    world.does("freeze", TRADER, "alpha01");
    // A crash in between loses nothing.
    server.kill();
    let server = world.serve();
    world.does("thaw", TRADER, "alpha01");
    world.does("create", TRADER, "alpha02");
    assert_eq!(world.told.heard(), []);
    world.told.listen(world.exchange);
    let mut expected = of("alpha01", &[Created, Frozen, Unfrozen]);
    expected.extend(of("alpha02", &[Created]));
    assert_eq!(world.told.awaits(4), expected);
    assert_eq!(server.stop().code(), Some(0));
}

#[test]
fn a_notice_that_fails_holds_back_those_of_its_own_master_only() {
    let world = World::new();
    world.told.says(|notice| if notice.name.as_str() == "poison1" { FAULT } else { TAKEN });
    world.told.listen(world.exchange);
    let server = world.serve();
    world.does("create", TRADER, "poison1");
    world.does("create", TRADER, "later01");
    world.does("create", OTHER, "others1");
    until("the other master's notice", 20_000, || {
        world.told.heard().iter().any(|(name, _)| name == "others1")
    });
    until("a second try", 20_000, || {
        world.told.heard().iter().filter(|(name, _)| name == "poison1").count() > 1
    });
    assert!(world.told.heard().iter().all(|(name, _)| name != "later01"));
    let tries = world.told.heard.lock().unwrap().clone();
    let tries: Vec<_> = tries.into_iter().filter(|notice| notice.name.as_str() == "poison1").collect();
    assert!(tries.windows(2).all(|two| two[0].body() == two[1].body()), "each try has the same id and body");
    world.told.says(|_| TAKEN);
    until("the later one", 30_000, || world.told.heard().iter().any(|(name, _)| name == "later01"));
    assert_eq!(server.stop().code(), Some(0));
}

#[test]
fn closing_waits_for_the_exchange_and_does_what_it_answers() {
    let world = World::new();
    world.told.says(|notice| if notice.kind == Closing { FAULT } else { TAKEN });
    world.told.listen(world.exchange);
    let server = world.serve();
    let made = world.does("create", TRADER, "alpha01");
    let sub = made.split("id ").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    world.does("freeze", TRADER, "alpha01");
    let said = world.does("close", TRADER, "alpha01");
    assert!(said.contains("being closed"), "{said}");
    // An answer that says nothing is no answer.
    until("a second try", 20_000, || {
        world.told.heard().iter().filter(|(_, kind)| *kind == Closing).count() > 1
    });
    assert_eq!(world.state("alpha01"), "closing");
    // Refused: it is what it was, and a freeze stays.
    world.told.says(|notice| if notice.kind == Closing { BALANCES } else { TAKEN });
    until("the refusal", 20_000, || world.state("alpha01") == "frozen");
    world.does("thaw", TRADER, "alpha01");
    assert_eq!(world.state("alpha01"), "active");
    world.told.says(|_| TAKEN);
    world.does("close", TRADER, "alpha01");
    until("the end", 20_000, || world.state("alpha01") == "closed");
    let log = keyward(&["audit", "export", "--config", &world.config]);
    for word in ["sub_account.close", "sub_account.not_closed", "sub_account.closed"] {
        assert!(log.contains(word) && log.contains(&sub), "{word}: {log}");
    }
    assert_eq!(server.stop().code(), Some(0));
}

#[test]
fn without_an_exchange_to_tell_closing_is_done_at_once() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let running = Running::start_with(&folder.data(), ["--upstream", &upstream.url]).unwrap();
    let sub = running.key("sub").unwrap();
    assert_eq!(balance(&running, &sub), "0");
    let said = command(&folder, &["close", "--name", "probeSub01", "--yes"]);
    assert!(said.contains("probeSub01 is closed"), "{said}");
    until("the key is gone", 5_000, || balance(&running, &sub) == "50119");
    assert_eq!(listed(&folder)["state"], "closed");
    let again = refused(&folder, &["close", "--name", "probeSub01", "--yes"]);
    assert!(again.contains("closed for good"), "{again}");
    let reused = refused(&folder, &["create", "--name", "probeSub01"]);
    assert!(reused.contains("name"), "{reused}");
}

#[test]
fn the_sandbox_closes_a_sub_account_only_when_it_has_no_balances() {
    let folder = Folder::new();
    let running = Running::start_with(&folder.data(), ["--raise-rates", "100000"]).unwrap();
    let (sub, master) = (running.key("sub").unwrap(), running.key("funding").unwrap());
    assert_eq!(balance(&running, &sub), "0");
    // Closed to its keys while the exchange is asked, and as before once that has refused.
    command(&folder, &["close", "--name", "probeSub01", "--yes"]);
    until("the refusal", 20_000, || listed(&folder)["state"] == "active");
    until("the key works again", 5_000, || balance(&running, &sub) == "0");
    empty(&running, &sub, &master);
    command(&folder, &["close", "--name", "probeSub01", "--yes"]);
    until("the end", 20_000, || listed(&folder)["state"] == "closed");
    until("the key is gone", 5_000, || balance(&running, &sub) == "50119");
    assert_eq!(balance(&running, &running.key("read").unwrap()), "0", "the master's own keys go on");
}

fn command(folder: &Folder, words: &[&str]) -> String {
    let words = of_trader(folder, words);
    keyward(&words.iter().map(String::as_str).collect::<Vec<_>>())
}

fn refused(folder: &Folder, words: &[&str]) -> String {
    let output = Command::new(program().unwrap()).args(of_trader(folder, words)).output().unwrap();
    assert!(!output.status.success(), "{words:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn of_trader(folder: &Folder, words: &[&str]) -> Vec<String> {
    let data = folder.data().display().to_string();
    let all = ["sub-account"].iter().chain(words).chain(&["--account", TRADER, "--data"]);
    all.map(|word| (*word).to_owned()).chain([data]).collect()
}

fn listed(folder: &Folder) -> Value {
    let all: Vec<Value> = serde_json::from_str(&command(folder, &["list", "--json"])).unwrap();
    all.into_iter().find(|one| one["name"] == "probeSub01").unwrap()
}

fn balance(running: &Running, key: &KeyEntry) -> String {
    send(running, &Signed::new(key, "GET", "/api/v5/account/balance", "")).code()
}

/// Moves everything of the sub-account to its master.
fn empty(running: &Running, sub: &KeyEntry, master: &KeyEntry) {
    for (path, from, list) in
        [("/api/v5/account/balance", "18", "details"), ("/api/v5/asset/balances", "6", "")]
    {
        let reply = send(running, &Signed::new(sub, "GET", path, ""));
        let said: Value = serde_json::from_str(&reply.body).unwrap();
        let all = if list.is_empty() { &said["data"] } else { &said["data"][0][list] };
        for one in all.as_array().unwrap() {
            let amount = ["availBal", "cashBal"].iter().find_map(|name| one[name].as_str()).unwrap();
            let (currency, name) = (one["ccy"].as_str().unwrap(), "probeSub01");
            let body = format!(
                r#"{{"ccy":"{currency}","amt":"{amount}","from":"{from}","to":"6","type":"2","subAcct":"{name}"}}"#
            );
            let moved = send(running, &Signed::new(master, "POST", "/api/v5/asset/transfer", &body));
            assert_eq!(moved.code(), "0", "{body}: {}", moved.body);
        }
    }
}
