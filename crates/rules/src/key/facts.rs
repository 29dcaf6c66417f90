//! What one verdict uses of a key: a private copy, taken whole.

use std::net::IpAddr;
use std::sync::Arc;

use keyward_hmac_state::HmacState;

use super::environment::Environment;
use super::life::Life;
use super::passphrase::PassphraseTag;
use super::rate_cap::RateCap;
use crate::address::{AddressSet, Network, RangeTable, Width, canonical};
use crate::fence::Fences;
use crate::id::{AccountId, AppId, KeyId};
use crate::permission::Permissions;
use crate::time::Moment;

/// Up to four IPv4 networks in place, so that the common key costs no second memory access.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FewV4 {
    /// First address and prefix length; unused places hold a /32 that is never looked at.
    networks: [(u32, u8); Self::CAPACITY],
    used: u8,
}

impl FewV4 {
    /// How many networks fit.
    pub const CAPACITY: usize = 4;

    /// The networks of `set`, when they are all IPv4 and few enough.
    #[must_use]
    pub fn of(set: &AddressSet) -> Option<Self> {
        let mut few = Self { networks: [(0, 32); Self::CAPACITY], used: 0 };
        for network in set.networks() {
            let Network::V4(base, prefix) = *network else { return None };
            *few.networks.get_mut(usize::from(few.used))? = (base, prefix);
            few.used += 1;
        }
        Some(few)
    }

    /// Rebuilds from packed words: base in the low 32 bits, prefix above, bit 63 set where used.
    #[must_use]
    pub fn from_words(words: [u64; Self::CAPACITY]) -> Self {
        let mut few = Self { networks: [(0, 32); Self::CAPACITY], used: 0 };
        for (place, word) in few.networks.iter_mut().zip(words) {
            if word >> 63 == 1 {
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "the fields are unpacked by their widths"
                )]
                let unpacked = (word as u32, (word >> 32) as u8);
                *place = unpacked;
                few.used += 1;
            }
        }
        few
    }

    /// The packed words that [`FewV4::from_words`] reads.
    #[must_use]
    pub fn words(&self) -> [u64; Self::CAPACITY] {
        let mut words = [0; Self::CAPACITY];
        for (word, (base, prefix)) in words.iter_mut().zip(self.networks).take(usize::from(self.used)) {
            *word = 1 << 63 | u64::from(prefix) << 32 | u64::from(base);
        }
        words
    }

    /// Whether the networks narrow anything down. No network at all does, as it admits nothing.
    fn width(&self) -> Width {
        let networks = self.networks.iter().take(usize::from(self.used));
        let networks = networks.map(|(base, prefix)| Network::V4(*base, *prefix)).collect();
        AddressSet::new(networks).map_or(Width::Narrow, |set| set.width())
    }

    fn contains(&self, address: IpAddr) -> bool {
        let IpAddr::V4(v4) = canonical(address) else { return false };
        let single = Network::V4(v4.to_bits(), 32);
        self.networks
            .iter()
            .take(usize::from(self.used))
            .any(|(base, prefix)| Network::V4(*base, *prefix).covers(single))
    }
}

/// The ranges of the app that a key is bound to, as they are now.
#[derive(Clone, Debug)]
pub enum AppReach {
    /// The app's ranges that are in force.
    Ranges(Arc<RangeTable>),
    /// The app is frozen: its keys are held.
    Frozen,
    /// The app has no ranges in force, or is unknown here: nothing is allowed.
    Nowhere,
}

/// Where the key works from, ready for the check.
#[derive(Clone, Debug)]
pub enum Reach {
    /// Explicitly everywhere.
    Anywhere,
    /// A few IPv4 networks.
    Few(FewV4),
    /// Any other set of the key's own.
    Set(Arc<AddressSet>),
    /// An app's ranges.
    App(AppId, AppReach),
    /// Nowhere: the key is a canary.
    Canary,
}

impl Reach {
    /// The key's own addresses as OKX shows them: empty for none, and for app keys, whose ranges are
    /// confidential.
    #[must_use]
    pub fn own_addresses(&self) -> String {
        match self {
            Self::Anywhere | Self::App(..) | Self::Canary => String::new(),
            Self::Few(few) => {
                let networks = few.networks.iter().take(usize::from(few.used));
                networks
                    .map(|(base, prefix)| Network::V4(*base, *prefix).to_string())
                    .collect::<Vec<_>>()
                    .join(",")
            }
            Self::Set(set) => set.to_string(),
        }
    }

    /// Whether the key may be used from `address`.
    #[must_use]
    pub fn admits(&self, address: IpAddr) -> bool {
        match self {
            Self::Anywhere => true,
            Self::Few(few) => few.contains(address),
            Self::Set(set) => set.contains(address),
            Self::App(_, AppReach::Ranges(table)) => table.contains(address),
            Self::App(_, AppReach::Frozen | AppReach::Nowhere) | Self::Canary => false,
        }
    }

    /// Whether the key counts as bound (see [`crate::address::Binding::is_bound`]).
    #[must_use]
    pub fn is_bound(&self) -> bool {
        match self {
            Self::Anywhere => false,
            Self::Few(few) => few.width() == Width::Narrow,
            Self::Set(set) => set.width() == Width::Narrow,
            Self::App(..) | Self::Canary => true,
        }
    }

    /// Whether the key is held because its app is frozen.
    #[must_use]
    pub const fn is_frozen(&self) -> bool {
        matches!(self, Self::App(_, AppReach::Frozen))
    }
}

/// One consistent copy of everything that a verdict uses of a key.
pub struct KeyFacts {
    /// The public key id.
    pub id: KeyId,
    /// The account or sub-account that the key belongs to.
    pub account: AccountId,
    /// The master account, when `account` is a sub-account.
    pub master: Option<AccountId>,
    /// State and holds.
    pub life: Life,
    /// Rights, fixed for life.
    pub permissions: Permissions,
    /// Live or demo.
    pub environment: Environment,
    /// Where from.
    pub reach: Reach,
    /// When the key ends by its own date.
    pub expires_at: Option<Moment>,
    /// Its own rate, below the standard ones.
    pub rate_cap: Option<RateCap>,
    /// Its limits, if it has any.
    pub fences: Option<Arc<Fences>>,
    /// The prepared HMAC state of the secret.
    pub hmac: HmacState,
    /// The hash of the passphrase.
    pub passphrase: PassphraseTag,
    /// Where the node keeps the key.
    pub slot: u32,
    /// The node's own number of this copy; another one now means that the key has changed since.
    pub copy: u64,
}

impl KeyFacts {
    /// Whether the key exists for a stranger: tombstones and keys past their date look unknown.
    #[must_use]
    pub fn is_known(&self, now: Moment) -> bool {
        !self.life.is_over() && self.expires_at.is_none_or(|end| now < end)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{FewV4, Reach};
    use crate::address::{AddressSet, HostBits};
    use std::net::{IpAddr, Ipv4Addr};
    use std::sync::Arc;

    proptest! {
        #[test]
        fn few_equals_the_set(bases in prop::collection::vec((0_u32..64, 26_u8..=32), 1..5), probe in 0_u32..80) {
            let text = bases.iter().map(|(low, prefix)| format!("{}/{prefix}", Ipv4Addr::from_bits(0xc000_0200 + low))).collect::<Vec<_>>().join(",");
            let set = AddressSet::parse(&text, HostBits::Clear).unwrap();
            let few = FewV4::of(&set).unwrap();
            prop_assert_eq!(FewV4::from_words(few.words()), few);
            prop_assert_eq!(Reach::Few(few).is_bound(), Reach::Set(Arc::new(set.clone())).is_bound());
            let address = IpAddr::V4(Ipv4Addr::from_bits(0xc000_0200 + probe));
            prop_assert_eq!(Reach::Few(few).admits(address), Reach::Set(Arc::new(set)).admits(address));
        }
    }

    #[test]
    fn a_wide_set_counts_as_unbound() {
        let few = |text| Reach::Few(FewV4::of(&AddressSet::parse(text, HostBits::Refuse).unwrap()).unwrap());
        assert!(few("10.0.0.0/8").is_bound() && few("192.0.2.1").is_bound());
        assert!(!few("0.0.0.0/0").is_bound() && !few("10.0.0.0/8,11.0.0.0/8").is_bound());
        assert!(!Reach::Anywhere.is_bound() && Reach::Canary.is_bound());
    }
}
