//! What the journal keeps of orders and of funds: what was asked, and what the exchange answered to it.

use std::io::Read as _;

use keyward_rules::orders::{OrderAction, OrderLine, Orders, Side};

use crate::watched::Watched;
use crate::world::{Manner, Signed, Wire, exchange, send, until};

impl Watched {
    /// Keyward's verdict and the orders of the one request that was recorded since.
    fn recorded_orders(&mut self) -> (String, Vec<OrderLine>) {
        let (code, orders) = self.newest::<Option<String>>("orders");
        (code, orders.map_or_else(Vec::new, |text| Orders::of_text(&text).unwrap().lines))
    }

    fn ask(&mut self, request: &Signed) -> (String, Vec<OrderLine>) {
        send(&self.running, request);
        self.recorded_orders()
    }

    fn order(&self, client_id: &str) -> Signed {
        Signed::new(&self.key, "POST", "/api/v5/trade/order", &order(client_id))
    }
}

fn order(client_id: &str) -> String {
    format!(
        r#"{{"instId":"BTC-USDT","tdMode":"cash","clOrdId":"{client_id}","side":"buy","ordType":"limit","px":"30000","sz":"0.001"}}"#
    )
}

/// The exchange answers with this body.
fn reply(body: &str) -> Manner {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json";
    Manner::Raw(format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).leak().as_bytes())
}

/// What the exchange says to one order.
fn answer(client_id: &str, (code, text): (&str, &str)) -> Manner {
    let (all, id) = if code == "0" { ("0", "1234") } else { ("1", "") };
    reply(&format!(
        r#"{{"code":"{all}","msg":"","data":[{{"clOrdId":"{client_id}","ordId":"{id}","tag":"","ts":"1700000000000","sCode":"{code}","sMsg":"{text}"}}]}}"#
    ))
}

/// Code and text of the exchange's answer to a line.
fn said(line: &OrderLine) -> Option<(&str, &str)> {
    line.result.as_ref().map(|answered| (answered.code.as_str(), answered.text.as_str()))
}

#[test]
fn a_record_has_what_was_asked_and_what_the_exchange_answered() {
    let mut watched = Watched::start();
    watched.upstream.behave(answer("a1", ("0", "")));
    let (code, lines) = watched.ask(&watched.order("a1"));
    let [line] = lines.as_slice() else { panic!("{lines:?}") };
    assert_eq!((code.as_str(), line.action, line.side), ("0", OrderAction::Place, Some(Side::Buy)));
    let texts = [&line.instrument, &line.kind, &line.price, &line.size, &line.client_id, &line.exchange_id];
    let expected = ["BTC-USDT", "limit", "30000", "0.001", "a1", "1234"];
    assert_eq!(texts.map(|text| text.as_deref().unwrap()), expected);
    assert_eq!(said(line).map(|(code, _)| code), Some("0"));
    // Keyward passes it on, and the exchange refuses it.
    watched.upstream.behave(answer("a2", ("51008", "Insufficient balance")));
    let (code, lines) = watched.ask(&watched.order("a2"));
    assert_eq!((code.as_str(), said(&lines[0])), ("0", Some(("51008", "Insufficient balance"))));
    // Two of a batch, one of which is refused.
    watched.upstream.behave(reply(
        r#"{"code":"2","msg":"","data":[{"clOrdId":"b1","ordId":"1","tag":"","ts":"1","sCode":"0","sMsg":""},{"clOrdId":"b2","ordId":"","tag":"","ts":"1","sCode":"51000","sMsg":"Parameter error"}]}"#,
    ));
    let batch = format!("[{},{}]", order("b1"), order("b2"));
    let batch = Signed::new(&watched.key, "POST", "/api/v5/trade/batch-orders", &batch);
    let (code, lines) = watched.ask(&batch);
    let results: Vec<Option<&str>> = lines.iter().map(|line| said(line).map(|(code, _)| code)).collect();
    assert_eq!((code.as_str(), results), ("0", vec![Some("0"), Some("51000")]));
    watched.upstream.behave(reply(
        r#"{"code":"0","msg":"","data":[{"amt":"0.1","wdId":"67485","ccy":"BTC","clientId":"","chain":"BTC-Bitcoin"}]}"#,
    ));
    let body = r#"{"ccy":"BTC","amt":"0.1","dest":"4","toAddr":"bc1qexample","chain":"BTC-Bitcoin"}"#;
    let key = watched.running.key("withdraw").unwrap();
    let (code, lines) = watched.ask(&Signed::new(&key, "POST", "/api/v5/asset/withdrawal", body));
    let line = &lines[0];
    assert_eq!((code.as_str(), line.action), ("0", OrderAction::Withdraw));
    let texts = [&line.currency, &line.amount, &line.destination, &line.exchange_id];
    assert_eq!(texts.map(|text| text.as_deref().unwrap()), ["BTC", "0.1", "bc1qexample", "67485"]);
    assert_eq!(said(line).map(|(code, _)| code), Some("0"));
}

#[test]
fn without_an_answer_a_record_has_what_was_asked() {
    let mut watched = Watched::start();
    for manner in [Manner::Close, Manner::BreakOff] {
        watched.upstream.behave(manner);
        let (code, lines) = watched.ask(&watched.order("a1"));
        assert_ne!(code, "0", "{manner:?}");
        assert_eq!((lines.len(), said(&lines[0])), (1, None), "{manner:?}");
    }
    // Refused by Keyward, once the signature was right.
    let body = r#"{"ccy":"USDT","amt":"1.5","from":"6","to":"18"}"#;
    let (code, lines) = watched.ask(&Signed::new(&watched.key, "POST", "/api/v5/asset/transfer", body));
    let line = &lines[0];
    assert_eq!((code.as_str(), line.action, said(line)), ("50120", OrderAction::Transfer, None));
    assert_eq!((line.currency.as_deref(), line.amount.as_deref()), (Some("USDT"), Some("1.5")));
    // Its client goes away before the answer.
    watched.upstream.behave(Manner::Hang);
    let asked = watched.upstream.requests().len();
    let mut wire = Wire::open(watched.running.address("gateway_url").unwrap());
    wire.write(&watched.order("a3").bytes());
    until("the exchange has it", 10_000, || watched.upstream.requests().len() > asked);
    drop(wire);
    let (code, lines) = watched.recorded_orders();
    assert_eq!((code.as_str(), lines[0].client_id.as_deref(), said(&lines[0])), ("gone", Some("a3"), None));
}

#[test]
fn other_requests_and_those_of_strangers_have_no_orders() {
    let mut watched = Watched::start();
    let mut forged = watched.order("a1");
    forged.sign = "A".repeat(43) + "=";
    let trade = watched.key.clone();
    let question = "/api/v5/trade/order?instId=BTC-USDT&ordId=1";
    for (request, code) in [
        (forged, "50113"),
        (Signed::new(&trade, "GET", question, ""), "0"),
        (Signed::new(&trade, "GET", "/api/v5/account/balance", ""), "0"),
        (Signed::new(&trade, "POST", "/api/v5/account/set-leverage", &order("a1")), "0"),
        // A body that one reader would take for this and another for that.
        (
            Signed::new(
                &trade,
                "POST",
                "/api/v5/trade/order",
                r#"{"instId":"BTC-USDT","instId":"ETH-USDT","sz":"1"}"#,
            ),
            "0",
        ),
        (Signed::new(&trade, "POST", "/api/v5/trade/order", "instId=BTC-USDT"), "0"),
    ] {
        let (target, recorded) = (request.target.clone(), watched.ask(&request));
        assert_eq!(recorded, (code.to_owned(), Vec::new()), "{target}");
    }
}

/// The journal reads answers to orders, so these come as they are; other answers come as the client wants them.
#[test]
fn answers_that_are_read_are_not_compressed() {
    let mut watched = Watched::start();
    let trade = watched.key.clone();
    let question = "/api/v5/trade/order?instId=BTC-USDT&ordId=1";
    for (request, passed_on) in [
        (watched.order("a1"), false),
        (Signed::new(&trade, "GET", question, ""), true),
        (Signed::new(&trade, "POST", "/api/v5/account/set-leverage", "{}"), true),
    ] {
        let request = Signed { more: "Accept-Encoding: gzip\r\nAccept: */*\r\n".to_owned(), ..request };
        watched.ask(&request);
        let came = watched.upstream.requests().pop().unwrap();
        let head = String::from_utf8_lossy(&came).to_lowercase();
        assert_eq!(head.contains("\r\naccept-encoding: gzip\r\n"), passed_on, "{head}");
        assert!(head.contains("\r\naccept: */*\r\n"), "{head}");
    }
}

#[test]
fn an_answer_that_is_too_long_leaves_a_record_without_orders_and_is_counted() {
    let mut watched = Watched::start();
    let metrics = |watched: &Watched| {
        let address = watched.running.address("metrics_url").unwrap();
        let body = exchange(address, b"GET /metrics HTTP/1.0\r\n\r\n").unwrap().body;
        let line = body.lines().find_map(|line| line.strip_prefix("keyward_journal_without_orders_total "));
        line.unwrap_or_else(|| panic!("{body}")).to_owned()
    };
    assert_eq!(metrics(&watched), "0");
    watched.upstream.behave(reply(&format!(r#"{{"code":"0","msg":"","data":[]{}}}"#, " ".repeat(70_000))));
    let mut wire = Wire::open(watched.running.address("gateway_url").unwrap());
    wire.write(&watched.order("a1").bytes());
    // It is recorded once the client has taken it.
    let (mut taken, mut buffer) = (0, [0; 16_384]);
    while taken < 70_000 {
        let count = wire.0.read(&mut buffer).unwrap();
        assert!(count > 0, "the answer broke off after {taken} bytes");
        taken += count;
    }
    assert_eq!(watched.recorded_orders(), ("0".to_owned(), Vec::new()));
    assert_eq!(metrics(&watched), "1");
    watched.upstream.behave(answer("a2", ("0", "")));
    assert_eq!(watched.ask(&watched.order("a2")).1.len(), 1);
    assert_eq!(metrics(&watched), "1");
}
