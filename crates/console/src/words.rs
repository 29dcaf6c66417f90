//! Small texts: times, names, counts.

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

    /// Writes a moment that may not be there.
    pub fn maybe(at: Option<Moment>) -> Option<Self> {
        at.map(Self::of)
    }
}

/// What an audit record is about, by its action's word; `None` for words that have no title.
pub fn record_title(action: &str) -> Option<&'static str> {
    Some(match action {
        "account.create" | "account.register" => "The account was made",
        "sub_account.create" => "A sub-account was made",
        "session.begin" => "Signed in",
        "session.end" => "Sessions ended",
        "account.phrase" => "The phrase of our mails was changed",
        "account.password" => "The password was changed",
        "account.reset" => "The password was reset",
        "account.email" => "Another e-mail address was asked for",
        "account.email.confirm" => "The e-mail address was changed",
        "account.totp.on" => "The authenticator was set up",
        "account.totp.off" => "Two-factor sign-in was turned off",
        "account.recovery_codes" => "New recovery codes were made",
        "key.issue" => "A key was made",
        "key.edit" => "A key was renamed or tagged",
        "key.widen" => "A key works from more addresses",
        "key.narrow" => "A key works from fewer addresses",
        "key.disable" => "A key was disabled",
        "key.enable" => "A key was enabled",
        "key.rotate" => "A key was rotated",
        "key.end_overlap" | "key.end_overlaps" => "The overlap of a rotation ended",
        "key.delete" => "A key was deleted",
        "key.leaked" => "A key was reported as leaked",
        "key.disable_all" => "All keys were disabled",
        "key.brake" => "All keys were disabled by the link of an alert",
        "key.freeze" => "A key was frozen",
        "key.sweep" => "Keys ended by their clock",
        "key.end_cooling" => "Keys that rested work again",
        "role.set_up" => "A set-up link made an operator",
        "role.offer" | "role.invite" => "A set-up link was made",
        "proposal.make" => "A change was proposed",
        "proposal.approve" => "A proposal was approved",
        "proposal.cancel" => "A proposal was cancelled",
        "role.grant" => "A role was given",
        "role.revoke" => "A role was taken away",
        "account.freeze" => "The account was frozen",
        "account.thaw" => "The freeze of the account was lifted",
        "key.thaw" => "The freeze of a key was lifted",
        "account.factors.reset" => "The second factor was removed by operators",
        "policy.tighten" => "A policy was made stricter",
        "policy.loosen" => "A policy was loosened",
        "app.register" => "An app was registered",
        "app.edit" => "An app was changed",
        "app.submit" => "An app was submitted for review",
        "app.verify" => "An app was verified",
        "app.reject" => "An app was sent back",
        "app.ranges.submit" => "Ranges of an app were submitted",
        "app.ranges.narrow" => "The ranges of an app were narrowed",
        "app.ranges.withdraw" => "A submission of ranges was withdrawn",
        "app.ranges.enter" => "Ranges of an app were entered by an operator",
        "app.ranges.read" => "Ranges of an app were read by an operator",
        "app.ranges.approve" => "Ranges of an app were approved",
        "app.ranges.reject" => "Ranges of an app were sent back",
        "app.ranges.retire" => "Overlaps of ranges ended",
        "app.freeze" => "All keys of an app were frozen",
        "app.thaw" => "The freeze of an app was lifted",
        "app.demand" => "Successors for the keys of an app were demanded",
        "app.demand.hold" => "Keys were held: their successors were due",
        "app.tell" => "Holders were told what happened to an app",
        "alert.remind" => "You were reminded of a key",
        "alert.raise" => "You were told what a gateway saw",
        _ => return None,
    })
}

/// What a permission lets a key do, in a line.
pub const fn permission_line(permission: Permission) -> (&'static str, &'static str) {
    match permission {
        Permission::Read => ("Read", "See balances, orders, history and settings. Cannot change anything."),
        Permission::Trade => ("Trade", "Place, change and cancel orders. Cannot move funds out."),
        Permission::Withdraw => {
            ("Withdraw", "Send funds to addresses outside the exchange. Whoever has this key can take them.")
        }
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
    use super::{When, countdown};
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
}
