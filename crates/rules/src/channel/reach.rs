//! Which addresses a receiver may have: those that are public for sure, and no others.
//!
//! From IANA's special-purpose registries for IPv4 and IPv6 (RFC 6890 and its updates). Everything outside 2000::/3
//! is refused for IPv6, so that a range that is set aside tomorrow is refused today.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why an address must not be reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("this address is {0}, but a receiver must be public; an operator can allow it in `[channels] allow`")]
pub struct Unreachable(&'static str);

/// IPv4 blocks that are not public: first address, prefix length, name.
const NOT_PUBLIC_V4: [(Ipv4Addr, u32, &str); 18] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8, "of this network"),
    (Ipv4Addr::new(10, 0, 0, 0), 8, "private"),
    (Ipv4Addr::new(100, 64, 0, 0), 10, "a carrier's"),
    (Ipv4Addr::new(127, 0, 0, 0), 8, "loopback"),
    // 169.254.169.254 among them: where clouds keep credentials.
    (Ipv4Addr::new(169, 254, 0, 0), 16, "link-local"),
    // The same of Azure, which looks public.
    (Ipv4Addr::new(168, 63, 129, 16), 32, "a cloud's own"),
    (Ipv4Addr::new(172, 16, 0, 0), 12, "private"),
    (Ipv4Addr::new(192, 0, 0, 0), 24, "reserved"),
    (Ipv4Addr::new(192, 0, 2, 0), 24, "for documentation"),
    (Ipv4Addr::new(192, 88, 99, 0), 24, "reserved"),
    (Ipv4Addr::new(192, 168, 0, 0), 16, "private"),
    (Ipv4Addr::new(198, 18, 0, 0), 15, "for benchmarks"),
    (Ipv4Addr::new(198, 51, 100, 0), 24, "for documentation"),
    (Ipv4Addr::new(203, 0, 113, 0), 24, "for documentation"),
    (Ipv4Addr::new(233, 252, 0, 0), 24, "for documentation"),
    (Ipv4Addr::new(224, 0, 0, 0), 4, "multicast"),
    (Ipv4Addr::new(255, 255, 255, 255), 32, "broadcast"),
    (Ipv4Addr::new(240, 0, 0, 0), 4, "reserved"),
];

/// Parts of 2000::/3 that are not public: first address, prefix length, name.
const NOT_PUBLIC_V6: [(Ipv6Addr, u32, &str); 4] = [
    // Teredo, benchmarks and ORCHID among them.
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23, "reserved"),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32, "for documentation"),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16, "a tunnel's"),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20, "for documentation"),
];

/// The well-known prefix of NAT64 (RFC 6052): on hosts without IPv4, names of IPv4 receivers resolve to it.
const NAT64: u128 = 0x0064_ff9b << 96;

/// Whether the address is public.
///
/// # Errors
/// [`Unreachable`], with what it is instead.
pub fn check_address(address: IpAddr) -> Result<(), Unreachable> {
    match address.to_canonical() {
        IpAddr::V4(v4) => check_v4(v4),
        IpAddr::V6(v6) => check_v6(v6),
    }
}

fn check_v4(address: Ipv4Addr) -> Result<(), Unreachable> {
    let found = NOT_PUBLIC_V4.iter().find(|(first, length, _)| {
        let mask = u32::MAX << (32 - length);
        address.to_bits() & mask == first.to_bits()
    });
    found.map_or(Ok(()), |(_, _, name)| Err(Unreachable(name)))
}

fn check_v6(address: Ipv6Addr) -> Result<(), Unreachable> {
    let bits = address.to_bits();
    let low = Ipv4Addr::from_bits(u32::try_from(bits & 0xffff_ffff).unwrap_or_default());
    if bits >> 32 == NAT64 >> 32 {
        return check_v4(low);
    }
    if bits >> 125 != 1 {
        return Err(Unreachable(outside(address)));
    }
    let found = NOT_PUBLIC_V6.iter().find(|(first, length, _)| {
        let mask = u128::MAX << (128 - length);
        bits & mask == first.to_bits()
    });
    if let Some((_, _, name)) = found {
        return Err(Unreachable(name));
    }
    // ISATAP (RFC 5214, 6.1) tunnels to the IPv4 address in its last 32 bits.
    if matches!(address.segments(), [_, _, _, _, 0 | 0x200, 0x5efe, _, _]) {
        return Err(Unreachable("a tunnel's"));
    }
    Ok(())
}

/// What an address outside 2000::/3 is.
const fn outside(address: Ipv6Addr) -> &'static str {
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => "of this network",
        [0, 0, 0, 0, 0, 0, 0, 1] => "loopback",
        [0xfc00..=0xfdff, ..] => "private",
        [0xfe80..=0xfebf, ..] => "link-local",
        [0xfec0..=0xfeff, ..] => "site-local",
        [0xff00..=0xffff, ..] => "multicast",
        _ => "reserved",
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

    use proptest::prelude::*;

    use super::check_address;

    fn refused(text: &str) -> bool {
        check_address(text.parse().unwrap()).is_err()
    }

    #[test]
    fn refuses_every_address_that_is_not_public() {
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.0",
            "10.255.255.255",
            "100.64.0.0",
            "100.100.100.200",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "168.63.129.16",
            "169.254.0.1",
            "169.254.169.254",
            "169.254.170.2",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "233.252.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::8.8.8.8",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "::ffff:0:8.8.8.8",
            "64:ff9b::127.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b::169.254.169.254",
            "64:ff9b:1::8.8.8.8",
            "100::1",
            "2001::1",
            "2001:0:7f00:1::1",
            "2001:2::1",
            "2001:10::1",
            "2001:20::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "2002:a9fe:a9fe::1",
            "2002:808:808::1",
            "2606:4700::5efe:a00:1",
            "2606:4700::200:5efe:a00:1",
            "3fff::1",
            "4000::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fd20:ce::254",
            "fe80::1",
            "fe80::a9fe:a9fe",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(refused(text), "{text}");
        }
    }

    #[test]
    fn public_ones_pass_up_to_the_edges() {
        for text in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.1",
            "168.63.129.15",
            "168.63.129.17",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.1",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
            "2001:200::1",
            "2001:4860:4860::8888",
            "2606:4700:4700::1111",
            "2a00:1450::1",
            "3ffe::1",
        ] {
            assert!(!refused(text), "{text}");
        }
    }

    proptest! {
        /// What IPv4 refuses, no spelling of IPv6 that embeds it lets through.
        #[test]
        fn no_embedding_gets_through(bits: u32, prefix: u128) {
            let inner = Ipv4Addr::from_bits(bits);
            let bad = check_address(inner.into()).is_err();
            let whole = u128::from(bits);
            for outer in [0xffff << 32 | whole, 0x0064_ff9b << 96 | whole] {
                prop_assert_eq!(check_address(Ipv6Addr::from_bits(outer).into()).is_err(), bad);
            }
            let always = [whole, 0x2002 << 112 | whole << 80, 0x2001 << 112 | !whole & 0xffff_ffff, 0x0064_ff9b_0001 << 80 | whole];
            for outer in always {
                prop_assert!(check_address(Ipv6Addr::from_bits(outer).into()).is_err());
            }
            let isatap = prefix << 64 | 0x5efe << 32 | whole;
            prop_assert!(check_address(IpAddr::V6(Ipv6Addr::from_bits(isatap))).is_err());
        }

        /// The library's own words for what is not public are all refused.
        #[test]
        fn agrees_with_the_library(bits: u32, wide: u128) {
            let v4 = Ipv4Addr::from_bits(bits);
            let odd = v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_broadcast()
                || v4.is_documentation() || v4.is_multicast() || v4.is_unspecified();
            prop_assert!(!odd || check_address(v4.into()).is_err());
            let v6 = Ipv6Addr::from_bits(wide);
            let odd = v6.is_loopback() || v6.is_unspecified() || v6.is_multicast() || v6.is_unique_local()
                || v6.is_unicast_link_local();
            prop_assert!(!odd || check_address(v6.into()).is_err());
        }
    }
}
