//! Transfers by a sub-account's key: refused until the master approves, then passed once, whatever happens to the program in between.

use std::sync::atomic::{AtomicU64, Ordering};

use keyward_testkit::process::{KeyEntry, Running};
use serde_json::Value;

use crate::world::{Folder, Manner, Reply, Signed, Upstream, Wire, keyward, now_ms, send, until};

const TRADER: &str = "trader@keyward.example";
const TRANSFER: &str = "/api/v5/asset/transfer";

/// A sandbox in front of an exchange that counts.
struct Sandbox {
    folder: Folder,
    upstream: Upstream,
    running: Running,
    sub: KeyEntry,
}

impl Sandbox {
    fn start() -> Self {
        let (folder, upstream) = (Folder::new(), Upstream::start());
        let flags = ["--upstream", &upstream.url, "--raise-rates", "100000"];
        let running = Running::start_with(&folder.data(), flags).unwrap();
        let sub = running.key("sub").unwrap();
        Self { folder, upstream, running, sub }
    }

    fn crash_and_restart(self) -> Self {
        Self { running: self.running.crash_and_restart().unwrap(), ..self }
    }

    fn transfers(&self, body: &str) -> Reply {
        send(&self.running, &Signed::new(&self.sub, "POST", TRANSFER, body))
    }

    /// The code of a transfer to the master account, whose client calls it by an id of its own.
    fn code(&self, amount: &str) -> String {
        self.transfers(&body(amount)).code()
    }

    /// The same, which must wait; gives the number.
    fn waits(&self, amount: &str) -> String {
        number(&self.transfers(&body(amount)))
    }

    fn decide(&self, what: &str, number: &str) {
        keyward(&["approvals", what, "--data", &self.folder.data().display().to_string(), number]);
    }

    fn state(&self, number: &str) -> String {
        let asked = self.asks(&self.sub, &format!("id={number}"));
        asked["data"][0]["state"].as_str().unwrap_or_default().to_owned()
    }

    fn asks(&self, key: &KeyEntry, query: &str) -> Value {
        let target = format!("/api/v5/users/approvals?{query}");
        serde_json::from_str(&send(&self.running, &Signed::new(key, "GET", &target, "")).body).unwrap()
    }
}

fn body(amount: &str) -> String {
    static CLIENT_ID: AtomicU64 = AtomicU64::new(1);
    let client_id = CLIENT_ID.fetch_add(1, Ordering::Relaxed);
    format!(r#"{{"ccy":"USDT","amt":"{amount}","from":"6","to":"18","type":"3","clientId":"c{client_id}"}}"#)
}

fn number(reply: &Reply) -> String {
    let said: Value = serde_json::from_str(&reply.body).unwrap();
    assert_eq!((reply.status, said["code"].as_str()), (200, Some("90450")), "{}", reply.body);
    assert_eq!(said["data"][0]["state"], "waiting");
    let number = said["data"][0]["approvalId"].as_str().unwrap().to_owned();
    assert!(said["msg"].as_str().unwrap().contains(&number), "people read it too: {}", reply.body);
    number
}

#[test]
fn a_transfer_waits_for_the_master_and_passes_once() {
    let sandbox = Sandbox::start();
    let first = sandbox.waits("12.5");
    assert_eq!(sandbox.waits("12.50"), first, "the same meaning, and another id of the client's own");
    assert_eq!(sandbox.state(&first), "waiting");
    sandbox.decide("approve", &first);
    assert_eq!(sandbox.state(&first), "approved");
    for changed in [
        r#"{"ccy":"USDT","amt":"12.51","from":"6","to":"18","type":"3"}"#,
        r#"{"ccy":"USDC","amt":"12.5","from":"6","to":"18","type":"3"}"#,
        r#"{"ccy":"USDT","amt":"12.5","from":"18","to":"6","type":"3"}"#,
        r#"{"ccy":"USDT","amt":"12.5","from":"6","to":"18"}"#,
        r#"{"ccy":"USDT","amt":"12.5","from":"6","to":"18","type":"3","loanTrans":true}"#,
    ] {
        assert_ne!(number(&sandbox.transfers(changed)), first, "{changed}");
    }
    assert_eq!(sandbox.upstream.requests().len(), 0, "nothing went out so far");
    assert_eq!(sandbox.code("12.5"), "0");
    assert_eq!(sandbox.state(&first), "used");
    assert_ne!(sandbox.waits("12.5"), first, "the third one needs an approval of its own");
    assert_eq!(sandbox.upstream.requests().len(), 1);
}

#[test]
fn a_refused_transfer_is_not_asked_for_again_and_an_approval_can_be_taken_back() {
    let sandbox = Sandbox::start();
    let first = sandbox.waits("1");
    sandbox.decide("refuse", &first);
    let said = sandbox.transfers(&body("1"));
    assert_eq!(said.code(), "90451");
    assert!(said.body.contains(&first), "{}", said.body);
    assert_eq!(sandbox.state(&first), "refused");
    let second = sandbox.waits("2");
    sandbox.decide("approve", &second);
    sandbox.decide("refuse", &second);
    assert_eq!(sandbox.code("2"), "90451");
    assert_eq!(sandbox.upstream.requests().len(), 0);
}

/// What nobody can read for sure is refused, and no approval of something else waves it through.
#[test]
fn an_unclear_transfer_is_refused() {
    let sandbox = Sandbox::start();
    let clear = r#"{"ccy":"USDT","amt":"1","from":"6","to":"18","type":"3"}"#;
    sandbox.decide("approve", &number(&sandbox.transfers(clear)));
    for (unclear, code) in [
        (r#"{"ccy":"USDT","amt":"1","amt":"100","from":"6","to":"18","type":"3"}"#, "90453"),
        (r#"{"ccy":"USDT","amt":"1","from":"6","to":"18","type":"3","Amt":"100"}"#, "90453"),
        (r#"{"ccy":"USDT","amt":"1e2","from":"6","to":"18","type":"3"}"#, "90453"),
        (r#"{"ccy":"USDT","amt":"1","from":"6","to":"18","type":"1","subAcct":"otherSub01"}"#, "90453"),
        (r#"[{"ccy":"USDT","amt":"1","from":"6","to":"18","type":"3"}]"#, "90453"),
        ("", "90453"),
    ] {
        assert_eq!(sandbox.transfers(unclear).code(), code, "{unclear}");
    }
    let query = Signed::new(&sandbox.sub, "POST", &format!("{TRANSFER}?amt=100"), clear);
    assert_eq!(send(&sandbox.running, &query).code(), "90453", "a query could say something else");
    assert_eq!(sandbox.upstream.requests().len(), 0);
    assert_eq!(sandbox.transfers(clear).code(), "0");
}

#[test]
fn of_a_thousand_parallel_repeats_one_passes() {
    let sandbox = Sandbox::start();
    let first = sandbox.waits("3");
    sandbox.decide("approve", &first);
    let (passed, waits) = (AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| {
                let mut wire = Wire::open(sandbox.running.address("gateway_url").unwrap());
                for _ in 0..50 {
                    wire.write(&Signed::new(&sandbox.sub, "POST", TRANSFER, &body("3")).bytes());
                    match wire.read().expect("an answer").code().as_str() {
                        "0" => passed.fetch_add(1, Ordering::Relaxed),
                        "90450" => waits.fetch_add(1, Ordering::Relaxed),
                        other => panic!("{other}"),
                    };
                }
            });
        }
    });
    assert_eq!((passed.into_inner(), waits.into_inner()), (1, 999));
    assert_eq!(sandbox.upstream.requests().len(), 1);
}

#[test]
fn an_approval_outlives_a_crash_and_so_does_its_use() {
    let sandbox = Sandbox::start();
    let first = sandbox.waits("4");
    sandbox.decide("approve", &first);
    let sandbox = sandbox.crash_and_restart();
    assert_eq!(sandbox.state(&first), "approved");
    // What the crash makes uncertain is the replay mark: the approval is given back until a later timestamp is accepted.
    let mut later_ms = 0;
    until("the transfer passes", 20_000, || {
        later_ms += 1_000;
        let at_ms = now_ms() + later_ms.min(20_000);
        let code =
            send(&sandbox.running, &Signed::at(&sandbox.sub, "POST", TRANSFER, &body("4"), at_ms)).code();
        assert!(["0", "50013"].contains(&code.as_str()), "{code}");
        code == "0"
    });
    assert_eq!((sandbox.state(&first).as_str(), sandbox.upstream.requests().len()), ("used", 1));
    let sandbox = sandbox.crash_and_restart();
    assert_eq!(sandbox.state(&first), "used");
    let at_ms = now_ms() + 20_000;
    let again = Signed::at(&sandbox.sub, "POST", TRANSFER, &body("4"), at_ms);
    assert_ne!(number(&send(&sandbox.running, &again)), first);
    assert_eq!(sandbox.upstream.requests().len(), 1);
}

/// Unsure whether the exchange got it: used. Certain that it did not: given back.
#[test]
fn an_approval_is_given_back_only_when_nothing_was_sent() {
    let sandbox = Sandbox::start();
    let first = sandbox.waits("5");
    sandbox.decide("approve", &first);
    sandbox.upstream.behave(Manner::BreakOff);
    assert_eq!(sandbox.code("5"), "50004");
    assert_eq!(sandbox.state(&first), "used");
    assert_ne!(sandbox.waits("5"), first);

    let folder = Folder::new();
    let running = Running::start_with(&folder.data(), ["--upstream", "http://127.0.0.1:9"]).unwrap();
    let sandbox = Sandbox { sub: running.key("sub").unwrap(), folder, running, ..sandbox };
    let first = sandbox.waits("6");
    sandbox.decide("approve", &first);
    let said = sandbox.transfers(&body("6"));
    assert_eq!((said.status, said.code().as_str()), (503, "50001"), "{}", said.body);
    assert_eq!(sandbox.state(&first), "approved");
}

#[test]
fn small_transfers_pass_until_the_sum_of_the_day_is_used_up() {
    let sandbox = Sandbox::start();
    let data = sandbox.folder.data().display().to_string();
    let set = |text: &str| {
        keyward(&["approvals", "thresholds", "--data", &data, "--account", TRADER, "--set", text])
    };
    assert!(set("100 USDT").contains("100 USDT"));
    assert_eq!(sandbox.code("40"), "0");
    assert_eq!(sandbox.code("40"), "0");
    let waits = sandbox.waits("40");
    assert_eq!(sandbox.code("20"), "0", "what is left of the sum");
    sandbox.waits("0.000001");
    sandbox.waits("101");
    let other = r#"{"ccy":"BTC","amt":"0.1","from":"6","to":"18","type":"3"}"#;
    number(&sandbox.transfers(other));
    let sandbox = sandbox.crash_and_restart();
    let at_ms = now_ms() + 20_000;
    let after = Signed::at(&sandbox.sub, "POST", TRANSFER, &body("30"), at_ms);
    number(&send(&sandbox.running, &after));
    assert_eq!(sandbox.upstream.requests().len(), 3);
    sandbox.decide("approve", &waits);
    let approved = Signed::at(&sandbox.sub, "POST", TRANSFER, &body("40"), at_ms);
    assert_eq!(send(&sandbox.running, &approved).code(), "0", "what waited passes by its approval");
}

#[test]
fn the_state_is_told_to_the_same_account_alone_and_never_asked_of_the_exchange() {
    let sandbox = Sandbox::start();
    let first = sandbox.waits("7");
    let shown = sandbox.asks(&sandbox.sub, &format!("id={first}"));
    let transfer = &shown["data"][0];
    assert_eq!(
        (&transfer["ccy"], &transfer["amt"], &transfer["type"]),
        (&"USDT".into(), &"7".into(), &"3".into())
    );
    for name in ["funding", "manage"] {
        let master = sandbox.running.key(name).unwrap();
        assert_eq!(sandbox.asks(&master, &format!("id={first}"))["code"], "90454", "{name}");
    }
    for query in ["id=123456789012345678", "id=", "id=0", "x=1", "id=1&id=2"] {
        assert_eq!(sandbox.asks(&sandbox.sub, query)["code"], "90454", "{query}");
    }
    let blind = sandbox.running.key("no_read").unwrap();
    assert_eq!(sandbox.asks(&blind, &format!("id={first}"))["code"], "50120");
    let forged = Signed {
        sign: "A".repeat(43) + "=",
        ..Signed::new(&sandbox.sub, "GET", "/api/v5/users/approvals?id=1", "")
    };
    assert_eq!(send(&sandbox.running, &forged).code(), "50113");
    assert_eq!(sandbox.upstream.requests().len(), 0);
}

/// The master's own key asks nobody, and the sandbox's own exchange moves the sub-account's funds.
#[test]
fn the_masters_own_transfers_need_nobody() {
    let folder = Folder::new();
    let running = Running::start(&folder.data()).unwrap();
    let funding = running.key("funding").unwrap();
    let own = r#"{"ccy":"USDT","amt":"1","from":"18","to":"6"}"#;
    assert_eq!(send(&running, &Signed::new(&funding, "POST", TRANSFER, own)).code(), "0");
    let sub = running.key("sub").unwrap();
    let first = number(&send(&running, &Signed::new(&sub, "POST", TRANSFER, own)));
    keyward(&["approvals", "approve", "--data", &folder.data().display().to_string(), &first]);
    let passed = send(&running, &Signed::new(&sub, "POST", TRANSFER, own));
    assert!(passed.code() == "0" || passed.code().starts_with("58"), "the exchange decided: {}", passed.body);
    let listed =
        keyward(&["approvals", "list", "--data", &folder.data().display().to_string(), "--account", TRADER]);
    assert!(listed.contains(&first) && listed.contains(" used 1 USDT from probeSub01 (trading)"), "{listed}");
}
