//! The exchange as the gateway meets it: identities first, then OKX's shapes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::{HeaderMap, HeaderName, HeaderValue};
use keyward_rules::account::SubAccountName;
use keyward_rules::exchange_notice::{ExchangeNotice, NoticeIdentity, NoticeKind};
use keyward_rules::identity::{self, Identity, IdentityKey};
use keyward_rules::time::Moment;
use serde_json::{Value, json};

use crate::caller::Parts;
use crate::claims::Claims;
use crate::signed::{NOW_MS, headers, key, nobody, trader};
use crate::{Exchange, NOTICES_PATH};

const ADDRESS: &str = "bc1qkeywardsandbox0000000000000000000000";

struct World {
    exchange: Arc<Exchange>,
    now_ms: Arc<AtomicU64>,
}

impl World {
    fn new() -> Self {
        let now_ms = Arc::new(AtomicU64::new(NOW_MS));
        let clock = Arc::clone(&now_ms);
        let exchange = Exchange::new(key(1), 1, Box::new(move || clock.load(Ordering::Relaxed)));
        Self { exchange, now_ms }
    }

    fn raw(&self, method: &str, target: &str, headers: &HeaderMap, body: &str) -> (u16, Value) {
        let (claims, body) = (Claims::Headers(headers), body.as_bytes());
        let (status, text) = self.exchange.act(Parts { method, target, claims, body });
        (status.as_u16(), serde_json::from_str(&text).unwrap())
    }

    fn ask(&self, told: &Identity<'_>, method: &str, path: &str, body: &str) -> (u16, Value) {
        let target = format!("/api/v5/{path}");
        self.raw(method, &target, &headers(told, &key(1), method, &target, body), body)
    }

    fn get(&self, path: &str) -> Value {
        let (_, reply) = self.ask(&trader(), "GET", path, "");
        assert_eq!(reply["code"], "0", "{path}: {reply}");
        reply["data"].clone()
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        self.ask(&trader(), "POST", path, &body.to_string()).1
    }
}

fn limit(price: &str) -> Value {
    json!({"instId": "BTC-USDT", "tdMode": "cash", "side": "buy", "ordType": "limit", "px": price, "sz": "0.001"})
}

#[test]
fn only_the_gateways_requests_are_acted_upon() {
    let world = World::new();
    let (method, target, body) = ("POST", "/api/v5/trade/order", limit("1000").to_string());
    let good = || headers(&trader(), &key(1), method, target, &body);
    let changed = |name: &'static str, value: &'static str| {
        let mut headers = good();
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        headers
    };
    let repeated = |name: &'static str, value: &'static str| {
        let mut headers = good();
        headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        headers
    };
    let without = |name: &'static str| {
        let mut headers = good();
        headers.remove(name);
        headers
    };
    let odd = [
        HeaderMap::new(),
        changed(identity::ACCOUNT, "1002"),
        changed(identity::SUB_ACCOUNT, "s"),
        changed(identity::ENVIRONMENT, "demo"),
        changed(identity::DEADLINE, "9999999999999"),
        changed(identity::DEADLINE, "soon"),
        changed("keyward_account", "1002"),
        changed("keyward-role", "operator"),
        repeated(identity::ACCOUNT, "1001"),
        repeated(identity::IDENTITY, "v1,1,"),
        without(identity::ACCOUNT),
        without(identity::LABEL),
        without(identity::REQUEST_ID),
        without(identity::IDENTITY),
        headers(&trader(), &key(2), method, target, &body),
        headers(&trader(), &IdentityKey::new(1, [6; 32]), method, target, &body),
        headers(&trader(), &key(1), method, target, &limit("1001").to_string()),
        headers(&trader(), &key(1), method, "/api/v5/trade/orders", &body),
        headers(&trader(), &key(1), "GET", target, &body),
        headers(&Identity { environment: "test", ..trader() }, &key(1), method, target, &body),
    ];
    for headers in odd {
        let (status, reply) = world.raw(method, target, &headers, &body);
        assert_eq!((status, &reply["code"]), (403, &json!("50030")), "{headers:?}");
    }
    assert_eq!(world.exchange.seen().0, 0);
    assert_eq!(world.raw(method, target, &good(), &body).0, 200);
    assert_eq!(world.exchange.seen_count(), 1);
}

#[test]
fn nothing_happens_after_the_deadline() {
    let world = World::new();
    world.now_ms.store(NOW_MS + 5_000, Ordering::Relaxed);
    assert_eq!(world.ask(&trader(), "GET", "account/balance", "").0, 200);
    world.now_ms.store(NOW_MS + 5_001, Ordering::Relaxed);
    let (status, reply) = world.ask(&trader(), "GET", "account/balance", "");
    assert_eq!((status, &reply["code"]), (403, &json!("50037")));
    assert_eq!(world.exchange.seen_count(), 1);
}

#[test]
fn public_routes_need_an_identity_but_no_account() {
    let world = World::new();
    let nobody = nobody();
    for path in [
        "public/time",
        "public/instruments?instType=SPOT",
        "public/instruments?instType=OPTION&uly=BTC-USD",
        "public/mark-price?instType=SWAP&instId=BTC-USDT-SWAP",
        "public/mark-price?instId=ETH-USDT-SWAP",
        "public/mark-price?instType=OPTION",
        "public/funding-rate?instId=BTC-USDT-SWAP",
        "system/status",
        "market/ticker?instId=BTC-USDT",
        "market/tickers?instType=SPOT",
        "market/index-tickers?instId=BTC-USDT",
        "market/index-tickers?quoteCcy=USDT",
        "market/books?instId=BTC-USDT&sz=5",
        "market/candles?instId=BTC-USDT&bar=1H",
        "market/trades?instId=BTC-USDT",
    ] {
        assert_eq!(world.ask(&nobody, "GET", path, "").1["code"], "0", "{path}");
        assert_eq!(world.ask(&trader(), "GET", path, "").1["code"], "0", "{path}");
    }
    assert_eq!(world.ask(&nobody, "GET", "account/balance", "").0, 403);
    assert_eq!(world.raw("GET", "/api/v5/public/time", &HeaderMap::new(), "").0, 403);
}

#[test]
fn what_does_not_exist_is_still_json() {
    let world = World::new();
    let code = |method, path| {
        let (status, reply) = world.ask(&trader(), method, path, "");
        (status, reply["code"].as_str().unwrap().to_owned())
    };
    assert_eq!(code("GET", "trade/unheard-of"), (404, "50005".into()));
    assert_eq!(code("GET", "trade/cancel-order"), (405, "50115".into()));
    assert_eq!(code("GET", "public/instruments?instType=BOND"), (400, "51000".into()));
    assert_eq!(code("GET", "public/mark-price?instType=SWAP&instId=BTC-USDT"), (200, "51001".into()));
    assert_eq!(code("GET", "market/ticker?instId=NO-SUCH"), (200, "51001".into()));
    let (status, reply) = world.ask(&trader(), "POST", "trade/order", "{");
    assert_eq!((status, &reply["code"], &reply["data"]), (400, &json!("50002"), &json!([])));
}

#[test]
fn config_tells_what_the_identity_says() {
    let world = World::new();
    let config = world.get("account/config")[0].clone();
    assert_eq!((&config["uid"], &config["mainUid"]), (&json!("1001"), &json!("1001")));
    assert_eq!((&config["label"], &config["ip"]), (&json!("my bot"), &json!("127.0.0.1,::1")));
    assert_eq!(config["perm"], "read_only,trade,withdraw");
    let sub = Identity { sub_account: Some("2002"), permissions: "read_only", ..trader() };
    let config = world.ask(&sub, "GET", "account/config", "").1["data"][0].clone();
    assert_eq!((&config["uid"], &config["mainUid"]), (&json!("2002"), &json!("1001")));
    assert_eq!(config["perm"], "read_only");
    assert_eq!(world.get("users/subaccount/list")[0]["subAcct"], "2002");
}

#[test]
fn an_order_through_its_life() {
    let world = World::new();
    let placed = world.post("trade/order", &limit("30000"));
    assert_eq!((&placed["code"], &placed["data"][0]["sCode"]), (&json!("0"), &json!("0")));
    assert!(placed["inTime"].is_string() && placed["outTime"].is_string());
    let id = placed["data"][0]["ordId"].as_str().unwrap().to_owned();
    assert_eq!(world.get("account/balance?ccy=USDT")[0]["details"][0]["ordFrozen"], "30");
    assert_eq!(world.get("trade/orders-pending?instType=SPOT")[0]["ordId"], id.as_str());

    let names = json!({"instId": "BTC-USDT", "ordId": id, "newSz": "0.002", "newPx": "", "cxlOnFail": null});
    assert_eq!(world.post("trade/amend-order", &names)["code"], "0");
    let order = world.get(&format!("trade/order?instId=BTC-USDT&ordId={id}"))[0].clone();
    assert_eq!(
        (&order["state"], &order["sz"], &order["px"]),
        (&json!("live"), &json!("0.002"), &json!("30000"))
    );
    assert_eq!(world.post("trade/cancel-order", &names)["code"], "0");
    let again = world.post("trade/cancel-order", &names);
    assert_eq!((&again["code"], &again["data"][0]["sCode"]), (&json!("1"), &json!("51400")));
    assert_eq!(world.get("trade/orders-history?instType=SPOT")[0]["state"], "canceled");

    let sale =
        json!({"instId": "BTC-USDT", "tdMode": "cash", "side": "sell", "ordType": "market", "sz": "0.001"});
    let sold = world.post("trade/order", &sale)["data"][0]["ordId"].as_str().unwrap().to_owned();
    let fill = world.get(&format!("trade/fills?ordId={sold}"))[0].clone();
    assert_eq!(
        (&fill["fillSz"], &fill["fillPx"], &fill["fee"]),
        (&json!("0.001"), &json!("59994"), &json!("-0.059994"))
    );
    assert_eq!(world.get("account/bills?ccy=BTC")[0]["balChg"], "-0.001");
    assert_eq!(world.get("account/bills?ccy=USDT&type=2")[0]["balChg"], "59.934006");
    assert_eq!(world.ask(&trader(), "GET", "trade/order?instId=BTC-USDT&ordId=5", "").1["code"], "51603");
}

#[test]
fn batches_have_a_code_for_each_order() {
    let world = World::new();
    let named = |price| {
        let mut order = limit(price);
        order["clOrdId"] = json!("twice");
        order
    };
    let reply = world.post("trade/batch-orders", &json!([named("1000"), named("1001"), limit("99999999")]));
    let codes: Vec<_> = (0..3).map(|at| reply["data"][at]["sCode"].as_str().unwrap()).collect();
    assert_eq!((reply["code"].as_str(), codes), (Some("2"), vec!["0", "51016", "0"]));
    assert_eq!(reply["data"][1]["clOrdId"], "twice");
    let all = |count| Value::Array(vec![limit("1000"); count]);
    assert_eq!(world.post("trade/batch-orders", &all(20))["code"], "0");
    assert_eq!(world.post("trade/batch-orders", &all(21))["code"], "50025");
    assert_eq!(world.post("trade/batch-orders", &all(0))["code"], "50014");
    assert_eq!(world.post("trade/batch-orders", &limit("1000"))["code"], "50002");
    let reply = world.post("trade/order", &json!({"instId": "BTC-USDT-SWAP", "tdMode": "cross"}));
    assert_eq!(reply["data"][0]["sCode"], "51010");
}

#[test]
fn instruments_may_be_named_by_code() {
    let world = World::new();
    let listed = world.get("account/instruments?instType=SPOT&instId=ETH-USDT");
    assert_eq!(listed, world.get("public/instruments?instType=SPOT&instId=ETH-USDT"));
    let code = listed[0]["instIdCode"].as_u64().unwrap();
    let order = |named: Value| {
        let mut order = limit("1000");
        let members = order.as_object_mut().unwrap();
        members.remove("instId");
        members.extend(named.as_object().unwrap().clone());
        world.post("trade/order", &order)["data"][0].clone()
    };
    for named in [json!({"instIdCode": code}), json!({"instIdCode": code.to_string(), "instId": "ETH-USDT"})]
    {
        let placed = order(named.clone());
        assert_eq!(placed["sCode"], "0", "{named}");
        let cancel = json!({"instIdCode": code, "ordId": placed["ordId"]});
        assert_eq!(world.post("trade/cancel-order", &cancel)["code"], "0");
    }
    assert_eq!(order(json!({"instIdCode": code, "instId": "BTC-USDT"}))["sCode"], "51000");
    assert_eq!(order(json!({"instIdCode": 5_000}))["sCode"], "51001");
    assert_eq!(order(json!({"instIdCode": 101}))["sCode"], "51010", "a swap");
    assert_eq!(order(json!({}))["sCode"], "50014");
}

#[test]
fn placing_and_amending_end_with_the_clients_own_limit() {
    let world = World::new();
    let (path, body) = ("/api/v5/trade/order", limit("30000").to_string());
    let code = |path: &str, body: &str, expiry: &str| {
        let mut headers = headers(&trader(), &key(1), "POST", path, body);
        headers.insert("exptime", HeaderValue::from_str(expiry).unwrap());
        world.raw("POST", path, &headers, body).1["code"].as_str().unwrap().to_owned()
    };
    assert_eq!(code(path, &body, &(NOW_MS - 1).to_string()), "50036");
    assert_eq!(code(path, &body, "soon"), "51000");
    assert_eq!(world.get("trade/orders-pending"), json!([]));
    assert_eq!(code(path, &body, &NOW_MS.to_string()), "0");
    let id = world.get("trade/orders-pending")[0]["ordId"].clone();
    let named = json!({"instId": "BTC-USDT", "ordId": id, "newSz": "0.002"}).to_string();
    assert_eq!(code("/api/v5/trade/amend-order", &named, "1"), "50036");
    assert_eq!(code("/api/v5/trade/cancel-order", &named, "1"), "0", "cancelling has no such limit");
}

#[test]
fn an_account_for_spot_has_no_quotes_of_a_market_maker() {
    let world = World::new();
    let code = |body: Value| world.post("trade/mass-cancel", &body)["code"].clone();
    assert_eq!(code(json!({"instType": "OPTION", "instFamily": "BTC-USD"})), "51010");
    assert_eq!(code(json!({"instType": "SPOT", "instFamily": "BTC-USD"})), "51000");
    assert_eq!(code(json!({"instType": "OPTION"})), "50014");
}

#[test]
fn pages_go_back_in_time() {
    let world = World::new();
    let batch = Value::Array(vec![limit("1000"); 5]);
    assert_eq!(world.post("trade/batch-orders", &batch)["code"], "0");
    let ids = |path: &str| -> Vec<String> {
        world
            .get(path)
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["ordId"].as_str().unwrap().to_owned())
            .collect()
    };
    let all = ids("trade/orders-pending");
    assert_eq!(ids("trade/orders-pending?limit=2"), all[..2]);
    assert_eq!(ids(&format!("trade/orders-pending?after={}", all[2])), all[3..]);
    assert_eq!(ids(&format!("trade/orders-pending?before={}", all[2])), all[..2]);
    assert_eq!(ids("trade/orders-pending?instId=ETH-USDT"), [""; 0]);
}

#[test]
fn transfers_and_their_state() {
    let world = World::new();
    let wish =
        json!({"ccy": "USDT", "amt": "25", "from": "6", "to": "18", "loanTrans": "false", "subAcct": ""});
    let made = world.post("asset/transfer", &wish);
    let id = made["data"][0]["transId"].as_str().unwrap().to_owned();
    assert_eq!(world.get(&format!("asset/transfer-state?transId={id}"))[0]["state"], "success");
    assert_eq!(world.get("asset/balances?ccy=USDT")[0]["availBal"], "99975");
    assert_eq!(world.get("asset/bills?ccy=USDT")[0]["type"], "131");
    assert_eq!(world.get("account/bills?ccy=USDT")[0]["subType"], "11");
    let dear = json!({"ccy": "USDT", "amt": "200000", "from": "6", "to": "18"});
    assert_eq!(world.post("asset/transfer", &dear)["code"], "58350");
    let other = json!({"ccy": "USDT", "amt": "1", "from": "6", "to": "6", "type": "2", "subAcct": "1002"});
    assert_eq!(world.post("asset/transfer", &other)["code"], "58115");
}

#[test]
fn withdrawals_go_to_listed_addresses_only() {
    let world = World::new();
    let wish = |to: &str| json!({"ccy": "BTC", "amt": "0.01", "dest": "4", "toAddr": to, "fee": "0.0001"});
    let made = world.post("asset/withdrawal", &wish(ADDRESS));
    let id = made["data"][0]["wdId"].as_str().unwrap().to_owned();
    let history = format!("asset/withdrawal-history?ccy=BTC&wdId={id}");
    assert_eq!(world.get(&history)[0]["state"], "0");
    assert_eq!(world.post("asset/cancel-withdrawal", &json!({"wdId": id}))["data"][0]["wdId"], id.as_str());
    assert_eq!(world.get(&history)[0]["state"], "-2");
    assert_eq!(world.post("asset/withdrawal", &wish("bc1qelsewhere"))["code"], "58207");
    assert_eq!(world.post("asset/cancel-withdrawal", &json!({"wdId": "1"}))["code"], "58215");
    let code = |told: &Identity<'_>, method, path, body: &str| {
        world.ask(told, method, path, body).1["code"].as_str().unwrap().to_owned()
    };
    let sub = Identity { sub_account: Some("2002"), ..trader() };
    assert_eq!(code(&sub, "POST", "asset/withdrawal", &wish(ADDRESS).to_string()), "58209");
    let demo = Identity { environment: "demo", ..trader() };
    assert_eq!(code(&demo, "POST", "asset/withdrawal", &wish(ADDRESS).to_string()), "50038");
    for path in ["asset/deposit-address?ccy=BTC", "asset/deposit-history", "asset/withdrawal-history"] {
        assert_eq!(code(&demo, "GET", path, ""), "50038", "{path}");
        assert_eq!(code(&trader(), "GET", path, ""), "0", "{path}");
    }
}

#[test]
fn live_and_demo_and_accounts_are_apart() {
    let world = World::new();
    world.post("trade/order", &limit("1000"));
    for other in [
        Identity { environment: "demo", ..trader() },
        Identity { account: Some("1002"), ..trader() },
        Identity { sub_account: Some("1001"), ..trader() },
        Identity { account: Some("1002"), sub_account: Some("1001"), ..trader() },
    ] {
        let reply = world.ask(&other, "GET", "trade/orders-pending", "").1;
        assert_eq!(reply["data"], json!([]), "{other:?}");
    }
    assert_eq!(world.get("trade/orders-pending").as_array().unwrap().len(), 1);
}

#[test]
fn the_rest_answers_in_shape() {
    let world = World::new();
    for path in [
        "account/positions",
        "account/instruments?instType=SPOT",
        "account/trade-fee?instType=SPOT",
        "account/leverage-info?instId=BTC-USDT&mgnMode=cross",
        "account/max-size?instId=BTC-USDT,ETH-USDT&tdMode=cash",
        "account/max-avail-size?instId=BTC-USDT&tdMode=cash",
        "asset/currencies",
        "asset/currencies?ccy=USDT",
        "asset/deposit-history?ccy=BTC",
        "trade/orders-history-archive?instType=SPOT",
        "trade/fills-history?instType=SPOT",
    ] {
        assert!(world.get(path).is_array(), "{path}");
    }
    assert_eq!(world.get("asset/currencies?ccy=USDT").as_array().unwrap().len(), 2);
    assert_eq!(world.get("account/max-size?instId=BTC-USDT")[0]["maxSell"], "10");
}

#[test]
fn remembers_what_it_acted_upon() {
    let world = World::new();
    let body = limit("1000").to_string();
    world.ask(&trader(), "POST", "trade/order", &body);
    let (count, seen) = world.exchange.seen();
    assert_eq!((count, seen.len()), (1, 1));
    assert_eq!((seen[0].request_id.as_str(), seen[0].method.as_str()), ("q1", "POST"));
    assert_eq!(seen[0].target, "/api/v5/trade/order");
    assert_eq!(seen[0].body_hash, *blake3::hash(body.as_bytes()).as_bytes());
}

fn notice(number: u64, kind: NoticeKind) -> ExchangeNotice {
    ExchangeNotice {
        number,
        account: "1001".parse().unwrap(),
        sub_account: "2001".parse().unwrap(),
        name: SubAccountName::parse("alpha01").unwrap(),
        kind,
        at: Moment::from_unix_ms(NOW_MS + number),
    }
}

impl World {
    /// Tells a notice as the gateway does.
    fn tell(&self, notice: &ExchangeNotice) -> Value {
        let told = NoticeIdentity::of(notice, "0a".repeat(16), Moment::from_unix_ms(NOW_MS));
        let (body, identity) = (notice.body(), told.identity());
        let (status, reply) =
            self.raw("POST", NOTICES_PATH, &headers(&identity, &key(1), "POST", NOTICES_PATH, &body), &body);
        assert_eq!(status, 200, "{reply}");
        reply
    }
}

#[test]
fn only_the_gateways_notices_are_taken() {
    let world = World::new();
    let (closing, method) = (notice(1, NoticeKind::Closing), "POST");
    let told = NoticeIdentity::of(&closing, "0a".repeat(16), Moment::from_unix_ms(NOW_MS));
    let (identity, body) = (told.identity(), closing.body());
    let forged = ExchangeNotice { sub_account: "2002".parse().unwrap(), ..closing.clone() }.body();
    let other = IdentityKey::new(1, [6; 32]);
    let refused = |headers: &HeaderMap, method: &str, body: &str| {
        let (status, reply) = world.raw(method, NOTICES_PATH, headers, body);
        assert_eq!((status, &reply["code"]), (403, &json!("50030")), "{body}: {reply}");
    };
    refused(&HeaderMap::new(), method, &body);
    refused(&headers(&identity, &other, method, NOTICES_PATH, &body), method, &body);
    refused(&headers(&identity, &key(1), method, "/api/v5/elsewhere", &body), method, &body);
    // Signed for one sub-account, and about another: by the signature, and by the accounts that it names.
    refused(&headers(&identity, &key(1), method, NOTICES_PATH, &body), method, &forged);
    refused(&headers(&identity, &key(1), method, NOTICES_PATH, &forged), method, &forged);
    // What a client's request is signed with is no identity of a notice.
    let client = Identity { sub_account: Some("2001"), ..trader() };
    refused(&headers(&client, &key(1), method, NOTICES_PATH, &body), method, &body);
    let route = Identity { key: Some("k"), ..identity };
    let (status, _) =
        world.raw("GET", NOTICES_PATH, &headers(&route, &key(1), "GET", NOTICES_PATH, &body), &body);
    assert_eq!(status, 405);
    // Nothing of it was acted on: the same closing is new.
    assert_eq!(world.tell(&closing)["code"], "59606");
}

#[test]
fn a_sub_account_is_closed_once_it_has_nothing() {
    let world = World::new();
    world.tell(&notice(1, NoticeKind::Created));
    let sub = Identity { sub_account: Some("2001"), ..trader() };
    let closes = |number: u64| world.tell(&notice(number, NoticeKind::Closing))["code"].clone();
    assert_eq!(closes(2), "59606", "it has what everybody has at first sight");
    for (path, from, list) in [("account/balance", "18", "/0/details"), ("asset/balances", "6", "")] {
        let (_, reply) = world.ask(&sub, "GET", path, "");
        for one in reply["data"].pointer(list).unwrap().as_array().unwrap() {
            let amount = one.get("availBal").or_else(|| one.get("cashBal")).unwrap();
            let body = json!({"ccy": one["ccy"], "amt": amount, "from": from, "to": "6", "type": "2", "subAcct": "alpha01"});
            let moved = world.post("asset/transfer", &body);
            assert_eq!(moved["code"], "0", "{body}: {moved}");
        }
    }
    assert_eq!(closes(2), "59606", "a repetition is answered as before");
    assert_eq!(closes(3), "0");
    assert_eq!(world.ask(&sub, "GET", "account/balance", "").1["code"], "59510", "it is gone");
    assert_eq!(closes(3), "0");
}
