//! What a review does to a key with its one confirmation. Each remedy takes something away, so one factor is enough; whatever gives
//! rights has a page and a ceremony of its own.

use std::fmt;
use std::str::FromStr;

use super::evidence::{KeyEvidence, OBSERVED_DAYS, Powers, SeenSources, is_used, is_wide};
use crate::address::{AddressSet, Binding, HostBits, Network, Width};
use crate::limits::{DAY_MS, EXPIRY_MAX_DAYS, EXPIRY_SUGGESTED_DAYS};
use crate::permission::Permission;
use crate::time::Moment;

/// What is done to a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Remedy {
    /// Nothing: it is needed as it is.
    Keep,
    /// It works only from these addresses, all of which it works from now.
    Narrow(AddressSet),
    /// It ends after so many days, 1 to [`EXPIRY_MAX_DAYS`].
    Expire {
        /// How many.
        days: u16,
    },
    /// It reads and cancels, until the quarantine is lifted.
    StopTrading,
    /// It reads, until the quarantine is lifted.
    ReadOnly,
    /// It is disabled.
    Disable,
    /// It is deleted.
    Delete,
}

/// A text that names no remedy.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "a key is answered with keep, narrow and addresses, expire and days, stop_trading, read_only, disable or delete"
)]
pub struct NotARemedy;

/// A remedy that does not fit the key as it is now.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RemedyRefused {
    /// It would not take anything away.
    #[error("a review only takes rights away, and this would not; use the page of the key")]
    NothingTaken,
}

impl Remedy {
    /// Its stable word, without addresses and days.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Narrow(_) => "narrow",
            Self::Expire { .. } => "expire",
            Self::StopTrading => "stop_trading",
            Self::ReadOnly => "read_only",
            Self::Disable => "disable",
            Self::Delete => "delete",
        }
    }

    /// What it is, for people who choose.
    #[must_use]
    pub fn label(&self) -> String {
        match self {
            Self::Keep => "Keep as it is".to_owned(),
            Self::Narrow(set) => format!("Narrow to {}", set.to_string().replace(',', ", ")),
            Self::Expire { days } => format!("Let it expire in {days} days"),
            Self::StopTrading => "Stop trading: reads and cancels only".to_owned(),
            Self::ReadOnly => "Allow reading only".to_owned(),
            Self::Disable => "Disable".to_owned(),
            Self::Delete => "Delete".to_owned(),
        }
    }

    /// What will be done to the key that is called so, in a sentence without a full stop.
    #[must_use]
    pub fn sentence(&self, key: &str) -> String {
        match self {
            Self::Keep => format!("Keep {key} as it is"),
            Self::Narrow(set) => format!("Let {key} work only from {}", set.to_string().replace(',', ", ")),
            Self::Expire { days } => format!("Let {key} expire in {days} days"),
            Self::StopTrading => format!("Stop trading with {key}: it reads and cancels only"),
            Self::ReadOnly => format!("Allow only reading with {key}"),
            Self::Disable => format!("Disable {key}"),
            Self::Delete => format!("Delete {key}. This cannot be undone"),
        }
    }
}

/// `keep`, `narrow 192.0.2.1,192.0.2.9`, `expire 90` and so on, as [`Remedy::from_str`] reads them.
impl fmt::Display for Remedy {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Narrow(set) => write!(out, "narrow {set}"),
            Self::Expire { days } => write!(out, "expire {days}"),
            Self::Keep | Self::StopTrading | Self::ReadOnly | Self::Disable | Self::Delete => {
                out.write_str(self.word())
            }
        }
    }
}

impl FromStr for Remedy {
    type Err = NotARemedy;

    fn from_str(text: &str) -> Result<Self, NotARemedy> {
        let days = |text: &str| text.parse::<u16>().ok().filter(|days| (1..=EXPIRY_MAX_DAYS).contains(days));
        Ok(match text {
            "keep" => Self::Keep,
            "stop_trading" => Self::StopTrading,
            "read_only" => Self::ReadOnly,
            "disable" => Self::Disable,
            "delete" => Self::Delete,
            _ => match text.split_once(' ') {
                Some(("narrow", list)) => {
                    Self::Narrow(AddressSet::parse(list, HostBits::Refuse).map_err(|_| NotARemedy)?)
                }
                Some(("expire", text)) => Self::Expire { days: days(text).ok_or(NotARemedy)? },
                Some(_) | None => return Err(NotARemedy),
            },
        })
    }
}

/// The addresses that a key's requests came from, in place of wider ones; `None` where they are not known well enough, or where
/// nothing would become narrower. An entry that is one network or less stays as it is, so that a program may move within it.
pub(super) fn narrowed(key: &KeyEvidence<'_>, now: Moment) -> Option<AddressSet> {
    let SeenSources::All(sources) = &key.known.sources else { return None };
    if sources.is_empty() || now.ms_since(key.known.since) < OBSERVED_DAYS * DAY_MS {
        return None;
    }
    let around = || sources.iter().map(|(address, _)| Network::around(*address));
    let to = match key.binding {
        Binding::App(_) | Binding::Canary => return None,
        Binding::Anywhere => around().collect(),
        Binding::Addresses(set) => {
            let used = set.networks().iter().copied().filter(|entry| is_used(*entry, sources));
            used.flat_map(|entry| {
                let within = around().filter(|network| entry.covers(*network));
                if is_wide(entry) { within.collect() } else { vec![entry] }
            })
            .collect()
        }
    };
    let to = AddressSet::new(to).ok()?;
    let narrower = match key.binding {
        Binding::Addresses(set) => *set != to && set.covers(&to),
        Binding::Anywhere => true,
        Binding::App(_) | Binding::Canary => false,
    };
    narrower.then_some(to)
}

/// What a review can do to a key, from what takes least; [`Remedy::Keep`] is always the first.
#[must_use]
pub fn offers(key: &KeyEvidence<'_>, now: Moment) -> Vec<Remedy> {
    let narrow = narrowed(key, now).map(Remedy::Narrow);
    let rest = [
        Remedy::Expire { days: EXPIRY_SUGGESTED_DAYS },
        Remedy::StopTrading,
        Remedy::ReadOnly,
        Remedy::Disable,
        Remedy::Delete,
    ];
    let all = std::iter::once(Remedy::Keep).chain(narrow).chain(rest);
    all.filter(|remedy| check(key, remedy, now).is_ok()).collect()
}

/// Refuses a remedy that would not take anything away from the key as it is now.
///
/// # Errors
/// [`RemedyRefused`].
pub fn check(key: &KeyEvidence<'_>, remedy: &Remedy, now: Moment) -> Result<(), RemedyRefused> {
    let beyond = |least: &[Permission]| key.permissions.iter().any(|right| !least.contains(&right));
    let takes = match remedy {
        Remedy::Keep | Remedy::Delete => true,
        Remedy::Disable => key.powers > Powers::Nothing,
        Remedy::StopTrading => key.powers == Powers::All && beyond(&[Permission::Read]),
        Remedy::ReadOnly => {
            matches!(key.powers, Powers::All | Powers::Cancels) && beyond(&[Permission::Read])
        }
        Remedy::Expire { days } => {
            key.expires_at.is_none_or(|end| end > now.plus_ms(u64::from(*days) * DAY_MS))
        }
        Remedy::Narrow(to) => match key.binding {
            Binding::App(_) | Binding::Canary => false,
            Binding::Anywhere => to.width() == Width::Narrow,
            Binding::Addresses(set) => set != to && set.covers(to),
        },
    };
    if takes { Ok(()) } else { Err(RemedyRefused::NothingTaken) }
}
