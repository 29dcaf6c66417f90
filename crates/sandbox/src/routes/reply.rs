//! Answers in OKX's envelope (OKX contract, section 2).

use http::StatusCode;
use serde_json::{Value, json};

use crate::refusal::Refusal;

/// What a route found.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Data {
    Rows(Vec<Value>),
    /// One row for each order of the request, with a code of its own.
    Orders(Vec<Value>),
}

/// What a route answers.
pub(super) type Answer = Result<Data, Refusal>;

/// Code and text for a request whose orders have codes of their own: `1` when every one was refused, `2` when some
/// were.
pub(crate) fn verdict(data: &[Value]) -> (&'static str, &'static str) {
    let refused = data.iter().filter(|row| row.get("sCode").is_some_and(|code| code != "0")).count();
    match refused {
        0 => ("0", ""),
        some if some == data.len() => ("1", "All operations failed"),
        _ => ("2", "Bulk operation partially succeeded."),
    }
}

/// `inTime` and `outTime`, in microseconds.
pub(crate) fn times(now_ms: u64) -> (String, String) {
    let micros = now_ms.saturating_mul(1_000);
    (micros.to_string(), micros.saturating_add(1).to_string())
}

/// The rows of an answer.
pub(super) fn rows(all: impl IntoIterator<Item = Value>) -> Answer {
    Ok(Data::Rows(all.into_iter().collect()))
}

/// The status and the text of an answer.
pub(crate) fn written(answer: Result<Data, Refusal>, now_ms: u64) -> (StatusCode, String) {
    match answer {
        Ok(Data::Rows(data)) => (StatusCode::OK, json!({"code": "0", "msg": "", "data": data}).to_string()),
        Ok(Data::Orders(data)) => (StatusCode::OK, orders(&data, now_ms)),
        Err(refusal) => (refusal.status(), refused(refusal)),
    }
}

/// The text of a refusal. What comes before the business, as with OKX, has no data.
pub(crate) fn refused(refusal: Refusal) -> String {
    let (code, msg) = (refusal.code(), refusal.text());
    if refusal.status() == StatusCode::FORBIDDEN {
        json!({"msg": msg, "code": code}).to_string()
    } else {
        json!({"code": code, "msg": msg, "data": []}).to_string()
    }
}

fn orders(data: &[Value], now_ms: u64) -> String {
    let ((code, msg), (came, left)) = (verdict(data), times(now_ms));
    json!({"code": code, "msg": msg, "data": data, "inTime": came, "outTime": left}).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Data, written};
    use crate::refusal::Refusal;

    #[test]
    fn envelopes() {
        let begins = |answer, begin: &str| {
            let (_, text) = written(answer, 7);
            assert!(text.starts_with(begin), "{text}");
        };
        let (good, bad) = (json!({"sCode": "0"}), json!({"sCode": "51008"}));
        begins(Ok(Data::Rows(vec![])), r#"{"code":"0","msg":"","data":[]}"#);
        begins(
            Ok(Data::Orders(vec![good.clone()])),
            r#"{"code":"0","msg":"","data":[{"sCode":"0"}],"inTime":"7000""#,
        );
        begins(Ok(Data::Orders(vec![bad.clone()])), r#"{"code":"1","#);
        begins(Ok(Data::Orders(vec![bad, good])), r#"{"code":"2","#);
        begins(Err(Refusal::Wrong("sz")), r#"{"code":"51000","msg":"Parameter sz error","data":[]}"#);
        assert!(!written(Err(Refusal::Late), 7).1.contains("data"));
        assert_eq!(written(Err(Refusal::NoRoute), 7).0, 404);
    }
}
