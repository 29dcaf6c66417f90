//! An app's ranges as a gateway asks them: the same work for every address and every number of ranges.

use std::net::{IpAddr, Ipv6Addr};

use super::entry::{Network, mask_v4, mask_v6};
use super::set::AddressSet;
use crate::limits::RANGES_PER_APP;

/// Room for a set and the one that it replaces, side by side for an overlap, rounded up to a power of two.
const SLOTS: usize = (2 * RANGES_PER_APP).next_power_of_two();

/// Always [`SLOTS`] entries, whatever is in use, and always the same number of steps: how long the answer takes tells
/// neither how near a range was nor how many there are.
#[derive(PartialEq, Eq)]
pub struct RangeTable {
    firsts: Box<[u128]>,
    lasts: Box<[u128]>,
}

impl RangeTable {
    /// The table of a set, at most two sets of [`RANGES_PER_APP`]; what would not fit is left out, so that it admits less.
    #[must_use]
    pub fn of(set: &AddressSet) -> Self {
        let mut spans: Vec<(u128, u128)> = set.networks().iter().map(|network| span(*network)).collect();
        spans.sort_unstable();
        spans.truncate(SLOTS);
        let (mut firsts, mut lasts) = (vec![u128::MAX; SLOTS], vec![0; SLOTS]);
        for ((first, last), (from, to)) in firsts.iter_mut().zip(&mut lasts).zip(spans) {
            (*first, *last) = (from, to);
        }
        Self { firsts: firsts.into_boxed_slice(), lasts: lasts.into_boxed_slice() }
    }

    /// Whether `address` lies in one of the ranges.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let wanted = number(address);
        let (mut at, mut step) = (0, SLOTS / 2);
        while step > 0 {
            let probe = self.firsts.get(at + step).copied().unwrap_or(u128::MAX);
            // No branch on the answer: it is added, zero or one step.
            at += step * usize::from(probe <= wanted);
            step /= 2;
        }
        let first = self.firsts.get(at).copied().unwrap_or(u128::MAX);
        let last = self.lasts.get(at).copied().unwrap_or(0);
        (first <= wanted) & (wanted <= last)
    }
}

/// Both families on one line: IPv4 where IPv6 maps it (RFC 4291, 2.5.5.2).
fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => Ipv6Addr::to_bits(v6),
    }
}

fn span(network: Network) -> (u128, u128) {
    match network {
        Network::V4(base, prefix) => {
            let first = number(IpAddr::V4(base.into()));
            (first, first | u128::from(!mask_v4(prefix)))
        }
        Network::V6(base, prefix) => (base, base | !mask_v6(prefix)),
    }
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
        for address in ["0.0.0.0", "255.255.255.255", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"] {
            assert!(!table.contains(address.parse().unwrap()), "{address}");
        }
    }
}
