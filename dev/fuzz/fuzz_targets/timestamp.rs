//! A timestamp that parses names the moment that prints as the same text, but for zeros at the end of the fraction; one in
//! seconds is read digit by digit.
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
    if let Ok(stamp) = Timestamp::parse_unix_seconds(bytes) {
        assert_eq!(stamp.as_bytes(), bytes);
        let text = std::str::from_utf8(bytes).unwrap();
        let (seconds, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let ms = format!("{seconds}{}", &format!("{fraction:0<3}")[..3]);
        assert_eq!(Ok(stamp.moment().unix_ms()), ms.parse());
    }
});
