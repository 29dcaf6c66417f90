//! What judging an order by a key's limits costs, the order of one pair among 700.

use std::hint::black_box;
use std::time::Instant;

use keyward_rules::fence::{Asked, Decimal, Fences, Instrument, Kind, Market, is_dollar, judge, read};
use keyward_rules::route::{Found, Method, RouteTable};

use crate::decision::NOW;

/// Orders judged in one round.
const BATCH: u32 = 100_000;
/// As ccxt sends an order.
const ORDER: &[u8] = br#"{"instId":"BTC-USDT","clOrdId":"e847386590ce4dBC7a5e1b1f0d2c9a11","tag":"e847386590ce4dBC","side":"buy","ordType":"limit","sz":"0.01","tdMode":"cash","px":"50000"}"#;
/// Each with the limits that it names, from none to many.
const CASES: [(&str, &str); 4] = [
    ("instruments", r#"{"instruments":["BTC-USDT","ETH-*"]}"#),
    ("instruments, value", r#"{"instruments":["BTC-USDT","ETH-*"],"max_order_value":"500"}"#),
    (
        "instruments, value, day",
        r#"{"instruments":["BTC-USDT","ETH-*"],"max_order_value":"500","daily_value":"5000","daily_orders":1000}"#,
    ),
    (
        "all of an order",
        r#"{"instruments":["BTC-USDT","ETH-*"],"instrument_types":["SPOT"],"order_types":["limit"],"trade_modes":["cash"],"max_order_quantity":{"BTC-*":"1"},"max_order_value":"500","price_collar":"5","daily_value":"5000","daily_orders":1000,"message_throttle":5}"#,
    ),
];

/// Seven hundred pairs, looked up as the gateway does.
struct Pairs(std::collections::HashMap<Box<str>, (Instrument, Decimal)>);

impl Market for Pairs {
    fn is_known(&self) -> bool {
        true
    }

    fn instrument(&self, id: &str) -> Option<&Instrument> {
        self.0.get(id).map(|(instrument, _)| instrument)
    }

    fn by_code(&self, _: &str) -> Option<&Instrument> {
        None
    }

    fn price(&self, id: &str) -> Option<Decimal> {
        self.0.get(id).map(|(_, price)| *price)
    }

    fn dollars(&self, currency: &str) -> Option<Decimal> {
        is_dollar(currency).then_some(Decimal::ONE)
    }
}

/// Judges orders in rounds; prints the median of each case in nanoseconds.
pub fn measure(rounds: u32) -> Result<(), String> {
    let routes = RouteTable::okx_v5(1).map_err(|wrong| wrong.to_string())?;
    let Found::Route(route) = routes.find(Method::Post, b"/api/v5/trade/order") else {
        return Err("no such route".to_owned());
    };
    let names = (0..699).map(|at| format!("C{at}-USDT")).chain(["BTC-USDT".to_owned()]);
    let pair = |id: String| {
        let instrument = Instrument { id: id.as_str().into(), kind: Kind::Pair, quote: "USDT".into() };
        (id.into(), (instrument, Decimal::of(50_000)))
    };
    let market = Pairs(names.map(pair).collect());
    let asked = Asked { route, body: ORDER, plain: true, now: NOW };
    let limits: Vec<Fences> = CASES
        .iter()
        .map(|(_, text)| read(text))
        .collect::<Result<_, _>>()
        .map_err(|wrong| wrong.to_string())?;
    let mut times = vec![Vec::new(); CASES.len()];
    for _ in 0..rounds {
        // In turn, so that whatever else the machine does hits all of them.
        for (fences, times) in limits.iter().zip(&mut times) {
            let began = Instant::now();
            for _ in 0..BATCH {
                let judged = judge(black_box(fences), &market, black_box(asked));
                black_box(judged).map_err(|refused| refused.to_string())?;
            }
            times.push(began.elapsed().as_nanos() as f64 / f64::from(BATCH));
        }
    }
    println!(
        "{rounds} rounds of {BATCH} orders of {} bytes; nanoseconds each, median and range",
        ORDER.len()
    );
    for ((name, _), mut times) in CASES.iter().zip(times) {
        times.sort_by(f64::total_cmp);
        let of = |at: usize| times.get(at).copied().unwrap_or_default();
        println!("{:>8.0} ({:.0} to {:.0})  {name}", of(times.len() / 2), of(0), of(times.len() - 1));
    }
    Ok(())
}
