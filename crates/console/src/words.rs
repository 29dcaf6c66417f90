//! Small texts: times, names, counts.

use askama::Template;
use keyward_rules::denial::{Denial, Entry};
use keyward_rules::grant::ActionKind;
use keyward_rules::id::KeyId;
use keyward_rules::permission::Permission;
use keyward_rules::time::{Moment, Timestamp};

/// A moment for a page: machine-readable, and in UTC for readers without JavaScript.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct When {
    /// RFC 3339.
    pub iso: String,
    /// `2026-11-21 08:15 UTC`.
    pub utc: String,
}

impl When {
    /// Writes a moment.
    pub fn of(at: Moment) -> Self {
        Self::read(&at.to_string())
    }

    /// Takes a moment as a record spells it.
    pub fn read(iso: &str) -> Self {
        let utc = format!("{} UTC", iso.get(..16).unwrap_or(iso).replace('T', " "));
        Self { iso: iso.to_owned(), utc }
    }

    /// Hour and minute: `08:15 UTC`.
    pub fn clock(&self) -> &str {
        self.utc.get(11..).unwrap_or(&self.utc)
    }

    /// The time of day with its second: `08:15:07`.
    pub fn second(&self) -> &str {
        self.iso.get(11..19).unwrap_or(&self.utc)
    }

    /// As exact as it is known: `2026-11-21 08:15:07.123 UTC`.
    pub fn exact(&self) -> String {
        self.iso.strip_suffix('Z').map_or_else(|| self.utc.clone(), |iso| iso.replace('T', " ") + " UTC")
    }

    /// The day in UTC: `2026-11-21`.
    pub fn date(&self) -> &str {
        self.iso.get(..10).unwrap_or_default()
    }

    /// Writes a moment that may not be there.
    pub fn maybe(at: Option<Moment>) -> Option<Self> {
        at.map(Self::of)
    }
}

/// What an audit record is about: the title of its action, or the word of one that this version does not know.
pub fn record_title(action: &str) -> String {
    ActionKind::from_word(action).map_or_else(|| action.to_owned(), |action| action.title().to_owned())
}

/// What a refusal means, and the page that does something about it.
pub struct Refusal {
    /// The registry's line.
    pub line: Entry,
    /// The address and the words of a link.
    pub remedy: Option<(String, &'static str)>,
}

/// What decides between refusals that share a code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refuser {
    /// What is asked of every key.
    Gateway,
    /// The same of an app's key, which has no addresses of its own: its wrong address is another refusal.
    GatewayOfApp,
    /// The key's own limits.
    Limits,
}

/// The refusal that a recorded code stands for; `None` for `0` and for codes of the exchange.
pub fn refusal(code: &str, key: KeyId, refuser: Refuser) -> Option<Refusal> {
    let of_app = refuser == Refuser::GatewayOfApp;
    let line = match (code, refuser) {
        ("50110", Refuser::GatewayOfApp) => Denial::AppAddressRefused(key).entry(),
        (_, Refuser::Limits) => Denial::of_limit(code)?,
        (_, Refuser::Gateway | Refuser::GatewayOfApp) => Denial::of_code(code)?,
    };
    let remedy = match code {
        _ if refuser == Refuser::Limits => Some((format!("/keys/{key}/limits"), "Change the limits")),
        "50110" if !of_app => Some((format!("/keys/{key}/addresses"), "Change the addresses")),
        "50114" => Some((format!("/keys/{key}/enable"), "Enable the key")),
        "50120" => Some((format!("/keys/new?from={key}"), "Make a new key")),
        _ => None,
    };
    Some(Refusal { line, remedy })
}

#[derive(Template)]
#[template(path = "verdict.html")]
struct Verdict<'v> {
    code: &'v str,
    refusal: Option<Refusal>,
}

/// The verdict on a request with this key as HTML. What a refusal means and what to do about it unfold behind its name.
pub fn verdict(code: &str, key: KeyId, refuser: Refuser) -> String {
    Verdict { code, refusal: refusal(code, key, refuser) }.render().unwrap_or_default()
}

/// The name of a verdict in lists: `passed`, or the refusal's title with its code.
pub fn verdict_name(code: &str) -> String {
    match Denial::of_code(code) {
        Some(line) => format!("{} ({})", line.title, line.code),
        None if code == "0" => "passed".to_owned(),
        None => code.to_owned(),
    }
}

/// What a request did on a socket, as a sentence; `None` for one over HTTP. `what` is its method and route as lists show them.
pub fn on_a_socket(what: &str) -> Option<&'static str> {
    match what {
        "WS login" => Some("A program logged in on a socket."),
        "WS subscribe" => Some("A program subscribed to channels on its socket."),
        "WS unsubscribe" => Some("A program unsubscribed from channels on its socket."),
        _ if what.starts_with("WS ") => {
            Some("Sent over a socket. It does the same as a POST request to this route.")
        }
        _ => None,
    }
}

/// The name of a refusal in a sentence; the code where the registry has no name for it.
pub fn refusal_title(code: &str) -> &str {
    Denial::of_code(code).map_or(code, |line| line.title)
}

/// What a permission lets a key do, in a line.
pub const fn permission_line(permission: Permission) -> (&'static str, &'static str) {
    match permission {
        Permission::Read => ("Read", "See balances, orders, history and settings. Cannot change anything."),
        Permission::Trade => ("Trade", "Place, change and cancel orders. Cannot move funds out."),
        Permission::Withdraw => (
            "Withdraw",
            "Send funds to addresses outside the exchange. Anybody who has this key can take them.",
        ),
        Permission::Funding => ("Funding", "Move funds between your own accounts and sub-accounts."),
        Permission::Manage => {
            ("Manage", "Administer sub-accounts and their keys over the API. Needs bound addresses.")
        }
    }
}

/// A moment of a form, in UTC: `2026-11-21T08:15`, with seconds or whole.
pub fn moment(text: &str) -> Option<Moment> {
    let whole = match text.len() {
        16 => format!("{text}:00.000Z"),
        19 => format!("{text}.000Z"),
        _ => text.to_owned(),
    };
    Timestamp::parse(whole.as_bytes()).ok().map(|time| time.moment())
}

/// The pairs that have a value, for the end of a query that has others before them.
pub fn urlencoded(pairs: &[(&str, &String)]) -> String {
    let given = pairs.iter().filter(|(_, value)| !value.is_empty());
    given
        .map(|(name, value)| {
            let value = askama::filters::urlencode_strict(value.as_str()).map(|text| text.to_string());
            format!("&{name}={}", value.unwrap_or_default())
        })
        .collect()
}

/// A number with a comma at each thousand: `12,345`.
pub fn grouped(number: u64) -> String {
    with_commas(&number.to_string())
}

/// A decimal number with a comma at each thousand of its whole part: `30,000.5`. A text that is spelled in another way stays
/// as it is.
pub fn grouped_decimal(text: &str) -> String {
    let (sign, number) = text.strip_prefix('-').map_or(("", text), |number| ("-", number));
    let (whole, fraction) =
        number.split_once('.').map_or((number, None), |(whole, rest)| (whole, Some(rest)));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|letter| letter.is_ascii_digit());
    if !digits(whole) || (whole.starts_with('0') && whole != "0") || !fraction.is_none_or(digits) {
        return text.to_owned();
    }
    let fraction = fraction.map(|part| format!(".{part}")).unwrap_or_default();
    format!("{sign}{}{fraction}", with_commas(whole))
}

fn with_commas(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `in 3 days`, `in 5 hours`, `in 12 minutes`, `in less than a minute`: how long until `then`, rounded down.
pub fn countdown(now: Moment, then: Moment) -> String {
    let minutes = then.ms_since(now) / 60_000;
    let (count, unit) = match minutes {
        0 => return "in less than a minute".to_owned(),
        1..=119 => (minutes, "minute"),
        120..=2_879 => (minutes / 60, "hour"),
        _ => (minutes / 1_440, "day"),
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("in {count} {unit}{plural}")
}

#[cfg(test)]
mod tests {
    use super::{When, countdown, grouped, grouped_decimal, on_a_socket};
    use keyward_rules::time::Moment;

    #[test]
    fn countdowns_read_well() {
        let at = Moment::from_unix_ms;
        assert_eq!(countdown(at(0), at(59_999)), "in less than a minute");
        assert_eq!(countdown(at(0), at(60_000)), "in 1 minute");
        assert_eq!(countdown(at(0), at(5 * 3_600_000)), "in 5 hours");
        assert_eq!(countdown(at(0), at(3 * 86_400_000 + 1)), "in 3 days");
        assert_eq!(When::of(at(8 * 3_600_000 + 15 * 60_000)).clock(), "08:15 UTC");
    }

    #[test]
    fn a_moment_is_as_exact_as_its_record() {
        let when = When::read("2026-11-21T08:15:07.123Z");
        assert_eq!((when.date(), when.second()), ("2026-11-21", "08:15:07"));
        assert_eq!(when.exact(), "2026-11-21 08:15:07.123 UTC");
        let unreadable = When::read("");
        assert_eq!((unreadable.date(), unreadable.second(), &*unreadable.exact()), ("", " UTC", " UTC"));
    }

    #[test]
    fn requests_over_sockets_have_words() {
        for what in ["WS login", "WS subscribe", "WS unsubscribe", "WS /api/v5/trade/order"] {
            assert!(on_a_socket(what).is_some_and(|words| words.contains("socket")), "{what}");
        }
        assert_eq!(on_a_socket("GET /api/v5/account/balance"), None);
    }

    #[test]
    fn thousands_are_grouped() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (12_345_678, "12,345,678")] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn decimals_are_grouped_and_other_spellings_stay() {
        for (spelled, text) in [
            ("30000", "30,000"),
            ("30000.25", "30,000.25"),
            ("0.001234", "0.001234"),
            ("-1250.5", "-1,250.5"),
        ] {
            assert_eq!(grouped_decimal(spelled), text);
        }
        for other in ["", "-", ".5", "30000.", "1e5", "030000", "30,000", "3000x", "1.2.3", "٣٠٠٠٠"] {
            assert_eq!(grouped_decimal(other), other);
        }
    }
}
