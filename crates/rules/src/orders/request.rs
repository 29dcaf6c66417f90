//! What a request asks for: the body of a route, or the text of an operation on a socket.
//!
//! Members that nobody knows are passed over, as the exchange does; so are those that the action has no use for.

use std::borrow::Cow;

use super::kept::{is_kept, take};
use super::line::{OrderAction, OrderLine, Side};
use super::table::{Family, Form, OrderRoute, find};
use crate::json::{Object, Value};
use crate::limits::{ORDER_LINES, ORDER_MESSAGE_BYTES};

/// A request's orders, and the `op` of an operation.
pub(super) struct Asked {
    /// One for each element.
    pub(super) lines: Vec<OrderLine>,
    /// Given where the request came on a socket.
    pub(super) op: Option<&'static str>,
}

impl Asked {
    /// Reads a body; `None` where it is not of the route's form.
    pub(super) fn read(route: &OrderRoute, body: &[u8]) -> Option<Self> {
        if body.len() > ORDER_MESSAGE_BYTES {
            return None;
        }
        let (elements, op) = split(route, Value::read(std::str::from_utf8(body).ok()?)?)?;
        let lines = elements.into_iter().map(|element| Some(read_line(route, element.object()?)));
        Some(Self { lines: lines.collect::<Option<_>>()?, op })
    }
}

/// The elements of the body of a POST to this path, or of an operation whose twin it is; `None` where the body has another form.
/// A path that is not in the table has one element, the body.
pub(crate) fn elements<'t>(path: &str, body: Value<'t>) -> Option<Vec<Value<'t>>> {
    // One of the two alone makes no operation. A record passes over it; who judges must not.
    if matches!(&body, Value::Object(members) if members.has("op") != members.has("args")) {
        return None;
    }
    match find(path) {
        Some(route) => split(route, body).map(|(elements, _)| elements),
        None => Some(vec![body]),
    }
}

/// The elements, and the `op` of an operation.
fn split<'t>(route: &OrderRoute, body: Value<'t>) -> Option<(Vec<Value<'t>>, Option<&'static str>)> {
    let (elements, op) = match body {
        Value::Array(elements) if route.form == Form::List => (elements, None),
        Value::Object(mut members) => match (members.take("op"), members.take("args")) {
            (Some(op), Some(args)) => (operation(route, op, args, members)?, route.op),
            (_, _) if route.form == Form::One => (vec![Value::Object(members)], None),
            (_, _) => return None,
        },
        Value::Array(_) | Value::Text(_) | Value::Number(_) | Value::Flag(_) | Value::Null => return None,
    };
    let most = match route.form {
        Form::One => 1,
        Form::List => ORDER_LINES,
    };
    (1..=most).contains(&elements.len()).then_some((elements, op))
}

/// The elements of an operation. It has no members but its own: in the body of a route the exchange would pass over these,
/// and look at the others.
fn operation<'t>(
    route: &OrderRoute,
    op: Value<'t>,
    args: Value<'t>,
    mut others: Object<'t>,
) -> Option<Vec<Value<'t>>> {
    for name in ["id", "expTime"] {
        others.take(name);
    }
    let op = op.text()?;
    if route.op == Some(&*op) && others.is_empty() { args.array() } else { None }
}

fn read_line(route: &OrderRoute, mut asked: Object<'_>) -> OrderLine {
    let (action, family) = (route.action, route.family);
    let mut line = OrderLine::new(action);
    line.instrument = family.instrument().and_then(|name| take(&mut asked, name));
    if family == Family::Book {
        line.instrument_code = take(&mut asked, "instIdCode");
    }
    line.client_id = take(&mut asked, family.client_id());
    if action.is_of_existing() {
        line.exchange_id = take(&mut asked, family.exchange_id());
    }
    match action {
        OrderAction::Place | OrderAction::PlaceAlgo => {
            line.side = take(&mut asked, "side").and_then(|word| Side::from_word(&word));
            line.kind = take(&mut asked, "ordType");
            line.price = take(&mut asked, if family == Family::Algo { "orderPx" } else { "px" });
            line.size = take(&mut asked, "sz");
        }
        OrderAction::Amend | OrderAction::AmendAlgo => {
            line.price = take(&mut asked, if family == Family::Algo { "newOrdPx" } else { "newPx" });
            line.size = take(&mut asked, "newSz");
        }
        OrderAction::Transfer | OrderAction::Withdraw => {
            line.currency = take(&mut asked, "ccy");
            line.amount = take(&mut asked, "amt");
            line.destination = destination(family, &mut asked);
        }
        OrderAction::Cancel
        | OrderAction::CancelAll
        | OrderAction::CancelAlgo
        | OrderAction::ClosePosition
        | OrderAction::CancelWithdrawal => {}
    }
    line
}

/// Where a withdrawal goes, or the two accounts of a transfer.
fn destination(family: Family, asked: &mut Object<'_>) -> Option<String> {
    match family {
        Family::Withdrawal => take(asked, "toAddr"),
        Family::Fiat => take(asked, "paymentAcctId"),
        Family::Transfer | Family::BetweenSubAccounts => accounts(family, asked),
        Family::Book | Family::Options | Family::Spread | Family::Algo => None,
    }
}

/// `funding→trading of mini`; the number of an account that OKX's contract does not name stays a number.
fn accounts(family: Family, asked: &mut Object<'_>) -> Option<String> {
    let (of_from, of_to) = owners(family, asked)?;
    let mut account = |name: &str| {
        let number = take(asked, name)?;
        Some(match number.as_str() {
            "6" => "funding".to_owned(),
            "18" => "trading".to_owned(),
            _ => number,
        })
    };
    let text = format!("{}{of_from}→{}{of_to}", account("from")?, account("to")?);
    is_kept(&text).then_some(text)
}

/// What is said behind the two accounts of a transfer: whose they are, and nothing for the caller's own (OKX contract 5.5).
fn owners(family: Family, asked: &mut Object<'_>) -> Option<(String, String)> {
    let mut of = |name: &str| Some(format!(" of {}", take(asked, name)?));
    if family == Family::BetweenSubAccounts {
        return Some((of("fromSubAccount")?, of("toSubAccount")?));
    }
    let own = String::new();
    let sub_account = of("subAcct");
    let way = match asked.take("type") {
        None | Some(Value::Null) => Cow::Borrowed("0"),
        Some(way) => way.text_or_number()?,
    };
    match &*way {
        "" | "0" => Some((own.clone(), own)),
        "1" | "4" => Some((own, sub_account?)),
        "2" => Some((sub_account?, own)),
        "3" => Some((own, " of the master account".to_owned())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::find;
    use super::{Asked, OrderAction, OrderLine, Side};

    /// What clients send, byte for byte (clients.md).
    const PYTHON_OKX: &str = r#"{"instId": "BTC-USDT", "tdMode": "cash", "side": "buy", "ordType": "limit", "sz": "0.0001", "ccy": "", "clOrdId": "", "tag": "", "posSide": "", "px": "1000", "reduceOnly": "", "tgtCcy": "", "stpMode": "", "pxUsd": "", "pxVol": "", "banAmend": "", "attachAlgoOrds": null}"#;
    const CCXT: &str = r#"[{"instId":"BTC-USDT","side":"buy","ordType":"limit","sz":"0.0001","px":"1000","tdMode":"cash","clOrdId":"e847386590ce4dBCb6d9c1f04a7d8e21","tag":"e847386590ce4dBC"}]"#;
    const OKX_API: &str = r#"{"instId":"BTC-USDT","tdMode":"cash","side":"buy","ordType":"limit","px":"1000","sz":"0.0001","tag":"159881cb7207BCDE"}"#;
    const TRADE_CLI: &str = r#"{"instId":"BTC-USDT","tdMode":"cash","side":"buy","ordType":"limit","sz":"0.0001","px":"1000","tag":"CLI"}"#;

    fn read(route: &str, body: &str) -> Option<Vec<OrderLine>> {
        let route = find(&format!("/api/v5/{route}")).unwrap();
        Asked::read(route, body.as_bytes()).map(|asked| asked.lines)
    }

    fn one(route: &str, body: &str) -> OrderLine {
        let mut lines = read(route, body).unwrap_or_else(|| panic!("{body}"));
        assert_eq!(lines.len(), 1, "{body}");
        lines.remove(0)
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    fn limit() -> OrderLine {
        OrderLine {
            instrument: some("BTC-USDT"),
            side: Some(Side::Buy),
            kind: some("limit"),
            price: some("1000"),
            size: some("0.0001"),
            ..OrderLine::new(OrderAction::Place)
        }
    }

    #[test]
    fn what_clients_place_is_read() {
        for body in [PYTHON_OKX, OKX_API, TRADE_CLI] {
            assert_eq!(one("trade/order", body), limit());
            assert!(read("trade/batch-orders", body).is_none(), "{body}");
        }
        let own = OrderLine { client_id: some("e847386590ce4dBCb6d9c1f04a7d8e21"), ..limit() };
        assert_eq!(one("trade/batch-orders", CCXT), own);
        assert!(read("trade/order", CCXT).is_none());
        // The library sends what it is given, with these members or others, and numbers too.
        let market = r#"{"instId": "ETH-USDT", "tdMode": "cash", "side": "sell", "ordType": "market", "sz": 1.50, "ordId": "7"}"#;
        let sold = OrderLine {
            instrument: some("ETH-USDT"),
            side: Some(Side::Sell),
            kind: some("market"),
            size: some("1.50"),
            ..OrderLine::new(OrderAction::Place)
        };
        assert_eq!(one("trade/order", market), sold, "a new order has no id of the exchange yet");
    }

    #[test]
    fn operations_on_sockets_are_read() {
        let ccxt = r#"{"id":"17321173472466905","op":"batch-orders","args":[{"instIdCode":10459,"side":"buy","ordType":"limit","sz":"0.0001","px":"1000","tdMode":"cash","clOrdId":"e847386590ce4dBCb6d9c1f0","tag":"e847386590ce4dBC"}]}"#;
        let coded = OrderLine { instrument: None, instrument_code: some("10459"), ..limit() };
        let own = OrderLine { client_id: some("e847386590ce4dBCb6d9c1f0"), ..coded.clone() };
        assert_eq!(one("trade/batch-orders", ccxt), own);
        let okx_api = r#"{"id":"2","op":"order","args":[{"instIdCode":10459,"tdMode":"cash","side":"buy","ordType":"limit","sz":"0.0001","px":"1000","tag":"159881cb7207BCDE"}],"expTime":"1597026383085"}"#;
        assert_eq!(one("trade/order", okx_api), coded);
        let python = r#"{"id": "1514", "op": "cancel-order", "args": [{"instIdCode": 10459, "ordId": "2510789768709120"}]}"#;
        let cancel = OrderLine {
            instrument_code: some("10459"),
            exchange_id: some("2510789768709120"),
            ..OrderLine::new(OrderAction::Cancel)
        };
        assert_eq!(one("trade/cancel-order", python), cancel);
        let two = r#"{"id":"1513","op":"batch-amend-orders","args":[{"instIdCode":123456,"ordId":"12345689","newSz":"2"},{"instIdCode":123456,"ordId":"12344","newPx":"2.5"}]}"#;
        let lines = read("trade/amend-batch-orders", two).unwrap();
        let changes: Vec<_> =
            lines.iter().map(|line| (line.exchange_id.as_deref(), line.price.as_deref())).collect();
        assert_eq!(changes, [(Some("12345689"), None), (Some("12344"), Some("2.5"))]);
        assert_eq!(lines.first().unwrap().size.as_deref(), Some("2"));
        let all = r#"{"id":"1512","op":"sprd-mass-cancel","args":[{"sprdId":"BTC-USDT_BTC-USDT-SWAP"}]}"#;
        assert_eq!(one("sprd/mass-cancel", all).instrument.as_deref(), Some("BTC-USDT_BTC-USDT-SWAP"));
    }

    #[test]
    fn an_operation_is_of_its_route_and_has_no_other_members() {
        let whole = r#"{"id":"1","op":"order","args":[{"instId":"BTC-USDT"}],"expTime":"1"}"#;
        assert!(read("trade/order", whole).is_some());
        let refused = [
            whole.replacen("\"order\"", "\"cancel-order\"", 1),
            whole.replacen("\"order\"", "\"Order\"", 1),
            whole.replacen("\"order\"", "1", 1),
            whole.replacen("[{", "[{},{", 1),
            whole.replacen("[{\"instId\":\"BTC-USDT\"}]", "[]", 1),
            whole.replacen("[{\"instId\":\"BTC-USDT\"}]", "{\"instId\":\"BTC-USDT\"}", 1),
            whole.replacen("[{", "[[{", 1).replacen("}]", "}]]", 1),
            // As the body of the route, the exchange would read this as an order of another instrument.
            whole.replacen('{', "{\"instId\":\"ETH-USDT\",", 1),
            whole.replacen("\"op\"", "\"args\":[],\"op\"", 1),
        ];
        for body in refused {
            assert_ne!(body, whole);
            assert!(read("trade/order", &body).is_none(), "{body}");
        }
        for route in ["trade/batch-orders", "trade/order-algo", "sprd/order", "asset/withdrawal"] {
            assert!(read(route, whole).is_none(), "{route}");
        }
    }

    #[test]
    fn amends_and_cancellations_name_their_order() {
        let python = r#"{"instId": "BTC-USDT", "cxlOnFail": "", "ordId": "2000345622407479296", "clOrdId": "", "reqId": "", "newSz": "0.002", "newPx": "31000", "newTpTriggerPx": "", "attachAlgoOrds": ""}"#;
        let amended = OrderLine {
            instrument: some("BTC-USDT"),
            price: some("31000"),
            size: some("0.002"),
            exchange_id: some("2000345622407479296"),
            ..OrderLine::new(OrderAction::Amend)
        };
        assert_eq!(one("trade/amend-order", python), amended);
        let ccxt = r#"[{"instId":"BTC-USDT","ordId":"2000345622407479296"}]"#;
        let cancelled = OrderLine { price: None, size: None, action: OrderAction::Cancel, ..amended };
        assert_eq!(one("trade/cancel-batch-orders", ccxt), cancelled);
        let by_client =
            one("trade/cancel-order", r#"{"instId":"BTC-USDT","clOrdId":"b15","px":"1","side":"buy"}"#);
        let own = OrderLine { exchange_id: None, client_id: some("b15"), ..cancelled };
        assert_eq!(by_client, own);
        let spread = one("sprd/amend-order", r#"{"ordId":"2510789768709120","newSz":"2","newPx":"-1.5"}"#);
        assert_eq!((spread.price, spread.size), (some("-1.5"), some("2")));
        let family = one("trade/mass-cancel", r#"{"instType":"OPTION","instFamily":"BTC-USD"}"#);
        assert_eq!((family.action, family.instrument), (OrderAction::CancelAll, some("BTC-USD")));
        let position =
            one("trade/close-position", r#"{"instId":"BTC-USDT-SWAP","mgnMode":"cross","ordId":"1"}"#);
        let closed =
            OrderLine { instrument: some("BTC-USDT-SWAP"), ..OrderLine::new(OrderAction::ClosePosition) };
        assert_eq!(position, closed);
        assert_eq!(one("sprd/mass-cancel", "{}"), OrderLine::new(OrderAction::CancelAll));
    }

    #[test]
    fn algo_orders_have_names_of_their_own() {
        let trigger = r#"{"instId":"BTC-USDT-SWAP","side":"sell","tdMode":"cross","sz":"1","ordType":"trigger","triggerPx":"25920","orderPx":"-1","px":"1","clOrdId":"x","algoClOrdId":"a15","attachAlgoOrds":[{"slTriggerPx":"100","slOrdPx":"600"}]}"#;
        let placed = OrderLine {
            instrument: some("BTC-USDT-SWAP"),
            side: Some(Side::Sell),
            kind: some("trigger"),
            price: some("-1"),
            size: some("1"),
            client_id: some("a15"),
            ..OrderLine::new(OrderAction::PlaceAlgo)
        };
        assert_eq!(one("trade/order-algo", trigger), placed);
        let amended =
            one("trade/amend-algos", r#"{"algoId":"2510789768709120","newSz":"2","instId":"BTC-USDT"}"#);
        assert_eq!((amended.exchange_id, amended.size), (some("2510789768709120"), some("2")));
        let two = r#"[{"algoId":"590919993110396111","instId":"BTC-USDT"},{"algoClOrdId":"a","instId":"BTC-USDT"}]"#;
        let lines = read("trade/cancel-algos", two).unwrap();
        let ids: Vec<_> =
            lines.iter().map(|line| (line.exchange_id.as_deref(), line.client_id.as_deref())).collect();
        assert_eq!(ids, [(Some("590919993110396111"), None), (None, Some("a"))]);
    }

    #[test]
    fn a_transfer_says_whose_accounts_it_is_between() {
        for (more, accounts) in [
            (r#""from":"6","to":"18""#, some("funding→trading")),
            (r#""from":6,"to":18,"type":0"#, some("funding→trading")),
            (r#""from":"18","to":"6","type":"","subAcct":"""#, some("trading→funding")),
            (r#""from":"18","to":"6","type":null"#, some("trading→funding")),
            (r#""from":"6","to":"7""#, some("funding→7")),
            (r#""from":"6","to":"18","type":"1","subAcct":"mini""#, some("funding→trading of mini")),
            (r#""from":"6","to":"6","type":"2","subAcct":"mini""#, some("funding of mini→funding")),
            (r#""from":"6","to":"6","type":"3""#, some("funding→funding of the master account")),
            (r#""from":"6","to":"6","type":"4","subAcct":"mini""#, some("funding→funding of mini")),
            (r#""from":"6","to":"6","type":"1""#, None),
            (r#""from":"6","to":"6","type":"5","subAcct":"mini""#, None),
            (r#""from":"6","to":"6","type":true"#, None),
            (r#""from":"6","to":"6","type":["1"],"subAcct":"mini""#, None),
            (r#""from":"6""#, None),
            (r#""to":"6""#, None),
        ] {
            let line = one("asset/transfer", &format!(r#"{{"ccy":"USDT","amt":"25",{more}}}"#));
            assert_eq!((line.currency, line.amount), (some("USDT"), some("25")));
            assert_eq!(line.destination, accounts, "{more}");
        }
        let between = r#"{"ccy":"USDT","amt":"1.5","from":"6","to":"18","fromSubAccount":"test-1","toSubAccount":"test-2"}"#;
        let line = one("asset/subaccount/transfer", between);
        assert_eq!(line.destination.as_deref(), Some("funding of test-1→trading of test-2"));
        let long = between.replacen("test-1", &"x".repeat(128), 1);
        assert_eq!(one("asset/subaccount/transfer", &long).destination, None);
    }

    #[test]
    fn withdrawals_say_where_they_go() {
        let ccxt = r#"{"ccy":"BTC","toAddr":"bc1qkeywardsandbox0000000000000000000000","dest":"4","amt":"0.01","chain":"BTC-Bitcoin","fee":"0.0001"}"#;
        let withdrawn = OrderLine {
            currency: some("BTC"),
            amount: some("0.01"),
            destination: some("bc1qkeywardsandbox0000000000000000000000"),
            ..OrderLine::new(OrderAction::Withdraw)
        };
        assert_eq!(one("asset/withdrawal", ccxt), withdrawn);
        let tagged = one("asset/withdrawal", &ccxt.replacen("bc1qkeywardsandbox", "ARDOR-7JF3:", 1));
        assert!(tagged.destination.unwrap().starts_with("ARDOR-7JF3:"));
        let back =
            OrderLine { exchange_id: some("1123456"), ..OrderLine::new(OrderAction::CancelWithdrawal) };
        assert_eq!(one("asset/cancel-withdrawal", r#"{"wdId": "1123456"}"#), back);
        let fiat = r#"{"paymentAcctId":"412323","ccy":"TRY","amt":"10000","paymentMethod":"TR_BANKS","clientId":"194a"}"#;
        let line = one("fiat/create-withdrawal", fiat);
        assert_eq!((line.destination, line.client_id), (some("412323"), some("194a")));
        let line = one("fiat/cancel-withdrawal", r#"{"ordId":"124041201450544699"}"#);
        assert_eq!(line.exchange_id.as_deref(), Some("124041201450544699"));
    }

    #[test]
    fn a_text_that_cannot_be_kept_is_left_out_and_the_rest_stays() {
        for odd in ["[\"1\"]", "{}", "true", "\"1\\n\"", "\"\\u202e1\"", &format!("\"{}\"", "1".repeat(129))]
        {
            let body = OKX_API.replacen("\"1000\"", odd, 1);
            assert_ne!(body, OKX_API);
            assert_eq!(one("trade/order", &body), OrderLine { price: None, ..limit() }, "{odd}");
        }
        for side in ["\"Buy\"", "\"long\"", "1", "null"] {
            let body = OKX_API.replacen("\"buy\"", side, 1);
            assert_eq!(one("trade/order", &body), OrderLine { side: None, ..limit() }, "{side}");
        }
    }

    #[test]
    fn what_could_mean_two_things_is_not_read() {
        for body in [PYTHON_OKX, CCXT, OKX_API, TRADE_CLI] {
            for odd in [
                String::new(),
                format!("{body}{body}"),
                format!("{body}\0"),
                format!("\u{feff}{body}"),
                format!("[{body}]"),
                body.replacen('{', "{\"px\":\"1\",", 1),
                body.replacen('{', "{\"\\u0070x\":\"1\",", 1),
                body.replacen('{', "{\"x\":{\"a\":1,\"a\":2},", 1),
                body.replacen('{', "{\"x\":01,", 1),
                body.replacen('{', "{\"x\":1e19,", 1),
                body.replacen('{', "{\"x\":NaN,", 1),
                body.replacen('{', "{\"x\":\"\\ud800\",", 1),
                body.replacen('{', &format!("{{\"x\":{}{},", "[".repeat(9), "]".repeat(9)), 1),
                body.replacen('}', ",}", 1),
                body.replacen('{', &format!("{{\"x\":\"{}\",", "x".repeat(64 * 1024)), 1),
                body.get(1..).unwrap().to_owned(),
            ] {
                // An array of one object is what a route for lists takes.
                let expected = body != CCXT && odd == format!("[{body}]");
                assert_eq!(read("trade/batch-orders", &odd).is_some(), expected, "{odd}");
                assert!(read("trade/order", &odd).is_none(), "{odd}");
            }
        }
        let route = find("/api/v5/trade/order").unwrap();
        assert!(Asked::read(route, b"{\"instId\":\"\xff\"}").is_none());
        assert!(Asked::read(route, b"\x1f\x8b\x08\0").is_none());
        for body in ["null", "1", "\"{}\"", "true", "[]", "[null]", "[[]]", "[{},1]"] {
            assert!(read("trade/order", body).is_none(), "{body}");
            assert!(read("trade/batch-orders", body).is_none(), "{body}");
        }
        let many = |count: usize| format!("[{}]", vec!["{}"; count].join(","));
        assert_eq!(read("trade/batch-orders", &many(20)).unwrap().len(), 20);
        assert!(read("trade/batch-orders", &many(21)).is_none());
    }
}
