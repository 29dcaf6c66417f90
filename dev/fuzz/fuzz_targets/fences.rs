//! Limits: their text is read as what it says, and a body that they let through is one that a reader of plain JSON takes the same
//! way.
//!
//! An input is a set of limits, and on the next line the members of an order.
#![no_main]

use keyward_fuzz::colons;
use keyward_rules::fence::{Asked, Contract, Decimal, Instrument, Kind, Market, SumOf, judge, read};
use keyward_rules::route::{Found, Method, RouteTable};
use keyward_rules::time::Moment;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

struct TestMarket([Instrument; 2]);

impl Market for TestMarket {
    fn is_known(&self) -> bool {
        true
    }

    fn instrument(&self, id: &str) -> Option<&Instrument> {
        self.0.iter().find(|one| &*one.id == id)
    }

    fn by_code(&self, code: &str) -> Option<&Instrument> {
        self.0.get(code.parse::<usize>().ok()?)
    }

    fn price(&self, _: &str) -> Option<Decimal> {
        Some(Decimal::of(2))
    }

    fn dollars(&self, _: &str) -> Option<Decimal> {
        Some(Decimal::ONE)
    }
}

fuzz_target!(|text: &str| {
    let (limits, members) = text.split_once('\n').unwrap_or(("{}", text));
    if let Ok(fences) = read(limits) {
        let written = fences.to_text();
        assert_eq!(read(&written).as_ref(), Ok(&fences));
        assert!(fences.is_within(&fences) && fences.is_within(&read("{}").unwrap()));
    }
    let routes = RouteTable::okx_v5(1).unwrap();
    let market = TestMarket([
        Instrument { id: "A-B".into(), kind: Kind::Pair, quote: "USD".into() },
        Instrument {
            id: "A-B-SWAP".into(),
            kind: Kind::Swap(Contract::Linear(Decimal::of(3))),
            quote: "USD".into(),
        },
    ]);
    let all = read(r#"{"daily_value":"999999999999999999","daily_orders":1000000}"#).unwrap();
    for path in ["/api/v5/trade/order", "/api/v5/trade/amend-order", "/api/v5/trade/order-algo"] {
        let Found::Route(route) = routes.find(Method::Post, path.as_bytes()) else { panic!("{path}") };
        let body = format!("{{{members}}}");
        let asked = Asked { route, body: body.as_bytes(), plain: true, now: Moment::from_unix_ms(1) };
        let Ok(demand) = judge(&all, &market, asked) else { continue };
        let plain: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(colons(&body), colons(&plain.to_string()), "no member is there twice");
        let written = [&plain["sz"], &plain["newSz"]]
            .into_iter()
            .find_map(Value::as_str)
            .filter(|text| !text.is_empty());
        assert!(
            written.is_none_or(|text| Decimal::parse(text).is_some_and(|size| !size.is_zero())),
            "{body}"
        );
        let value = demand.sums.iter().find(|sum| sum.of == SumOf::Value).unwrap().amount;
        assert!(value > Decimal::ZERO, "an order is never for nothing: {body}");
        assert!(
            plain["instId"].as_str().is_none_or(|id| id.is_empty() || market.instrument(id).is_some()),
            "{body}"
        );
    }
});
