//! A list of addresses that parses has one canonical text, which parses to the same set; clearing host bits
//! never widens what refusing them would have allowed.
#![no_main]

use keyward_rules::address::{AddressSet, HostBits, Network};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let strict = AddressSet::parse(text, HostBits::Refuse);
    let cleared = AddressSet::parse(text, HostBits::Clear);
    if let Ok(strict) = &strict {
        assert_eq!(cleared.as_ref(), Ok(strict));
    }
    let Ok(set) = cleared else { return };
    let canonical = set.to_string();
    let again = AddressSet::parse(&canonical, HostBits::Refuse);
    assert_eq!(again.as_ref(), Ok(&set));
    assert!(!set.networks().is_empty());
    for network in set.networks() {
        let first = match *network {
            Network::V4(first, _) => std::net::Ipv4Addr::from_bits(first).into(),
            Network::V6(first, _) => std::net::Ipv6Addr::from_bits(first).into(),
        };
        assert!(set.contains(first), "{canonical} lacks its own {first}");
    }
});
