//! The orders of a request and the answer to it: what is read is what plain JSON says, and is read again from its own text.
//!
//! An input is a body, and the answer on the next line.
#![no_main]

use keyward_fuzz::colons;
use keyward_rules::orders::{OrderLine, Orders, read};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

/// One path of each kind, and the operation on a socket that is its twin.
const PATHS: [(&str, &str); 8] = [
    ("/api/v5/trade/order", "order"),
    ("/api/v5/trade/batch-orders", "batch-orders"),
    ("/api/v5/trade/amend-batch-orders", "batch-amend-orders"),
    ("/api/v5/sprd/mass-cancel", "sprd-mass-cancel"),
    ("/api/v5/trade/order-algo", ""),
    ("/api/v5/trade/cancel-algos", ""),
    ("/api/v5/asset/transfer", ""),
    ("/api/v5/asset/withdrawal", ""),
];

/// The members from which a line's instrument, price, size and ids may be.
const INSTRUMENTS: [&str; 2] = ["instId", "sprdId"];
const PRICES: [&str; 3] = ["px", "newPx", "orderPx"];
const SIZES: [&str; 2] = ["sz", "newSz"];
const CLIENT_IDS: [&str; 3] = ["clOrdId", "algoClOrdId", "clientId"];
const EXCHANGE_IDS: [&str; 4] = ["ordId", "algoId", "transId", "wdId"];

fuzz_target!(|text: &str| {
    let (body, reply) = text.split_once('\n').unwrap_or((text, ""));
    for (path, op) in PATHS {
        check(path, body, reply);
        // The same as members of one order and of the answer to it, so that near misses of real ones are met at once.
        let answered = format!(r#"{{"op":"{op}","code":"0","msg":"","data":[{{{reply}}}]}}"#);
        check(path, &format!(r#"{{"id":"1","op":"{op}","args":[{{{body}}}]}}"#), &answered);
    }
});

fn check(path: &str, body: &str, reply: &str) {
    let Some(orders) = read(path, body.as_bytes(), reply.as_bytes()) else { return };
    let text = orders.to_text();
    assert!(text.len() <= 8 * 1024);
    assert_eq!(Orders::of_text(&text), Some(orders.clone()));

    let plain: Value = serde_json::from_str(body).unwrap();
    // A repeated name would be lost on the way through a reader of plain JSON, and its colon with it.
    assert_eq!(colons(body), colons(&plain.to_string()));
    let asked = match &plain {
        Value::Array(elements) => elements.clone(),
        Value::Object(members) => match (members.get("op"), members.get("args")) {
            (Some(_), Some(args)) => args.as_array().unwrap().clone(),
            (_, _) => vec![plain.clone()],
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => panic!("{body}"),
    };
    assert!(orders.lines.len() == asked.len() && (1..=20).contains(&asked.len()));
    let answer: Value = serde_json::from_str(reply).unwrap_or_default();
    let sent = format!("{body}\n{reply}");
    for (at, (line, asked)) in orders.lines.iter().zip(&asked).enumerate() {
        check_line(line, [asked, &answer["data"][at]], &sent);
        if let Some(answered) = &line.result {
            let codes = [&answer["data"][at]["sCode"], &answer["code"]];
            assert!(codes.into_iter().any(|code| is_written(code, &answered.code, reply)), "{sent}");
            assert!(answered.text.chars().count() <= 128 && !answered.text.chars().any(char::is_control));
        }
    }
}

/// What was asked is in the request's element alone; an id may be in the answer's.
fn check_line(line: &OrderLine, [asked, answered]: [&Value; 2], sent: &str) {
    let in_request =
        |text: &Option<String>, names: &[&str]| comes_from(text.as_deref(), names, &[asked], sent);
    assert!(in_request(&line.instrument, &INSTRUMENTS), "{sent}");
    assert!(in_request(&line.instrument_code, &["instIdCode"]), "{sent}");
    assert!(in_request(&line.kind, &["ordType"]), "{sent}");
    assert!(in_request(&line.price, &PRICES) && in_request(&line.size, &SIZES), "{sent}");
    assert!(in_request(&line.currency, &["ccy"]) && in_request(&line.amount, &["amt"]), "{sent}");
    let both = [asked, answered];
    assert!(comes_from(line.client_id.as_deref(), &CLIENT_IDS, &both, sent), "{sent}");
    assert!(comes_from(line.exchange_id.as_deref(), &EXCHANGE_IDS, &both, sent), "{sent}");
    assert!(line.side.is_none_or(|side| asked["side"] == side.word()), "{sent}");
}

/// Whether a text, if there is one, is short and a member with one of these names.
fn comes_from(text: Option<&str>, names: &[&str], elements: &[&Value], sent: &str) -> bool {
    let Some(text) = text else { return true };
    let is_kept = (1..=128).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    let is_in = |element: &Value| names.iter().any(|name| is_written(&element[*name], text, sent));
    is_kept && elements.iter().any(|element| is_in(element))
}

/// Whether a member is this text, or a number that was written so.
fn is_written(value: &Value, text: &str, sent: &str) -> bool {
    value.as_str() == Some(text) || value.is_number() && sent.contains(text)
}
