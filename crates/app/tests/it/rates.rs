//! Rates of accounts: each instrument has its own, each order of a batch counts, and the client is told what is left.

use std::collections::BTreeSet;

use keyward_testkit::process::{KeyEntry, Running};

use crate::world::{Folder, ORDER, Reply, Signed, Upstream, Wire, send};

fn post(wire: &mut Wire, key: &KeyEntry, path: &str, number: usize, body: &str) -> Reply {
    // Told apart by their targets: equal orders of one millisecond would be repetitions.
    wire.write(&Signed::new(key, "POST", &format!("/api/v5/trade/{path}?n={number}"), body).bytes());
    wire.read().unwrap()
}

fn usual() -> (Folder, Upstream, Running) {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let running = Running::start_with(&folder.data(), ["--upstream", &upstream.url]).unwrap();
    (folder, upstream, running)
}

fn batch(instruments: &[&str]) -> String {
    let orders = instruments.iter().map(|id| ORDER.replace("BTC-USDT", id));
    format!("[{}]", orders.collect::<Vec<_>>().join(","))
}

#[test]
fn each_instrument_has_its_rate_and_each_order_of_a_batch_counts() {
    let (_folder, _upstream, running) = usual();
    let key = running.key("trade").unwrap();
    let mut wire = Wire::open(running.address("gateway_url").unwrap());
    let mut single = |number, instrument: &str| {
        post(&mut wire, &key, "order", number, &ORDER.replace("BTC-USDT", instrument)).code()
    };
    let refused = (0..1_000).map(|number| single(number, "BTC-USDT")).find(|code| code != "0");
    assert_eq!(refused.as_deref(), Some("50011"));
    assert_eq!(single(1_001, "ETH-USDT"), "0", "another instrument");
    // A batch of one counts as a single order, so it meets the rate that single orders have used up. It fills up again all
    // the time, so several are sent.
    let one = batch(&["BTC-USDT"]);
    let mut batches = |first: usize, body: &str| -> Vec<String> {
        (first..first + 60).map(|number| post(&mut wire, &key, "batch-orders", number, body).code()).collect()
    };
    assert!(batches(2_000, &one).contains(&"50011".to_owned()));
    // 300 in two seconds: fifteen batches of twenty, and those that come back meanwhile.
    let codes = batches(3_000, &batch(&["BTC-USDT"; 20]));
    assert_eq!(codes.iter().collect::<BTreeSet<_>>(), BTreeSet::from([&"0".to_owned(), &"50011".to_owned()]));
    assert!(codes.iter().take(10).all(|code| code == "0"), "{codes:?}");
    // What cannot be read counts as the longest batch.
    let odd = ORDER.replacen('{', r#"[{"instId":"X-Y","#, 1).replacen('}', "}]", 1);
    assert!(batches(4_000, &odd).contains(&"50011".to_owned()), "{odd}");
}

/// 1,000 new and amended orders in two seconds, over all instruments.
#[test]
fn an_account_has_a_rate_of_orders() {
    let (_folder, _upstream, running) = usual();
    let key = running.key("trade").unwrap();
    let mut wire = Wire::open(running.address("gateway_url").unwrap());
    let instruments = ["A-USDT", "B-USDT", "C-USDT", "D-USDT", "E-USDT", "F-USDT", "G-USDT", "H-USDT"];
    let bodies = instruments.map(|id| batch(&[id; 20]));
    let mut replies = bodies.iter().cycle().take(1_000).enumerate().map(|(number, body)| {
        let path = if number % 2 == 0 { "batch-orders" } else { "amend-batch-orders" };
        post(&mut wire, &key, path, number, body)
    });
    let refused = replies.find(|reply| reply.code() != "0").unwrap();
    assert_eq!((refused.status, refused.code().as_str()), (200, "50061"), "{}", refused.body);
    assert!(refused.head.to_lowercase().contains("ratelimit: \"orders\";r=0;t=1"), "{}", refused.head);
    drop(replies);
    // What takes risk away goes on, and so does another account.
    let cancel = r#"[{"instId":"A-USDT","ordId":"1"}]"#;
    assert_eq!(post(&mut wire, &key, "cancel-batch-orders", 9_000, cancel).code(), "0");
    let other = running.key("sub").unwrap();
    assert_eq!(post(&mut wire, &other, "batch-orders", 9_001, &bodies[0]).code(), "0");
}

#[test]
fn who_has_shown_a_right_signature_is_told_what_is_left() {
    let (_folder, _upstream, running) = usual();
    let key = running.key("read").unwrap();
    let told = |reply: &Reply| -> Vec<String> {
        let lines = reply.head.lines().map(str::to_lowercase);
        lines.filter(|line| line.starts_with("ratelimit")).collect()
    };
    let config = Signed::new(&key, "GET", "/api/v5/account/config", "");
    let first = send(&running, &config);
    assert_eq!(
        told(&first),
        ["ratelimit-policy: \"route\";q=5;w=2", "ratelimit: \"route\";r=4;t=1"],
        "{}",
        first.head
    );
    let refused = (0..100).map(|_| send(&running, &config)).find(|reply| reply.code() == "50011").unwrap();
    assert_eq!(refused.status, 429);
    assert_eq!(told(&refused), ["ratelimit-policy: \"route\";q=5;w=2", "ratelimit: \"route\";r=0;t=1"]);
    let mut wrong = Signed::new(&key, "GET", "/api/v5/account/config", "");
    wrong.sign = Signed::new(&key, "GET", "/api/v5/account/balance", "").sign;
    let stranger = send(&running, &wrong);
    assert_eq!((stranger.code().as_str(), told(&stranger)), ("50113", Vec::new()));
    let mut public = config.clone();
    public.target = "/api/v5/public/time".into();
    assert_eq!(told(&send(&running, &public)), Vec::<String>::new());
}
