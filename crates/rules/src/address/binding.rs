//! What a key is bound to: anywhere, addresses of its own, an app's ranges, or nothing at all.

use super::set::{AddressSet, Width};
use crate::id::AppId;

/// Which source addresses a key works from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Binding {
    /// Explicitly from everywhere.
    Anywhere,
    /// Only from these.
    Addresses(AddressSet),
    /// Only from the app's current ranges, which belong to the app and are confidential.
    App(AppId),
    /// From nowhere: the key is a canary, which admits no request and raises the alarm when somebody uses it.
    Canary,
}

impl Binding {
    /// Whether everything that `other` admits is admitted here too: going from this to `other` only narrows.
    /// Whether an app's ranges hold others is nobody's to know, so an app covers itself alone.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Anywhere, _) => true,
            (Self::Addresses(wide), Self::Addresses(narrow)) => wide.covers(narrow),
            (Self::App(one), Self::App(other)) => one == other,
            (Self::Canary, Self::Canary) => true,
            (Self::Addresses(_) | Self::App(_) | Self::Canary, _) => false,
        }
    }

    /// Whether the key counts as bound: it is a canary, names an app, or a set that is not [`Width::Wide`].
    #[must_use]
    pub fn is_bound(&self) -> bool {
        match self {
            Self::Anywhere => false,
            Self::Addresses(set) => set.width() == Width::Narrow,
            Self::App(_) | Self::Canary => true,
        }
    }
}
