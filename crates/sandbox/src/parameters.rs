//! Reading what clients send: queries and bodies become one JSON value, and members are read leniently.
//!
//! `""` and `null` count as absent, unknown members are passed over, numbers and Booleans count as their text
//! (OKX contract 1.3, 1.4).

use serde_json::{Map, Value};

use crate::amount::Amount;
use crate::refusal::Refusal;

/// A GET's query, or a POST's body with `{}` for none.
pub(crate) fn read(method: &str, target: &str, body: &[u8]) -> Result<Value, Refusal> {
    if method == "GET" {
        return Ok(query(target));
    }
    if body.is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    serde_json::from_slice(body).map_err(|_| Refusal::BadJson)
}

/// A member as text, if it is there.
pub(crate) fn text(from: &Value, name: &str) -> Option<String> {
    match from.get(name)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::String(_) | Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A member that must be there.
pub(crate) fn required(from: &Value, name: &'static str) -> Result<String, Refusal> {
    text(from, name).ok_or(Refusal::Missing(name))
}

/// A positive amount that must be there.
pub(crate) fn amount(from: &Value, name: &'static str) -> Result<Amount, Refusal> {
    optional_amount(from, name)?.ok_or(Refusal::Missing(name))
}

/// A positive amount, if it is there.
pub(crate) fn optional_amount(from: &Value, name: &'static str) -> Result<Option<Amount>, Refusal> {
    let Some(text) = text(from, name) else { return Ok(None) };
    let read = Amount::parse(&text).filter(|amount| !amount.is_zero());
    read.map(Some).ok_or(Refusal::Wrong(name))
}

/// A whole number, or `otherwise` when it is absent or no number.
pub(crate) fn number<N: std::str::FromStr>(from: &Value, name: &str, otherwise: N) -> N {
    text(from, name).and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// Whether `value` is in the comma list `name`, or there is no list.
pub(crate) fn wants(from: &Value, name: &str, value: &str) -> bool {
    text(from, name).is_none_or(|list| list.split(',').any(|one| one == value))
}

/// `%XX` decoded; what is malformed stays as it is.
pub(crate) fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let escape = if *first == b'%' { tail.get(..2).and_then(hexadecimal) } else { None };
        bytes.push(escape.unwrap_or(*first));
        rest = if escape.is_some() { tail.get(2..).unwrap_or_default() } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hexadecimal(two: &[u8]) -> Option<u8> {
    let plain = two.iter().all(u8::is_ascii_hexdigit);
    let text = std::str::from_utf8(two).ok()?;
    if plain { u8::from_str_radix(text, 16).ok() } else { None }
}

fn query(target: &str) -> Value {
    let pairs = target.split_once('?').map_or("", |(_, query)| query);
    let mut object = Map::new();
    for pair in pairs.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        object.insert(decoded(name), Value::String(decoded(value)));
    }
    Value::Object(object)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{amount, decoded, read, required, text, wants};
    use crate::refusal::Refusal;

    #[test]
    fn both_spellings_of_a_query_mean_the_same() {
        for target in ["/x?ccy=BTC,USDT&a=", "/x?ccy=BTC%2CUSDT&&a"] {
            let query = read("GET", target, b"").unwrap();
            assert!(wants(&query, "ccy", "USDT") && !wants(&query, "ccy", "ETH"));
            assert_eq!(text(&query, "a"), None);
        }
        assert_eq!(decoded("%zz%4%41%+1"), "%zz%4A%+1");
    }

    #[test]
    fn absent_empty_and_null_are_one() {
        let body = json!({"a": "", "b": null, "c": 5, "d": true, "e": [], "f": "0", "g": "-1"});
        for name in ["a", "b", "e", "z"] {
            assert_eq!(text(&body, name), None, "{name}");
        }
        assert_eq!(text(&body, "c").as_deref(), Some("5"));
        assert_eq!(text(&body, "d").as_deref(), Some("true"));
        assert_eq!(required(&body, "b"), Err(Refusal::Missing("b")));
        assert_eq!(amount(&body, "f"), Err(Refusal::Wrong("f")));
        assert_eq!(amount(&body, "g"), Err(Refusal::Wrong("g")));
    }

    #[test]
    fn bodies() {
        assert_eq!(read("POST", "/", b"").unwrap(), json!({}));
        assert_eq!(read("POST", "/", b"[1]").unwrap(), json!([1]));
        assert_eq!(read("POST", "/", b"{"), Err(Refusal::BadJson));
    }
}
