//! Passwords are hashed here: Argon2id in a bounded pool, fair by source, the same work for known and unknown.

use std::collections::HashMap;
use std::net::IpAddr;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use keyward_rules::person::Password;
use keyward_rules::secret::Secret;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use crate::ActionError;

/// Hashes at a time: each takes 19 MiB and a core for tens of milliseconds.
const AT_A_TIME: usize = 2;
/// Who may wait altogether, and from one source.
const WAITING: u32 = 64;
const WAITING_PER_SOURCE: u32 = 8;

/// The pool.
pub struct Hasher {
    permits: Semaphore,
    waiting: Mutex<HashMap<IpAddr, u32>>,
}

impl Default for Hasher {
    fn default() -> Self {
        Self { permits: Semaphore::new(AT_A_TIME), waiting: Mutex::default() }
    }
}

/// A place in the queue, given back when dropped.
struct Place<'h> {
    hasher: &'h Hasher,
    source: IpAddr,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut waiting = self.hasher.waiting.lock();
        if let Some(count) = waiting.get_mut(&self.source) {
            *count -= 1;
            if *count == 0 {
                waiting.remove(&self.source);
            }
        }
    }
}

/// Argon2id with OWASP's first parameters: 19 MiB, two passes, one lane.
fn argon2() -> Argon2<'static> {
    let params = Params::new(19 * 1024, 2, 1, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

impl Hasher {
    /// The hash of a chosen password, in PHC form.
    ///
    /// # Errors
    /// [`ActionError::Busy`] when too many wait.
    pub async fn hash(
        &self,
        source: IpAddr,
        password: Password,
        salt: [u8; 16],
    ) -> Result<Secret<String>, ActionError> {
        self.work(source, move || {
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
        source: IpAddr,
        password: Password,
        hash: Option<Secret<String>>,
    ) -> Result<bool, ActionError> {
        self.work(source, move || {
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

    async fn work<T: Send + 'static>(
        &self,
        source: IpAddr,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ActionError> {
        let _place = self.queue(source)?;
        let _permit = self.permits.acquire().await.map_err(|_| ActionError::Busy)?;
        tokio::task::spawn_blocking(work).await.map_err(|_| ActionError::Busy)
    }

    fn queue(&self, source: IpAddr) -> Result<Place<'_>, ActionError> {
        let mut waiting = self.waiting.lock();
        let total: u32 = waiting.values().sum();
        let mine = waiting.entry(source).or_default();
        if *mine >= WAITING_PER_SOURCE || total >= WAITING {
            if *mine == 0 {
                waiting.remove(&source);
            }
            return Err(ActionError::Busy);
        }
        *mine += 1;
        Ok(Place { hasher: self, source })
    }
}

#[cfg(test)]
mod tests {
    use super::Hasher;
    use keyward_rules::person::Password;

    fn password(text: &str) -> Password {
        Password::present(text).unwrap()
    }

    #[tokio::test]
    async fn verifies_only_the_same() {
        let (hasher, source) = (Hasher::default(), "203.0.113.1".parse().unwrap());
        let hash = hasher.hash(source, password("correct horse battery"), [7; 16]).await.unwrap();
        assert!(hash.expose().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        let again = || Some(keyward_rules::secret::Secret::new(hash.expose().clone()));
        assert!(hasher.verify(source, password("correct horse battery"), again()).await.unwrap());
        assert!(!hasher.verify(source, password("correct horse batterz"), again()).await.unwrap());
        assert!(!hasher.verify(source, password("correct horse battery"), None).await.unwrap());
    }

    #[tokio::test]
    async fn one_source_cannot_fill_the_queue() {
        let hasher = Hasher::default();
        let source = "203.0.113.1".parse().unwrap();
        let places: Vec<_> = (0..20).map(|_| hasher.queue(source)).collect();
        assert_eq!(places.iter().filter(|place| place.is_ok()).count(), 8);
        assert!(hasher.queue("203.0.113.2".parse().unwrap()).is_ok());
        drop(places);
        assert!(hasher.queue(source).is_ok());
        assert!(hasher.waiting.lock().is_empty());
    }
}
