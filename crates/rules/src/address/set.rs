//! A canonical, non-empty set of networks.

use std::fmt;
use std::net::IpAddr;

use super::entry::{HostBits, Network, NotANetwork, mask_v4, mask_v6};
use crate::limits::{
    ADDRESS_TEXT_BYTES, ADDRESSES_PER_KEY, BOUND_IPV4_ADDRESSES, BOUND_IPV6_ADDRESSES, RANGES_PER_APP,
};

/// Disjoint networks in ascending order, none of which could be joined with a neighbour.
///
/// Two sets with the same addresses are equal and print the same text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AddressSet {
    networks: Vec<Network>,
}

/// Whether a set narrows anything down (product.md 3.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Width {
    /// At most a /8 of IPv4 and a /32 of IPv6 in union.
    Narrow,
    /// Wider: needs an acknowledgement, and counts as unbound everywhere.
    Wide,
}

/// Why a list is not a set of addresses.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotASet {
    /// Nothing in it; an empty list is never taken to mean "anywhere".
    #[error("the address list is empty; leave it out to make a key that works from anywhere")]
    Empty,
    /// One entry is wrong, counted from 1.
    #[error("address entry {at} is wrong")]
    Entry {
        /// Which entry, from 1.
        at: usize,
        /// What is wrong with it.
        #[source]
        why: NotANetwork,
    },
    /// Too many entries after merging, or too much text.
    #[error("more than {limit} addresses after merging")]
    TooMany {
        /// How many are allowed.
        limit: usize,
    },
}

impl AddressSet {
    /// Reads a key's comma-separated list of at most 20 entries after merging; spaces around an entry are
    /// taken for formatting.
    ///
    /// # Errors
    /// [`NotASet`]; an entry that says nothing (`,,`) is an error and not skipped.
    pub fn parse(text: &str, host_bits: HostBits) -> Result<Self, NotASet> {
        if text.trim_matches(' ').is_empty() {
            return Err(NotASet::Empty);
        }
        if text.len() > ADDRESS_TEXT_BYTES {
            return Err(NotASet::TooMany { limit: ADDRESSES_PER_KEY });
        }
        let networks: Result<Vec<_>, _> = text
            .split(',')
            .enumerate()
            .map(|(at, entry)| {
                Network::parse(entry.trim_matches(' '), host_bits)
                    .map_err(|why| NotASet::Entry { at: at + 1, why })
            })
            .collect();
        Self::limited(networks?, ADDRESSES_PER_KEY)
    }

    /// The canonical set of `networks`, at most `ADDRESSES_PER_KEY` after merging.
    ///
    /// # Errors
    /// [`NotASet::Empty`] and [`NotASet::TooMany`].
    pub fn new(networks: Vec<Network>) -> Result<Self, NotASet> {
        Self::limited(networks, ADDRESSES_PER_KEY)
    }

    /// The canonical set of an app's ranges, at most `RANGES_PER_APP` after merging.
    ///
    /// # Errors
    /// [`NotASet::Empty`] and [`NotASet::TooMany`].
    pub fn of_app(networks: Vec<Network>) -> Result<Self, NotASet> {
        Self::limited(networks, RANGES_PER_APP)
    }

    /// The canonical set of an app's ranges while one set follows another: at most twice `RANGES_PER_APP`.
    ///
    /// # Errors
    /// [`NotASet::Empty`] and [`NotASet::TooMany`].
    pub fn of_overlap(networks: Vec<Network>) -> Result<Self, NotASet> {
        Self::limited(networks, 2 * RANGES_PER_APP)
    }

    /// Both together, for as long as one follows the other.
    #[must_use]
    pub fn joined_with(&self, other: &Self) -> Self {
        Self { networks: merged(self.networks.iter().chain(&other.networks).copied().collect()) }
    }

    fn limited(networks: Vec<Network>, limit: usize) -> Result<Self, NotASet> {
        let networks = merged(networks);
        if networks.is_empty() {
            return Err(NotASet::Empty);
        }
        if networks.len() > limit {
            return Err(NotASet::TooMany { limit });
        }
        Ok(Self { networks })
    }

    /// The networks, ascending, IPv4 first.
    #[must_use]
    pub fn networks(&self) -> &[Network] {
        &self.networks
    }

    /// Whether `address` lies in the set, in whichever family it is spelled.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let single = Network::single(address);
        // Disjoint and ascending: only the last network that starts at or before the address can cover it.
        let after = self.networks.partition_point(|network| first(*network) <= first(single));
        after
            .checked_sub(1)
            .and_then(|at| self.networks.get(at))
            .is_some_and(|network| network.covers(single))
    }

    /// Whether any address of `network` lies in this set.
    #[must_use]
    pub fn touches(&self, network: Network) -> bool {
        let after = self.networks.partition_point(|one| first(*one) <= first(network));
        let beside = [after.checked_sub(1), Some(after)].into_iter().flatten();
        let mut beside = beside.filter_map(|at| self.networks.get(at));
        beside.any(|one| one.covers(network) || network.covers(*one))
    }

    /// Whether every address of `other` lies in this set.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        other.networks.iter().all(|inner| self.networks.iter().any(|outer| outer.covers(*inner)))
    }

    /// Whether the union is so wide that it binds nothing.
    #[must_use]
    pub fn width(&self) -> Width {
        let (mut v4, mut v6) = (0_u64, 0_u128);
        for network in &self.networks {
            match *network {
                Network::V4(_, prefix) => v4 = v4.saturating_add(u64::from(!mask_v4(prefix)) + 1),
                Network::V6(_, prefix) => v6 = v6.saturating_add((!mask_v6(prefix)).saturating_add(1)),
            }
        }
        if v4 > BOUND_IPV4_ADDRESSES || v6 > BOUND_IPV6_ADDRESSES { Width::Wide } else { Width::Narrow }
    }
}

/// Family and first address, the order of the set.
const fn first(network: Network) -> (u8, u128) {
    match network {
        Network::V4(base, _) => (4, base as u128),
        Network::V6(base, _) => (6, base),
    }
}

/// Sorts, drops what is covered, and joins halves until nothing changes.
fn merged(mut networks: Vec<Network>) -> Vec<Network> {
    networks.sort_unstable();
    let mut kept: Vec<Network> = Vec::with_capacity(networks.len());
    for network in networks {
        if kept.last().is_some_and(|last| last.covers(network)) {
            continue;
        }
        let mut whole = network;
        while let Some(joined) = kept.last().and_then(|last| last.joined(whole)) {
            kept.pop();
            whole = joined;
        }
        kept.push(whole);
    }
    kept
}

/// Comma-separated, canonical; what [`AddressSet::parse`] reads.
impl fmt::Display for AddressSet {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, network) in self.networks.iter().enumerate() {
            write!(out, "{}{network}", if at == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

    use proptest::prelude::*;

    use super::{AddressSet, HostBits, Network, NotASet, Width};

    fn set(text: &str) -> AddressSet {
        AddressSet::parse(text, HostBits::Refuse).unwrap()
    }

    #[test]
    fn unifies_what_means_the_same() {
        for (text, canonical) in [
            ("192.0.2.1", "192.0.2.1"),
            ("192.0.2.1/32", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("::ffff:c000:201", "192.0.2.1"),
            ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
            ("192.0.2.1, 192.0.2.1", "192.0.2.1"),
            ("192.0.2.0/25,192.0.2.128/25", "192.0.2.0/24"),
            ("192.0.2.0/24,192.0.2.7", "192.0.2.0/24"),
            ("2001:DB8:0:0::1", "2001:db8::1"),
            ("2001:db8::1/128", "2001:db8::1"),
            ("2001:db8::/32,192.0.2.9", "192.0.2.9,2001:db8::/32"),
            ("::1,127.0.0.1", "127.0.0.1,::1"),
        ] {
            assert_eq!(set(text).to_string(), canonical, "{text}");
        }
    }

    #[test]
    fn refuses_odd_spellings() {
        for text in [
            "192.0.2.01",
            "192.0.2",
            "3221225985",
            "0xc0000201",
            "192.0.2.1.",
            "192.0.2.256",
            "192.0.2.1/33",
            "192.0.2.1/-1",
            "192.0.2.1/+24",
            "192.0.2.0/024",
            "192.0.2.0/",
            "192.0.2.0/24/24",
            "192.0.2.1/24",
            "192.0.2.0/255.255.255.0",
            "192.0.2.*",
            "192.0.2.1-192.0.2.9",
            "192.0.2.1:80",
            "[2001:db8::1]",
            "2001:db8::1%eth0",
            "fe80::1%1",
            "2001:db8:::1",
            "2001:db8::1::2",
            "2001:db8::/129",
            "2001:db8::1/32",
            "::ffff:0:0/90",
            "::ffff:192.0.2.1/24",
            "localhost",
            "any",
            "*",
            "all",
            "１９２.0.2.1",
            "192.0.2.1\t",
            "192.0.2.1\n",
            "\u{a0}192.0.2.1",
            "192.0.2.1;192.0.2.2",
            "192.0.2.1 192.0.2.2",
            "192.0.2.1,",
            ",192.0.2.1",
            "192.0.2.1,,192.0.2.2",
            "null",
            "0",
            "/0",
            "-",
            "::/0x0",
        ] {
            assert!(AddressSet::parse(text, HostBits::Refuse).is_err(), "{text}");
        }
    }

    #[test]
    fn emptiness_is_never_anywhere() {
        for text in ["", " ", "   ", ","] {
            assert!(AddressSet::parse(text, HostBits::Clear).is_err(), "{text:?}");
        }
        assert_eq!(AddressSet::new(vec![]), Err(NotASet::Empty));
    }

    #[test]
    fn host_bits_are_refused_or_cleared() {
        assert!(AddressSet::parse("192.0.2.7/24", HostBits::Refuse).is_err());
        assert_eq!(AddressSet::parse("192.0.2.7/24", HostBits::Clear).unwrap().to_string(), "192.0.2.0/24");
    }

    #[test]
    fn twenty_after_merging() {
        let of =
            |count: u32| (0..count).map(|at| format!("192.0.2.{}", at * 2)).collect::<Vec<_>>().join(",");
        assert!(AddressSet::parse(&of(20), HostBits::Refuse).is_ok());
        assert_eq!(AddressSet::parse(&of(21), HostBits::Refuse), Err(NotASet::TooMany { limit: 20 }));
        let mergeable = (0..64).map(|at| format!("192.0.2.{at}")).collect::<Vec<_>>().join(",");
        assert_eq!(set(&mergeable).to_string(), "192.0.2.0/26");
    }

    #[test]
    fn width_counts_the_union() {
        for (text, width) in [
            ("10.0.0.0/8", Width::Narrow),
            ("10.0.0.0/8,192.0.2.1", Width::Wide),
            ("0.0.0.0/0", Width::Wide),
            ("0.0.0.0/1,128.0.0.0/1", Width::Wide),
            ("2001:db8::/32", Width::Narrow),
            ("2001:db8::/31", Width::Wide),
            ("::/0", Width::Wide),
            ("10.0.0.0/8,2001:db8::/32", Width::Narrow),
        ] {
            assert_eq!(set(text).width(), width, "{text}");
        }
        assert_eq!(set("0.0.0.0/1,128.0.0.0/1").to_string(), "0.0.0.0/0");
    }

    #[test]
    fn mapped_clients_match_ipv4_entries() {
        let bound = set("192.0.2.0/24");
        assert!(bound.contains("::ffff:192.0.2.9".parse().unwrap()));
        assert!(!bound.contains("::192.0.2.9".parse().unwrap()));
        assert!(!set("::/0").contains("192.0.2.9".parse().unwrap()));
    }

    fn network() -> impl Strategy<Value = Network> {
        prop_oneof![
            // Few distinct bits, so that neighbours, nesting and joins are common.
            (0_u32..64, 24_u8..=32)
                .prop_map(|(low, prefix)| clear(IpAddr::V4(Ipv4Addr::from_bits(0xc000_0200 + low)), prefix)),
            (any::<u32>(), 0_u8..=32)
                .prop_map(|(bits, prefix)| clear(IpAddr::V4(Ipv4Addr::from_bits(bits)), prefix)),
            (0_u128..64, 120_u8..=128).prop_map(|(low, prefix)| clear(
                IpAddr::V6(Ipv6Addr::from_bits((0x2001_0db8 << 96) + low)),
                prefix
            )),
        ]
    }

    fn clear(address: IpAddr, prefix: u8) -> Network {
        Network::parse(&format!("{address}/{prefix}"), HostBits::Clear).unwrap()
    }

    fn probe() -> impl Strategy<Value = IpAddr> {
        prop_oneof![
            (0_u32..80).prop_map(|low| IpAddr::V4(Ipv4Addr::from_bits(0xc000_0200 + low))),
            any::<u32>().prop_map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits))),
            (0_u128..80).prop_map(|low| IpAddr::V6(Ipv6Addr::from_bits((0x2001_0db8 << 96) + low))),
        ]
    }

    proptest! {
        #[test]
        fn equals_the_naive_model(networks in prop::collection::vec(network(), 1..40), probes in prop::collection::vec(probe(), 40)) {
            let merged = AddressSet::of_app(networks.clone()).unwrap();
            for address in probes {
                let naive = networks.iter().any(|one| one.covers(Network::single(address)));
                prop_assert_eq!(merged.contains(address), naive);
            }
            prop_assert!(merged.networks().is_sorted());
        }

        #[test]
        fn touching_equals_the_naive_model(networks in prop::collection::vec(network(), 1..20), other in network()) {
            let merged = AddressSet::of_app(networks).unwrap();
            let naive = merged.networks().iter().any(|one| one.covers(other) || other.covers(*one));
            prop_assert_eq!(merged.touches(other), naive);
        }

        #[test]
        fn canonical_text_is_a_fixed_point(networks in prop::collection::vec(network(), 1..20), seed: u64) {
            let canonical = AddressSet::new(networks.clone()).unwrap();
            let mut shuffled = networks;
            let turn = usize::try_from(seed % 20).unwrap() % shuffled.len();
            shuffled.rotate_left(turn);
            prop_assert_eq!(&AddressSet::new(shuffled).unwrap(), &canonical);
            prop_assert_eq!(AddressSet::parse(&canonical.to_string(), HostBits::Refuse).unwrap(), canonical);
        }

        #[test]
        fn any_text_parses_or_is_refused(text in "[0-9a-f:./, ]{0,40}") {
            if let Ok(parsed) = AddressSet::parse(&text, HostBits::Clear) {
                prop_assert_eq!(AddressSet::parse(&parsed.to_string(), HostBits::Refuse).unwrap(), parsed);
            }
        }
    }
}
