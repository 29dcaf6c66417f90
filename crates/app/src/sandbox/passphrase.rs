//! Passphrases that nobody had to think of.

use anyhow::Result;
use keyward_rules::key::Passphrase;

use crate::ambient;

/// A passphrase that keeps the rules: one character of each kind, then 96 random bits.
pub fn passphrase() -> Result<Passphrase> {
    let (high, low) = (ambient::random_u64(), ambient::random_u64() >> 32);
    Ok(Passphrase::parse(&format!("Kw1-{high:016x}{low:08x}"))?)
}
