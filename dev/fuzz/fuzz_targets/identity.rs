//! No header but the one that was made for a request verifies, and a field changed by a byte never does.
#![no_main]

use keyward_rules::identity::{Identity, IdentityKey};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&str, &str, &str, &[u8], &[u8])| {
    let (header, account, route, target, body) = input;
    let key = IdentityKey::new(1, [7; 32]);
    let identity = Identity {
        account: Some(account),
        permissions: "read",
        environment: "live",
        route,
        request_id: "r",
        deadline_ms: 1,
        ..Identity::default()
    };
    let good = key.sign(&identity, "POST", target, body);
    assert_eq!(key.verify(&identity, "POST", target, body, &good), Ok(()));
    assert_eq!(key.verify(&identity, "POST", target, body, header).is_ok(), header == good);
    let glued = Identity { account: None, sub_account: Some(account), ..identity };
    assert!(key.verify(&glued, "POST", target, body, &good).is_err());
});
