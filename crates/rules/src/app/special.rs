//! The IANA special-purpose address blocks, with a verdict each: may a broker's server have such an address?
//!
//! Sources: the IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890 and its updates), the IPv6 address space
//! registry (only 2000::/3 is given out as global unicast), and RFC 3879 and 4291 for what was taken back.

use crate::address::Network;

/// What a special-purpose block is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Special {
    /// Private use, unique local and site-local addresses.
    Private,
    /// The machine itself.
    Loopback,
    /// One link only.
    LinkLocal,
    /// Shared by the customers of a carrier (RFC 6598).
    CarrierNat,
    /// Groups of receivers.
    Multicast,
    /// "This network" and "no address".
    Unspecified,
    /// Reserved, for tests, for protocols, for translation, or not given out.
    Reserved,
    /// For examples in documentation: taken, because nobody can send from them by accident.
    Documentation,
}

impl Special {
    /// Whether a range set may hold such addresses in a deployment that faces the internet.
    #[must_use]
    pub const fn is_taken(self) -> bool {
        matches!(self, Self::Documentation)
    }

    /// Whether it may where private ranges are admitted.
    #[must_use]
    pub const fn is_taken_privately(self) -> bool {
        matches!(self, Self::Documentation | Self::Private | Self::Loopback | Self::CarrierNat)
    }

    /// What it is, in words that end "… address range".
    #[must_use]
    pub const fn with_article(self) -> &'static str {
        match self {
            Self::Private => "a private",
            Self::Loopback => "a loopback",
            Self::LinkLocal => "a link-local",
            Self::CarrierNat => "a carrier-grade NAT",
            Self::Multicast => "a multicast",
            Self::Unspecified => "an unspecified",
            Self::Reserved => "a reserved",
            Self::Documentation => "a documentation",
        }
    }
}

/// A special-purpose block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Block {
    /// Its addresses.
    pub network: Network,
    /// What for.
    pub special: Special,
    /// What the registry calls it.
    pub name: &'static str,
}

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8, special: Special, name: &'static str) -> Block {
    Block { network: Network::V4(u32::from_be_bytes([a, b, c, d]), prefix), special, name }
}

const fn v6(groups: [u16; 4], last: u64, prefix: u8, special: Special, name: &'static str) -> Block {
    let [a, b, c, d] = groups;
    let high = (a as u128) << 112 | (b as u128) << 96 | (c as u128) << 80 | (d as u128) << 64;
    Block { network: Network::V6(high | last as u128, prefix), special, name }
}

/// All blocks. Where two overlap, the first one that fits names the reason.
pub const BLOCKS: &[Block] = {
    use Special::*;
    &[
        v4(0, 0, 0, 0, 8, Unspecified, "this network"),
        v4(10, 0, 0, 0, 8, Private, "private use"),
        v4(100, 64, 0, 0, 10, CarrierNat, "shared address space"),
        v4(127, 0, 0, 0, 8, Loopback, "loopback"),
        v4(169, 254, 0, 0, 16, LinkLocal, "link local"),
        v4(172, 16, 0, 0, 12, Private, "private use"),
        v4(192, 0, 2, 0, 24, Documentation, "TEST-NET-1"),
        v4(192, 0, 0, 0, 24, Reserved, "IETF protocol assignments"),
        v4(192, 31, 196, 0, 24, Reserved, "AS112-v4"),
        v4(192, 52, 193, 0, 24, Reserved, "AMT"),
        v4(192, 88, 99, 0, 24, Reserved, "6to4 relay anycast"),
        v4(192, 168, 0, 0, 16, Private, "private use"),
        v4(192, 175, 48, 0, 24, Reserved, "direct delegation AS112 service"),
        v4(198, 18, 0, 0, 15, Reserved, "benchmarking"),
        v4(198, 51, 100, 0, 24, Documentation, "TEST-NET-2"),
        v4(203, 0, 113, 0, 24, Documentation, "TEST-NET-3"),
        v4(224, 0, 0, 0, 4, Multicast, "multicast"),
        v4(240, 0, 0, 0, 4, Reserved, "reserved for future use and broadcast"),
        v6([0, 0, 0, 0], 0, 128, Unspecified, "unspecified address"),
        v6([0, 0, 0, 0], 1, 128, Loopback, "loopback address"),
        v6([0x64, 0xff9b, 0, 0], 0, 96, Reserved, "IPv4-IPv6 translation"),
        v6([0x64, 0xff9b, 1, 0], 0, 48, Reserved, "IPv4-IPv6 translation"),
        v6([0x100, 0, 0, 0], 0, 64, Reserved, "discard-only"),
        v6([0x100, 0, 0, 1], 0, 64, Reserved, "dummy prefix"),
        v6([0x2001, 0xdb8, 0, 0], 0, 32, Documentation, "documentation"),
        v6([0x2001, 0, 0, 0], 0, 23, Reserved, "IETF protocol assignments, Teredo and ORCHID among them"),
        v6([0x2002, 0, 0, 0], 0, 16, Reserved, "6to4"),
        v6([0x2620, 0x4f, 0x8000, 0], 0, 48, Reserved, "direct delegation AS112 service"),
        v6([0x3fff, 0, 0, 0], 0, 20, Documentation, "documentation"),
        v6([0x5f00, 0, 0, 0], 0, 16, Reserved, "segment routing SIDs"),
        v6([0xfc00, 0, 0, 0], 0, 7, Private, "unique local"),
        v6([0xfe80, 0, 0, 0], 0, 10, LinkLocal, "link-local unicast"),
        v6([0xfec0, 0, 0, 0], 0, 10, Private, "site-local, taken back"),
        v6([0xff00, 0, 0, 0], 0, 8, Multicast, "multicast"),
        // Whatever is not 2000::/3 is not given out to anybody.
        v6([0, 0, 0, 0], 0, 3, Reserved, "not given out"),
        v6([0x4000, 0, 0, 0], 0, 2, Reserved, "not given out"),
        v6([0x8000, 0, 0, 0], 0, 1, Reserved, "not given out"),
    ]
};

impl Block {
    /// The block that decides about a range: the first that shares an address with it and is not taken, else the
    /// first that shares one.
    #[must_use]
    pub fn deciding(range: Network, taken: impl Fn(Special) -> bool) -> Option<&'static Self> {
        let shares = |block: &&Self| block.network.covers(range) || range.covers(block.network);
        let mut within = BLOCKS.iter().filter(shares);
        // A documentation block inside "not given out" or the like is decided by its own line.
        let own = BLOCKS.iter().filter(shares).find(|block| block.network.covers(range));
        match own {
            Some(block) if taken(block.special) => Some(block),
            _ => within.find(|block| !taken(block.special)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{BLOCKS, Block, Special};
    use crate::address::{HostBits, Network};

    fn decides(text: &str) -> Option<Special> {
        let range = Network::parse(text, HostBits::Refuse).unwrap();
        Block::deciding(range, Special::is_taken).map(|block| block.special)
    }

    #[test]
    fn every_block_has_no_host_bits_and_its_edges_decide() {
        for block in BLOCKS {
            let text = block.network.to_string();
            assert_eq!(Network::parse(&text, HostBits::Refuse), Ok(block.network), "{text}");
            assert!(
                decides(&text).is_some_and(|found| found == block.special || !found.is_taken()),
                "{text}"
            );
        }
    }

    #[test]
    fn what_lies_inside_around_and_beside_a_block() {
        for (range, special) in [
            ("8.8.8.0/24", None),
            ("2606:4700::/32", None),
            ("203.0.113.0/24", Some(Special::Documentation)),
            ("203.0.113.7", Some(Special::Documentation)),
            ("203.0.112.0/23", None),
            ("2001:db8::/32", Some(Special::Documentation)),
            ("2001:db8:1::/48", Some(Special::Documentation)),
            ("3fff:ab::/32", Some(Special::Documentation)),
            ("10.1.2.3", Some(Special::Private)),
            ("11.0.0.0/16", None),
            ("9.255.0.0/16", None),
            ("192.0.0.0/16", Some(Special::Reserved)),
            ("198.51.100.0/22", None),
            ("100.127.255.255", Some(Special::CarrierNat)),
            ("100.128.0.0/16", None),
            ("172.31.255.0/24", Some(Special::Private)),
            ("172.32.0.0/16", None),
            ("255.255.255.255", Some(Special::Reserved)),
            ("::1", Some(Special::Loopback)),
            ("::", Some(Special::Unspecified)),
            ("::7f00:1", Some(Special::Reserved)),
            ("2002:c000:201::/48", Some(Special::Reserved)),
            ("2001:0:1::/48", Some(Special::Reserved)),
            ("64:ff9b::c000:201", Some(Special::Reserved)),
            ("fd00::/32", Some(Special::Private)),
            ("fe80::1", Some(Special::LinkLocal)),
            ("ff02::1", Some(Special::Multicast)),
            ("4000::/32", Some(Special::Reserved)),
            ("3fff:1000::/32", None),
        ] {
            assert_eq!(
                decides(range).filter(|found| !found.is_taken() || special.is_some()),
                special,
                "{range}"
            );
        }
    }
}
