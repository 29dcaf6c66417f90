//! A key that leaked is used from elsewhere, for something new, many times: its holder hears of it within five seconds, and where
//! the policy says so the key stops trading. What the key always does is told to nobody. Many accounts that begin one thing are told
//! to operators.

use keyward_rules::address::Binding;
use keyward_rules::alert::{Alert, AlertKind};
use keyward_rules::id::AccountId;
use keyward_rules::limits::DAY_MS;
use keyward_rules::policy::Setting;
use keyward_rules::signal::{SignalKind, SignalSet};
use keyward_testkit::process::{KeyEntry, Running};

use crate::beside::Beside;
use crate::world::{Folder, ORDER, Signed, Upstream, Wire, now_ms, until};

const BALANCE: (&str, &str, &str) = ("GET", "/api/v5/account/balance", "");
const PLACE: (&str, &str, &str) = ("POST", "/api/v5/trade/order", ORDER);
/// Two instruments, as the gateway remembers them.
const BTC_USDT: &str = "9c25c9ff";
const VIA_BTC: &str = "a6852255";
/// How long a holder may have to wait.
const TOLD_MS: u64 = 5_000;

/// A key that read now and then for ten days, from 127.0.0.0/24 alone.
fn reader() -> String {
    let today = now_ms() / DAY_MS;
    let days: String = (today - 10..today).map(|day| format!("day {day} 4 0 1\n")).collect();
    let used = now_ms() - DAY_MS;
    format!("used {used}\nclasses 1\nhours 16777215\n{days}network 127.0.0.0/24 {}\n", today - 1)
}

struct Scene {
    beside: Beside,
    url: String,
}

impl Scene {
    fn ask(&self, key: &KeyEntry, from: [u8; 4], (method, target, body): (&str, &str, &str)) -> String {
        let mut wire = Wire::from(&self.url, from);
        wire.write(&Signed::new(key, method, target, body).bytes());
        wire.read().expect("an answer").code()
    }

    fn home(&self, key: &KeyEntry, what: (&str, &str, &str)) -> String {
        self.ask(key, [127, 0, 0, 1], what)
    }

    fn thief(&self, key: &KeyEntry, what: (&str, &str, &str)) -> String {
        self.ask(key, [127, 0, 9, 9], what)
    }

    fn alert(&self, account: AccountId, key: &KeyEntry, kind: AlertKind) -> Option<Alert> {
        let about = |alert: &Alert| alert.key.as_ref().is_some_and(|(id, _)| id.to_string() == key.api_key);
        self.beside.alerts(account).into_iter().find(|alert| alert.kind == kind && about(alert))
    }

    /// The same key used by two: the thief comes between two requests of its owner, and places an order.
    fn leak(&self, key: &KeyEntry) {
        assert_eq!(self.home(key, BALANCE), "0");
        assert_eq!(self.thief(key, BALANCE), "0");
        assert_eq!(self.home(key, BALANCE), "0");
        assert_eq!(self.thief(key, PLACE), "0");
    }

    fn told(&self, account: AccountId, key: &KeyEntry, kind: AlertKind) -> Alert {
        until("the holder is told", TOLD_MS, || self.alert(account, key, kind).is_some());
        self.alert(account, key, kind).unwrap()
    }
}

#[test]
fn a_leak_is_told_within_five_seconds_and_quarantined_where_the_policy_says_so() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let flags = ["--upstream", &upstream.url, "--raise-rates", "1000"];
    let running = Running::start_with(&folder.data(), flags).unwrap();
    let beside = Beside::open(&folder.data());
    let (account, keys) = beside.account(&Binding::Anywhere, 5);
    let [leaked, usual, muted, stopped, both] = keys.try_into().unwrap_or_else(|_| panic!("five keys"));
    for key in [&leaked, &usual, &muted, &stopped, &both] {
        beside.teach(key, &reader());
    }
    let url = running.address("gateway_url").unwrap().to_owned();
    let scene = Scene { beside, url };
    until("the keys are known", TOLD_MS, || scene.home(&both, BALANCE) == "0");

    // What a key always does is told to nobody.
    for _ in 0..15 {
        assert_eq!(scene.home(&usual, BALANCE), "0");
    }

    // A leak, while the policy is as it comes: told, and nothing else.
    scene.leak(&leaked);
    let new_use = scene.told(account, &leaked, AlertKind::NewUse);
    assert!(
        new_use.detail.starts_with("POST /api/v5/trade/order from 127.0.9.9: it places or changes orders"),
        "{}",
        new_use.detail
    );
    let networks = scene.told(account, &leaked, AlertKind::TwoNetworks);
    assert!(networks.detail.contains("127.0.0.0/24 and from 127.0.9.0/24"), "{}", networks.detail);
    assert_eq!(scene.thief(&leaked, PLACE), "0", "the policy is off");
    // Twice as many as needed: they may lie on both sides of the end of a span.
    for _ in 0..45 {
        assert_eq!(scene.thief(&leaked, BALANCE), "0");
    }
    let burst = scene.told(account, &leaked, AlertKind::RequestBurst);
    assert!(burst.detail.contains("requests in three seconds; at most 4 before today"), "{}", burst.detail);

    // With the policy: it stops trading, and still reads.
    let policy = Setting::parse("quarantine_on_signals", "true").unwrap();
    scene.beside.policy(policy, account);
    scene.leak(&stopped);
    until("the key stops trading", TOLD_MS, || scene.thief(&stopped, PLACE) == "50120");
    let quarantined = scene.told(account, &stopped, AlertKind::KeyQuarantined);
    assert!(
        quarantined.detail.contains("it places or changes orders for the first time"),
        "{}",
        quarantined.detail
    );
    assert_eq!(scene.home(&stopped, BALANCE), "0", "it still reads");
    assert_eq!((scene.home(&leaked, PLACE), scene.home(&usual, BALANCE)), ("0".into(), "0".into()));

    // Muted: neither told nor counted, although it is two things at once.
    scene.beside.mute(&muted, SignalSet::of([SignalKind::NewUse, SignalKind::TwoNetworks]));
    scene.leak(&muted);
    scene.leak(&both);
    until("the key beside it stops", TOLD_MS, || scene.thief(&both, PLACE) == "50120");
    assert_eq!(scene.thief(&muted, PLACE), "0");
    assert_eq!(scene.alert(account, &muted, AlertKind::NewUse), None);
    assert_eq!(scene.alert(account, &muted, AlertKind::TwoNetworks), None);

    let about_usual = scene.beside.alerts(account);
    let named = |alert: &&Alert| alert.key.as_ref().is_some_and(|(id, _)| id.to_string() == usual.api_key);
    assert_eq!(about_usual.iter().filter(named).count(), 0, "{about_usual:?}");

    // What was learned outlives the process.
    assert!(running.terminate().unwrap().success());
    let learned = scene.beside.usual(&leaked);
    assert_eq!(learned.classes, ["read", "trade"]);
    let networks: Vec<String> = learned.networks.iter().map(ToString::to_string).collect();
    assert_eq!(networks, ["127.0.0.0/24", "127.0.9.0/24"]);
}

/// Somebody tries keys out: operators hear of the source, and the holder of a key that is tried over and over hears of that. The
/// holders of keys that were tried once hear of nothing.
#[test]
fn who_tries_keys_out_is_told_to_operators_and_what_is_tried_much_to_its_holder() {
    const KEYS: usize = 25;
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let flags = ["--upstream", &upstream.url, "--raise-rates", "1000"];
    let running = Running::start_with(&folder.data(), flags).unwrap();
    let beside = Beside::open(&folder.data());
    let (account, keys) = beside.account(&Binding::Anywhere, KEYS);
    let scene = Scene { beside, url: running.address("gateway_url").unwrap().to_owned() };
    until("the keys are known", TOLD_MS, || scene.home(&keys[KEYS - 1], BALANCE) == "0");
    let wrong = |key: &KeyEntry| KeyEntry { secret: "not the secret of this key".to_owned(), ..key.clone() };
    let from = [127, 0, 7, 7];
    for key in &keys {
        assert_eq!(scene.ask(&wrong(key), from, BALANCE), "50113");
    }
    let operators = scene.beside.operators();
    let heard = |operator: &AccountId| {
        let alerts = scene.beside.alerts(*operator);
        alerts.iter().any(|one| {
            one.kind == AlertKind::KeysTried && one.detail.starts_with("127.0.7.7 named many keys")
        })
    };
    until("both operators hear of it", TOLD_MS, || operators.len() == 2 && operators.iter().all(heard));
    assert_eq!(scene.alert(account, &keys[0], AlertKind::WrongCredentials), None);
    let mut wire = Wire::from(&scene.url, from);
    for _ in 0..100 {
        wire.write(&Signed::new(&wrong(&keys[0]), BALANCE.0, BALANCE.1, BALANCE.2).bytes());
        assert_eq!(wire.read().expect("an answer").code(), "50113");
    }
    let tried = scene.told(account, &keys[0], AlertKind::WrongCredentials);
    assert_eq!(tried.from, Some("127.0.7.7".parse().unwrap()));
    assert_eq!(scene.alert(account, &keys[1], AlertKind::WrongCredentials), None);
    assert_eq!(scene.home(&keys[0], BALANCE), "0", "the key itself goes on working");
}

/// The keys of ten accounts begin to trade one coin within two minutes, as in March 2018: operators hear of it. Nine do not do, and
/// neither does what an account did before with another key.
#[test]
fn many_accounts_that_begin_one_instrument_at_once_are_told_to_operators() {
    const COIN: &str = r#"{"instId":"VIA-BTC","tdMode":"cash","side":"buy","ordType":"market","sz":"1"}"#;
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let flags = ["--upstream", &upstream.url, "--raise-rates", "1000"];
    let running = Running::start_with(&folder.data(), flags).unwrap();
    let beside = Beside::open(&folder.data());
    // They have traded BTC-USDT for ten days, and nothing else.
    let trader = format!("{}instruments 0 {BTC_USDT}\n", reader().replace("classes 1", "classes 3"));
    let accounts: Vec<(AccountId, Vec<KeyEntry>)> =
        (0..11).map(|_| beside.account(&Binding::Anywhere, 2)).collect();
    accounts.iter().flat_map(|(_, keys)| keys).for_each(|key| beside.teach(key, &trader));
    // The last account knows the coin, by its other key.
    let knows = format!("{}instruments 0 {BTC_USDT} {VIA_BTC}\n", reader().replace("classes 1", "classes 3"));
    beside.teach(&accounts[10].1[1], &knows);
    let operators = beside.operators();
    let url = running.address("gateway_url").unwrap().to_owned();
    let scene = Scene { beside, url };
    until("the keys are known", TOLD_MS, || scene.home(&accounts[10].1[1], BALANCE) == "0");
    let order = |key: &KeyEntry, body: &str| assert_eq!(scene.home(key, ("POST", PLACE.1, body)), "0");
    let told = |operator: &AccountId| {
        let alerts = scene.beside.alerts(*operator);
        let begun = alerts.into_iter().filter(|one| one.kind == AlertKind::AccountsAtOnce);
        begun.map(|one| one.detail).collect::<Vec<_>>()
    };

    accounts.iter().for_each(|(_, keys)| order(&keys[0], ORDER));
    // One that knows the coin and eight others, twice, and with both of their keys: that is eight accounts.
    for (_, keys) in accounts[2..].iter().chain(&accounts[2..10]) {
        order(&keys[0], COIN);
    }
    order(&accounts[5].1[1], COIN);
    order(&accounts[1].1[0], COIN);
    // What was handed to the watch before this was judged before this.
    scene.leak(&accounts[0].1[1]);
    scene.told(accounts[0].0, &accounts[0].1[1], AlertKind::TwoNetworks);
    assert!(operators.len() == 2 && operators.iter().all(|operator| told(operator).is_empty()), "nine");
    order(&accounts[0].1[0], COIN);
    until("both operators hear of it", TOLD_MS, || {
        operators.iter().all(|operator| told(operator).len() == 1)
    });
    let detail = told(&operators[0]).remove(0);
    assert!(detail.starts_with("10 accounts began to trade VIA-BTC within two minutes"), "{detail}");
    for (account, _) in &accounts[..10] {
        assert!(detail.contains(&account.to_string()), "{account}: {detail}");
    }
    assert!(!detail.contains(&accounts[10].0.to_string()), "it knew the coin: {detail}");
    // What was learned outlives the process.
    assert!(running.terminate().unwrap().success());
    let learned = scene.beside.learned(&accounts[0].1[0]);
    assert!(learned.contains(BTC_USDT) && learned.contains(VIA_BTC), "{learned}");
}
