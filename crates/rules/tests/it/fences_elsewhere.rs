//! A body that limits let through is read alike by Keyward, Python and Node: the same instrument, and the same value.

use std::io::Write as _;
use std::process::{Command, Stdio};

use keyward_rules::fence::{Asked, Decimal, Instrument, Kind, Market, SumOf, judge, read};
use keyward_rules::route::{Found, Method, RouteTable};
use keyward_rules::time::Moment;

struct OnePair(Instrument);

impl Market for OnePair {
    fn is_known(&self) -> bool {
        true
    }

    fn instrument(&self, id: &str) -> Option<&Instrument> {
        (id == "BTC-USDT").then_some(&self.0)
    }

    fn by_code(&self, _: &str) -> Option<&Instrument> {
        None
    }

    fn price(&self, _: &str) -> Option<Decimal> {
        Some(Decimal::of(1))
    }

    fn dollars(&self, _: &str) -> Option<Decimal> {
        Some(Decimal::ONE)
    }
}

/// A small generator, so that every run has the same bodies.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % most
    }

    fn one_of<'t>(&mut self, all: &[&'t str]) -> &'t str {
        all[self.below(all.len())]
    }
}

/// A body that is right, or wrong at one or two places, or written in another way.
fn body(dice: &mut Dice) -> String {
    let amounts = ["1", "0.001", "12.50", "20000", "0.000000000000000001", "100", "3.0"];
    let odd = [
        "1e3",
        "01",
        "+1",
        "-1",
        " 1",
        "1.",
        ".5",
        "0x1",
        "NaN",
        "1_0",
        "١",
        "\\u0031",
        "1e-7",
        "99999999999999999999",
    ];
    let amount = |dice: &mut Dice| {
        let written = if dice.below(8) == 0 { dice.one_of(&odd) } else { dice.one_of(&amounts) };
        if dice.below(5) == 0 { written.to_owned() } else { format!("\"{written}\"") }
    };
    let mut members = vec![
        format!(
            "\"instId\":\"{}\"",
            if dice.below(12) == 0 {
                dice.one_of(&["ETH-USDT", "btc-usdt", "BTC-USDT ", "BTC\\u002dUSDT"])
            } else {
                "BTC-USDT"
            }
        ),
        format!(
            "\"tdMode\":\"{}\"",
            if dice.below(15) == 0 { dice.one_of(&["CASH", "x", ""]) } else { "cash" }
        ),
        format!(
            "\"side\":\"{}\"",
            if dice.below(15) == 0 { dice.one_of(&["Buy", "sell ", ""]) } else { "buy" }
        ),
        format!(
            "\"ordType\":\"{}\"",
            if dice.below(15) == 0 {
                dice.one_of(&["Limit", "stop", ""])
            } else {
                dice.one_of(&["limit", "post_only", "ioc", "fok"])
            }
        ),
        format!("\"sz\":{}", amount(dice)),
        format!("\"px\":{}", amount(dice)),
    ];
    for _ in 0..dice.below(3) {
        let more = [
            "\"clOrdId\":\"a1\"",
            "\"tag\":\"t\"",
            "\"reduceOnly\":false",
            "\"posSide\":\"net\"",
            "\"attachAlgoOrds\":null",
            "\"ccy\":\"\"",
            "\"tgtCcy\":\"base_ccy\"",
            "\"pxUsd\":\"\"",
            "\"banAmend\":true",
            "\"stpMode\":\"cancel_maker\"",
        ];
        let wrong = [
            "\"sz\":\"5\"",
            "\"\\u0073z\":\"5\"",
            "\"unknown\":1",
            "\"tgtCcy\":\"quote_ccy\"",
            "\"SZ\":\"9\"",
            "\"tag\":{\"a\":1,\"a\":2}",
        ];
        members.push(if dice.below(6) == 0 { dice.one_of(&wrong) } else { dice.one_of(&more) }.to_owned());
    }
    for at in (1..members.len()).rev() {
        let other = dice.below(at + 1);
        members.swap(at, other);
    }
    let (comma, colon) = (dice.one_of(&[",", ", ", ",\n"]), dice.one_of(&[":", ": ", " :\t"]));
    format!("{{{}}}", members.join(comma).replace("\":", &format!("\"{colon}")))
}

const PYTHON: &str = r#"
import json, sys
from decimal import Decimal, getcontext
getcontext().prec = 80
for line in sys.stdin:
    body = json.loads(json.loads(line), parse_int=str, parse_float=str)
    value = Decimal(body["sz"]) * Decimal(body["px"])
    print(body["instId"], body["side"], format(value.normalize(), "f"))
"#;

const NODE: &str = r#"
const lines = require("fs").readFileSync(0, "utf8").trim().split("\n");
for (const line of lines) {
    const body = JSON.parse(JSON.parse(line));
    console.log(body.instId, body.side, Number(body.sz) * Number(body.px));
}
"#;

fn run(program: &str, arguments: [&str; 2], input: &str) -> Vec<String> {
    let mut child =
        Command::new(program).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writing = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap().unwrap();
    assert!(output.status.success(), "{program}");
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn what_passes_is_read_alike_by_python_and_node() {
    let routes = RouteTable::okx_v5(1).unwrap();
    let Found::Route(route) = routes.find(Method::Post, b"/api/v5/trade/order") else { panic!() };
    let fences = read(r#"{"instruments":["BTC-USDT"],"daily_value":"999999999999999999"}"#).unwrap();
    let market = OnePair(Instrument { id: "BTC-USDT".into(), kind: Kind::Pair, quote: "USDT".into() });
    let mut dice = Dice(19);
    let mut passed = Vec::new();
    for _ in 0..10_000 {
        let body = body(&mut dice);
        let asked = Asked { route, body: body.as_bytes(), plain: true, now: Moment::from_unix_ms(1) };
        if let Ok(demand) = judge(&fences, &market, asked) {
            let value = demand.sums.iter().find(|sum| sum.of == SumOf::Value).unwrap().amount;
            passed.push((body, value));
        }
    }
    assert!((3_000..9_000).contains(&passed.len()), "{} of 10,000 pass", passed.len());
    let input: Vec<String> =
        passed.iter().map(|(body, _)| serde_json::Value::from(body.as_str()).to_string()).collect();
    let input = input.join("\n") + "\n";
    let (python, node) = (run("python3", ["-c", PYTHON], &input), run("node", ["-e", NODE], &input));
    assert_eq!((python.len(), node.len()), (passed.len(), passed.len()));
    for (((body, value), python), node) in passed.iter().zip(&python).zip(&node) {
        let ours: f64 = value.to_string().parse().unwrap();
        let theirs: Vec<&str> = python.split(' ').collect();
        // Python's numbers are exact; ours are rounded up in the 18th digit behind the point.
        let exact: f64 = theirs[2].parse().unwrap();
        assert_eq!((theirs[0], theirs[1]), ("BTC-USDT", "buy"), "{body}");
        let near = |other: f64| ours >= other * (1.0 - 1e-12) && ours - other <= other * 1e-12 + 1e-18;
        assert!(near(exact), "{body} {value} {python}");
        let theirs: Vec<&str> = node.split(' ').collect();
        assert!(
            (theirs[0], theirs[1]) == ("BTC-USDT", "buy") && near(theirs[2].parse().unwrap()),
            "{body} {value} {node}"
        );
    }
}
