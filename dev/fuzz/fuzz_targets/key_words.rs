//! Names, passphrases, secrets, permissions, addresses of people: what parses prints as it came,
//! names with their letters composed.
#![no_main]

use keyward_rules::account::{Email, SubAccountName};
use keyward_rules::key::{KeyName, Passphrase, SecretKey};
use keyward_rules::paste::composed;
use keyward_rules::permission::Permissions;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(name) = KeyName::parse(text) {
        assert_eq!(name.as_str(), composed(text));
        assert_eq!(KeyName::parse(name.as_str()).as_ref(), Ok(&name));
        assert!(name.looks_like(&name) && KeyName::stored(name.as_str()).as_ref() == Some(&name));
    }
    if let Ok(passphrase) = Passphrase::parse(text) {
        assert_eq!(passphrase.expose(), text);
    }
    if let Ok(secret) = SecretKey::parse(text) {
        assert_eq!(secret.expose(), text);
    }
    if let Ok(name) = SubAccountName::parse(text) {
        assert_eq!(name.as_str(), text);
    }
    if let Ok(email) = Email::parse(text) {
        assert_eq!(Email::parse(email.as_str()).as_ref(), Ok(&email));
    }
    if let Ok(permissions) = text.parse::<Permissions>() {
        assert_ne!(permissions.bits(), 0);
        assert_eq!(permissions.to_string().parse::<Permissions>(), Ok(permissions));
    }
});
