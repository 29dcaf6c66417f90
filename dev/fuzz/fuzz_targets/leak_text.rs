//! A pasted text: every secret and API key in it is ours by form, is found where it stands, and they are bounded.
#![no_main]

use keyward_rules::key::SecretKey;
use keyward_rules::leak::Candidates;
use keyward_rules::limits::LEAK_CANDIDATES;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let found = Candidates::read(text);
    assert!(found.secrets.len() <= LEAK_CANDIDATES && found.keys.len() <= LEAK_CANDIDATES);
    for secret in &found.secrets {
        assert!(text.contains(secret.expose()) && SecretKey::parse(secret.expose()).is_ok());
    }
    for key in &found.keys {
        assert!(text.contains(&key.to_string()));
    }
    // Whatever stands around it, a secret is found.
    let made = SecretKey::from_entropy(*mixed(text));
    let around = format!("{text}{}{text}", made.expose());
    let full = Candidates::read(&around).secrets;
    assert!(full.len() == LEAK_CANDIDATES || full.iter().any(|one| one.expose() == made.expose()));
});

/// Some bytes that differ from text to text.
fn mixed(text: &str) -> Box<[u8; 32]> {
    let mut bytes = Box::new([7; 32]);
    for (at, byte) in text.bytes().enumerate() {
        bytes[at % 32] ^= byte.rotate_left((at % 8) as u32);
    }
    bytes
}
