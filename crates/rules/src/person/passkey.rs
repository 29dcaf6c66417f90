//! The ids of passkeys, and of the questions that are put to them: random, one spelling each.

use std::fmt;
use std::str::FromStr;

use crate::channel::random_id;
use crate::id::NotAnId;

random_id!(
    /// A passkey of an account; not what the authenticator calls it.
    PasskeyId,
    "pk_"
);
random_id!(
    /// One question to an authenticator, good for one answer.
    CeremonyId,
    "pc_"
);

#[cfg(test)]
mod tests {
    use super::{CeremonyId, PasskeyId};

    #[test]
    fn one_spelling_each() {
        let passkey = PasskeyId::from_entropy([0xa7; 16]);
        assert_eq!(passkey.to_string(), format!("pk_{}", "a7".repeat(16)));
        assert_eq!(passkey.to_string().parse(), Ok(passkey));
        assert!(passkey.to_string().parse::<CeremonyId>().is_err());
    }
}
