//! OKX's endpoints for sub-accounts at the gateway: what a master's key may do by itself, what waits for the master, and that nothing
//! of it reaches the exchange or a file.

use keyward_testkit::process::{KeyEntry, Running};
use serde_json::{Value, json};

use crate::world::{Folder, Reply, Signed, Upstream, keyward, now_ms, send, until};

const USERS: &str = "/api/v5/users/subaccount/";
const SUB: &str = "probeSub01";
const PASSPHRASE: &str = "Probe-Pass1!";

/// A sandbox in front of an exchange that counts.
struct Sandbox {
    folder: Folder,
    upstream: Upstream,
    running: Running,
    master: KeyEntry,
    /// How far ahead clients' clocks are: after a crash, a gateway takes later timestamps alone.
    ahead_ms: u64,
}

impl Sandbox {
    fn start() -> Self {
        let (folder, upstream) = (Folder::new(), Upstream::start());
        let flags = ["--upstream", &upstream.url, "--raise-rates", "100000"];
        let running = Running::start_with(&folder.data(), flags).unwrap();
        let master = running.key("manage").unwrap();
        Self { folder, upstream, running, master, ahead_ms: 0 }
    }

    fn crash_and_restart(self) -> Self {
        Self { running: self.running.crash_and_restart().unwrap(), ahead_ms: 20_000, ..self }
    }

    fn post_as(&self, key: &KeyEntry, endpoint: &str, body: &Value) -> Reply {
        let body = body.to_string();
        let at_ms = now_ms() + self.ahead_ms;
        send(&self.running, &Signed::at(key, "POST", &format!("{USERS}{endpoint}"), &body, at_ms))
    }

    fn post(&self, endpoint: &str, body: &Value) -> Reply {
        self.post_as(&self.master, endpoint, body)
    }

    fn get(&self, target: &str) -> Value {
        let target = format!("/api/v5/users/{target}");
        serde_json::from_str(&send(&self.running, &Signed::new(&self.master, "GET", &target, "")).body)
            .unwrap()
    }

    /// The first element of what was done.
    fn done(&self, endpoint: &str, body: &Value) -> Value {
        let reply = self.post(endpoint, body);
        let said: Value = serde_json::from_str(&reply.body).unwrap();
        assert_eq!((reply.status, &said["code"]), (200, &json!("0")), "{endpoint} {body}: {}", reply.body);
        said["data"][0].clone()
    }

    /// The number of what waits.
    fn waits(&self, endpoint: &str, body: &Value) -> String {
        let reply = self.post(endpoint, body);
        let said: Value = serde_json::from_str(&reply.body).unwrap();
        assert_eq!(
            (reply.status, &said["code"]),
            (200, &json!("90450")),
            "{endpoint} {body}: {}",
            reply.body
        );
        said["data"][0]["approvalId"].as_str().unwrap().to_owned()
    }

    fn code(&self, endpoint: &str, body: &Value) -> String {
        self.post(endpoint, body).code()
    }

    fn decide(&self, what: &str, number: &str) {
        keyward(&["approvals", what, "--data", &self.folder.data().display().to_string(), number]);
    }

    fn create(&self, label: &str, perm: &str, ip: &str) -> KeyEntry {
        let made = self.done("apikey", &wish(label, perm, ip));
        entry(&made)
    }

    /// What a balance query with the key gets, by the gateway's decision.
    fn works(&self, key: &KeyEntry) -> String {
        send(&self.running, &Signed::new(key, "GET", "/api/v5/account/balance", "")).code()
    }
}

fn wish(label: &str, perm: &str, ip: &str) -> Value {
    json!({ "subAcct": SUB, "label": label, "passphrase": PASSPHRASE.replace('!', label), "perm": perm, "ip": ip })
}

fn entry(made: &Value) -> KeyEntry {
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    KeyEntry {
        api_key: text("apiKey"),
        secret: text("secretKey"),
        passphrase: text("passphrase"),
        expect: "0".to_owned(),
    }
}

#[test]
fn a_key_is_created_used_changed_and_deleted() {
    let sandbox = Sandbox::start();
    let made = sandbox.done("apikey", &wish("-one", "trade", "127.0.0.1"));
    assert_eq!(
        [&made["subAcct"], &made["label"], &made["perm"], &made["ip"]],
        [SUB, "-one", "read_only,trade", "127.0.0.1"]
    );
    let key = entry(&made);
    until("gateways know the key", 5_000, || sandbox.works(&key) == "0");
    let listed = sandbox.get(&format!("subaccount/apikey?subAcct={SUB}&apiKey={}", key.api_key));
    assert_eq!(listed["data"].as_array().unwrap().len(), 1);
    assert!(!listed.to_string().contains(&key.secret) && !listed.to_string().contains(PASSPHRASE));
    let change = |more: Value| {
        let mut body = json!({ "subAcct": SUB, "apiKey": key.api_key });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let renamed = sandbox.done("modify-apikey", &change(json!({ "label": "two" })));
    assert_eq!([&renamed["label"], &renamed["ip"]], ["two", "127.0.0.1"]);
    assert_eq!(sandbox.done("modify-apikey", &change(json!({ "label": "two" })))["label"], "two", "it is so");
    assert_eq!(sandbox.code("modify-apikey", &change(json!({ "perm": "read_only" }))), "51000");
    assert_eq!(sandbox.code("modify-apikey", &change(json!({ "perm": "trade" }))), "0", "those that it has");
    assert_eq!(sandbox.done("delete-apikey", &change(json!({})))["subAcct"], SUB);
    until("the key is refused", 5_000, || sandbox.works(&key) == "50119");
    assert_eq!(sandbox.code("delete-apikey", &change(json!({}))), "59506");
    let sent = sandbox.upstream.requests();
    let text = |request: &Vec<u8>| String::from_utf8_lossy(request).into_owned();
    let strange = sent.iter().map(text).find(|request| !request.contains("/api/v5/account/balance"));
    assert!(!sent.is_empty() && strange.is_none(), "balance queries alone went to the exchange: {strange:?}");
}

#[test]
fn what_goes_beyond_the_key_waits_for_the_master_and_is_done_once() {
    let sandbox = Sandbox::start();
    for (perm, ip) in
        [("read_only", ""), ("read_only", "127.0.0.0/8"), ("read_only,trade", "127.0.0.1,192.0.2.1")]
    {
        let wider = wish("-wide", perm, ip);
        let first = sandbox.waits("apikey", &wider);
        assert_eq!(sandbox.waits("apikey", &wider), first, "the same request is the same approval");
        let other = wish("-other", perm, ip);
        assert_ne!(sandbox.waits("apikey", &other), first);
        sandbox.decide("refuse", &first);
        let said = sandbox.post("apikey", &wider);
        assert_eq!(said.code(), "90451", "{}", said.body);
        assert!(said.body.contains(&first));
    }
    let key = sandbox.create("-narrow", "read_only", "127.0.0.1");
    let modify = |ip: &str| json!({ "subAcct": SUB, "apiKey": key.api_key, "ip": ip });
    let ip = || {
        sandbox.get(&format!("subaccount/apikey?subAcct={SUB}&apiKey={}", key.api_key))["data"][0]["ip"]
            .clone()
    };
    for wider in ["", "127.0.0.0/8", "127.0.0.1,192.0.2.1", "192.0.2.1"] {
        sandbox.waits("modify-apikey", &modify(wider));
        assert_eq!(ip(), "127.0.0.1", "{wider}");
    }
    let unbound = sandbox.waits("modify-apikey", &modify(""));
    sandbox.decide("approve", &unbound);
    // An approval is of exactly one change.
    sandbox.waits("modify-apikey", &modify("192.0.2.0/24"));
    let state = sandbox.get(&format!("approvals?id={unbound}"));
    assert_eq!([&state["data"][0]["state"], &state["data"][0]["action"]], ["approved", "key.widen"]);
    let sandbox = sandbox.crash_and_restart();
    assert_eq!(sandbox.done("modify-apikey", &modify(""))["ip"], "");
    assert_eq!(sandbox.get(&format!("approvals?id={unbound}"))["data"][0]["state"], "used");
    // Bound again, it cannot be unbound by the approval that was used.
    assert_eq!(sandbox.done("modify-apikey", &modify("127.0.0.1"))["ip"], "127.0.0.1");
    assert_ne!(sandbox.waits("modify-apikey", &modify("")), unbound);
    assert_eq!(sandbox.upstream.requests().len(), 0);
}

#[test]
fn a_new_key_that_was_approved_is_created_once() {
    let sandbox = Sandbox::start();
    let wider = wish("-any", "read_only", "");
    sandbox.decide("approve", &sandbox.waits("apikey", &wider));
    let changed =
        json!({ "subAcct": SUB, "label": "-any", "passphrase": "Other-Pass1!", "perm": "read_only" });
    sandbox.waits("apikey", &changed);
    let key = entry(&sandbox.done("apikey", &wider));
    until("gateways know the key", 5_000, || sandbox.works(&key) == "0");
    assert_eq!(sandbox.code("apikey", &wider), "59502", "the name is taken now");
}

#[test]
fn sub_accounts_are_created_and_listed() {
    let sandbox = Sandbox::start();
    let made = sandbox
        .done("create-subaccount", &json!({ "subAcct": "alpha01", "type": "1", "label": "Market maker" }));
    assert_eq!([&made["subAcct"], &made["label"]], ["alpha01", "Market maker"]);
    let listed = sandbox.get("subaccount/list");
    let names: Vec<&str> =
        listed["data"].as_array().unwrap().iter().filter_map(|one| one["subAcct"].as_str()).collect();
    assert_eq!(names, ["alpha01", SUB], "the newest first");
    let one = &sandbox.get("subaccount/list?subAcct=alpha01&enable=true")["data"][0];
    assert_eq!(
        (&one["uid"], &one["enable"], &one["canTransOut"]),
        (&made["uid"], &json!(true), &json!(false))
    );
    assert_eq!(sandbox.get("subaccount/list?enable=false")["data"], json!([]));
    assert_eq!(sandbox.get("entrust-subaccount-list")["data"], json!([]));
    for (body, code) in [
        (json!({ "subAcct": "alpha01", "type": "1" }), "59601"),
        (json!({ "subAcct": "a", "type": "1" }), "51000"),
        (json!({ "subAcct": "beta01", "type": "5" }), "51000"),
        (json!({ "subAcct": "beta01" }), "50014"),
    ] {
        assert_eq!(sandbox.code("create-subaccount", &body), code, "{body}");
    }
    // Its keys: the sub-account is there for the same key at once.
    let new = json!({ "subAcct": "alpha01", "label": "bot", "passphrase": PASSPHRASE, "ip": "127.0.0.1" });
    assert_eq!(sandbox.done("apikey", &new)["perm"], "read_only");
    let names = ["freeze", "--data", &sandbox.folder.data().display().to_string()].map(str::to_owned);
    keyward(&[
        "sub-account",
        &names[0],
        &names[1],
        &names[2],
        "--account",
        "trader@keyward.example",
        "--name",
        "alpha01",
    ]);
    let another =
        json!({ "subAcct": "alpha01", "label": "bot2", "passphrase": "Other-Pass1!", "ip": "127.0.0.1" });
    assert_eq!(sandbox.code("apikey", &another), "59508");
    assert_eq!(sandbox.get("subaccount/list?enable=false")["data"][0]["subAcct"], "alpha01");
}

#[test]
fn transfers_to_other_sub_accounts_are_off_until_the_master_allows_them() {
    let sandbox = Sandbox::start();
    sandbox.done("create-subaccount", &json!({ "subAcct": "otherSub01", "type": "1" }));
    let sub = sandbox.running.key("sub").unwrap();
    let body = r#"{"ccy":"USDT","amt":"1","from":"6","to":"18","type":"4","subAcct":"otherSub01"}"#;
    let transfer =
        || send(&sandbox.running, &Signed::new(&sub, "POST", "/api/v5/asset/transfer", body)).code();
    assert_eq!(transfer(), "58119");
    let on = json!({ "subAcct": SUB });
    let number = sandbox.waits("set-transfer-out", &on);
    assert_eq!(transfer(), "58119", "nothing is allowed before the master approves");
    sandbox.decide("approve", &number);
    assert_eq!(sandbox.done("set-transfer-out", &on), json!({ "subAcct": SUB, "canTransOut": true }));
    assert_eq!(sandbox.code("set-transfer-out", &on), "0", "it is so");
    assert_eq!(transfer(), "90450", "each transfer waits all the same");
    let both = json!({ "subAcct": format!("{SUB},otherSub01"), "canTransOut": false });
    assert_eq!(sandbox.done("set-transfer-out", &both)["canTransOut"], false, "less needs nobody");
    assert_eq!(transfer(), "58119");
    let both = json!({ "subAcct": format!("{SUB},otherSub01"), "canTransOut": true });
    let said: Value = serde_json::from_str(&sandbox.post("set-transfer-out", &both).body).unwrap();
    let waiting: Vec<&str> =
        said["data"].as_array().unwrap().iter().filter_map(|one| one["approvalId"].as_str()).collect();
    assert_eq!((&said["code"], waiting.len()), (&json!("90450"), 2), "{said}");
    sandbox.decide("approve", waiting[0]);
    assert_eq!(sandbox.waits("set-transfer-out", &both), waiting[1], "one is done, the other waits");
    sandbox.decide("approve", waiting[1]);
    assert_eq!(sandbox.code("set-transfer-out", &both), "0");
    assert_eq!(sandbox.code("set-transfer-out", &json!({ "subAcct": "noSuchSub1" })), "59510");
}

#[test]
fn others_administer_nothing() {
    let sandbox = Sandbox::start();
    let body = wish("-x", "read_only", "127.0.0.1");
    for (name, post, get) in [
        ("trade", "50120", "0"),
        ("read", "50120", "0"),
        ("unbound", "50120", "0"),
        ("sub", "50120", "59500"),
        ("bound_elsewhere", "50110", "50110"),
        ("frozen", "50100", "50100"),
    ] {
        let key = sandbox.running.key(name).unwrap();
        assert_eq!(sandbox.post_as(&key, "apikey", &body).code(), post, "{name}");
        let target = format!("{USERS}list");
        assert_eq!(send(&sandbox.running, &Signed::new(&key, "GET", &target, "")).code(), get, "{name}");
    }
    let mut forged = Signed::new(&sandbox.master, "POST", &format!("{USERS}apikey"), &body.to_string());
    forged.body = wish("-y", "read_only,trade", "127.0.0.1").to_string().into_bytes();
    assert_eq!(send(&sandbox.running, &forged).code(), "50113");
    let twice = r#"{"subAcct":"probeSub01","subAcct":"probeSub01","label":"x","passphrase":"Probe-Pass1!"}"#;
    let twice = Signed::new(&sandbox.master, "POST", &format!("{USERS}apikey"), twice);
    assert_eq!(send(&sandbox.running, &twice).code(), "50002");
    for (change, code) in [
        (json!({ "subAcct": "noSuchSub1" }), "59510"),
        (json!({ "passphrase": "short" }), "59505"),
        (json!({ "perm": "withdraw" }), "51000"),
        (json!({ "ip": "not an address" }), "51000"),
        (json!({ "label": "" }), "50014"),
    ] {
        let mut body = wish("-z", "read_only", "127.0.0.1");
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        assert_eq!(sandbox.code("apikey", &body), code, "{change}");
    }
    let key = sandbox.create("-z", "read_only", "127.0.0.1");
    let renamed = json!({ "subAcct": "noSuchSub1", "apiKey": key.api_key, "label": "y" });
    assert_eq!(sandbox.code("modify-apikey", &renamed), "59510");
    let own = json!({ "subAcct": SUB, "apiKey": sandbox.master.api_key });
    assert_eq!(
        sandbox.code("delete-apikey", &own),
        "59506",
        "the master's own keys are none of a sub-account"
    );
    assert_eq!(sandbox.upstream.requests().len(), 0);
}

/// Neither the secret nor the passphrase of a new key is in a file or a log.
#[test]
fn credentials_stay_out_of_every_file() {
    let sandbox = Sandbox::start();
    let key = sandbox.create("-kept", "read_only", "127.0.0.1");
    let waiting = wish("-waits", "read_only", "");
    sandbox.decide("approve", &sandbox.waits("apikey", &waiting));
    let second = entry(&sandbox.done("apikey", &waiting));
    let texts = [&key.secret, &key.passphrase, &second.secret, &second.passphrase];
    let mut seen = 0;
    let mut folders = vec![sandbox.folder.data()];
    while let Some(folder) = folders.pop() {
        for found in std::fs::read_dir(folder).unwrap().flatten() {
            let path = found.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = std::fs::read(&path).unwrap_or_default();
            seen += usize::from(!bytes.is_empty());
            for text in texts {
                let there = bytes.windows(text.len()).any(|window| window == text.as_bytes());
                assert!(!there, "{} holds a credential", path.display());
            }
        }
    }
    assert!(seen > 3, "the store's files were looked at");
}
