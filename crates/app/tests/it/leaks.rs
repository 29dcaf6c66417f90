//! A secret that leaked, from its report to the first refusal; and canaries, which raise the alarm when somebody uses them.

use std::process::Command;
use std::time::{Duration, Instant};

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keyward_rules::address::Binding;
use keyward_rules::alert::{Alert, AlertKind};
use keyward_testkit::process::{KeyEntry, program};

use crate::beside::{Beside, ranges};
use crate::server::{Server, make_key, set_up};
use crate::world::{Folder, ORDER, Reply, Signed, Upstream, Wire, exchange, keyward, now_ms, until};

const BALANCE: (&str, &str, &str) = ("GET", "/api/v5/account/balance", "");
/// How long an owner may have to wait for an alarm.
const TOLD_MS: u64 = 5_000;

fn free() -> String {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// A signed report of one secret, as a whole HTTP request.
fn report(scanner: &EcdsaKeyPair, secret: &str) -> Vec<u8> {
    let body = format!(
        r#"[{{"token":"{secret}","type":"keyward","url":"https://git.example/a/.env","source":"content"}}]"#
    );
    let signature = STANDARD.encode(scanner.sign(&SystemRandom::new(), body.as_bytes()).unwrap());
    let length = body.len();
    format!(
        "POST /api/v1/leaks HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
         Github-Public-Key-Identifier: scanner-1\r\nGithub-Public-Key-Signature: {signature}\r\n\r\n{body}"
    )
    .into_bytes()
}

fn kinds(beside: &Beside, account: keyward_rules::id::AccountId, kind: AlertKind) -> Vec<Alert> {
    beside.alerts(account).into_iter().filter(|alert| alert.kind == kind).collect()
}

/// F6. The time runs from before the report is sent to when the first refusal is back, over real sockets, while the key is in
/// use. It is printed; the bound is the product's second.
#[test]
fn a_reported_secret_is_refused_within_a_second() {
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new()).unwrap();
    let scanner = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref()).unwrap();
    let der: PublicKeyX509Der<'_> = scanner.public_key().as_der().unwrap();
    let pem = STANDARD.encode(der.as_ref());
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let (config, address) = set_up(&folder, &upstream);
    let console = free();
    let more = format!(
        "[console]\nlisten = \"{console}\"\norigin = \"http://localhost:1\"\ngateway = \"http://{address}\"\n\
         [mail]\nurl = \"smtp+plain://localhost:9\"\nfrom = \"a@keyward.example\"\n\
         [[leaks.reporters]]\nname = \"Test scanner\"\nkey_id = \"scanner-1\"\n\
         public_key = \"-----BEGIN PUBLIC KEY----- {pem} -----END PUBLIC KEY-----\"\n"
    );
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text + &more).unwrap();
    let server = Server::start(&config, &address);
    until("the console listens", 10_000, || std::net::TcpStream::connect(&console).is_ok());
    let beside = Beside::open_with(&folder.data(), &folder.0.join("etc/master.key"));
    let bound = Binding::Addresses(ranges("127.0.0.0/16"));
    let (account, keys) = beside.account(&bound, 6);
    let code = |key: &KeyEntry| {
        let (method, target, body) = BALANCE;
        server.code(&Signed::new(key, method, target, body))
    };
    until("the keys are known", TOLD_MS, || keys.iter().all(|key| code(key) == "0"));

    let mut slowest = 0;
    let (leaked, safe) = keys.split_at(5);
    for key in leaked {
        let bytes = report(&scanner, &key.secret);
        let began = Instant::now();
        let reply = exchange(&console, &bytes).expect("an answer");
        assert_eq!(reply.status, 200, "{}", reply.body);
        assert!(reply.body.contains("true_positive") && !reply.body.contains(&key.secret), "{}", reply.body);
        // A key that still works may also have used its rate up; what is held is refused before that.
        while ["0", "50011"].contains(&&*code(key)) {
            assert!(began.elapsed().as_millis() < 20_000, "the key still works");
            std::thread::sleep(Duration::from_millis(10));
        }
        slowest = slowest.max(began.elapsed().as_millis());
        assert_eq!(code(key), "50120", "quarantine");
        let order = Signed::new(key, "POST", "/api/v5/trade/order", ORDER);
        assert_eq!(server.code(&order), "50120");
    }
    println!("from the report to the first refusal: at most {slowest} ms of 5");
    assert!(slowest < TOLD_MS.into(), "{slowest} ms");
    assert_ne!(code(&safe[0]), "50120", "no other key is stopped");
    let told = kinds(&beside, account, AlertKind::SecretLeaked);
    assert_eq!(told.len(), 5);
    assert!(
        told.iter().all(|alert| alert.detail.contains("https://git.example/a/.env (content)")),
        "{told:?}"
    );

    // The page for found keys does the same.
    let form = format!("text={}", safe[0].secret);
    let length = form.len();
    let posted = format!(
        "POST /found HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: same-origin\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{form}"
    );
    assert_eq!(exchange(&console, posted.as_bytes()).expect("an answer").status, 200);
    until("the pasted key is refused", TOLD_MS, || code(&safe[0]) == "50120");
    assert_eq!(server.stop().code(), Some(0));
}

/// What somebody changes of a request that was signed well.
type Change<'c> = &'c dyn Fn(&mut Signed);

/// The answer, without what differs between any two requests: times and ids.
fn comparable(reply: &Reply, key: &KeyEntry) -> (u16, Vec<String>, String) {
    let names = reply.head.lines().skip(1).filter_map(|line| line.split(':').next());
    let mut names: Vec<String> = names.map(str::to_owned).collect();
    names.sort();
    (reply.status, names, reply.body.replace(&key.api_key, "KEY"))
}

#[test]
fn a_canary_answers_like_a_key_bound_elsewhere_and_raises_the_alarm_at_once() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let (config, address) = set_up(&folder, &upstream);
    let server = Server::start(&config, &address);
    let beside = Beside::open_with(&folder.data(), &folder.0.join("etc/master.key"));
    let (owner, canaries) = beside.account(&Binding::Canary, 3);
    let (other, elsewhere) = beside.account(&Binding::Addresses(ranges("203.0.113.10/32")), 1);
    let (canary, bound) = (&canaries[0], &elsewhere[0]);
    let (method, target, body) = BALANCE;
    let ask = |key: &KeyEntry, change: Change<'_>| {
        let mut request = Signed::new(key, method, target, body);
        change(&mut request);
        exchange(&address, &request.bytes()).expect("an answer")
    };
    until("the keys are known", TOLD_MS, || {
        [&canaries[2], bound].iter().all(|key| ask(key, &|_| ()).code() == "50110")
    });

    // Whatever somebody sends, it is answered as with a key that is bound to other addresses.
    let changes: [(&str, Change<'_>); 6] = [
        ("50110", &|_| ()),
        ("50105", &|request| request.passphrase = "Other-Pass1!".to_owned()),
        ("50113", &|request| request.sign = request.sign.chars().rev().collect()),
        ("50102", &|request| *request = Signed::at(&copy(request), method, target, body, now_ms() - 60_000)),
        ("50110", &|request| request.more = "x-simulated-trading: 1\r\n".to_owned()),
        ("50113", &|request| request.target = "/api/v5/no/such/route".to_owned()),
    ];
    for (code, change) in changes {
        let (one, two) = (ask(canary, change), ask(bound, change));
        assert_eq!(one.code(), code, "{}", one.body);
        assert_eq!(comparable(&one, canary), comparable(&two, bound));
    }
    assert!(upstream.requests().is_empty(), "nothing reaches the exchange");

    // The owner hears of both: that the API key is known, and that the secret is. The source stands in the alert.
    until("the alarm with the secret", TOLD_MS, || {
        let told = kinds(&beside, owner, AlertKind::CanaryUsed);
        told.iter().any(|alert| alert.detail.contains("right secret") && alert.key_is(canary))
    });
    until("the alarm without it", TOLD_MS, || {
        let told = kinds(&beside, owner, AlertKind::CanaryNamed);
        told.iter().any(|alert| alert.detail.contains("wrong secret") && alert.key_is(canary))
    });
    let told: Vec<Alert> = [AlertKind::CanaryUsed, AlertKind::CanaryNamed]
        .into_iter()
        .flat_map(|kind| kinds(&beside, owner, kind))
        .collect();
    assert!(told.iter().all(|alert| alert.from == Some("127.0.0.1".parse().unwrap())), "{told:?}");
    assert!(kinds(&beside, other, AlertKind::CanaryUsed).is_empty(), "a bound key is no canary");
    until("the other alarm", TOLD_MS, || kinds(&beside, other, AlertKind::WrongAddress).len() == 1);
    assert!(kinds(&beside, owner, AlertKind::WrongAddress).is_empty());

    // The API key alone is enough, from another address too; and the alarm does not repeat itself.
    let named = &canaries[1];
    for _ in 0..20 {
        let mut wire = Wire::from(&address, [127, 0, 5, 5]);
        let mut request = Signed::new(named, method, target, body);
        request.sign = "A".repeat(43) + "=";
        wire.write(&request.bytes());
        assert_eq!(wire.read().expect("an answer").code(), "50113");
    }
    let alarms = || {
        let told = kinds(&beside, owner, AlertKind::CanaryNamed);
        told.into_iter().filter(|alert| alert.key_is(named)).collect::<Vec<_>>()
    };
    until("the alarm of a name", TOLD_MS, || !alarms().is_empty());
    assert_eq!(alarms().len(), 1, "{:?}", alarms());
    assert_eq!(alarms()[0].from, Some("127.0.5.5".parse().unwrap()));
    assert_eq!(server.stop().code(), Some(0));
}

/// S17 at the host: a filter that takes any number of days, and canaries that are never among them.
#[test]
fn unused_keys_are_listed_at_the_host() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let (config, _) = set_up(&folder, &upstream);
    let key = make_key(&config);
    let account = ["--config", &config, "--account", "trader@keyward.example", "--json"];
    let canary = keyward(&[&["key", "create", "--name", "bait", "--canary"], &account[..]].concat());
    let canary: serde_json::Value = serde_json::from_str(&canary).unwrap();
    let listed = |more: &[&str]| -> Vec<String> {
        let text = keyward(&[&["key", "list"], &account[..], more].concat());
        let keys: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
        keys.iter().map(|key| key["api_key"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(listed(&[]).len(), 2);
    assert!(listed(&["--unused-days", "1"]).is_empty(), "both are seconds old");
    let beside = Beside::open_with(&folder.data(), &folder.0.join("etc/master.key"));
    let shown = keyward(&["key", "show", "--config", &config, canary["api_key"].as_str().unwrap()]);
    assert!(shown.contains("purpose      canary") && shown.contains("from         nowhere"), "{shown}");
    for api_key in [&*key.api_key, canary["api_key"].as_str().unwrap()] {
        beside.used_days_ago(api_key, 40);
    }
    assert_eq!(
        listed(&["--unused-days", "40"]),
        std::slice::from_ref(&key.api_key),
        "a canary is never unused"
    );
    assert!(listed(&["--unused-days", "41"]).is_empty());
    let refused = Command::new(program().unwrap())
        .args(["key", "list", "--unused-days", "0"])
        .args(account)
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(2), "no number of days is refused");
}

/// The key of a request, to sign it anew.
fn copy(request: &Signed) -> KeyEntry {
    KeyEntry {
        api_key: request.key.clone(),
        secret: "another secret".to_owned(),
        passphrase: request.passphrase.clone(),
        expect: String::new(),
    }
}

trait About {
    fn key_is(&self, key: &KeyEntry) -> bool;
}

impl About for Alert {
    fn key_is(&self, key: &KeyEntry) -> bool {
        self.key.as_ref().is_some_and(|(id, _)| id.to_string() == key.api_key)
    }
}
