//! What a request on a socket asks for (OKX contract 3.3).

use serde_json::Value;

use super::twins::{Twin, twin};
use crate::parameters::text;

/// A request.
#[derive(Debug)]
pub(super) struct Asked {
    /// What the client calls it, if it does.
    pub(super) id: Option<String>,
    pub(super) op: String,
    pub(super) args: Vec<Value>,
    /// OKX's `expTime`, as it came.
    pub(super) expiry: Option<String>,
}

/// The kinds of request.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// The gateway says whose the socket is from now on.
    Login,
    Subscribe,
    Unsubscribe,
    Operation(&'static Twin),
    Unknown,
}

impl Asked {
    /// Reads a request; none for what is none.
    pub(super) fn read(request: &str) -> Option<Self> {
        let whole: Value = serde_json::from_str(request).ok()?;
        let args = whole.get("args").and_then(Value::as_array).cloned().unwrap_or_default();
        let (id, op, expiry) = (text(&whole, "id"), text(&whole, "op")?, text(&whole, "expTime"));
        let asked = Self { id, op, args, expiry };
        match asked.kind() {
            // These are about channels, and there is none.
            Kind::Subscribe | Kind::Unsubscribe if asked.args.is_empty() => None,
            Kind::Subscribe | Kind::Unsubscribe | Kind::Login | Kind::Operation(_) | Kind::Unknown => {
                Some(asked)
            }
        }
    }

    pub(super) fn kind(&self) -> Kind {
        match self.op.as_str() {
            "login" => Kind::Login,
            "subscribe" => Kind::Subscribe,
            "unsubscribe" => Kind::Unsubscribe,
            other => twin(other).map_or(Kind::Unknown, Kind::Operation),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Asked, Kind};

    #[test]
    fn reads_what_clients_send() {
        let asked = Asked::read(r#"{"id":7,"op":"order","args":[{"a":1},{}],"expTime":"5"}"#).unwrap();
        assert_eq!((asked.id.as_deref(), asked.op.as_str(), asked.args.len()), (Some("7"), "order", 2));
        assert_eq!(asked.expiry.as_deref(), Some("5"));
        assert!(matches!(asked.kind(), Kind::Operation(_)));
        let asked = Asked::read(r#"{"op":"login"}"#).unwrap();
        assert!(asked.id.is_none() && asked.args.is_empty() && matches!(asked.kind(), Kind::Login));
        assert!(matches!(Asked::read(r#"{"op":"dance"}"#).unwrap().kind(), Kind::Unknown));
        for text in [
            "",
            "ping",
            "[]",
            "{}",
            r#"{"op":""}"#,
            r#"{"op":{}}"#,
            r#"{"op":"subscribe"}"#,
            r#"{"op":"order"}x"#,
        ] {
            assert!(Asked::read(text).is_none(), "{text}");
        }
    }
}
