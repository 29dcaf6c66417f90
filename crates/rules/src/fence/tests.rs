//! What limits let through and what they refuse, with bodies as clients send them.

use std::sync::Arc;

use super::market::{Contract, Instrument, Kind, Market};
use super::{
    Asked, Decimal, Demand, Fences, Reason, Refused, SumOf, Throttle, Whose, judge, read, read_stored,
};
use crate::route::{Found, Method, RouteTable};
use crate::time::Moment;

/// Two pairs, two swaps, an option; BTC at 50,000, ETH at 2,000.
pub(super) struct TestMarket {
    instruments: Vec<(&'static str, Instrument)>,
    fresh: bool,
}

fn of(text: &str) -> Decimal {
    Decimal::parse(text).unwrap()
}

impl TestMarket {
    pub(super) fn new() -> Self {
        let one = |code, id: &str, kind, quote: &str| {
            (code, Instrument { id: id.into(), kind, quote: quote.into() })
        };
        let instruments = vec![
            one("1", "BTC-USDT", Kind::Pair, "USDT"),
            one("2", "ETH-USDT", Kind::Pair, "USDT"),
            one("3", "ETH-BTC", Kind::Pair, "BTC"),
            one("101", "BTC-USDT-SWAP", Kind::Swap(Contract::Linear(of("0.01"))), "USDT"),
            one("102", "BTC-USD-SWAP", Kind::Swap(Contract::Inverse(of("100"))), "USD"),
            one(
                "103",
                "BTC-USD-301227-60000-C",
                Kind::Option { underlying: "BTC-USD".into(), units: of("0.01") },
                "BTC",
            ),
        ];
        Self { instruments, fresh: true }
    }
}

impl Market for TestMarket {
    fn is_known(&self) -> bool {
        true
    }

    fn instrument(&self, id: &str) -> Option<&Instrument> {
        self.instruments.iter().map(|(_, one)| one).find(|one| &*one.id == id)
    }

    fn by_code(&self, code: &str) -> Option<&Instrument> {
        self.instruments.iter().find(|(known, _)| *known == code).map(|(_, one)| one)
    }

    fn price(&self, id: &str) -> Option<Decimal> {
        let price = if id == "ETH-BTC" {
            "0.04"
        } else if id.starts_with("BTC") {
            "50000"
        } else {
            "2000"
        };
        self.fresh.then(|| of(price))
    }

    fn dollars(&self, currency: &str) -> Option<Decimal> {
        match currency {
            "USD" | "USDT" => Some(Decimal::ONE),
            "BTC" if self.fresh => Some(of("50000")),
            _ => None,
        }
    }
}

const NOW: Moment = Moment::from_unix_ms(1_800_000_000_000);

fn with(market: &dyn Market, fences: &str, path: &str, body: &str) -> Result<Demand, Refused> {
    let routes = RouteTable::okx_v5(1).unwrap();
    let Found::Route(route) = routes.find(Method::Post, path.as_bytes()) else { panic!("{path}") };
    let asked = Asked { route, body: body.as_bytes(), plain: true, now: NOW };
    judge(&read(fences).unwrap(), market, asked)
}

fn judged(fences: &str, path: &str, body: &str) -> Result<Demand, Refused> {
    with(&TestMarket::new(), fences, path, body)
}

/// The code of the refusal, or `0`.
fn code(fences: &str, path: &str, body: &str) -> &'static str {
    judged(fences, path, body).map_or_else(|refused| refused.code(), |_| "0")
}

const ORDER: &str = "/api/v5/trade/order";
const BATCH: &str = "/api/v5/trade/batch-orders";
const AMEND: &str = "/api/v5/trade/amend-order";
const ALGO: &str = "/api/v5/trade/order-algo";
const WITHDRAWAL: &str = "/api/v5/asset/withdrawal";
const TRANSFER: &str = "/api/v5/asset/transfer";

/// The key of the issue: one pair, 500 dollars an order, 1,000 a day.
const SPOT: &str = r#"{"instruments":["BTC-USDT"],"max_order_value":"500","daily_value":"1000"}"#;

fn limit(side: &str, size: &str, price: &str) -> String {
    format!(
        r#"{{"instId":"BTC-USDT","tdMode":"cash","side":"{side}","ordType":"limit","sz":"{size}","px":"{price}"}}"#
    )
}

#[test]
fn a_key_for_one_pair_with_500_dollars_an_order() {
    for (body, expected) in [
        (limit("buy", "0.01", "50000"), "0"),
        (limit("buy", "0.010000000000000001", "50000"), "51203"),
        (limit("buy", "0.012", "50000"), "51203"),
        // A sell may execute at the market, whatever it says.
        (limit("sell", "0.01", "1"), "0"),
        (limit("sell", "0.011", "1"), "51203"),
        (limit("sell", "0.01", "60000"), "51203"),
        (limit("buy", "0.01", "50000").replace("BTC", "ETH"), "51001"),
        (limit("buy", "0.01", "50000").replace(r#""instId":"BTC-USDT""#, r#""instIdCode":1"#), "0"),
        (limit("buy", "0.01", "50000").replace(r#""instId":"BTC-USDT""#, r#""instIdCode":"1""#), "0"),
        (limit("buy", "0.01", "50000").replace(r#""instId":"BTC-USDT""#, r#""instIdCode":2"#), "51001"),
        (limit("buy", "0.01", "50000").replace(r#""instId""#, r#""instIdCode":2,"instId""#), "51001"),
        (limit("buy", "0.01", "50000").replace(r#""instId""#, r#""instIdCode":1,"instId""#), "0"),
        (limit("buy", "0.01", "50000").replace(r#""instId""#, r#""instIdCode":9999,"instId""#), "51001"),
        (limit("buy", "0.01", "50000").replace(r#""instId""#, r#""instIdCode":1.0,"instId""#), "51000"),
        // The exchange passes over the price of a market order, and a buy's size is in the second currency.
        (limit("buy", "500", "1").replace("limit", "market"), "0"),
        (limit("buy", "501", "1").replace("limit", "market"), "51202"),
        (limit("sell", "0.0095", "1").replace("limit", "market"), "0"),
        (limit("sell", "0.01", "1").replace("limit", "market"), "51202"),
        (limit("buy", "0.0095", "1").replace("limit\"", "market\",\"tgtCcy\":\"base_ccy\""), "0"),
        (limit("buy", "500", "1").replace("limit\"", "market\",\"tgtCcy\":\"base_ccy\""), "51202"),
        (limit("buy", "1", "1").replace("limit\"", "limit\",\"tgtCcy\":\"quote_ccy\""), "51000"),
    ] {
        assert_eq!(code(SPOT, ORDER, &body), expected, "{body}");
    }
}

#[test]
fn an_amendment_is_judged_by_what_the_order_would_be() {
    let amend = |size: &str, price: &str| {
        format!(r#"{{"instId":"BTC-USDT","ordId":"1","newSz":"{size}","newPx":"{price}"}}"#)
    };
    assert_eq!(code(SPOT, AMEND, &amend("0.01", "50000")), "0");
    assert_eq!(code(SPOT, AMEND, &amend("0.012", "50000")), "51203");
    assert_eq!(code(SPOT, AMEND, &amend("0.012", "1")), "51203", "it may be a sell");
    assert_eq!(code(SPOT, AMEND, &amend("", "50000")), "51000", "nobody knows how much");
    assert_eq!(code(SPOT, AMEND, &amend("0.01", "")), "51000");
    assert_eq!(code(SPOT, AMEND, &amend("0.01", "50000").replace("BTC", "ETH")), "51001");
    assert_eq!(code(r#"{"instruments":["BTC-USDT"]}"#, AMEND, &amend("", "1")), "0", "no value matters");
}

#[test]
fn a_batch_is_summed_up() {
    let batch = |orders: &[String]| format!("[{}]", orders.join(","));
    let one = limit("buy", "0.01", "50000");
    let demand = judged(SPOT, BATCH, &batch(&[one.clone(), one.clone()])).unwrap();
    let sums: Vec<_> = demand.sums.iter().map(|sum| (sum.element, sum.amount.to_string())).collect();
    assert_eq!(sums, [(0, "500".to_owned()), (1, "500".to_owned())]);
    let refused = judged(SPOT, BATCH, &batch(&[one.clone(), limit("buy", "0.02", "50000")])).unwrap_err();
    assert_eq!((refused.element, refused.code()), (1, "51203"));
    assert_eq!(code(SPOT, BATCH, "[]"), "51000");
    assert_eq!(code(SPOT, BATCH, &one), "51000", "no list");
    assert_eq!(code(SPOT, ORDER, &batch(&[one])), "51000", "a list");
}

#[test]
fn values_of_contracts_and_other_currencies() {
    let most = |value: &str| format!(r#"{{"max_order_value":"{value}"}}"#);
    let order = |id: &str, kind: &str, size: &str, price: &str| {
        format!(
            r#"{{"instId":"{id}","tdMode":"cross","side":"buy","ordType":"{kind}","sz":"{size}","px":"{price}"}}"#
        )
    };
    for (body, value, less) in [
        (order("BTC-USDT-SWAP", "limit", "2", "50000"), "1000", "999.99"),
        (order("BTC-USDT-SWAP", "market", "2", "1"), "1050", "1049.99"),
        (order("BTC-USD-SWAP", "limit", "7", "1"), "700", "699.99"),
        (order("ETH-BTC", "limit", "1", "0.04"), "2000", "1999"),
        (order("BTC-USD-301227-60000-C", "limit", "3", "0.01"), "1500", "1499"),
    ] {
        assert_eq!(
            (code(&most(value), ORDER, &body), code(&most(less), ORDER, &body) != "0"),
            ("0", true),
            "{body}"
        );
    }
    let contract =
        order("BTC-USDT-SWAP", "market", "2", "1").replace("\"sz\"", "\"tgtCcy\":\"base_ccy\",\"sz\"");
    assert_eq!(code(&most("999999"), ORDER, &contract), "51000", "contracts have no such unit");
    assert_eq!(code(&most("1"), ORDER, &order("DOGE-USDT", "limit", "1", "1")), "51001");
    let old = TestMarket { fresh: false, ..TestMarket::new() };
    let sell = limit("sell", "0.001", "50000");
    assert_eq!(
        with(&old, SPOT, ORDER, &sell).unwrap_err().reason,
        Reason::NoPrice(super::Fence::MaxOrderValue)
    );
    assert!(with(&old, SPOT, ORDER, &limit("buy", "0.001", "50000")).is_ok(), "its own price bounds it");
}

#[test]
fn attached_and_algo_orders_are_orders() {
    let attached = |sizes: &str| {
        limit("buy", "0.009", "50000").replace("\"sz\"", &format!("\"attachAlgoOrds\":{sizes},\"sz\""))
    };
    let fence = r#"{"max_order_value":"500","daily_value":"9999","daily_orders":9}"#;
    for (list, expected) in [
        ("null", "0"),
        ("[]", "0"),
        (r#"[{"tpTriggerPx":"51000","tpOrdPx":"-1"}]"#, "0"),
        (r#"[{"tpTriggerPx":"60000","tpOrdPx":"60000"}]"#, "51203"),
        (r#"[{"tpTriggerPx":"51000","tpOrdPx":"-1","sz":"0.02"}]"#, "51203"),
        (r#"[{"tpTriggerPx":"51000","tpOrdPx":"-1","size":"0.02"}]"#, "51000"),
        (r#"{"tpTriggerPx":"51000"}"#, "51000"),
        (r#""x""#, "51000"),
    ] {
        assert_eq!(code(fence, ORDER, &attached(list)), expected, "{list}");
    }
    let demand = judged(fence, ORDER, &attached(r#"[{"tpTriggerPx":"51000","tpOrdPx":"-1"}]"#)).unwrap();
    let count = demand.sums.iter().find(|sum| sum.of == SumOf::Orders).unwrap();
    assert_eq!(count.amount, Decimal::of(2));

    let algo = |rest: &str| {
        format!(
            r#"{{"instId":"BTC-USDT-SWAP","tdMode":"cross","side":"sell","ordType":"conditional",{rest}}}"#
        )
    };
    assert_eq!(code(fence, ALGO, &algo(r#""sz":"0.9","slTriggerPx":"45000","slOrdPx":"-1""#)), "0");
    assert_eq!(code(fence, ALGO, &algo(r#""sz":"0.9","tpTriggerPx":"60000","tpOrdPx":"-1""#)), "51203");
    assert_eq!(
        code(fence, ALGO, &algo(r#""closeFraction":"1","slTriggerPx":"45000","slOrdPx":"-1""#)),
        "50120"
    );
    let allowed = fence.replace('{', r#"{"whole_position":true,"#);
    assert_eq!(
        code(&allowed, ALGO, &algo(r#""closeFraction":"1","slTriggerPx":"45000","slOrdPx":"-1""#)),
        "0"
    );
    assert_eq!(code(fence, ALGO, &algo(r#""sz":"1","newThing":"1""#)), "51000");
}

#[test]
fn kinds_modes_prices_quantities() {
    let order = limit("buy", "0.01", "50000");
    for (fence, body, expected) in [
        (r#"{"instrument_types":["SPOT"]}"#, order.clone(), "0"),
        (r#"{"instrument_types":["SPOT"]}"#, order.replace("cash", "cross"), "51001"),
        (r#"{"instrument_types":["MARGIN"]}"#, order.replace("cash", "cross"), "0"),
        (r#"{"instrument_types":["SPOT"]}"#, order.replace("BTC-USDT", "BTC-USDT-SWAP"), "51001"),
        (r#"{"order_types":["post_only"]}"#, order.clone(), "50120"),
        (r#"{"order_types":["limit"]}"#, order.clone(), "0"),
        (r#"{"trade_modes":["isolated"]}"#, order.clone(), "50120"),
        (r#"{"price_collar":"5"}"#, limit("buy", "1", "52500"), "0"),
        (r#"{"price_collar":"5"}"#, limit("buy", "1", "52500.01"), "51137"),
        (r#"{"price_collar":"5"}"#, limit("buy", "1", "1"), "0"),
        (r#"{"price_collar":"5"}"#, limit("sell", "1", "47500"), "0"),
        (r#"{"price_collar":"5"}"#, limit("sell", "1", "47499"), "51138"),
        (r#"{"price_collar":"5"}"#, limit("sell", "1", "99999"), "0"),
        (r#"{"max_order_quantity":{"BTC-*":"0.01"}}"#, order.clone(), "0"),
        (r#"{"max_order_quantity":{"BTC-*":"0.009"}}"#, order.clone(), "51203"),
        (r#"{"max_order_quantity":{"ETH-*":"0.009"}}"#, order.clone(), "0"),
        (
            r#"{"max_order_quantity":{"BTC-USDT":"0.01"}}"#,
            limit("buy", "500", "1").replace("limit", "market"),
            "0",
        ),
        (
            r#"{"max_order_quantity":{"BTC-USDT":"0.01"}}"#,
            limit("buy", "501", "1").replace("limit", "market"),
            "51202",
        ),
        (r#"{"reduce_only":true}"#, order.clone(), "50120"),
        (
            r#"{"reduce_only":true}"#,
            order.replace("cash", "cross").replace("\"sz\"", "\"reduceOnly\":true,\"sz\""),
            "0",
        ),
        (
            r#"{"reduce_only":true}"#,
            order.replace("cash", "cross").replace("\"sz\"", "\"reduceOnly\":\"false\",\"sz\""),
            "50120",
        ),
        (
            r#"{"reduce_only":true}"#,
            order.replace("cash", "cross").replace("\"sz\"", "\"posSide\":\"short\",\"sz\""),
            "0",
        ),
        (
            r#"{"reduce_only":true}"#,
            order
                .replace("cash", "cross")
                .replace("\"sz\"", "\"posSide\":\"long\",\"reduceOnly\":true,\"sz\""),
            "50120",
        ),
    ] {
        assert_eq!(code(fence, ORDER, &body), expected, "{fence} {body}");
    }
    let lever = "/api/v5/account/set-leverage";
    let three = r#"{"max_leverage":"3"}"#;
    assert_eq!(code(three, lever, r#"{"instId":"BTC-USDT-SWAP","lever":"3","mgnMode":"cross"}"#), "0");
    assert_eq!(code(three, lever, r#"{"instId":"BTC-USDT-SWAP","lever":"3.5","mgnMode":"cross"}"#), "59102");
    assert_eq!(code(three, lever, r#"{"ccy":"BTC","lever":"10","mgnMode":"cross"}"#), "59102");
    assert_eq!(
        code(SPOT, lever, r#"{"ccy":"BTC","lever":"10","mgnMode":"cross"}"#),
        "51001",
        "of all of BTC"
    );
    let close = "/api/v5/trade/close-position";
    assert_eq!(code(SPOT, close, r#"{"instId":"BTC-USDT","mgnMode":"cross"}"#), "50120");
    let throttles =
        judged(r#"{"message_throttle":5}"#, BATCH, &format!("[{order},{order}]")).unwrap().throttles;
    assert_eq!(throttles, [Throttle { whose: Whose::Key, orders: 2, most: 5, enforced: true }]);
}

/// A key's limits, and those of its account, of which the stricter one refuses.
fn layered(own: &str, account: &str, body: &str) -> Result<Demand, Refused> {
    let fences = Fences { account: Some(Arc::new(read(account).unwrap())), ..read(own).unwrap() };
    let stored = read_stored(&fences.to_text()).unwrap();
    assert_eq!(stored, fences, "the store gives back what it was given");
    let routes = RouteTable::okx_v5(1).unwrap();
    let Found::Route(route) = routes.find(Method::Post, ORDER.as_bytes()) else { panic!() };
    judge(&stored, &TestMarket::new(), Asked { route, body: body.as_bytes(), plain: true, now: NOW })
}

#[test]
fn the_stricter_of_a_keys_and_an_accounts_limits_wins() {
    let order = limit("buy", "0.01", "50000");
    for (own, account, refused) in [
        ("{}", r#"{"max_order_value":"499"}"#, Some((Whose::Account, "51203"))),
        (r#"{"max_order_value":"499"}"#, r#"{"max_order_value":"500"}"#, Some((Whose::Key, "51203"))),
        (r#"{"max_order_value":"500"}"#, r#"{"max_order_value":"499"}"#, Some((Whose::Account, "51203"))),
        (r#"{"max_order_value":"500"}"#, r#"{"instruments":["ETH-*"]}"#, Some((Whose::Account, "51001"))),
        (r#"{"max_order_value":"500"}"#, r#"{"max_order_value":"500"}"#, None),
        (r#"{"max_order_value":"500"}"#, r#"{"monitor":{"max_order_value":"1"}}"#, None),
    ] {
        let judged = layered(own, account, &order);
        assert_eq!(judged.err().map(|refused| (refused.whose, refused.code())), refused, "{own} {account}");
    }
    let demand = layered(r#"{"daily_value":"900"}"#, r#"{"daily_value":"1000"}"#, &order).unwrap();
    let sums: Vec<_> = demand.sums.iter().map(|sum| (sum.whose, sum.amount, sum.limit)).collect();
    assert_eq!(
        sums,
        [(Whose::Key, of("500"), Some(of("900"))), (Whose::Account, of("500"), Some(of("1000"))),]
    );
    let text = layered("{}", r#"{"max_order_value":"499"}"#, &order).unwrap_err().to_string();
    assert_eq!(
        text,
        "refused by this account's limit max_order_value (499 USD): this order is 500 USD; do not retry"
    );
}

#[test]
fn what_only_watches_refuses_nothing() {
    let order = limit("buy", "0.01", "50000");
    let watch = |fences: &str, body: &str| judged(fences, ORDER, body).unwrap();
    let observed = watch(r#"{"monitor":{"max_order_value":"499"}}"#, &order).observed;
    let said: Vec<String> = observed.iter().map(Refused::would_be).collect();
    assert_eq!(
        said,
        ["would be refused by this key's limit max_order_value (499 USD): this order is 500 USD"]
    );
    assert!(watch(r#"{"monitor":{"max_order_value":"500"}}"#, &order).observed.is_empty());
    // What cannot be read is told as well, and refused where another limit refuses.
    let odd = order.replacen('{', r#"{"sz":"1","#, 1);
    assert_eq!(watch(r#"{"monitor":{"max_order_value":"499"}}"#, &odd).observed.len(), 1);
    assert_eq!(
        code(r#"{"max_order_value":"900","monitor":{"max_order_value":"499"}}"#, ORDER, &odd),
        "51000"
    );
    // So is an element that cannot be read, and what was found of the others stays.
    let unknown = order.replacen('{', r#"{"sizeInLots":"1","#, 1);
    assert_eq!(watch(r#"{"monitor":{"max_order_value":"900"}}"#, &unknown).observed.len(), 1);
    let batch = format!("[{order},{unknown}]");
    let half = judged(r#"{"monitor":{"daily_value":"900"}}"#, BATCH, &batch).unwrap();
    assert_eq!((half.sums.len(), half.observed.len()), (1, 1));
    // A sum that is limited and watched is taken once.
    let both = watch(r#"{"daily_value":"900","monitor":{"daily_value":"600"}}"#, &order).sums;
    let [sum] = both.as_slice() else { panic!("{both:?}") };
    assert_eq!((sum.limit, sum.watched), (Some(of("900")), Some(of("600"))));
    for nested in [r#"{"monitor":{"monitor":{}}}"#, r#"{"account":{}}"#, r#"{"monitor":5}"#] {
        assert!(read(nested).is_err(), "{nested}");
    }
}

#[test]
fn the_same_order_is_known_again() {
    let fences = r#"{"repeated_execution":{"times":5,"seconds":60}}"#;
    let intent = |path: &str, body: &str| -> Vec<u64> {
        judged(fences, path, body).unwrap().repeats.iter().map(|repeat| repeat.intent).collect()
    };
    let order = limit("buy", "0.01", "50000");
    let same = order.replacen('{', r#"{"clOrdId":"a7","tag":"x","#, 1).replace("0.01", "0.0100");
    assert_eq!(intent(ORDER, &order), intent(ORDER, &same));
    assert_eq!(intent(BATCH, &format!("[{order},{same}]")).len(), 2);
    let by_code = order.replace(r#""instId":"BTC-USDT""#, r#""instIdCode":1"#);
    assert_eq!(intent(ORDER, &order), intent(ORDER, &by_code));
    for other in [
        order.replacen('{', r#"{"pxUsd":"5","#, 1),
        order.replacen('{', r#"{"pxVol":"0.5","#, 1),
        limit("sell", "0.01", "50000"),
        limit("buy", "0.02", "50000"),
        limit("buy", "0.01", "50001"),
        order.replace("BTC-USDT", "ETH-USDT"),
    ] {
        assert_ne!(intent(ORDER, &order), intent(ORDER, &other), "{other}");
    }
    assert!(intent(AMEND, r#"{"instId":"BTC-USDT","ordId":"1","newSz":"1","newPx":"2"}"#).is_empty());
    for wrong in [r#"{"times":1,"seconds":60}"#, r#"{"times":5}"#, r#"{"times":5,"seconds":0}"#, "5"] {
        assert!(read(&format!(r#"{{"repeated_execution":{wrong}}}"#)).is_err(), "{wrong}");
    }
}

#[test]
fn cancels_pass_and_what_nobody_can_judge_does_not() {
    for (path, expected) in [
        ("/api/v5/trade/cancel-order", "0"),
        ("/api/v5/trade/cancel-batch-orders", "0"),
        ("/api/v5/trade/cancel-algos", "0"),
        ("/api/v5/trade/mass-cancel", "0"),
        ("/api/v5/trade/cancel-all-after", "0"),
        ("/api/v5/trade/order-precheck", "0"),
        ("/api/v5/sprd/order", "50120"),
        ("/api/v5/trade/amend-algos", "50120"),
        ("/api/v5/trade/easy-convert", "50120"),
        ("/api/v5/asset/convert/trade", "50120"),
        ("/api/v5/tradingBot/grid/order-algo", "50120"),
        ("/api/v5/account/set-position-mode", "50120"),
        // Nothing of funds is limited.
        (TRANSFER, "0"),
        (WITHDRAWAL, "0"),
    ] {
        assert_eq!(code(SPOT, path, "{"), expected, "{path}");
    }
    let funds = r#"{"withdrawal":{"destinations":[{"ccy":"USDT","chain":"c","address":"a"}]}}"#;
    assert_eq!(code(funds, ORDER, "{"), "0", "nothing of orders is limited");
    assert_eq!(code(funds, "/api/v5/fiat/create-withdrawal", "{}"), "50120");
}

#[test]
fn a_withdrawal_goes_to_the_listed_address_or_nowhere() {
    let fence = r#"{"withdrawal":{"destinations":[
        {"ccy":"USDT","chain":"USDT-TRC20","address":"TAbc"},{"ccy":"XRP","chain":"XRP-Ripple","address":"rAbc:77"},
        {"ccy":"BTC","chain":"BTC-Bitcoin","address":"bc1q","usable_from_ms":"1800000000001"}],"daily":{"USDT":"100","BTC":"1"}}}"#;
    let usdt = r#"{"ccy":"USDT","amt":"100","dest":"4","toAddr":"TAbc","chain":"USDT-TRC20"}"#;
    for (body, expected) in [
        (usdt.to_owned(), "0"),
        (usdt.replace("\"100\"", "\"100.01\""), "58203"),
        (usdt.replace("\"dest\"", "\"fee\":\"0.1\",\"dest\""), "58203"),
        (usdt.replace("\"100\"", "\"0\""), "51000"),
        (usdt.replace("\"100\"", "\"1e1\""), "51000"),
        (usdt.replace("TAbc", "TAbd"), "58207"),
        (usdt.replace("TAbc", "tabc"), "58207"),
        (usdt.replace("TAbc", "TAbc:1"), "58207"),
        (usdt.replace("TRC20", "ERC20"), "58207"),
        (usdt.replace(r#","chain":"USDT-TRC20""#, ""), "58207"),
        (usdt.replace(r#""dest":"4""#, r#""dest":"3""#), "58207"),
        (usdt.replace(r#""dest":"4","#, ""), "58207"),
        (usdt.replace(r#""dest":"4""#, r#""dest":4"#), "0"),
        (usdt.replace("\"dest\"", "\"toAddrType\":\"2\",\"dest\""), "58207"),
        (usdt.replace("\"dest\"", "\"areaCode\":\"86\",\"dest\""), "51000"),
        (
            usdt.replace("\"dest\"", "\"clientId\":\"x\",\"rcvrInfo\":{\"walletType\":\"private\"},\"dest\""),
            "0",
        ),
        (usdt.replace("USDT\",\"amt", "USDC\",\"amt"), "58207"),
        (r#"{"ccy":"XRP","amt":"1","dest":"4","toAddr":"rAbc:77","chain":"XRP-Ripple"}"#.to_owned(), "58203"),
        (r#"{"ccy":"BTC","amt":"1","dest":"4","toAddr":"bc1q","chain":"BTC-Bitcoin"}"#.to_owned(), "58207"),
    ] {
        assert_eq!(code(fence, WITHDRAWAL, &body), expected, "{body}");
    }
    let demand = judged(fence, WITHDRAWAL, usdt).unwrap();
    assert_eq!(demand.sums[0].of, SumOf::Withdrawal("USDT".into()));
    assert_eq!(SumOf::parse(&demand.sums[0].of.to_string()), Some(demand.sums[0].of.clone()));
}

#[test]
fn transfers_go_where_the_list_says() {
    let fence = r#"{"transfer":{"destinations":["trading","sub:mini"],"daily":{"USDT":"100"}}}"#;
    for (body, expected) in [
        (r#"{"ccy":"USDT","amt":"5","from":"6","to":"18"}"#, "0"),
        (r#"{"ccy":"USDT","amt":"5","from":6,"to":18,"type":0}"#, "0"),
        (r#"{"ccy":"USDT","amt":"5","from":"18","to":"6"}"#, "50120"),
        (r#"{"ccy":"USDT","amt":"5","from":"6","to":"6","type":"1","subAcct":"mini"}"#, "0"),
        (r#"{"ccy":"USDT","amt":"5","from":"6","to":"6","type":"1","subAcct":"other"}"#, "50120"),
        (r#"{"ccy":"USDT","amt":"5","from":"6","to":"6","type":"1"}"#, "51000"),
        (r#"{"ccy":"USDT","amt":"5","from":"6","to":"18","subAcct":"mini"}"#, "51000"),
        (r#"{"ccy":"USDT","amt":"5","from":"6","to":"18","type":"2","subAcct":"mini"}"#, "0"),
        (r#"{"ccy":"USDT","amt":"5","from":"6","to":"6","type":"3"}"#, "50120"),
        (r#"{"ccy":"USDT","amt":"5","from":"6","to":"1"}"#, "50120"),
        (r#"{"ccy":"USDT","amt":"500","from":"6","to":"18"}"#, "58119"),
        (r#"{"ccy":"BTC","amt":"5","from":"6","to":"18"}"#, "58119"),
    ] {
        assert_eq!(code(fence, TRANSFER, body), expected, "{body}");
    }
    let between =
        r#"{"ccy":"USDT","amt":"5","from":"6","to":"6","fromSubAccount":"a","toSubAccount":"mini"}"#;
    assert_eq!(code(fence, "/api/v5/asset/subaccount/transfer", between), "0");
    assert_eq!(code(fence, "/api/v5/asset/subaccount/transfer", &between.replace("mini", "maxi")), "50120");
}

#[test]
fn a_body_that_can_be_read_in_two_ways_is_refused() {
    let good = limit("buy", "0.001", "50000");
    assert_eq!(code(SPOT, ORDER, &good), "0");
    for bad in [
        good.replace("\"sz\"", "\"sz\":\"0.001\",\"sz\""),
        good.replace("\"sz\"", "\"\\u0073z\""),
        good.replace("\"sz\"", "\"s\\u007a\":\"1\",\"sz\""),
        good.replace("\"tdMode\"", "\"x\":{\"a\":1,\"a\":2},\"tdMode\""),
        good.replace("\"0.001\"", "\"1e-3\""),
        good.replace("\"0.001\"", "1e-3"),
        good.replace("\"0.001\"", "\" 0.001\""),
        good.replace("\"0.001\"", "\"+0.001\""),
        good.replace("\"0.001\"", "\"0x1\""),
        good.replace("\"0.001\"", "\"00.001\""),
        good.replace("\"0.001\"", "[\"0.001\"]"),
        good.replace("\"0.001\"", "true"),
        good.replace("\"0.001\"", "\"0.001\\u0000\""),
        good.replace("\"sz\"", "\"SZ\""),
        good.replace("buy", "Buy"),
        good.replace("limit", "limit2"),
        good.replace("cash", "CASH"),
        good.replace("\"sz\"", "\"unknown\":\"1\",\"sz\""),
        good.replace("\"sz\"", "\"tag\":{\"a\":1},\"sz\""),
        good.replace("\"sz\"", "\"op\":\"order\",\"sz\""),
        format!("{good} x"),
        format!("{good}{good}"),
        format!("\u{feff}{good}"),
        good.replace('}', ",}"),
        good.replace("BTC-USDT", "BTC-USDT "),
        good.replace("BTC-USDT", "BTC-USDT\\u0000"),
        String::new(),
    ] {
        assert_ne!(code(SPOT, ORDER, &bad), "0", "{bad}");
    }
    let routes = RouteTable::okx_v5(1).unwrap();
    let Found::Route(route) = routes.find(Method::Post, ORDER.as_bytes()) else { panic!() };
    let (fences, market) = (read(SPOT).unwrap(), TestMarket::new());
    let of = |body: &[u8], plain| judge(&fences, &market, Asked { route, body, plain, now: NOW });
    assert!(of(good.as_bytes(), true).is_ok());
    assert!(of(good.as_bytes(), false).is_err(), "compressed, of another type, or with a query");
    let mut bytes = good.into_bytes();
    *bytes.last_mut().unwrap() = 0xff;
    assert!(of(&bytes, true).is_err());
}

#[test]
fn operations_on_sockets_are_judged_alike() {
    let operation =
        |op: &str, orders: &[&str]| format!(r#"{{"id":"1","op":"{op}","args":[{}]}}"#, orders.join(","));
    let (good, bad) = (limit("buy", "0.01", "50000"), limit("buy", "0.02", "50000"));
    assert_eq!(code(SPOT, ORDER, &operation("order", &[&good])), "0");
    assert_eq!(code(SPOT, ORDER, &operation("order", &[&bad])), "51203");
    assert_eq!(code(SPOT, ORDER, &operation("order", &[&good, &good])), "51000");
    assert_eq!(code(SPOT, BATCH, &operation("batch-orders", &[&good, &bad])), "51203");
    assert_eq!(code(SPOT, ORDER, &operation("batch-orders", &[&good])), "51000");
}

#[test]
fn sentences_name_the_limit_and_say_what_to_do() {
    let said = |fence: &str, body: &str| judged(fence, ORDER, body).unwrap_err().to_string();
    assert_eq!(
        said(SPOT, &limit("buy", "0.016248", "50000")),
        "refused by this key's limit max_order_value (500 USD): this order is 812.4 USD; do not retry"
    );
    assert_eq!(
        said(r#"{"daily_value":"100"}"#, &limit("buy", "0.01", "50000")),
        "refused by this key's limit daily_value (100 USD a day): today would come to 500 USD; resets 00:00 UTC; do not retry"
    );
    assert_eq!(
        said(SPOT, &limit("buy", "1", "1").replace("BTC", "ETH")),
        "refused by this key's limit instruments: this is not among what it allows; do not retry"
    );
}
