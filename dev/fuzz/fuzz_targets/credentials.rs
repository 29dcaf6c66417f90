//! The four headers and the demo flag, from arbitrary bytes: what is read prints as it came, and nothing that
//! is absent or empty is ever read as something.
#![no_main]

use keyward_rules::okx::{Credentials, RawCredentials};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|fields: [Option<&[u8]>; 5]| {
    let [key, sign, timestamp, passphrase, simulated] = fields;
    let raw = RawCredentials { key, sign, timestamp, passphrase, simulated };
    let Ok(read) = Credentials::read(raw) else { return };
    assert_eq!(Some(read.key.to_string().as_bytes()), key);
    assert_eq!(Some(read.timestamp), timestamp);
    assert_eq!(Some(read.passphrase), passphrase);
    assert!([sign, timestamp, passphrase].into_iter().all(|header| header.is_some_and(|it| !it.is_empty())));
    if let Some(signature) = read.sign {
        assert_eq!(Some(signature.as_bytes().as_slice()), sign);
        assert!(signature.matches(&signature));
    }
    if let Ok(stamp) = read.stamp() {
        assert_eq!(stamp.as_bytes(), read.timestamp);
    }
});
