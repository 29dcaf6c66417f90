//! An app's ranges as a gateway asks them: the same work for every address and every number of ranges.

use std::net::IpAddr;

use super::entry::{Network, canonical, mask_v4, mask_v6};
use super::set::AddressSet;
use crate::limits::RANGES_PER_APP;

/// Room for a set and the one that it replaces, side by side for an overlap.
const SLOTS: usize = 2 * RANGES_PER_APP;

/// Every question looks at every slot, whatever is in use, and none is left early: how long the answer takes tells neither
/// how near a range was nor how many there are. A search that skips would be shorter, but which cache lines it touches
/// depends on the ranges, and that can be measured.
///
/// An IPv6 range is kept as two halves, so that the compiler can look at several slots at once.
#[derive(PartialEq, Eq)]
pub struct RangeTable {
    v4: Slots<u32>,
    high: Slots<u64>,
    low: Slots<u64>,
    /// All ones if there is such a range at all, else zero: slots that are not in use repeat one that is.
    any_v4: u32,
    any_v6: u64,
}

/// First addresses, and masks over the bits that count.
#[derive(PartialEq, Eq)]
struct Slots<Bits> {
    bases: Box<[Bits]>,
    masks: Box<[Bits]>,
}

impl RangeTable {
    /// The table of a set, at most two sets of [`RANGES_PER_APP`]; what would not fit is left out, so that it admits less.
    #[must_use]
    pub fn of(set: &AddressSet) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for network in set.networks() {
            match *network {
                Network::V4(base, prefix) => v4.push((base, mask_v4(prefix))),
                Network::V6(base, prefix) => v6.push((base, mask_v6(prefix))),
            }
        }
        let half = |shift: u32| v6.iter().map(move |&(base, mask)| (word(base, shift), word(mask, shift)));
        Self {
            any_v4: if v4.is_empty() { 0 } else { u32::MAX },
            any_v6: if v6.is_empty() { 0 } else { u64::MAX },
            high: Slots::of(half(64)),
            low: Slots::of(half(0)),
            v4: Slots::of(v4.into_iter()),
        }
    }

    /// Whether `address` lies in one of the ranges.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match canonical(address) {
            IpAddr::V4(v4) => self.contains_v4(v4.to_bits()),
            IpAddr::V6(v6) => self.contains_v6(v6.to_bits()),
        }
    }

    fn contains_v4(&self, wanted: u32) -> bool {
        let mut found = 0;
        for (base, mask) in self.v4.iter() {
            // No branch on the answer: it is gathered.
            found |= u32::from((wanted ^ base) & mask == 0);
        }
        found & self.any_v4 != 0
    }

    fn contains_v6(&self, wanted: u128) -> bool {
        let (high, low, mut found) = (word(wanted, 64), word(wanted, 0), 0);
        for ((base, mask), (low_base, low_mask)) in self.high.iter().zip(self.low.iter()) {
            found |= u64::from(((high ^ base) & mask) | ((low ^ low_base) & low_mask) == 0);
        }
        found & self.any_v6 != 0
    }
}

impl<Bits: Copy + Default> Slots<Bits> {
    /// The first [`SLOTS`] of `ranges`, then the first one again, until all slots are filled.
    fn of(ranges: impl Iterator<Item = (Bits, Bits)> + Clone) -> Self {
        let first = ranges.clone().next().unwrap_or_default();
        let filled = ranges.chain(std::iter::repeat(first)).take(SLOTS);
        let (bases, masks): (Vec<Bits>, Vec<Bits>) = filled.unzip();
        Self { bases: bases.into_boxed_slice(), masks: masks.into_boxed_slice() }
    }

    fn iter(&self) -> impl Iterator<Item = (Bits, Bits)> + '_ {
        self.bases.iter().copied().zip(self.masks.iter().copied())
    }
}

/// Half of an IPv6 address.
#[expect(clippy::cast_possible_truncation, reason = "the other half is taken by another shift")]
const fn word(bits: u128, shift: u32) -> u64 {
    (bits >> shift) as u64
}

/// The ranges are confidential.
impl std::fmt::Debug for RangeTable {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("RangeTable(…)")
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

    use proptest::prelude::*;

    use super::RangeTable;
    use crate::address::{AddressSet, HostBits, Network};

    fn network() -> impl Strategy<Value = Network> {
        let parse = |text: String| Network::parse(&text, HostBits::Clear).unwrap();
        prop_oneof![
            (0_u32..256, 24_u8..=32).prop_map(move |(low, prefix)| parse(format!(
                "{}/{prefix}",
                Ipv4Addr::from_bits(0xcb00_7100 + low)
            ))),
            (0_u128..256, 120_u8..=128).prop_map(move |(low, prefix)| parse(format!(
                "{}/{prefix}",
                Ipv6Addr::from_bits((0x2001_0db8 << 96) + low)
            ))),
        ]
    }

    proptest! {
        #[test]
        fn equals_the_set(networks in prop::collection::vec(network(), 1..40), low in 0_u32..300) {
            let set = AddressSet::of_app(networks).unwrap();
            let table = RangeTable::of(&set);
            for address in [
                IpAddr::V4(Ipv4Addr::from_bits(0xcb00_7100 + low)),
                IpAddr::V6(Ipv4Addr::from_bits(0xcb00_7100 + low).to_ipv6_mapped()),
                IpAddr::V6(Ipv6Addr::from_bits((0x2001_0db8 << 96) + u128::from(low))),
            ] {
                prop_assert_eq!(table.contains(address), set.contains(address));
            }
        }
    }

    /// An overlap of two full sets fits, in one family as in the other.
    #[test]
    fn twice_the_most_ranges_are_all_held() {
        let v4: Vec<Network> = (0..2_000_u32).map(|at| Network::V4(0x0500_0000 + at * 512, 24)).collect();
        let v6: Vec<Network> =
            (0..2_000_u128).map(|at| Network::V6((0x2001_0db8 << 96) + (at << 81), 48)).collect();
        for networks in [v4, v6] {
            let set = AddressSet::of_overlap(networks).unwrap();
            let table = RangeTable::of(&set);
            for network in set.networks() {
                let (first, beyond): (IpAddr, IpAddr) = match *network {
                    Network::V4(base, _) => (Ipv4Addr::from(base).into(), Ipv4Addr::from(base + 256).into()),
                    Network::V6(base, _) => {
                        (Ipv6Addr::from(base).into(), Ipv6Addr::from(base + (1 << 80)).into())
                    }
                };
                assert!(table.contains(first) && !table.contains(beyond), "{network}");
            }
        }
    }

    #[test]
    fn the_ends_of_the_line_and_a_full_table() {
        let all: Vec<Network> = (0..1_000_u32).map(|at| Network::V4(0x0500_0000 + at * 512, 24)).collect();
        let set = AddressSet::of_app(all).unwrap();
        let table = RangeTable::of(&set);
        for at in [0_u32, 1, 499, 998, 999] {
            let base = 0x0500_0000 + at * 512;
            for (offset, inside) in [(0, true), (255, true), (256, false), (511, false)] {
                assert_eq!(table.contains(IpAddr::V4((base + offset).into())), inside, "{at} {offset}");
            }
        }
        for address in [
            "0.0.0.0",
            "255.255.255.255",
            "::",
            "::ffff:0:0",
            "::5.0.0.0",
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        ] {
            assert!(!table.contains(address.parse().unwrap()), "{address}");
        }
        let other = RangeTable::of(&AddressSet::parse("2001:db8::/32", HostBits::Refuse).unwrap());
        for address in ["0.0.0.0", "5.0.0.1", "32.1.13.184", "::"] {
            assert!(!other.contains(address.parse().unwrap()), "{address}");
        }
    }
}
