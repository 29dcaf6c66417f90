//! What a new set adds to and takes from the one in force, and how much a set covers.

use crate::address::{AddressSet, Network};

/// How much a set covers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Size {
    /// IPv4 blocks.
    pub v4_blocks: usize,
    /// IPv4 addresses in them.
    pub v4_addresses: u64,
    /// IPv6 blocks.
    pub v6_blocks: usize,
    /// Networks of the usual size of one site's, /64, in them; a smaller block counts as one.
    pub v6_networks: u64,
}

impl Size {
    /// Of these blocks.
    #[must_use]
    pub fn of(networks: &[Network]) -> Self {
        let mut size = Self::default();
        for network in networks {
            match *network {
                Network::V4(_, prefix) => {
                    size.v4_blocks += 1;
                    size.v4_addresses += 1_u64 << 32_u32.saturating_sub(u32::from(prefix));
                }
                Network::V6(_, prefix) => {
                    size.v6_blocks += 1;
                    let bits = 64_u32.saturating_sub(u32::from(prefix)).min(63);
                    size.v6_networks = size.v6_networks.saturating_add(1_u64 << bits);
                }
            }
        }
        size
    }
}

/// What changes between two sets, in blocks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// What only the new one has.
    pub added: Vec<Network>,
    /// What only the old one has.
    pub removed: Vec<Network>,
}

impl Difference {
    /// From `old`, or from nothing, to `new`.
    #[must_use]
    pub fn between(old: Option<&AddressSet>, new: &AddressSet) -> Self {
        let (before, after) = (old.map_or(&[][..], AddressSet::networks), new.networks());
        Self { added: minus(after, before), removed: minus(before, after) }
    }

    /// Whether it takes away and adds nothing.
    #[must_use]
    pub fn narrows(&self) -> bool {
        self.added.is_empty() && !self.removed.is_empty()
    }
}

/// The parts of `from` that lie in none of `others`. Both are canonical, so blocks nest or are apart.
fn minus(from: &[Network], others: &[Network]) -> Vec<Network> {
    let mut left = Vec::new();
    for network in from {
        let inside: Vec<Network> = others.iter().copied().filter(|other| network.covers(*other)).collect();
        if others.iter().any(|other| other.covers(*network)) {
            continue;
        }
        cut(*network, &inside, &mut left);
    }
    left
}

/// `network` without the blocks inside it: halved until a half holds none of them, or is one of them.
fn cut(network: Network, inside: &[Network], left: &mut Vec<Network>) {
    if inside.is_empty() {
        left.push(network);
        return;
    }
    if inside.contains(&network) {
        return;
    }
    for half in network.halves().into_iter().flatten() {
        let within: Vec<Network> = inside.iter().copied().filter(|one| half.covers(*one)).collect();
        cut(half, &within, left);
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use proptest::prelude::*;

    use super::{Difference, Size};
    use crate::address::{AddressSet, HostBits, Network};

    fn set(text: &str) -> AddressSet {
        AddressSet::of_app(text.split(',').map(|one| Network::parse(one, HostBits::Clear).unwrap()).collect())
            .unwrap()
    }

    fn shown(networks: &[Network]) -> Vec<String> {
        networks.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_added_and_removed_is_exact() {
        let change = Difference::between(
            Some(&set("203.0.113.0/24,2001:db8::/32")),
            &set("203.0.113.0/25,198.51.100.7"),
        );
        assert_eq!(shown(&change.added), ["198.51.100.7"]);
        assert_eq!(shown(&change.removed), ["203.0.113.128/25", "2001:db8::/32"]);
        assert!(!change.narrows());
        assert!(Difference::between(Some(&set("203.0.113.0/24")), &set("203.0.113.7")).narrows());
        let same = Difference::between(Some(&set("203.0.113.0/24")), &set("203.0.113.0/24"));
        assert!(!same.narrows() && same.added.is_empty() && same.removed.is_empty());
        assert_eq!(shown(&Difference::between(None, &set("203.0.113.7")).added), ["203.0.113.7"]);
    }

    #[test]
    fn sizes_are_counted_by_family() {
        let size = Size::of(set("203.0.113.0/24,198.51.100.7,2001:db8::/32,2001:db9::1").networks());
        assert_eq!((size.v4_blocks, size.v4_addresses), (2, 257));
        assert_eq!((size.v6_blocks, size.v6_networks), (2, (1 << 32) + 1));
    }

    fn blocks() -> impl Strategy<Value = AddressSet> {
        prop::collection::vec((0_u32..256, 24_u8..=32), 1..12).prop_map(|list| {
            let text =
                |(low, prefix): (u32, u8)| format!("{}/{prefix}", Ipv4Addr::from_bits(0xcb00_7100 + low));
            set(&list.into_iter().map(text).collect::<Vec<_>>().join(","))
        })
    }

    proptest! {
        #[test]
        fn each_address_changes_as_the_difference_says(old in blocks(), new in blocks()) {
            let change = Difference::between(Some(&old), &new);
            for low in 0_u32..256 {
                let address = IpAddr::V4(Ipv4Addr::from_bits(0xcb00_7100 + low));
                let one = Network::single(address);
                let (was, is) = (old.contains(address), new.contains(address));
                prop_assert_eq!(change.added.iter().any(|block| block.covers(one)), is && !was);
                prop_assert_eq!(change.removed.iter().any(|block| block.covers(one)), was && !is);
            }
            prop_assert_eq!(old.covers(&new), change.added.is_empty());
        }
    }
}
