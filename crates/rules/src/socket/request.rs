//! One text message of a client, read strictly (OKX contract 3.1 to 3.3).
//!
//! Owns: the form of requests. Leaves to `json`: structure and limits. Leaves to `table`: which channels there are. Leaves to
//! the exchange: the values inside the arguments of an operation.

use std::borrow::Cow;
use std::fmt;

use crate::json::{Object, Value};
use crate::limits::{
    SOCKET_CHANNELS_PER_REQUEST, SOCKET_ID_CHARS, SOCKET_OP_BYTES, SOCKET_ORDERS_PER_REQUEST,
    SOCKET_PARAMETER_BYTES, SOCKET_PARAMETER_CHARS, SOCKET_PARAMETERS,
};
use crate::time::Moment;

/// The operations; a test compares them with the table.
const OPERATIONS: [&str; 11] = [
    "order",
    "batch-orders",
    "amend-order",
    "batch-amend-orders",
    "cancel-order",
    "batch-cancel-orders",
    "mass-cancel",
    "sprd-order",
    "sprd-amend-order",
    "sprd-cancel-order",
    "sprd-mass-cancel",
];

/// Digits of `expTime` at most.
const EXP_TIME_DIGITS: usize = 16;

/// What a client asks.
#[derive(Debug)]
pub enum Request<'t> {
    /// The text `ping`, which is no JSON.
    Ping,
    /// Says whose socket it is.
    Login(LoginArgs<'t>),
    /// Asks for channels.
    Subscribe(Subscription<'t>),
    /// Ends channels.
    Unsubscribe(Subscription<'t>),
    /// Places, changes or cancels orders.
    Operation(OperationRequest<'t>),
    /// An `op` that there is none of; nothing else of the request is judged.
    OtherOp {
        /// The `op`.
        op: Cow<'t, str>,
        /// The request's id, if it can be echoed.
        id: Option<Cow<'t, str>>,
    },
}

/// The one account of a login. No member is empty.
pub struct LoginArgs<'t> {
    /// The request's id.
    pub id: Option<Cow<'t, str>>,
    /// `apiKey`.
    pub api_key: Cow<'t, str>,
    /// `passphrase`.
    pub passphrase: Cow<'t, str>,
    /// `timestamp` as it was written, whether as a string or a number, because that is what was signed.
    pub timestamp: Cow<'t, str>,
    /// `sign`.
    pub sign: Cow<'t, str>,
}

impl LoginArgs<'_> {
    /// Key, passphrase, timestamp and signature, in this order.
    #[must_use]
    pub fn members(&self) -> [&str; 4] {
        [&self.api_key, &self.passphrase, &self.timestamp, &self.sign]
    }
}

/// Shows no passphrase and no signature.
impl fmt::Debug for LoginArgs<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("LoginArgs")
            .field("id", &self.id)
            .field("api_key", &self.api_key)
            .finish_non_exhaustive()
    }
}

/// Channels to begin or to end, at least one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Subscription<'t> {
    /// The request's id.
    pub id: Option<Cow<'t, str>>,
    /// The channels, in the order of the request.
    pub args: Vec<ChannelArg<'t>>,
}

/// One channel of a subscription. Two that mean the same are equal.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ChannelArg<'t> {
    /// `channel`, whatever it names.
    pub channel: Cow<'t, str>,
    /// The other members, sorted by name: `instType`, `instId` and so on.
    pub parameters: Vec<(Cow<'t, str>, Cow<'t, str>)>,
}

impl<'t> ChannelArg<'t> {
    fn read(value: Value<'t>) -> Option<Self> {
        let mut object = value.object()?;
        let channel = object.take("channel")?.text().filter(|name| is_parameter_value(name))?;
        let parameter = |(name, value): (Cow<'t, str>, Value<'t>)| {
            let value = value.text().filter(|value| is_parameter_value(value))?;
            is_parameter_name(&name).then_some((name, value))
        };
        let parameters: Option<Vec<_>> = object.into_members().into_iter().map(parameter).collect();
        let mut parameters = parameters?;
        if parameters.len() > SOCKET_PARAMETERS {
            return None;
        }
        parameters.sort_unstable();
        Some(Self { channel, parameters })
    }

    /// The channel for people: `orders SPOT`, `books BTC-USDT`.
    #[must_use]
    pub fn label(&self) -> String {
        let shown = self.parameters.iter().filter(|(name, value)| name != "extraParams" && !value.is_empty());
        shown.fold(self.channel.to_string(), |label, (_, value)| format!("{label} {value}"))
    }

    /// The same channel without what changes nothing about which channel it is.
    #[must_use]
    pub fn identity(&self) -> ChannelArg<'static> {
        let text = |text: &str| Cow::Owned(text.to_owned());
        let named = self.parameters.iter().filter(|(name, value)| name != "extraParams" && !value.is_empty());
        ChannelArg {
            channel: text(&self.channel),
            parameters: named.map(|(name, value)| (text(name), text(value))).collect(),
        }
    }

    /// Bytes of its name and parameters.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let parameters = self.parameters.iter().map(|(name, value)| name.len() + value.len());
        self.channel.len() + parameters.sum::<usize>()
    }

    /// The channel as OKX names it in errors: `channel:books,instId:BTC-USDT`.
    #[must_use]
    pub fn spelled(&self) -> String {
        let channel = format!("channel:{}", self.channel);
        self.parameters.iter().fold(channel, |text, (name, value)| format!("{text},{name}:{value}"))
    }
}

/// An operation on orders.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OperationRequest<'t> {
    /// The request's id.
    pub id: Cow<'t, str>,
    /// Which operation.
    pub op: &'static str,
    /// How many orders it is about: 1 to 20 in a batch, 1 in all others.
    pub count: usize,
    /// The time after which the exchange must not take it.
    pub exp_time: Option<Moment>,
}

/// A message that is no request. It carries what the reply must repeat.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unreadable<'t> {
    /// Not JSON in the accepted form, or members that no such request has (60012).
    #[error("not a request")]
    Request {
        /// The request's id, if it can be echoed.
        id: Option<Cow<'t, str>>,
    },
    /// An operation whose arguments have the wrong form (60013, in the operation's own envelope).
    #[error("wrong arguments of the operation {op}")]
    Args {
        /// The operation.
        op: &'static str,
        /// The request's id.
        id: Cow<'t, str>,
    },
    /// A login with several accounts (60031).
    #[error("a login with several accounts")]
    TooManyLogins {
        /// The request's id.
        id: Option<Cow<'t, str>>,
    },
    /// A login that lacks a member, or in which it is empty (60027).
    #[error("a login without {name}")]
    EmptyMember {
        /// The member.
        name: &'static str,
        /// The request's id.
        id: Option<Cow<'t, str>>,
    },
}

impl Unreadable<'_> {
    /// The request's id, if it can be echoed.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::Args { id, .. } => Some(id),
            Self::Request { id } | Self::TooManyLogins { id } | Self::EmptyMember { id, .. } => id.as_deref(),
        }
    }
}

/// Reads one text message.
///
/// # Errors
/// [`Unreadable`]; its variants say which reply is due.
pub fn read(text: &str) -> Result<Request<'_>, Unreadable<'_>> {
    if text == "ping" {
        return Ok(Request::Ping);
    }
    let (op, frame) = Frame::read(text).ok_or(Unreadable::Request { id: None })?;
    if let Some(op) = OPERATIONS.into_iter().find(|known| **known == *op) {
        return frame.operation(op).map(Request::Operation);
    }
    match &*op {
        "login" => frame.login().map(Request::Login),
        "subscribe" => frame.subscription().map(Request::Subscribe),
        "unsubscribe" => frame.subscription().map(Request::Unsubscribe),
        _ => Ok(Request::OtherOp { op, id: frame.id }),
    }
}

/// The members of any request but its `op`.
struct Frame<'t> {
    id: Option<Cow<'t, str>>,
    args: Option<Value<'t>>,
    exp_time: Option<Value<'t>>,
    /// Whether there is a member that no request has, or an id that cannot be echoed. OKX refuses such a request too, as
    /// users of ccxt see when they pass a parameter at the wrong place.
    odd: bool,
}

impl<'t> Frame<'t> {
    fn read(text: &'t str) -> Option<(Cow<'t, str>, Self)> {
        let mut members = Object::read(text)?;
        let op = members.take("op")?.text().filter(|op| (1..=SOCKET_OP_BYTES).contains(&op.len()))?;
        let (sent, args, exp_time) = (members.take("id"), members.take("args"), members.take("expTime"));
        let has_id = sent.is_some();
        let id = sent.and_then(Value::text).filter(|id| is_id(id));
        let odd = !members.is_empty() || has_id != id.is_some();
        Some((op, Self { id, args, exp_time, odd }))
    }

    fn login(self) -> Result<LoginArgs<'t>, Unreadable<'t>> {
        let Self { id, args, exp_time, odd } = self;
        let illegal = || Unreadable::Request { id: id.clone() };
        let empty = |name| Unreadable::EmptyMember { name, id: id.clone() };
        if odd || exp_time.is_some() {
            return Err(illegal());
        }
        let args = args.ok_or_else(|| empty("args"))?;
        let mut accounts = objects(args).ok_or_else(illegal)?.into_iter();
        let mut account = accounts.next().ok_or_else(|| empty("args"))?;
        if accounts.next().is_some() {
            return Err(Unreadable::TooManyLogins { id });
        }
        let mut member = |name: &'static str| account.take(name).ok_or_else(|| empty(name));
        let (api_key, passphrase) = (member("apiKey")?.text(), member("passphrase")?.text());
        let (timestamp, sign) = (member("timestamp")?.text_or_number(), member("sign")?.text());
        let (Some(api_key), Some(passphrase), Some(timestamp), Some(sign), true) =
            (api_key, passphrase, timestamp, sign, account.is_empty())
        else {
            return Err(illegal());
        };
        let login = LoginArgs { id: id.clone(), api_key, passphrase, timestamp, sign };
        let names = ["apiKey", "passphrase", "timestamp", "sign"];
        let missing = names.into_iter().zip(login.members()).find(|(_, text)| text.is_empty());
        match missing.map(|(name, _)| name) {
            Some(name) => Err(empty(name)),
            None => Ok(login),
        }
    }

    fn subscription(self) -> Result<Subscription<'t>, Unreadable<'t>> {
        let Self { id, args, exp_time, odd } = self;
        let args = args.filter(|_| !odd && exp_time.is_none()).and_then(Value::array);
        let args = args.filter(|args| (1..=SOCKET_CHANNELS_PER_REQUEST).contains(&args.len()));
        match args.and_then(|args| args.into_iter().map(ChannelArg::read).collect()) {
            Some(args) => Ok(Subscription { id, args }),
            None => Err(Unreadable::Request { id }),
        }
    }

    fn operation(self, op: &'static str) -> Result<OperationRequest<'t>, Unreadable<'t>> {
        let Self { id, args, exp_time, odd } = self;
        let id = match id {
            Some(id) if !odd => id,
            id => return Err(Unreadable::Request { id }),
        };
        let most = if op.starts_with("batch-") { SOCKET_ORDERS_PER_REQUEST } else { 1 };
        let orders = args.and_then(objects).filter(|orders| (1..=most).contains(&orders.len()));
        let exp_time = match exp_time {
            Some(value) => read_exp_time(value).map(Some),
            None => Some(None),
        };
        match orders.zip(exp_time) {
            Some((orders, exp_time)) => Ok(OperationRequest { id, op, count: orders.len(), exp_time }),
            None => Err(Unreadable::Args { op, id }),
        }
    }
}

/// The elements of an array, if all of them are objects.
fn objects(value: Value<'_>) -> Option<Vec<Object<'_>>> {
    value.array()?.into_iter().map(Value::object).collect()
}

/// Unix milliseconds in digits, as a string or a number.
fn read_exp_time(value: Value<'_>) -> Option<Moment> {
    let written = value.text_or_number()?;
    let short = (1..=EXP_TIME_DIGITS).contains(&written.len());
    let digits = short && written.bytes().all(|byte| byte.is_ascii_digit());
    if digits { written.parse().ok().map(Moment::from_unix_ms) } else { None }
}

fn is_id(text: &str) -> bool {
    (1..=SOCKET_ID_CHARS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn is_parameter_name(text: &str) -> bool {
    (1..=SOCKET_PARAMETER_CHARS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphabetic())
}

fn is_parameter_value(text: &str) -> bool {
    text.len() <= SOCKET_PARAMETER_BYTES && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::{Index, select};

    use super::super::table::SocketTable;
    use super::{OPERATIONS, Request, Unreadable, read};
    use crate::route::RouteTable;
    use crate::time::Moment;

    /// What clients send, byte for byte (clients.md).
    const LOGINS: [&str; 3] = [
        // python-okx and okx-sdk
        r#"{"op": "login", "args": [{"apiKey": "8c9f", "passphrase": "Open-Sesame1", "timestamp": 1704876947, "sign": "ZuGL="}]}"#,
        // ccxt
        r#"{"op":"login","args":[{"apiKey":"8c9f","passphrase":"Open-Sesame1","timestamp":"1704876947","sign":"ZuGL="}]}"#,
        // okx-api
        r#"{"id":"1","op":"login","args":[{"apiKey":"8c9f","passphrase":"Open-Sesame1","timestamp":"1704876947","sign":"ZuGL="}]}"#,
    ];
    const SUBSCRIPTIONS: [&str; 5] = [
        r#"{"op":"subscribe","args":[{"channel":"tickers","instId":"BTC-USDT"}]}"#,
        r#"{"op":"subscribe","args":[{"channel":"orders","instType":"ANY"},{"channel":"books","instId":"BTC-USDT"}]}"#,
        r#"{"op": "subscribe", "args": [{"channel": "account"}], "id": "1512"}"#,
        r#"{"op":"unsubscribe","args":[{"channel":"positions","instType":"SWAP","instFamily":"BTC-USD"}]}"#,
        r#"{"op":"subscribe","args":[{"channel":"account","extraParams":"{\"updateInterval\":\"0\"}"}]}"#,
    ];
    const OPERATED: [&str; 6] = [
        r#"{"id":"17321173472466905","op":"batch-orders","args":[{"instIdCode":10459,"side":"buy","ordType":"limit","sz":"0.0001","px":"1000","tdMode":"cash","clOrdId":"e847386590ce4dBCb6d9c1f0","tag":"e847386590ce4dBC"}]}"#,
        r#"{"id":"17321173472466906","op":"amend-order","args":[{"instIdCode":10459,"ordId":"2000345622407479296","newSz":"0.2"}]}"#,
        r#"{"id":"17321173472466907","op":"cancel-order","args":[{"instIdCode":10459,"ordId":"2000345622407479296"}]}"#,
        r#"{"id":"2","op":"order","args":[{"instIdCode":10459,"tdMode":"cash","side":"buy","ordType":"limit","sz":"1","px":"1","tag":"159881cb7207BCDE"}],"expTime":"1597026383085"}"#,
        r#"{"op": "mass-cancel", "args": [{"instType": "OPTION", "instFamily": "BTC-USD"}], "id": "7"}"#,
        r#"{"id":"9","op":"order","args":[{"reduceOnly":true,"px":null,"attachAlgoOrds":[{"tpTriggerPx":"1"}]}],"expTime":1597026383085}"#,
    ];

    fn good() -> Vec<&'static str> {
        LOGINS.into_iter().chain(SUBSCRIPTIONS).chain(OPERATED).collect()
    }

    fn illegal(text: &str) -> bool {
        matches!(read(text), Err(Unreadable::Request { .. }))
    }

    /// Whether the reader sees what a reader of plain JSON sees.
    fn agrees(text: &str) -> bool {
        let request = match read(text) {
            Ok(Request::Ping) => return text == "ping",
            Ok(request) => request,
            Err(_) => return true,
        };
        let Ok(plain) = serde_json::from_str::<serde_json::Value>(text) else { return false };
        let members = plain.as_object().unwrap().len();
        let args = plain["args"].as_array();
        let has = |id: Option<&str>| plain.get("id").and_then(serde_json::Value::as_str) == id;
        match request {
            Request::Ping => false,
            Request::Login(login) => {
                let account = &args.unwrap()[0];
                let number = || serde_json::from_str(&login.timestamp).ok();
                (account["timestamp"] == *login.timestamp || Some(account["timestamp"].clone()) == number())
                    && has(login.id.as_deref())
                    && (args.unwrap().len(), account.as_object().unwrap().len()) == (1, 4)
                    && account["apiKey"] == *login.api_key
                    && account["passphrase"] == *login.passphrase
                    && account["sign"] == *login.sign
            }
            Request::Subscribe(subscription) | Request::Unsubscribe(subscription) => {
                let same = |(arg, plain): (&super::ChannelArg<'_>, &serde_json::Value)| {
                    plain["channel"] == *arg.channel
                        && plain.as_object().unwrap().len() == arg.parameters.len() + 1
                        && arg.parameters.iter().all(|(name, value)| plain[&**name] == **value)
                };
                let args = args.unwrap();
                has(subscription.id.as_deref())
                    && args.len() == subscription.args.len()
                    && subscription.args.iter().zip(args).all(same)
            }
            Request::Operation(asked) => {
                has(Some(&asked.id))
                    && plain["op"] == asked.op
                    && args.unwrap().len() == asked.count
                    && members == 3 + usize::from(asked.exp_time.is_some())
            }
            Request::OtherOp { op, id } => plain["op"] == *op && (id.is_none() || has(id.as_deref())),
        }
    }

    #[test]
    fn what_clients_send_is_read() {
        for text in LOGINS {
            let Ok(Request::Login(login)) = read(text) else { panic!("{text}") };
            assert_eq!(login.members(), ["8c9f", "Open-Sesame1", "1704876947", "ZuGL="]);
            assert_eq!(login.id.as_deref(), text.starts_with(r#"{"id""#).then_some("1"));
            assert!(!format!("{login:?}").contains("Sesame"));
        }
        for text in SUBSCRIPTIONS {
            match read(text) {
                Ok(Request::Subscribe(asked)) => {
                    assert_eq!(asked.args.len(), text.matches("channel").count())
                }
                Ok(Request::Unsubscribe(asked)) => {
                    assert_eq!(asked.args[0].label(), "positions BTC-USD SWAP")
                }
                other => panic!("{text}: {other:?}"),
            }
        }
        for text in OPERATED {
            let Ok(Request::Operation(asked)) = read(text) else { panic!("{text}") };
            let until = text.contains("expTime").then(|| Moment::from_unix_ms(1_597_026_383_085));
            assert_eq!((asked.count, asked.exp_time), (1, until));
            assert!(
                text.contains(&format!("\"{}\"", asked.op)) && text.contains(&format!("\"{}\"", asked.id))
            );
        }
        assert!(matches!(read("ping"), Ok(Request::Ping)));
        assert!(good().into_iter().all(agrees));
    }

    #[test]
    fn only_ping_is_ping() {
        for text in
            ["", " ", "Ping", "PING", "ping ", " ping", "ping\n", "\"ping\"", "pong", "pingping", "p\0ing"]
        {
            assert!(illegal(text), "{text:?}");
        }
        assert!(matches!(read(r#"{"op":"ping"}"#), Ok(Request::OtherOp { .. })));
    }

    #[test]
    fn the_operations_are_those_of_the_table() {
        let table = SocketTable::okx_v5(&RouteTable::okx_v5(1).unwrap()).unwrap();
        let mut named = OPERATIONS;
        named.sort_unstable();
        assert_eq!(table.operations().map(|operation| operation.name).collect::<Vec<_>>(), named);
    }

    #[test]
    fn neighbours_of_every_good_request_are_refused() {
        for text in good() {
            let refused = [
                format!("{text}}}"),
                format!("{text}{text}"),
                format!("{text},"),
                format!("{text}\0"),
                format!("[{text}]"),
                format!("\u{feff}{text}"),
                format!("ping{text}"),
                text.replacen('{', "{\"x\":1,", 1),
                text.replacen('{', "{\"Op\":\"order\",", 1),
                text.replacen('{', "{\"\":\"\",", 1),
                text.replacen('{', "{\"op\":\"login\",", 1),
                text.replacen('{', "{\"\\u006fp\":\"order\",", 1),
                text.replacen('{', "{\"args\":[],", 1),
                text.replacen('{', "{\"\\u0061rgs\":[],", 1),
                text.replacen("\"args\"", "\"arg\"", 1),
                text.replacen("\"op\"", "\"OP\"", 1),
                text.replacen("\"op\"", "\"op\\u0000\"", 1),
                text.replacen("[{", "[{\"a\":1,\"\\u0061\":1,", 1),
                text.replacen("[{", "[{\"a\":\"\\ud800\",", 1),
                text.replacen("[{", "[{\"a\":1e999,", 1),
                text.replacen("[{", "[{\"a\":01,", 1),
                text.replacen("[{", "[{\"a\":[[[[[[1]]]]]],", 1),
                text.replacen("[{", "[[{", 1),
                text.get(..text.len() - 1).unwrap().to_owned(),
            ];
            for changed in refused {
                assert_ne!(changed, text);
                assert!(read(&changed).is_err(), "{changed}");
            }
        }
    }

    #[test]
    fn names_are_exact() {
        for op in ["Login", "login ", "SUBSCRIBE", "orders", "order\\u0000", "", "batch-order", "\\u00f6rder"]
        {
            let text = format!(r#"{{"id":"1","op":"{op}","args":[{{"channel":"books"}}]}}"#);
            assert!(
                matches!(read(&text), Ok(Request::OtherOp { .. }) | Err(Unreadable::Request { .. })),
                "{op}"
            );
        }
        let escaped = r#"{"\u0069d":"1","\u006fp":"\u006frder","args":[{}]}"#;
        assert!(
            matches!(read(escaped), Ok(Request::Operation(asked)) if asked.op == "order" && asked.id == "1")
        );
        let long = format!(r#"{{"op":"{}"}}"#, "x".repeat(33));
        assert!(illegal(&long));
        for op in ["1", "null", "true", "[\"login\"]", "{\"op\":\"login\"}"] {
            assert!(illegal(&format!(r#"{{"op":{op},"args":[]}}"#)), "{op}");
        }
    }

    #[test]
    fn ids_are_letters_and_digits() {
        let requests = [
            r#"{"id":ID,"op":"order","args":[{}]}"#,
            r#"{"id":ID,"op":"subscribe","args":[{"channel":"account"}]}"#,
            r#"{"id":ID,"op":"login","args":[{"apiKey":"a","passphrase":"b","timestamp":"1","sign":"c"}]}"#,
        ];
        for request in requests {
            for id in ["\"1\"", "\"aZ09\"", &format!("\"{}\"", "9".repeat(32)), "\"\\u0031\""] {
                assert!(read(&request.replacen("ID", id, 1)).is_ok(), "{id}");
            }
            for id in [
                "1",
                "null",
                "true",
                "[]",
                "{}",
                "[\"1\"]",
                "\"\"",
                "\" \"",
                "\"a-b\"",
                "\"a b\"",
                "\"a\\u0000\"",
                "\"\u{e9}\"",
                "\"\u{661}\"",
                "\"\\\"\"",
                &format!("\"{}\"", "9".repeat(33)),
            ] {
                let text = request.replacen("ID", id, 1);
                assert_eq!(read(&text).err(), Some(Unreadable::Request { id: None }), "{text}");
            }
        }
        assert!(illegal(r#"{"op":"order","args":[{}]}"#), "an operation must have one");
        let twice = r#"{"id":"1","id":"1","op":"order","args":[{}]}"#;
        assert!(illegal(twice));
    }

    #[test]
    fn a_login_names_one_account_in_full() {
        let account = r#"{"apiKey":"a","passphrase":"b","timestamp":"1","sign":"c"}"#;
        let login = |args: &str| format!(r#"{{"id":"5","op":"login","args":{args}}}"#);
        assert!(read(&login(&format!("[{account}]"))).is_ok());
        for two in [format!("[{account},{account}]"), format!("[{account},{{}}]"), "[{},{},{}]".to_owned()] {
            let text = login(&two);
            assert!(matches!(read(&text), Err(Unreadable::TooManyLogins { id: Some(_) })), "{text}");
        }
        for (name, value) in [("apiKey", "a"), ("passphrase", "b"), ("timestamp", "1"), ("sign", "c")] {
            let absent = account.replacen(&format!("\"{name}\":"), "\"x\":", 1);
            let empty = account.replacen(&format!(":\"{value}\""), ":\"\"", 1);
            for text in [absent, empty] {
                assert_ne!(text, account);
                let text = login(&format!("[{text}]"));
                let unreadable = read(&text).err().unwrap();
                assert_eq!(unreadable.id(), Some("5"));
                assert!(
                    matches!(unreadable, Unreadable::EmptyMember { name: found, .. } if found == name),
                    "{text}"
                );
            }
        }
        for nothing in [r#"{"op":"login"}"#, r#"{"op":"login","args":[]}"#] {
            assert_eq!(read(nothing).err(), Some(Unreadable::EmptyMember { name: "args", id: None }));
        }
        for args in [
            "null",
            "{}",
            "\"\"",
            "1",
            r#"["a","b","1","c"]"#,
            "[null]",
            "[[]]",
            r#"[{"apiKey":1,"passphrase":"b","timestamp":"1","sign":"c"}]"#,
            r#"[{"apiKey":"a","passphrase":null,"timestamp":"1","sign":"c"}]"#,
            r#"[{"apiKey":"a","passphrase":"b","timestamp":true,"sign":"c"}]"#,
            r#"[{"apiKey":"a","passphrase":"b","timestamp":["1"],"sign":"c"}]"#,
            r#"[{"apiKey":"a","passphrase":"b","timestamp":"1","sign":{}}]"#,
            r#"[{"apiKey":"a","passphrase":"b","timestamp":"1","sign":"c","token":"d"}]"#,
            r#"[{"apiKey":"a","passphrase":"b","timestamp":"1","sign":"c","apikey":"a"}]"#,
        ] {
            assert!(illegal(&login(args)), "{args}");
        }
        assert!(illegal(&format!(r#"{{"op":"login","args":[{account}],"expTime":"1"}}"#)));
    }

    #[test]
    fn a_timestamp_is_kept_as_it_was_written() {
        for (sent, kept) in [
            ("1704876947", "1704876947"),
            ("1704876947.120", "1704876947.120"),
            ("1.5e9", "1.5e9"),
            ("-0", "-0"),
            ("\"1704876947.7150\"", "1704876947.7150"),
            ("\" 1\"", " 1"),
            ("\"\\u0031\"", "1"),
        ] {
            let text = format!(
                r#"{{"op":"login","args":[{{"apiKey":"a","passphrase":"b","timestamp":{sent},"sign":"c"}}]}}"#
            );
            let Ok(Request::Login(login)) = read(&text) else { panic!("{text}") };
            assert_eq!(login.timestamp, kept);
        }
    }

    #[test]
    fn a_subscription_is_a_list_of_texts() {
        let asks = |args: &str| format!(r#"{{"op":"subscribe","args":{args}}}"#);
        for args in [
            "null",
            "{}",
            "[]",
            "\"books\"",
            "[\"spot/ticker:BTC-USDT\"]",
            "[null]",
            "[{}]",
            "[[{\"channel\":\"books\"}]]",
            r#"[{"Channel":"books"}]"#,
            r#"[{"channel":null}]"#,
            r#"[{"channel":1}]"#,
            r#"[{"channel":["books"]}]"#,
            r#"[{"channel":"books","instId":1}]"#,
            r#"[{"channel":"books","instId":null}]"#,
            r#"[{"channel":"books","instId":["BTC-USDT"]}]"#,
            r#"[{"channel":"account","extraParams":{"updateInterval":"0"}}]"#,
            r#"[{"channel":"books","inst_id":"BTC-USDT"}]"#,
            r#"[{"channel":"books","":"BTC-USDT"}]"#,
            r#"[{"channel":"books","instId":"BTC\nUSDT"}]"#,
            r#"[{"channel":"books","instId":"\u0000"}]"#,
            r#"[{"channel":"books","channel":"account"}]"#,
            r#"[{"channel":"books","ch\u0061nnel":"account"}]"#,
            r#"[{"channel":"books"},{"channel":"account"},{}]"#,
        ] {
            assert!(illegal(&asks(args)), "{args}");
        }
        assert!(illegal(r#"{"op":"subscribe"}"#));
        assert!(illegal(r#"{"op":"subscribe","args":[{"channel":"books"}],"expTime":"1"}"#));
        let many = |count: usize| asks(&format!("[{}]", vec!["{\"channel\":\"books\"}"; count].join(",")));
        assert!(read(&many(1_000)).is_ok() && illegal(&many(1_001)));
        let parameters = |count: usize| {
            let letter = |at: usize| char::from(b'a' + u8::try_from(at).unwrap());
            let named: String = (0..count).map(|at| format!(r#","{}":"1""#, letter(at))).collect();
            asks(&format!(r#"[{{"channel":"books"{named}}}]"#))
        };
        assert!(read(&parameters(8)).is_ok() && illegal(&parameters(9)));
        let value =
            |bytes: usize| asks(&format!(r#"[{{"channel":"books","instId":"{}"}}]"#, "x".repeat(bytes)));
        assert!(read(&value(256)).is_ok() && illegal(&value(257)));
        let name = |chars: usize| asks(&format!(r#"[{{"channel":"books","{}":""}}]"#, "x".repeat(chars)));
        assert!(read(&name(32)).is_ok() && illegal(&name(33)));
    }

    #[test]
    fn the_same_channel_is_equal_and_has_words() {
        let text = r#"{"op":"subscribe","args":[
            {"instType":"SPOT","channel":"orders","instId":"BTC-USDT"},
            {"channel":"orders","instId":"BTC-USDT","instType":"\u0053POT"},
            {"channel":"orders","instType":"SPOT"},
            {"channel":"account","ccy":"","extraParams":"{}"}]}"#;
        let Ok(Request::Subscribe(asked)) = read(text) else { panic!("{text}") };
        assert_eq!(asked.args[0], asked.args[1]);
        assert_ne!(asked.args[0], asked.args[2]);
        let labels: Vec<String> = asked.args.iter().map(super::ChannelArg::label).collect();
        assert_eq!(labels, ["orders BTC-USDT SPOT", "orders BTC-USDT SPOT", "orders SPOT", "account"]);
        assert_eq!(asked.args[0].spelled(), "channel:orders,instId:BTC-USDT,instType:SPOT");
    }

    #[test]
    fn operations_carry_objects_and_no_more_than_they_may() {
        for op in OPERATIONS {
            let asks = |args: &str| format!(r#"{{"id":"3","op":"{op}","args":{args}}}"#);
            let wrong = Some(Unreadable::Args { op, id: "3".into() });
            for args in
                ["null", "{}", "[]", "\"\"", "[null]", "[1]", "[\"a\"]", "[[]]", "[[{}]]", "[{},null]"]
            {
                assert_eq!(read(&asks(args)).err(), wrong, "{args}");
            }
            let many = |count: usize| asks(&format!("[{}]", vec!["{\"a\":1}"; count].join(",")));
            let most = if op.starts_with("batch-") { 20 } else { 1 };
            for count in [1, most] {
                assert!(matches!(read(&many(count)), Ok(Request::Operation(asked)) if asked.count == count));
            }
            assert_eq!(read(&many(most + 1)).err(), wrong);
            assert_eq!(read(&format!(r#"{{"id":"3","op":"{op}"}}"#)).err(), wrong);
            for until in ["\"\"", "\"x\"", "-1", "1.5", "1e3", "null", "[]", "\"+1\"", "12345678901234567"] {
                let text = format!(r#"{{"id":"3","op":"{op}","args":[{{}}],"expTime":{until}}}"#);
                assert_eq!(read(&text).err(), wrong, "{until}");
            }
        }
        // As ccxt sends an extra parameter, and as OKX answers it (60012).
        let extra =
            r#"{"id":"17321173472466905","op":"amend-order","args":[{"postOnly":true}],"postOnly":true}"#;
        assert_eq!(read(extra).err().unwrap().id(), Some("17321173472466905"));
        assert!(illegal(extra));
    }

    proptest! {
        #[test]
        fn a_changed_request_is_refused_or_seen_alike(
            text in select(good()),
            at in any::<Index>(),
            what in "[\\x00-\\x7f]{0,3}",
            taken in 0_usize..3,
        ) {
            let at = at.index(text.len());
            let (before, behind) = text.split_at(at);
            let behind = behind.get(taken..).unwrap_or_default();
            let changed = format!("{before}{what}{behind}");
            prop_assert!(agrees(&changed), "{changed}");
        }

        #[test]
        fn a_member_that_is_repeated_anywhere_is_refused(text in select(good()), at in any::<Index>()) {
            let objects: Vec<usize> = text.match_indices("{\"").map(|(at, _)| at).collect();
            let (before, behind) = text.split_at(objects[at.index(objects.len())] + 1);
            let name = behind.split('"').nth(1).unwrap();
            let escaped: String = name.bytes().map(|byte| format!("\\u{byte:04x}")).collect();
            for repeated in [name.to_owned(), escaped] {
                let changed = format!("{before}\"{repeated}\":\"1\",{behind}");
                prop_assert!(read(&changed).is_err(), "{changed}");
            }
        }

        #[test]
        fn any_text_is_refused_or_seen_alike(text in any::<String>()) {
            prop_assert!(agrees(&text), "{text}");
        }
    }
}
