//! Passwords are hashed here: Argon2id in a bounded pool, fair by source, the same work for known and unknown.

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use keyward_rules::address::Source;
use keyward_rules::person::Password;
use keyward_rules::secret::Secret;

use crate::ActionError;
use crate::work::{Pool, PoolLimits};

/// Each hash takes 19 MiB and a core for tens of milliseconds.
const STRANGERS_POOL: PoolLimits = PoolLimits { at_a_time: 2, of_all: 64, of_one: 8 };
/// Apart, so that a crowd of strangers keeps nobody out who has been in before.
const KNOWN_POOL: PoolLimits = PoolLimits { at_a_time: 1, of_all: 64, of_one: 8 };

/// Who wants a password hashed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HashPriority {
    /// Anybody.
    Strangers,
    /// Somebody who is signed in, or whose browser the account knows.
    Known,
}

/// The pools.
pub struct Hasher {
    strangers: Pool<Source>,
    known: Pool<Source>,
}

impl Default for Hasher {
    fn default() -> Self {
        Self { strangers: Pool::new(STRANGERS_POOL), known: Pool::new(KNOWN_POOL) }
    }
}

/// Argon2id with OWASP's first parameters: 19 MiB, two passes, one lane.
fn argon2() -> Argon2<'static> {
    let params = Params::new(19 * 1024, 2, 1, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

impl Hasher {
    const fn pool(&self, lane: HashPriority) -> &Pool<Source> {
        match lane {
            HashPriority::Strangers => &self.strangers,
            HashPriority::Known => &self.known,
        }
    }

    /// The hash of a chosen password, in PHC form.
    ///
    /// # Errors
    /// [`ActionError::Busy`] when too many wait.
    pub async fn hash(
        &self,
        (source, lane): (Source, HashPriority),
        password: Password,
        salt: [u8; 16],
    ) -> Result<Secret<String>, ActionError> {
        self.pool(lane)
            .run(source, move || {
                let hash = argon2().hash_password_with_salt(password.expose().as_bytes(), &salt);
                hash.map(|hash| Secret::new(hash.to_string())).map_err(|_| ActionError::Busy)
            })
            .await?
    }

    /// Whether `password` is the one behind `hash`. Without a hash the same work is done for nothing, so that the
    /// time does not tell whether there is an account.
    ///
    /// # Errors
    /// [`ActionError::Busy`] when too many wait.
    pub async fn verify(
        &self,
        (source, lane): (Source, HashPriority),
        password: Password,
        hash: Option<Secret<String>>,
    ) -> Result<bool, ActionError> {
        self.pool(lane)
            .run(source, move || {
                let text = password.expose().as_bytes();
                match hash.as_ref().map(|hash| PasswordHash::new(hash.expose())) {
                    Some(Ok(hash)) => argon2().verify_password(text, &hash).is_ok(),
                    Some(Err(_)) | None => {
                        let _ = argon2().hash_password_with_salt(text, &[0; 16]);
                        false
                    }
                }
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::{HashPriority, Hasher};
    use keyward_rules::address::Source;
    use keyward_rules::person::Password;

    fn password(text: &str) -> Password {
        Password::present(text).unwrap()
    }

    #[tokio::test]
    async fn verifies_only_the_same() {
        let (hasher, source) = (Hasher::default(), Source::of("203.0.113.1".parse().unwrap()));
        let hash = hasher
            .hash((source, HashPriority::Known), password("correct horse battery"), [7; 16])
            .await
            .unwrap();
        assert!(hash.expose().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        let from = (source, HashPriority::Strangers);
        let again = || Some(keyward_rules::secret::Secret::new(hash.expose().clone()));
        assert!(hasher.verify(from, password("correct horse battery"), again()).await.unwrap());
        assert!(!hasher.verify(from, password("correct horse batterz"), again()).await.unwrap());
        assert!(!hasher.verify(from, password("correct horse battery"), None).await.unwrap());
    }
}
