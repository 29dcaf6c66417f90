//! Replies on a socket, in OKX's shapes (OKX contract 3.3, 3.6).

use serde_json::{Map, Value, json};

use super::asked::Asked;
use crate::refusal::Refusal;
use crate::routes::{Data, times, verdict};

/// Why a request is answered with an error.
#[derive(Debug)]
pub(super) enum Mistake<'a> {
    /// No request at all.
    Illegal(&'a str),
    UnknownOp(&'a str),
    /// No such channel, or not of such an instrument, or not at this path.
    NoChannel(&'a Value),
    /// More channels than a socket may have.
    TooManyChannels(usize),
}

impl Mistake<'_> {
    const fn code(&self) -> &'static str {
        match self {
            Self::Illegal(_) => "60012",
            Self::UnknownOp(_) => "60019",
            Self::NoChannel(_) => "60018",
            Self::TooManyChannels(_) => "60020",
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Illegal(request) => format!("Illegal request: {request}"),
            Self::UnknownOp(op) => format!("Invalid op: {op}"),
            Self::NoChannel(arg) => format!(
                "Wrong URL or {} doesn't exist. Please use the correct URL, channel and parameters referring to API document.",
                spelled(arg)
            ),
            Self::TooManyChannels(most) => format!("A connection has {most} channels at most."),
        }
    }
}

/// `channel:tickers,instId:BTC-USDT`.
fn spelled(arg: &Value) -> String {
    let Some(members) = arg.as_object() else { return arg.to_string() };
    let member = |(name, value): (&String, &Value)| match value.as_str() {
        Some(text) => format!("{name}:{text}"),
        None => format!("{name}:{value}"),
    };
    members.iter().map(member).collect::<Vec<_>>().join(",")
}

/// An error.
pub(super) fn error(id: Option<&str>, mistake: &Mistake<'_>, conn_id: &str) -> String {
    let reply = json!({"event": "error", "code": mistake.code(), "msg": mistake.text(), "connId": conn_id});
    with_id(id, reply)
}

/// What a channel's beginning or end is answered with; `event` is the request's `op`.
pub(super) fn channel(asked: &Asked, arg: &Value, conn_id: &str) -> String {
    with_id(asked.id.as_deref(), json!({"event": asked.op, "arg": arg, "connId": conn_id}))
}

/// What an operation is answered with.
pub(super) fn operation(asked: &Asked, answer: Result<Data, Refusal>, now_ms: u64) -> String {
    match answer {
        Ok(Data::Rows(rows)) => operated(asked, ("0", ""), &rows, now_ms),
        Ok(Data::Orders(rows)) => operated(asked, verdict(&rows), &rows, now_ms),
        Err(refusal) => {
            let text = refusal.text();
            operated(asked, (refusal.code(), &*text), &[], now_ms)
        }
    }
}

/// An operation whose arguments have the wrong form.
pub(super) fn invalid_args(asked: &Asked, now_ms: u64) -> String {
    operated(asked, ("60013", "Invalid args"), &[], now_ms)
}

/// An operation at a path that does not take it.
pub(super) fn wrong_path(asked: &Asked, now_ms: u64) -> String {
    let text = "The current operation is not supported by this URL. Please use the correct WebSocket URL for the operation.";
    operated(asked, ("60028", text), &[], now_ms)
}

fn operated(asked: &Asked, (code, msg): (&str, &str), data: &[Value], now_ms: u64) -> String {
    let (came, left) = times(now_ms);
    let reply =
        json!({"op": asked.op, "code": code, "msg": msg, "data": data, "inTime": came, "outTime": left});
    with_id(asked.id.as_deref(), reply)
}

/// The request's id comes first, if it has one.
fn with_id(id: Option<&str>, reply: Value) -> String {
    let mut whole = Map::new();
    if let Some(id) = id {
        whole.insert("id".to_owned(), Value::from(id));
    }
    if let Value::Object(members) = reply {
        whole.extend(members);
    }
    Value::Object(whole).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Mistake, channel, error, invalid_args, operation};
    use crate::refusal::Refusal;
    use crate::routes::Data;
    use crate::sockets::asked::Asked;

    #[test]
    fn errors() {
        let arg = json!({"channel": "tickers", "instId": "NO-SUCH"});
        assert_eq!(
            error(Some("7"), &Mistake::NoChannel(&arg), "a4d3ae55"),
            r#"{"id":"7","event":"error","code":"60018","msg":"Wrong URL or channel:tickers,instId:NO-SUCH doesn't exist. Please use the correct URL, channel and parameters referring to API document.","connId":"a4d3ae55"}"#
        );
        assert_eq!(
            error(None, &Mistake::Illegal(r#"{"a"}"#), "a4d3ae55"),
            r#"{"event":"error","code":"60012","msg":"Illegal request: {\"a\"}","connId":"a4d3ae55"}"#
        );
    }

    #[test]
    fn channels_and_operations() {
        let asked = Asked::read(r#"{"id":"1512","op":"subscribe","args":[{"channel":"account"}]}"#).unwrap();
        assert_eq!(
            channel(&asked, &asked.args[0], "a4d3ae55"),
            r#"{"id":"1512","event":"subscribe","arg":{"channel":"account"},"connId":"a4d3ae55"}"#
        );
        let asked = Asked::read(r#"{"id":"7","op":"order"}"#).unwrap();
        let times = r#""inTime":"5000","outTime":"5001"}"#;
        assert_eq!(
            invalid_args(&asked, 5),
            format!(r#"{{"id":"7","op":"order","code":"60013","msg":"Invalid args","data":[],{times}"#)
        );
        assert_eq!(
            operation(&asked, Err(Refusal::BadJson), 5),
            format!(r#"{{"id":"7","op":"order","code":"50002","msg":"JSON syntax error","data":[],{times}"#)
        );
        let refused = json!({"sCode": "51008"});
        assert_eq!(
            operation(&asked, Ok(Data::Orders(vec![refused])), 5),
            format!(
                r#"{{"id":"7","op":"order","code":"1","msg":"All operations failed","data":[{{"sCode":"51008"}}],{times}"#
            )
        );
    }
}
