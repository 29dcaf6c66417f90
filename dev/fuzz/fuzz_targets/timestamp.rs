//! A timestamp that parses names the moment that prints as the same text.
#![no_main]

use keyward_rules::time::Timestamp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(stamp) = Timestamp::parse(bytes) {
        assert_eq!(stamp.moment().to_string().as_bytes(), bytes);
    }
});
