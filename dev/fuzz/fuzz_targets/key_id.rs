//! The key id has one spelling: what parses prints as it came.
#![no_main]

use keyward_rules::key::KeyId;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(id) = KeyId::parse(bytes) {
        assert_eq!(id.to_string().as_bytes(), bytes);
        assert_eq!(KeyId::from_u128(id.as_u128()), Some(id));
    }
});
