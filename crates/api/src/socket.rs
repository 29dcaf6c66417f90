//! What a client reads on a socket (OKX contract section 3): replies, errors, events, and how a socket ends.
//!
//! Owns: codes, texts, and the order of members, which is OKX's. Leaves to the gateway: when each is due.

use std::borrow::Cow;

use crate::okx::{ALL_FAILED, refused_elements};
use keyward_rules::denial::Denial;
use keyward_rules::fence::Refused;
use keyward_rules::socket::Endpoint;
use serde_json::Value;

/// Bytes of a client's own text that a reply repeats.
const REPEATED_BYTES: usize = 4 * 1024;

/// The reply to a login that holds.
#[must_use]
pub fn login_holds(conn_id: &str) -> String {
    format!("{{\"event\":\"login\",\"code\":\"0\",\"msg\":\"\",\"connId\":\"{conn_id}\"}}")
}

/// An error, with the id of the request that it answers.
#[must_use]
pub fn error(code: &str, text: &str, id: Option<&str>, conn_id: &str) -> String {
    let id = id.map(|id| format!("\"id\":{},", Value::from(id))).unwrap_or_default();
    let text = Value::from(text);
    format!("{{{id}\"event\":\"error\",\"code\":\"{code}\",\"msg\":{text},\"connId\":\"{conn_id}\"}}")
}

/// The answer to what is no request. It repeats the request, because ccxt looks for the id in there, and has the id where there
/// is one, because a long request is cut.
#[must_use]
pub fn illegal_request(request: &str, id: Option<&str>, conn_id: &str) -> String {
    error("60012", &format!("Illegal request: {}", repeated(request)), id, conn_id)
}

/// The text of 60018 for a channel as OKX names it: `channel:books,instId:BTC-USDT`.
#[must_use]
pub fn no_channel(channel: &str) -> String {
    format!(
        "Wrong URL or {} doesn't exist. Please use the correct URL, channel and parameters referring to API document.",
        repeated(channel)
    )
}

/// The answer to an operation that is refused; both times in microseconds since the Unix epoch.
#[must_use]
pub fn operation_refused(id: &str, op: &str, code: &str, text: &str, in_us: u64, out_us: u64) -> String {
    let (id, op, text) = (Value::from(id), Value::from(op), Value::from(text));
    format!(
        "{{\"id\":{id},\"op\":{op},\"code\":\"{code}\",\"msg\":{text},\"data\":[],\"inTime\":\"{in_us}\",\"outTime\":\"{out_us}\"}}"
    )
}

/// The answer to an operation that the key's limits refuse: element by element, as by REST.
#[must_use]
pub fn operation_fenced(
    (id, op): (&str, &str),
    refused: &Refused,
    (path, asked): (&str, &[u8]),
    in_us: u64,
    out_us: u64,
) -> String {
    let data = refused_elements(refused, path, asked).unwrap_or_else(|| "[]".to_owned());
    let (id, op) = (Value::from(id), Value::from(op));
    format!(
        "{{\"id\":{id},\"op\":{op},\"code\":\"1\",\"msg\":\"{ALL_FAILED}\",\"data\":{data},\"inTime\":\"{in_us}\",\"outTime\":\"{out_us}\"}}"
    )
}

/// The event that comes before the end of a socket whose gateway stops.
#[must_use]
pub fn notice(conn_id: &str) -> String {
    format!(
        "{{\"event\":\"notice\",\"code\":\"64008\",\"msg\":\"This connection closes soon for an upgrade of the service. Please reconnect.\",\"connId\":\"{conn_id}\"}}"
    )
}

/// The event that tells how many sockets of the account have subscribed to a counted channel.
#[must_use]
pub fn conn_count(channel: &str, count: usize, conn_id: &str) -> String {
    count_event("channel-conn-count", channel, count, conn_id)
}

/// The event that tells that there are too many of them, and that the subscription does not count.
#[must_use]
pub fn conn_count_error(channel: &str, count: usize, conn_id: &str) -> String {
    count_event("channel-conn-count-error", channel, count, conn_id)
}

fn count_event(event: &str, channel: &str, count: usize, conn_id: &str) -> String {
    let channel = Value::from(channel);
    format!(
        "{{\"event\":\"{event}\",\"channel\":{channel},\"connCount\":\"{count}\",\"connId\":\"{conn_id}\"}}"
    )
}

/// The name of an upgrade in the signed identity, where a request has its route.
#[must_use]
pub const fn upgrade_label(endpoint: Endpoint) -> &'static str {
    match endpoint {
        Endpoint::Public => "WS /ws/v5/public",
        Endpoint::Private => "WS /ws/v5/private",
        Endpoint::Business => "WS /ws/v5/business",
    }
}

/// The code and the text of a login that is refused. What a stranger may learn has a code of its own on sockets. What only the
/// key's holder may learn, after the signature, is told as by REST.
#[must_use]
pub fn login_code(denial: &Denial) -> (&'static str, Cow<'static, str>) {
    let (code, text) = match denial {
        Denial::KeyMissing => ("60027", "Parameter apiKey can not be empty."),
        Denial::PassphraseMissing => ("60027", "Parameter passphrase can not be empty."),
        Denial::TimestampMissing => ("60027", "Parameter timestamp can not be empty."),
        Denial::SignMissing => ("60027", "Parameter sign can not be empty."),
        Denial::KeyMalformed | Denial::KeyUnknown => ("60005", "Invalid apiKey"),
        Denial::TimestampMalformed => ("60004", "Invalid timestamp"),
        Denial::TimestampExpired => ("60006", "Timestamp request expired"),
        Denial::PassphraseWrong => ("60024", "Wrong passphrase"),
        Denial::SignWrong => ("60007", "Invalid sign"),
        Denial::RateExceeded | Denial::QuotaExceeded(_) | Denial::OrderRateExceeded(_) => {
            ("60014", "Requests too frequent")
        }
        Denial::Busy | Denial::Unavailable | Denial::UpstreamDown | Denial::UpstreamTimeout => {
            ("63999", "Login failed due to internal error. Please try again later.")
        }
        Denial::KeyDisabled
        | Denial::KeyHeld
        | Denial::KeyQuarantined
        | Denial::AddressRefused(..)
        | Denial::AppAddressRefused(..)
        | Denial::CanaryRefused(..)
        | Denial::WrongEnvironment
        | Denial::AppKeysOnly
        | Denial::PermissionMissing
        | Denial::EndpointClosed
        | Denial::MasterOnly
        | Denial::MainAccountOnly
        | Denial::TransferOutOff
        | Denial::ApprovalNeeded
        | Denial::ApprovalWaiting(_)
        | Denial::ApprovalRefused(..)
        | Denial::TooManyApprovals
        | Denial::ApprovalUnknown
        | Denial::TransferUnclear(_)
        | Denial::BindingNeeded
        | Denial::RouteUnknown
        | Denial::MethodWrong
        | Denial::Repeated
        | Denial::BodyTooLarge
        | Denial::HeadTooLarge
        | Denial::Malformed
        | Denial::ClientUnclear
        | Denial::BodyTooSlow
        | Denial::UpgradeRefused
        | Denial::Fenced(_) => {
            let text = format!("Login failed. {} {}", denial.entry().code, denial.text());
            return ("60009", Cow::Owned(text));
        }
    };
    (code, Cow::Borrowed(text))
}

/// Why a socket ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Close {
    /// The client ended it.
    Done,
    /// The gateway stops.
    GoingAway,
    /// The client does not keep to RFC 6455.
    Malformed,
    /// A message is bytes where text is wanted.
    Binary,
    /// A message is not text in UTF-8.
    NotText,
    /// Too many frames.
    Flood,
    /// A message is too long.
    TooLong,
    /// The login does not hold.
    LoginFailed,
    /// Nothing came from the client for 30 s.
    Idle,
    /// The client does not take what it gets.
    SlowReader,
    /// The exchange ended its side, or does not answer.
    UpstreamLost,
    /// The gateway cannot vouch for its facts any more. Not [`Close::KeyChanged`]: the key may be as it was.
    LeaseOut,
    /// The key's holder closed it in the console. Not [`Close::KeyChanged`]: the key is as it was.
    ByHolder,
    /// The key, as it is now, does not admit the socket.
    KeyChanged,
    /// The key has too many sockets.
    TooManySockets,
    /// The socket has too many channels.
    TooManyChannels,
}

impl Close {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::Done,
        Self::GoingAway,
        Self::Malformed,
        Self::Binary,
        Self::NotText,
        Self::Flood,
        Self::TooLong,
        Self::LoginFailed,
        Self::Idle,
        Self::SlowReader,
        Self::UpstreamLost,
        Self::LeaseOut,
        Self::ByHolder,
        Self::KeyChanged,
        Self::TooManySockets,
        Self::TooManyChannels,
    ];

    /// The code of the close frame: RFC 6455 7.4.1 below 4000, OKX's from there on.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Done => 1000,
            Self::GoingAway => 1001,
            Self::Malformed => 1002,
            Self::Binary => 1003,
            Self::NotText => 1007,
            Self::Flood => 1008,
            Self::TooLong => 1009,
            Self::LoginFailed => 4001,
            Self::Idle => 4004,
            Self::SlowReader => 4005,
            Self::UpstreamLost | Self::LeaseOut | Self::ByHolder => 4006,
            Self::KeyChanged => 4007,
            Self::TooManySockets => 4008,
            Self::TooManyChannels => 4009,
        }
    }

    /// The reason in the close frame.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Done => "",
            Self::GoingAway => "The service is being upgraded. Please reconnect.",
            Self::Malformed => "The frames do not follow RFC 6455.",
            Self::Binary => "Messages must be text.",
            Self::NotText => "Messages must be text in UTF-8.",
            Self::Flood => "Requests too frequent",
            Self::TooLong => "Request message exceeds the maximum frame length",
            Self::LoginFailed => "Login Failed",
            Self::Idle => "No data received in 30s.",
            Self::SlowReader => "Buffer is full, cannot write data",
            Self::UpstreamLost | Self::LeaseOut => "Abnormal disconnection",
            Self::ByHolder => "The holder of the API key closed the connection.",
            Self::KeyChanged => "API key has been updated or deleted. Please reconnect.",
            Self::TooManySockets => "The API key has too many open connections.",
            Self::TooManyChannels => {
                "The number of subscription channels for this connection exceeds the limit"
            }
        }
    }

    /// A number that fits into an atomic byte; never 0.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Done => 1,
            Self::GoingAway => 2,
            Self::Malformed => 3,
            Self::NotText => 4,
            Self::Flood => 5,
            Self::TooLong => 6,
            Self::LoginFailed => 7,
            Self::Idle => 8,
            Self::SlowReader => 9,
            Self::UpstreamLost => 10,
            Self::LeaseOut => 11,
            Self::ByHolder => 12,
            Self::KeyChanged => 13,
            Self::TooManySockets => 14,
            Self::TooManyChannels => 15,
            Self::Binary => 16,
        }
    }

    /// The one with this number; 0 is none.
    #[must_use]
    pub fn of_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|close| close.number() == number)
    }
}

/// As much of a client's text as a reply repeats.
fn repeated(text: &str) -> &str {
    text.get(..text.floor_char_boundary(REPEATED_BYTES)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use keyward_rules::denial::Denial;
    use keyward_rules::socket::Endpoint;
    use serde_json::Value;

    use super::{
        Close, conn_count, conn_count_error, error, illegal_request, login_code, login_holds, no_channel,
        notice, operation_refused, upgrade_label,
    };

    fn read(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn replies_have_okx_form_to_the_byte() {
        assert_eq!(login_holds("a4d3ae55"), r#"{"event":"login","code":"0","msg":"","connId":"a4d3ae55"}"#);
        assert_eq!(
            error("60009", "Login failed.", None, "a4d3ae55"),
            r#"{"event":"error","code":"60009","msg":"Login failed.","connId":"a4d3ae55"}"#
        );
        assert_eq!(
            error("60011", "Please log in", Some("1512"), "a4d3ae55"),
            r#"{"id":"1512","event":"error","code":"60011","msg":"Please log in","connId":"a4d3ae55"}"#
        );
        assert_eq!(
            operation_refused(
                "1512",
                "order",
                "60013",
                "Invalid args",
                1_695_190_491_421_339,
                1_695_190_491_423_240
            ),
            r#"{"id":"1512","op":"order","code":"60013","msg":"Invalid args","data":[],"inTime":"1695190491421339","outTime":"1695190491423240"}"#
        );
        assert_eq!(
            conn_count("orders", 2, "abcd1234"),
            r#"{"event":"channel-conn-count","channel":"orders","connCount":"2","connId":"abcd1234"}"#
        );
        assert_eq!(
            conn_count_error("orders", 30, "a4d3ae55"),
            r#"{"event":"channel-conn-count-error","channel":"orders","connCount":"30","connId":"a4d3ae55"}"#
        );
        let notice = read(&notice("a4d3ae55"));
        assert_eq!((&notice["event"], &notice["code"]), (&Value::from("notice"), &Value::from("64008")));
        assert_eq!(notice["connId"], "a4d3ae55");
    }

    #[test]
    fn what_a_client_sent_is_repeated_and_nothing_more() {
        let request = "{\"id\":\"7\",\"op\":\"or\u{e9}der\",\n\"args\":\"\\u0000\"}";
        assert_eq!(
            read(&illegal_request(request, None, "a4d3ae55"))["msg"],
            format!("Illegal request: {request}")
        );
        for odd in
            ["", "\"", "\\", "\0\u{1b}\u{7f}", "\",\"event\":\"login\",\"code\":\"0\",\"x\":\"", "\u{2028}"]
        {
            let reply = read(&illegal_request(odd, None, "a4d3ae55"));
            assert_eq!(reply.as_object().unwrap().len(), 4, "{odd:?}");
            assert_eq!(reply["msg"], format!("Illegal request: {odd}"));
            assert_eq!(read(&error("60018", &no_channel(odd), None, "a4d3ae55"))["code"], "60018");
            assert_eq!(read(&operation_refused(odd, odd, "50011", odd, 1, 2))["op"], odd);
            assert_eq!(read(&error("60012", odd, Some(odd), "a4d3ae55"))["id"], odd);
        }
    }

    #[test]
    fn a_long_request_is_cut_between_characters() {
        for width in ["x", "\u{e9}", "\u{20ac}", "\u{1f600}"] {
            let reply = read(&illegal_request(&format!("a{}", width.repeat(40_000)), None, "a4d3ae55"));
            let text = reply["msg"].as_str().unwrap().strip_prefix("Illegal request: ").unwrap();
            assert!((4_093..=4_096).contains(&text.len()), "{}", text.len());
            assert!(text.starts_with('a') && text.ends_with(width));
        }
        assert!(no_channel(&"x".repeat(40_000)).len() < 5_000);
    }

    #[test]
    fn each_refusal_of_a_login_has_a_code() {
        let mut codes = BTreeSet::new();
        for denial in Denial::examples() {
            let (code, text) = login_code(&denial);
            codes.insert(code);
            let own = denial.text();
            // After the signature the reason is told in full, and before it nothing of the key.
            assert_eq!(
                code == "60009",
                text.contains(&*own) && text.contains(denial.entry().code),
                "{denial}"
            );
            assert_eq!(read(&error(code, &text, None, "a4d3ae55"))["msg"], *text);
        }
        let all = ["60004", "60005", "60006", "60007", "60009", "60014", "60024", "60027", "63999"];
        assert_eq!(codes, BTreeSet::from(all));
        assert_eq!(login_code(&Denial::KeyUnknown), login_code(&Denial::KeyMalformed));
        assert_eq!(
            login_code(&Denial::WrongEnvironment).1,
            "Login failed. 50101 APIKey does not match current environment."
        );
    }

    #[test]
    fn ends_have_numbers_codes_and_short_reasons() {
        for close in Close::ALL {
            assert_eq!(Close::of_number(close.number()), Some(close));
            // RFC 6455 5.5: a control frame has 125 bytes, two of them for the code.
            assert!(close.reason().len() <= 123, "{close:?}");
        }
        let numbers: BTreeSet<u8> = Close::ALL.into_iter().map(Close::number).collect();
        assert_eq!(numbers.len(), Close::ALL.len());
        assert_eq!(Close::of_number(0), None);
        let codes: BTreeSet<u16> = Close::ALL.into_iter().map(Close::code).collect();
        let all = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 4001, 4004, 4005, 4006, 4007, 4008, 4009];
        assert_eq!(codes, BTreeSet::from(all));
        assert_eq!(Close::Idle.reason(), "No data received in 30s.");
        for close in Close::ALL {
            assert_eq!(
                close.code() == 4007,
                close == Close::KeyChanged,
                "it tells bots that their key changed"
            );
        }
    }

    #[test]
    fn an_upgrade_is_named_by_its_path() {
        for endpoint in Endpoint::ALL {
            assert_eq!(upgrade_label(endpoint), format!("WS {}", endpoint.path()));
        }
    }
}
