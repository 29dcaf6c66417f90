//! The part of the check that needs no body: key known → timestamp → passphrase.

use crate::denial::Denial;
use crate::key::{Hold, KeyFacts, PassphraseKey};
use crate::okx::Credentials;
use crate::time::{Moment, Timestamp};

/// Screens the head of a request. It can only refuse: what it lets pass is checked again when the request
/// is complete, on fresh facts and a fresh clock.
///
/// # Errors
/// 50119 for an unknown or ended key, 50100 for one whose record was altered, 50112 and 50102 for the timestamp, 50105 for the passphrase.
#[inline]
pub fn screen(
    credentials: &Credentials<'_>,
    facts: Option<&KeyFacts>,
    passphrases: &PassphraseKey,
    now: Moment,
) -> Result<Timestamp, Denial> {
    let facts =
        facts.filter(|facts| facts.id == credentials.key && facts.is_known(now)).ok_or(Denial::KeyUnknown)?;
    if facts.life.holds.has(Hold::BrokenSeal) {
        // Nothing of an altered record can be believed, its secret and passphrase least of all.
        return Err(Denial::KeyHeld);
    }
    let stamp = credentials.stamp()?;
    if !stamp.is_fresh(now) {
        return Err(Denial::TimestampExpired);
    }
    if !passphrases.tag(facts.account, credentials.passphrase).matches(&facts.passphrase) {
        return Err(Denial::PassphraseWrong);
    }
    Ok(stamp)
}
