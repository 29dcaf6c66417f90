//! A timestamp that parses names the moment that prints as the same text, but for zeros at the end of the fraction.
#![no_main]

use keyward_rules::time::Timestamp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(stamp) = Timestamp::parse(bytes) {
        assert_eq!(stamp.as_bytes(), bytes);
        let (shown, sent) = (stamp.moment().to_string(), bytes.strip_suffix(b"Z").unwrap());
        let left_out = shown.strip_suffix('Z').unwrap().as_bytes().strip_prefix(sent).unwrap();
        assert!(left_out.iter().all(|byte| matches!(byte, b'0' | b'.')));
    }
});
