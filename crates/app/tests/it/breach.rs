//! A broker is breached: its customers' keys are used from elsewhere, then from its own servers, and one change of the
//! app stops all of them, under load and beside keys that have nothing to do with it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::Scope;

use keyward_rules::address::{AddressSet, Binding, HostBits};
use keyward_rules::alert::AlertKind;
use keyward_store::AppState;
use keyward_testkit::process::{KeyEntry, Running};

use crate::beside::{Beside, EACH, ranges};
use crate::world::{Folder, ORDER, Signed, Upstream, Wire, now_ms, until};

const BALANCE: &str = "/api/v5/account/balance";
const HERE: &str = "127.0.0.0/8";
const ELSEWHERE: &str = "203.0.113.0/24,2001:db8::/32";

/// F1: thousands of customers' keys were taken from a broker. From outside its servers each is refused and its holder told;
/// from inside them, one freeze stops all.
#[test]
fn stolen_keys_of_an_app_are_refused_elsewhere_told_of_and_stopped_by_one_change() {
    const ACCOUNTS: usize = 4;
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let flags = ["--upstream", &upstream.url, "--raise-rates", "100000"];
    let running = Running::start_with(&folder.data(), flags).unwrap();
    let beside = Beside::open(&folder.data());
    let mut app = beside.app("Breached Broker", ELSEWHERE);
    let holders: Vec<_> = (0..ACCOUNTS).map(|_| beside.account(&Binding::App(app.id), 25)).collect();
    let keys: Vec<&KeyEntry> = holders.iter().flat_map(|(_, keys)| keys).collect();
    let mut wire = Wire::open(running.address("gateway_url").unwrap());
    let mut ask = |key: &KeyEntry| {
        wire.write(&Signed::new(key, "POST", "/api/v5/trade/order", ORDER).bytes());
        wire.read().expect("an answer").code()
    };
    let last = keys.last().copied().unwrap();
    until("the keys are known", 1_000, || ask(last) != "50119");

    assert!(keys.iter().all(|key| ask(key) == "50110"));
    assert!(upstream.requests().is_empty(), "nothing reaches the exchange");
    for (account, keys) in &holders {
        let told_of = |key: &KeyEntry| {
            beside.alerts(*account).iter().any(|alert| {
                let about = alert.key.as_ref().is_some_and(|(id, _)| id.to_string() == key.api_key);
                about && alert.kind == AlertKind::WrongAddress
            })
        };
        until("the holder is told of each key", 20_000, || keys.iter().all(told_of));
        assert!(beside.alerts(*account).iter().all(|alert| alert.from.is_none() && alert.detail.is_empty()));
    }

    beside.change(&mut app, |app| app.ranges = ranges(HERE));
    until("the thief is among the app's servers", 1_000, || ask(last) == "0");
    assert!(keys.iter().all(|key| ask(key) == "0"));
    beside.change(&mut app, |app| app.state = AppState::Frozen);
    until("the app is frozen", 1_000, || ask(last) == "50100");
    let before = upstream.requests().len();
    assert!(keys.iter().all(|key| ask(key) == "50100"));
    assert_eq!(upstream.requests().len(), before);
}

/// How many keys and accounts the large app has.
const LARGE: usize = 2_000;
/// At most so many requests of one sender, and for so long.
const REQUESTS: usize = 200_000;
const PATIENCE_MS: u64 = 30_000;
/// How long a change may take to every verdict (product.md 6.4).
const BOUND_MS: u64 = 1_000;
/// Answers that each phase waits for.
const ENOUGH: usize = 500;

#[test]
fn a_freeze_of_a_large_app_under_load_stops_its_keys_and_no_others() {
    let folder = Folder::new();
    // The first start makes the store; the keys are there when the second one loads it.
    assert!(Running::start(&folder.data()).unwrap().terminate().unwrap().success());
    let beside = Beside::open(&folder.data());
    let (mut app, other) = (beside.app("Large Broker", HERE), beside.app("Another Broker", HERE));
    let began = now_ms();
    let of_app = beside.keys(&Binding::App(app.id), LARGE);
    let made = now_ms() - began;
    let own = AddressSet::parse("127.0.0.1", HostBits::Refuse).unwrap();
    let mut unrelated = beside.keys(&Binding::App(other.id), 1);
    unrelated.extend(beside.keys(&Binding::Addresses(own), 1));
    unrelated.extend(beside.keys(&Binding::Anywhere, 1));
    let running = Running::start_with(&folder.data(), ["--raise-rates", "100000"]).unwrap();
    let address = running.address("gateway_url").unwrap();

    let (stop, app_load, load) = (AtomicBool::new(false), Load::default(), Load::default());
    let (committed, thawing, thawed, of_app_asked, unrelated_asked) = std::thread::scope(|scope| {
        let _ends = Stop(&stop);
        // Each sender goes through keys of a hundred accounts.
        let spread: Vec<&[KeyEntry]> =
            of_app.chunks(of_app.len() / 4).map(|some| &some[..100 * EACH]).collect();
        let senders: Vec<_> =
            spread.iter().map(|keys| send(scope, address, keys, &app_load, &stop)).collect();
        let beside_them: Vec<_> = (0..2).map(|_| send(scope, address, &unrelated, &load, &stop)).collect();
        let more = |of: &AtomicUsize| {
            let from = of.load(Ordering::Relaxed);
            until("the load runs", PATIENCE_MS, || of.load(Ordering::Relaxed) >= from + ENOUGH);
        };
        more(&app_load.accepted);
        more(&load.accepted);
        let committed = beside.change(&mut app, |app| app.state = AppState::Frozen);
        until("the bound is over", PATIENCE_MS, || now_ms() > committed + BOUND_MS);
        more(&app_load.refused);
        more(&load.accepted);
        let thawing = now_ms();
        let thawed = beside.change(&mut app, |app| app.state = AppState::Active);
        until("the bound is over", PATIENCE_MS, || now_ms() > thawed + BOUND_MS);
        more(&app_load.accepted);
        more(&load.accepted);
        stop.store(true, Ordering::Relaxed);
        let all = |senders: Vec<Sender<'_>>| -> Vec<Asked> {
            senders.into_iter().flat_map(|sender| sender.join().unwrap()).collect()
        };
        (committed, thawing, thawed, all(senders), all(beside_them))
    });

    let refusals = unrelated_asked.iter().filter(|asked| asked.code != "0").count();
    assert_eq!(refusals, 0, "an unrelated key was refused");
    let (before, after): (Vec<_>, Vec<_>) = of_app_asked.iter().partition(|asked| asked.answered < thawing);
    let accepted = |asked: &&&Asked| asked.code == "0";
    let last = before.iter().filter(accepted).map(|asked| asked.answered).max().unwrap();
    assert!(last <= committed + BOUND_MS, "still accepted {} ms after the commit", last - committed);
    let later: Vec<_> = before.iter().filter(|asked| asked.sent > last).collect();
    assert!(later.len() >= ENOUGH, "only {} requests after the last accepted one", later.len());
    assert!(later.iter().all(|asked| asked.code == "50100"), "something else than 50100 while frozen");
    let first = after.iter().filter(accepted).map(|asked| asked.answered).min().unwrap();
    assert!(after.iter().filter(|asked| asked.sent > thawed + BOUND_MS).all(|asked| asked.code == "0"));
    println!(
        "freeze: {} keys over {LARGE} accounts (made in {made} ms); last accepted {} ms after the commit, then {} times \
         50100; thawed: first accepted {} ms after the commit; unrelated keys: {} requests, {refusals} refused",
        of_app.len(),
        last.saturating_sub(committed),
        later.len(),
        first.saturating_sub(thawed),
        unrelated_asked.len(),
    );
}

/// How often the keys of one kind were accepted and refused so far.
#[derive(Default)]
struct Load {
    accepted: AtomicUsize,
    refused: AtomicUsize,
}

/// One request: when it was sent and answered, and how.
struct Asked {
    sent: u64,
    answered: u64,
    code: String,
}

/// Ends the load also when the test fails.
struct Stop<'s>(&'s AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

type Sender<'scope> = std::thread::ScopedJoinHandle<'scope, Vec<Asked>>;

/// Asks with one key after the other over one connection, until stopped.
fn send<'scope>(
    scope: &'scope Scope<'scope, '_>,
    address: &'scope str,
    keys: &'scope [KeyEntry],
    load: &'scope Load,
    stop: &'scope AtomicBool,
) -> Sender<'scope> {
    scope.spawn(move || {
        let mut wire = Wire::open(address);
        let mut asked = Vec::new();
        for key in keys.iter().cycle().take(REQUESTS) {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            let sent = now_ms();
            wire.write(&Signed::new(key, "GET", BALANCE, "").bytes());
            let code = wire.read().expect("an answer").code();
            let counted = if code == "0" { &load.accepted } else { &load.refused };
            counted.fetch_add(1, Ordering::Relaxed);
            asked.push(Asked { sent, answered: now_ms(), code });
        }
        asked
    })
}
