//! The settings that operators change while the deployment runs, and which way a change goes: stricter takes one
//! operator, less strict takes a proposal (product.md 5).

use std::cmp::Ordering;
use std::fmt;
use std::num::NonZeroU8;

use crate::key::{KeyPolicy, Need};
use crate::limits::{ACCOUNTS_AT_ONCE, ACCOUNTS_AT_ONCE_BOUNDS, NEW_DEVICE_HOURS, NEW_DEVICE_MOST_HOURS};
use crate::time::Moment;

const HOUR_MS: u64 = 60 * 60 * 1_000;

/// How many other operators must approve what one proposes.
///
/// A threshold of nothing cannot be said: a deployment that is run by one person says [`Needed::Alone`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Needed {
    /// Nobody else: a deployment of one operator, chosen in so many words.
    Alone,
    /// So many beside the one who proposes.
    Others(NonZeroU8),
}

impl Needed {
    /// Two different operators: the one who proposes, and one who approves.
    pub const TWO: Self = Self::Others(NonZeroU8::MIN);
    /// Operators that can be asked for at most.
    pub const MOST: u8 = 5;

    /// From how many different operators it takes altogether, 1 to [`Needed::MOST`].
    #[must_use]
    pub const fn of_operators(count: u8) -> Option<Self> {
        match (count, NonZeroU8::new(count.saturating_sub(1))) {
            (1, _) => Some(Self::Alone),
            (2..=Self::MOST, Some(others)) => Some(Self::Others(others)),
            (_, _) => None,
        }
    }

    /// How many different operators it takes altogether.
    #[must_use]
    pub const fn operators(self) -> u8 {
        1 + self.approvals()
    }

    /// How many approvals it takes beside the proposal.
    #[must_use]
    pub const fn approvals(self) -> u8 {
        match self {
            Self::Alone => 0,
            Self::Others(count) => count.get(),
        }
    }
}

/// What happens when the review of an account's keys is due (product.md 3.2).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub enum ReviewPolicy {
    /// Nothing: the page is there, and nobody is told.
    Off,
    /// The user is told when it is due, and twice when it is overdue.
    #[default]
    Remind,
}

impl ReviewPolicy {
    /// All of them, the strictest last.
    pub const ALL: [Self; 2] = [Self::Off, Self::Remind];

    /// Its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Remind => "remind",
        }
    }

    /// The one with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|policy| policy.word() == word)
    }
}

/// All policies in force.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Policy {
    /// How many operators a loosening takes.
    pub needed: Needed,
    /// What bears on new keys.
    pub keys: KeyPolicy,
    /// Whether a key that does two unusual things within ten minutes is put in quarantine.
    pub quarantine_on_signals: Need,
    /// What happens when a review is due.
    pub review: ReviewPolicy,
    /// Hours for which a device is new: keys that are made or loosened on it only read for so long. `None`: no device is.
    pub new_device_hours: Option<u16>,
    /// From how many accounts on that begin the same unusual use within two minutes operators are told. `None`: never.
    pub accounts_at_once: Option<u16>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            needed: Needed::TWO,
            keys: KeyPolicy::default(),
            // Bots change by their holders' will too, and one that stops can cost more than the stop saves.
            quarantine_on_signals: Need::Optional,
            review: ReviewPolicy::Remind,
            new_device_hours: Some(NEW_DEVICE_HOURS),
            accounts_at_once: Some(ACCOUNTS_AT_ONCE),
        }
    }
}

impl Policy {
    /// Until when a device is new that its user was first signed in on at `since`; `None` when it is not new at `now`.
    #[must_use]
    pub fn new_device_until(&self, since: Moment, now: Moment) -> Option<Moment> {
        let until = since.plus_ms(u64::from(self.new_device_hours?) * HOUR_MS);
        (now < until).then_some(until)
    }
}

/// Which way a change goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// Stricter.
    Tighter,
    /// As it is.
    Same,
    /// Less strict.
    Looser,
}

/// One policy with a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Setting {
    /// How many operators a loosening takes.
    OperatorsNeeded(Needed),
    /// Whether keys that may withdraw must be bound.
    WithdrawNeedsAddresses(Need),
    /// Days after which every new key ends.
    MaxKeyAgeDays(Option<u16>),
    /// Whether pages make keys in desktop browsers only.
    DesktopBrowserForKeys(Need),
    /// Whether a key that does two unusual things within ten minutes is put in quarantine.
    QuarantineOnSignals(Need),
    /// What happens when a review is due.
    Review(ReviewPolicy),
    /// Hours for which keys that are made or loosened on a new device only read.
    NewDeviceHours(Option<u16>),
    /// From how many accounts on operators are told of the same unusual use at once.
    AccountsAtOnce(Option<u16>),
}

/// A name or value that no policy has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("this policy or this value does not exist")]
pub struct NotASetting;

impl Setting {
    /// The names, as configuration files and the API spell them.
    pub const NAMES: [&str; 8] = [
        "operators_needed",
        "withdraw_needs_addresses",
        "max_key_age_days",
        "desktop_browser_for_keys",
        "quarantine_on_signals",
        "review",
        "new_device_hours",
        "accounts_at_once",
    ];

    /// Reads a name and a value.
    ///
    /// # Errors
    /// [`NotASetting`] for any other name, and any other spelling of a value.
    pub fn parse(name: &str, value: &str) -> Result<Self, NotASetting> {
        let need = || match value {
            "true" => Ok(Need::Required),
            "false" => Ok(Need::Optional),
            _ => Err(NotASetting),
        };
        let number = || value.parse::<u16>().ok().filter(|number| number.to_string() == value && *number > 0);
        let within = |fewest: u16, most: u16| {
            number().filter(|number| (fewest..=most).contains(number)).ok_or(NotASetting)
        };
        match name {
            "operators_needed" => {
                let count = number().and_then(|count| u8::try_from(count).ok()).ok_or(NotASetting)?;
                Needed::of_operators(count).map(Self::OperatorsNeeded).ok_or(NotASetting)
            }
            "withdraw_needs_addresses" => need().map(Self::WithdrawNeedsAddresses),
            "max_key_age_days" if value == "none" => Ok(Self::MaxKeyAgeDays(None)),
            "max_key_age_days" => number().map(|days| Self::MaxKeyAgeDays(Some(days))).ok_or(NotASetting),
            "desktop_browser_for_keys" => need().map(Self::DesktopBrowserForKeys),
            "quarantine_on_signals" => need().map(Self::QuarantineOnSignals),
            "review" => ReviewPolicy::from_word(value).map(Self::Review).ok_or(NotASetting),
            "new_device_hours" if value == "none" => Ok(Self::NewDeviceHours(None)),
            "new_device_hours" => {
                within(1, NEW_DEVICE_MOST_HOURS).map(|hours| Self::NewDeviceHours(Some(hours)))
            }
            "accounts_at_once" if value == "none" => Ok(Self::AccountsAtOnce(None)),
            "accounts_at_once" => {
                let (fewest, most) = ACCOUNTS_AT_ONCE_BOUNDS;
                within(fewest, most).map(|count| Self::AccountsAtOnce(Some(count)))
            }
            _ => Err(NotASetting),
        }
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OperatorsNeeded(_) => "operators_needed",
            Self::WithdrawNeedsAddresses(_) => "withdraw_needs_addresses",
            Self::MaxKeyAgeDays(_) => "max_key_age_days",
            Self::DesktopBrowserForKeys(_) => "desktop_browser_for_keys",
            Self::QuarantineOnSignals(_) => "quarantine_on_signals",
            Self::Review(_) => "review",
            Self::NewDeviceHours(_) => "new_device_hours",
            Self::AccountsAtOnce(_) => "accounts_at_once",
        }
    }

    /// Its value, as [`Setting::parse`] reads it.
    #[must_use]
    pub fn value(self) -> String {
        match self {
            Self::OperatorsNeeded(needed) => needed.operators().to_string(),
            Self::WithdrawNeedsAddresses(need)
            | Self::DesktopBrowserForKeys(need)
            | Self::QuarantineOnSignals(need) => (need == Need::Required).to_string(),
            Self::MaxKeyAgeDays(number) | Self::NewDeviceHours(number) | Self::AccountsAtOnce(number) => {
                number.map_or_else(|| "none".to_owned(), |number| number.to_string())
            }
            Self::Review(policy) => policy.word().to_owned(),
        }
    }

    /// All settings of a policy, in the order of [`Setting::NAMES`].
    #[must_use]
    pub const fn all(policy: &Policy) -> [Self; Self::NAMES.len()] {
        [
            Self::OperatorsNeeded(policy.needed),
            Self::WithdrawNeedsAddresses(policy.keys.withdraw_binding),
            Self::MaxKeyAgeDays(policy.keys.max_age_days),
            Self::DesktopBrowserForKeys(policy.keys.desktop_browser),
            Self::QuarantineOnSignals(policy.quarantine_on_signals),
            Self::Review(policy.review),
            Self::NewDeviceHours(policy.new_device_hours),
            Self::AccountsAtOnce(policy.accounts_at_once),
        ]
    }

    /// Puts it in force.
    pub const fn apply(self, policy: &mut Policy) {
        match self {
            Self::OperatorsNeeded(needed) => policy.needed = needed,
            Self::WithdrawNeedsAddresses(need) => policy.keys.withdraw_binding = need,
            Self::MaxKeyAgeDays(days) => policy.keys.max_age_days = days,
            Self::DesktopBrowserForKeys(need) => policy.keys.desktop_browser = need,
            Self::QuarantineOnSignals(need) => policy.quarantine_on_signals = need,
            Self::Review(review) => policy.review = review,
            Self::NewDeviceHours(hours) => policy.new_device_hours = hours,
            Self::AccountsAtOnce(count) => policy.accounts_at_once = count,
        }
    }

    /// Which way it goes from what is in force.
    #[must_use]
    pub fn direction(self, policy: &Policy) -> Direction {
        let strictness = |need: Need| u32::from(need == Need::Required);
        // No end at all is the least strict age there is, and never to be told the least strict number.
        let shortness = |days: Option<u16>| {
            u32::from(u16::MAX) + 1 - u32::from(days.unwrap_or(u16::MAX)) + u32::from(days.is_some())
        };
        let order = match self {
            Self::OperatorsNeeded(needed) => needed.cmp(&policy.needed),
            Self::WithdrawNeedsAddresses(need) => {
                strictness(need).cmp(&strictness(policy.keys.withdraw_binding))
            }
            Self::MaxKeyAgeDays(days) => shortness(days).cmp(&shortness(policy.keys.max_age_days)),
            Self::DesktopBrowserForKeys(need) => {
                strictness(need).cmp(&strictness(policy.keys.desktop_browser))
            }
            Self::QuarantineOnSignals(need) => {
                strictness(need).cmp(&strictness(policy.quarantine_on_signals))
            }
            Self::Review(review) => review.cmp(&policy.review),
            Self::NewDeviceHours(hours) => hours.cmp(&policy.new_device_hours),
            Self::AccountsAtOnce(count) => shortness(count).cmp(&shortness(policy.accounts_at_once)),
        };
        match order {
            Ordering::Greater => Direction::Tighter,
            Ordering::Equal => Direction::Same,
            Ordering::Less => Direction::Looser,
        }
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} = {}", self.name(), self.value())
    }
}

#[cfg(test)]
mod tests {
    use super::{Direction, Needed, Policy, Setting};

    #[test]
    fn a_threshold_of_nothing_cannot_be_said() {
        assert_eq!(Needed::of_operators(0), None);
        assert_eq!(Needed::of_operators(1), Some(Needed::Alone));
        assert_eq!(Needed::of_operators(2), Some(Needed::TWO));
        assert_eq!(Needed::of_operators(6), None);
        assert!(Needed::Alone < Needed::TWO);
        for text in ["0", "-1", "", "02", "6", "none", "+2", "2 ", "256", "65537"] {
            assert!(Setting::parse("operators_needed", text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn every_setting_reads_back() {
        let mut policy = Policy::default();
        for (name, value) in [
            ("operators_needed", "1"),
            ("withdraw_needs_addresses", "false"),
            ("max_key_age_days", "90"),
            ("desktop_browser_for_keys", "true"),
            ("quarantine_on_signals", "true"),
            ("review", "off"),
            ("new_device_hours", "48"),
            ("accounts_at_once", "none"),
        ] {
            let setting = Setting::parse(name, value).unwrap();
            assert_eq!((setting.name(), setting.value().as_str()), (name, value));
            setting.apply(&mut policy);
        }
        let all = Setting::all(&policy).map(|setting| (setting.name(), setting.value()));
        assert_eq!(all.each_ref().map(|(name, _)| *name), Setting::NAMES);
        assert_eq!(all.map(|(_, value)| value), ["1", "false", "90", "true", "true", "off", "48", "none"]);
    }

    #[test]
    fn less_is_looser() {
        let policy = Policy::default();
        let way = |name, value| Setting::parse(name, value).unwrap().direction(&policy);
        assert_eq!(way("operators_needed", "1"), Direction::Looser);
        assert_eq!(way("operators_needed", "2"), Direction::Same);
        assert_eq!(way("operators_needed", "3"), Direction::Tighter);
        assert_eq!(way("withdraw_needs_addresses", "false"), Direction::Looser);
        assert_eq!(way("desktop_browser_for_keys", "true"), Direction::Tighter);
        assert_eq!(way("quarantine_on_signals", "true"), Direction::Tighter);
        assert_eq!(way("quarantine_on_signals", "false"), Direction::Same);
        assert_eq!(way("max_key_age_days", "none"), Direction::Same);
        assert_eq!(way("max_key_age_days", "65535"), Direction::Tighter);
        assert_eq!(way("new_device_hours", "none"), Direction::Looser);
        assert_eq!(way("new_device_hours", "25"), Direction::Tighter);
        assert_eq!(way("accounts_at_once", "9"), Direction::Tighter);
        assert_eq!(way("accounts_at_once", "11"), Direction::Looser);
        assert_eq!(way("accounts_at_once", "none"), Direction::Looser);
        for (name, value) in
            [("new_device_hours", "0"), ("new_device_hours", "169"), ("accounts_at_once", "1")]
        {
            assert!(Setting::parse(name, value).is_err(), "{name} {value}");
        }
        let mut dated = policy;
        Setting::parse("max_key_age_days", "90").unwrap().apply(&mut dated);
        let way = |value| Setting::parse("max_key_age_days", value).unwrap().direction(&dated);
        assert_eq!(
            [way("89"), way("90"), way("91"), way("none")],
            [Direction::Tighter, Direction::Same, Direction::Looser, Direction::Looser]
        );
    }
}
