//! Signed notes from outside: checkpoints and keys, as `keyward audit verify` reads them.

#![no_main]

use keyward_rules::log::{Checkpoint, Origin, SigningKey, VerifierKey};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Some(key) = Origin::parse("keyward/audit").ok().and_then(|own| SigningKey::from_seed(own, &[7; 32]))
    else {
        return;
    };
    if let Ok(read) = VerifierKey::parse(text.trim_end()) {
        assert_eq!(
            VerifierKey::parse(&read.to_string()).map(|again| again.to_string()),
            Ok(read.to_string())
        );
    }
    // Nothing that this key did not sign opens; what it signed does, whatever other lines stand beside it.
    if Checkpoint::open(text, key.verifier()).is_ok() {
        assert!(text.contains("keyward/audit"));
    }
    let _ = Checkpoint::open_any_name(text, key.verifier());
});
