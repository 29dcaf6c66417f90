//! The secrets and API keys in a text that somebody found.

use crate::id::KeyId;
use crate::key::SecretKey;
use crate::limits::LEAK_CANDIDATES;

/// Characters of an API key.
const KEY_CHARS: usize = 36;

/// What a text holds that could be ours: secrets whose checksum holds, and texts of the form of an API key. Each once, at
/// most [`LEAK_CANDIDATES`] of a kind, in the order of the text.
#[derive(Default, Debug)]
pub struct Candidates {
    /// The secrets.
    pub secrets: Vec<SecretKey>,
    /// The API keys.
    pub keys: Vec<KeyId>,
}

impl Candidates {
    /// Reads any text: a file, a line of a log, JSON. What stands around a secret or an API key does not matter.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let mut found = Self::default();
        for (at, _) in text.match_indices(SecretKey::PREFIX) {
            let secret = text.get(at..at + SecretKey::CHARS).and_then(|text| SecretKey::parse(text).ok());
            if let Some(secret) = secret
                && found.secrets.len() < LEAK_CANDIDATES
                && found.secrets.iter().all(|known| known.expose() != secret.expose())
            {
                found.secrets.push(secret);
            }
        }
        // The first hyphen of an API key, so that only what may be one is parsed.
        for (hyphen, _) in text.match_indices('-') {
            let at = hyphen.checked_sub(8);
            let key = at.and_then(|at| text.as_bytes().get(at..at + KEY_CHARS));
            if let Some(key) = key.and_then(|bytes| KeyId::parse(bytes).ok())
                && found.keys.len() < LEAK_CANDIDATES
                && !found.keys.contains(&key)
            {
                found.keys.push(key);
            }
        }
        found
    }

    /// Whether there is nothing that could be ours.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.secrets.is_empty() && self.keys.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Candidates;
    use crate::id::KeyId;
    use crate::key::SecretKey;
    use crate::limits::LEAK_CANDIDATES;

    fn secret(number: u8) -> String {
        SecretKey::from_entropy([number; 32]).expose().to_owned()
    }

    fn key(number: u128) -> String {
        KeyId::from_entropy(number.to_be_bytes()).to_string()
    }

    #[test]
    fn both_are_found_whatever_stands_around_them() {
        let (secret, key) = (secret(1), key(7));
        for text in [
            format!("{key}:{secret}"),
            format!("OKX_KEY={key}\nOKX_SECRET='{secret}'\n"),
            format!("{{\"apiKey\":\"{key}\",\"secret\":\"{secret}\"}}"),
            format!("ä{secret}ä{key}ä"),
            format!("kws_kws_{secret}0-{key}-"),
            format!("{secret}{secret}{key}{key}"),
        ] {
            let found = Candidates::read(&text);
            assert_eq!(found.secrets.iter().map(SecretKey::expose).collect::<Vec<_>>(), [&*secret], "{text}");
            assert_eq!(found.keys.iter().map(ToString::to_string).collect::<Vec<_>>(), [&*key], "{text}");
        }
    }

    #[test]
    fn look_alikes_and_parts_are_none() {
        let (secret, key) = (secret(1), key(0xabcd_ef01 << 96));
        let other_checksum = format!("{}000000", &secret[..47]);
        for text in [
            String::new(),
            other_checksum,
            secret[..52].to_owned(),
            secret.to_uppercase(),
            key.to_uppercase(),
            key.replace('-', ""),
            key[1..].to_owned(),
            key.replace("-4", "-7"),
            "kws_".to_owned(),
            "--------".repeat(10),
        ] {
            assert!(Candidates::read(&text).is_empty(), "{text}");
        }
    }

    #[test]
    fn there_are_at_most_so_many() {
        let text: String = (0..200_u8).map(|n| format!("{} {} ", secret(n), key(n.into()))).collect();
        let found = Candidates::read(&text);
        assert_eq!((found.secrets.len(), found.keys.len()), (LEAK_CANDIDATES, LEAK_CANDIDATES));
    }

    proptest! {
        #[test]
        fn a_secret_is_found_in_any_text(before in ".{0,40}", after in ".{0,40}", entropy: [u8; 32]) {
            let secret = SecretKey::from_entropy(entropy);
            let found = Candidates::read(&format!("{before}{}{after}", secret.expose()));
            prop_assert!(found.secrets.iter().any(|one| one.expose() == secret.expose()));
        }
    }
}
