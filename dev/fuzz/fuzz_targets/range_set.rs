//! What a broker pastes or uploads: every entry is judged alone, a text that is taken is one set with one canonical text, no
//! more than asked for, and never "everywhere"; what a gateway asks agrees with the set.
#![no_main]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use keyward_rules::address::{Network, RangeTable};
use keyward_rules::app::{PrivateRanges, RangeSetError, Size, read_entries};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let strict = RangeSetError::read(text, PrivateRanges::Refuse);
    let private = RangeSetError::read(text, PrivateRanges::Admit);
    let entries = read_entries(text, PrivateRanges::Refuse);
    for entry in &entries {
        assert!(entry.line >= 1 && !entry.text.is_empty());
        let alone = read_entries(&entry.text, PrivateRanges::Refuse);
        assert_eq!(alone.first().map(|one| one.judged), Some(entry.judged));
    }
    // A setting that admits more takes whatever the other one takes, as the same set.
    let Ok(set) = strict else { return };
    assert_eq!(private.as_ref(), Ok(&set));
    assert!(!set.networks().is_empty());
    assert_eq!(RangeSetError::read(&set.to_string(), PrivateRanges::Refuse).as_ref(), Ok(&set));
    let size = Size::of(set.networks());
    assert_eq!(size.v4_blocks + size.v6_blocks, set.networks().len());
    let table = RangeTable::of(&set);
    for network in entries.iter().filter_map(|entry| entry.judged.ok()) {
        let first = first(network);
        assert!(set.contains(first) && table.contains(first), "{set} lacks its own {first}");
        for beside in beside(network) {
            assert_eq!(set.contains(beside), table.contains(beside), "{beside} in {set}");
        }
    }
});

fn first(network: Network) -> IpAddr {
    match network {
        Network::V4(first, _) => Ipv4Addr::from_bits(first).into(),
        Network::V6(first, _) => Ipv6Addr::from_bits(first).into(),
    }
}

/// One address before, and the one that is beyond it.
fn beside(network: Network) -> [IpAddr; 2] {
    match network {
        Network::V4(first, prefix) => {
            let width = 1_u32.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
            [first.wrapping_sub(1), first.wrapping_add(width)].map(|bits| Ipv4Addr::from_bits(bits).into())
        }
        Network::V6(first, prefix) => {
            let width = 1_u128.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
            [first.wrapping_sub(1), first.wrapping_add(width)].map(|bits| Ipv6Addr::from_bits(bits).into())
        }
    }
}
