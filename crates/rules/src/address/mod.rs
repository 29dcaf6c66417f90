//! Where a key may be used from: entries, canonical sets, and the binding that holds one.
//!
//! Invariants: a set is never empty; "from anywhere" is a variant of its own and not a set; one meaning has
//! one canonical text; an IPv4 address has one form, also when it arrives mapped into IPv6.

mod entry;
mod set;
mod source;
mod table;

use std::net::IpAddr;

pub use entry::{HostBits, Network, NotANetwork};
pub use set::{AddressSet, NotASet, Width};
pub use source::Source;
pub use table::RangeTable;

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
            (Self::Addresses(_) | Self::App(_), _) => false,
        }
    }

    /// Whether the key counts as bound: it names an app, or a set that is not [`Width::Wide`].
    #[must_use]
    pub fn is_bound(&self) -> bool {
        match self {
            Self::Anywhere => false,
            Self::Addresses(set) => set.width() == Width::Narrow,
            Self::App(_) => true,
        }
    }
}

/// The one form of a client's address: IPv4-mapped IPv6 becomes IPv4 (RFC 4291, 2.5.5.2).
#[must_use]
pub const fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}
