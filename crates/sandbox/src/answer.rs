//! Answers in OKX's envelope, and reading what clients send.

use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

/// A business refusal: code and text, with `"data":[]`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Refusal {
    pub(crate) code: &'static str,
    pub(crate) text: String,
}

/// An answer's data, or a refusal.
pub(crate) type Answer = Result<Vec<Value>, Refusal>;

pub(crate) fn refuse<T>(code: &'static str, text: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal { code, text: text.into() })
}

/// The envelope of an answer; `1` and `2` when all or some elements carry a refusal of their own.
pub(crate) fn envelope(answer: Answer) -> String {
    let whole = match answer {
        Ok(data) => {
            let failed = data.iter().filter(|one| one.get("sCode").is_some_and(|code| code != "0")).count();
            let (code, text) = match failed {
                0 => ("0", ""),
                some if some == data.len() => ("1", "All operations failed"),
                _ => ("2", "Bulk operation partially succeeded."),
            };
            json!({"code": code, "data": data, "msg": text})
        }
        Err(refusal) => json!({"code": refusal.code, "data": [], "msg": refusal.text}),
    };
    whole.to_string()
}

/// A member as text; `""` and `null` count as absent, numbers and Booleans as their text.
pub(crate) fn text(body: &Value, name: &str) -> Option<String> {
    match body.get(name)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::String(_) | Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A member that must be there.
pub(crate) fn required(body: &Value, name: &str) -> Result<String, Refusal> {
    text(body, name).map_or_else(|| refuse("50014", format!("Parameter {name} can not be empty.")), Ok)
}

/// A positive plain decimal.
pub(crate) fn amount(body: &Value, name: &str) -> Result<Decimal, Refusal> {
    let text = required(body, name)?;
    let plain = text.len() <= 24 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    match text.parse::<Decimal>() {
        Ok(number) if plain && number > Decimal::ZERO => Ok(number),
        Ok(_) | Err(_) => refuse("51000", format!("Parameter {name} error")),
    }
}

/// The parameters of a query as an object, percent-decoded.
pub(crate) fn query(target: &str) -> Value {
    let pairs = target.split_once('?').map_or("", |(_, query)| query);
    let mut object = Map::new();
    for pair in pairs.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        object.insert(decoded(name), Value::String(decoded(value)));
    }
    Value::Object(object)
}

/// `%XX` decoded; what is malformed stays as it is.
pub(crate) fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let digits = tail.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        let escape = digits.and_then(|two| u8::from_str_radix(two, 16).ok()).filter(|_| *first == b'%');
        bytes.push(escape.unwrap_or(*first));
        rest = if escape.is_some() { tail.get(2..).unwrap_or_default() } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A number without trailing zeros.
pub(crate) fn plain(number: Decimal) -> String {
    number.normalize().to_string()
}
