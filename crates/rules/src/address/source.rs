//! What strangers are counted by: an IPv4 address, or the /64 of an IPv6 one.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use super::entry::canonical;

/// The key of everything that is kept per source: rates, bans, tries, shares of memory and of connections.
///
/// One subscriber usually has a whole IPv6 /64 (RFC 6177), so its addresses count as one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Source(IpAddr);

impl Source {
    /// The source that `address` belongs to.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match canonical(address) {
            v4 @ IpAddr::V4(_) => Self(v4),
            IpAddr::V6(v6) => Self(IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64))),
        }
    }

    /// Its address, or the first one of its /64.
    #[must_use]
    pub const fn first(self) -> IpAddr {
        self.0
    }

    /// 64 bits that differ between any two IPv4 sources and between any two IPv6 ones.
    #[must_use]
    pub const fn number(self) -> u64 {
        match self.0 {
            IpAddr::V4(v4) => v4.to_bits() as u64,
            // Apart from the IPv4 ones by bits that no global /64 has at once.
            IpAddr::V6(v6) => (v6.to_bits() >> 64) as u64 ^ 0x6000_0000_0000_0006,
        }
    }
}

/// `192.0.2.1`, or `2001:db8::/64`.
impl fmt::Display for Source {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(v4) => write!(out, "{v4}"),
            IpAddr::V6(v6) => write!(out, "{v6}/64"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Source;

    fn source(address: &str) -> Source {
        Source::of(address.parse().unwrap())
    }

    #[test]
    fn a_64_is_one_source_and_every_ipv4_address_its_own() {
        assert_eq!(source("2001:db8::1"), source("2001:db8:0:0:ffff::2"));
        assert_ne!(source("2001:db8::1"), source("2001:db8:0:1::1"));
        assert_ne!(source("192.0.2.1"), source("192.0.2.2"));
        assert_eq!(source("::ffff:192.0.2.1"), source("192.0.2.1"));
        assert_eq!(source("2001:db8::1").to_string(), "2001:db8::/64");
        assert_eq!(source("192.0.2.1").to_string(), "192.0.2.1");
        assert_ne!(source("2001:db8::1").number(), source("2001:db8:0:1::1").number());
    }
}
