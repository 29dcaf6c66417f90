//! Action: rotate a key. Its successor has the same rights, addresses and environment; both work for an overlap.

use keyward_rules::alert::AlertKind;
use keyward_rules::event::Event;
use keyward_rules::grant::{Action, Proof};
use keyward_rules::id::KeyId;
use keyward_rules::key::{
    KeyName, KeyPolicy, KeySpec, LifeRefusal, Owner, Passphrase, Place, SecretKey, WideRange,
};
use keyward_rules::limits::{DAY_MS, KEY_NAME_CHARS, OVERLAP_MAX_DAYS};
use keyward_store::{KeyNotes, KeyRecord};

use super::enable::check_loosening;
use super::issue::{Issued, draft, facts, is_frozen, siblings};
use crate::oversight::{policy_in_force, policy_now};
use crate::{ActionError, Desk, Matter, tell};

/// What somebody asks for.
pub struct RotationWish {
    /// The key to follow.
    pub key: KeyId,
    /// The successor's name.
    pub name: KeyName,
    /// The successor's passphrase.
    pub passphrase: Passphrase,
    /// For how long both work.
    pub overlap_ms: u64,
}

/// What a rotation is approved as.
#[must_use]
pub fn rotation_matter(wish: &RotationWish, old: &KeyName) -> Matter {
    Matter {
        action: Action::RotateKey,
        facts: vec![
            ("key", wish.key.to_string()),
            ("name", wish.name.to_string()),
            ("overlap", wish.overlap_ms.to_string()),
            ("passphrase", wish.passphrase.expose().to_owned()),
        ],
        words: vec![
            format!("Rotate the API key “{old}” ({})", wish.key),
            format!("Its successor is “{}”, with the same rights and addresses", wish.name),
            format!("Both work for {} hours", wish.overlap_ms / 3_600_000),
        ],
    }
}

/// A name for the successor: the old one with the next number.
#[must_use]
pub fn suggest_name(old: &KeyName) -> String {
    let text = old.as_str();
    let (stem, number) = match text.rsplit_once(' ') {
        Some((stem, digits)) => match digits.parse::<u32>() {
            Ok(number) if number < 10_000 => (stem, number + 1),
            Ok(_) | Err(_) => (text, 2),
        },
        None => (text, 2),
    };
    let stem: String = stem.chars().take(KEY_NAME_CHARS - 6).collect();
    format!("{} {number}", stem.trim_end())
}

/// Holds the wish against every rule without making anything.
///
/// # Errors
/// As [`rotate_key`].
#[crate::boxed]
pub async fn check_rotation(desk: &Desk<'_>, wish: &RotationWish) -> Result<KeyName, ActionError> {
    let (reader, scope) = (&desk.authority.access.reader, desk.actor.scope());
    let old = reader.key(scope, wish.key).await?.ok_or(ActionError::NoKey)?;
    let keys: Result<Vec<KeyRecord>, _> = reader.keys_of(scope, old.account).await?.into_iter().collect();
    let policy = policy_in_force(desk).await?.policy.keys;
    check(desk, wish, &old, &keys?, &reader.notes_of(old.account).await?, policy)?;
    Ok(old.name)
}

/// Makes the successor and lets the old key end with the overlap.
///
/// # Errors
/// [`ActionError::NoKey`], [`ActionError::Rotated`], [`ActionError::Overlap`], [`ActionError::Key`] by rule,
/// [`ActionError::Life`], [`ActionError::TwoFactorOff`], [`ActionError::Cooling`], [`ActionError::Frozen`].
#[crate::boxed]
pub async fn rotate_key(desk: &Desk<'_>, proof: Proof, wish: RotationWish) -> Result<Issued, ActionError> {
    let grant = desk.actor.may(Action::RotateKey, proof)?;
    let mut tx = desk.authority.access.writer.begin(grant, desk.now).await?;
    let mut old = tx.key(wish.key).await?.ok_or(ActionError::NoKey)?;
    let account = tx.account(old.account).await?.ok_or(ActionError::NoAccount)?;
    let (keys, notes) = (tx.keys_of(account.id).await?, tx.notes_of(account.id).await?);
    let policy = policy_now(desk, &mut tx).await?.keys;
    let mut spec = check(desk, &wish, &old, &keys, &notes, policy)?;
    spec.expires_at = policy.end(None, desk.now);
    check_loosening(desk, &mut tx, &old).await?;

    let id = KeyId::from_entropy(desk.random());
    let secret = SecretKey::from_entropy(desk.random());
    let tag = desk.authority.secrets.passphrases.tag(account.id, wish.passphrase.expose().as_bytes());
    tx.insert_key(draft(id, &account, &spec, tag, &secret)).await?;
    let until = desk.now.plus_ms(wish.overlap_ms);
    let mut old_notes = tx.notes(old.id).await?;
    tx.set_notes(&KeyNotes { tags: old_notes.tags.clone(), predecessor: Some(old.id), ..KeyNotes::none(id) })
        .await?;
    old_notes.successor = Some(id);
    old_notes.overlap_until = Some(until);
    tx.set_notes(&old_notes).await?;
    let detail = format!("Its successor is “{}”. Both work until {until}.", spec.name);
    let alert = tell::about_key(desk, AlertKind::KeyRotated, &old, detail);
    let mut facts = facts(account.id, &spec).to_vec();
    facts.push(("predecessor", old.id.to_string()));
    facts.push(("overlap_until", until.to_string()));
    old.expires_at = Some(old.expires_at.map_or(until, |end| end.min(until)));
    tx.update_key(old).await?;
    tell::tell(desk, &mut tx, alert).await?;
    let event = Event::of(tx.grant(), desk.now, &format!("key:{id}"), &facts);
    tx.commit(event).await?;
    Ok(Issued { id, secret, passphrase: wish.passphrase, spec })
}

fn check(
    desk: &Desk<'_>,
    wish: &RotationWish,
    old: &KeyRecord,
    keys: &[KeyRecord],
    notes: &[KeyNotes],
    policy: KeyPolicy,
) -> Result<KeySpec, ActionError> {
    if old.life.is_over() {
        return Err(LifeRefusal::Ended.into());
    }
    // A successor would carry none of the holds.
    if is_frozen(old) {
        return Err(ActionError::Frozen);
    }
    if notes.iter().any(|note| note.key == old.id && note.successor.is_some()) {
        return Err(ActionError::Rotated);
    }
    if !(3_600_000..=OVERLAP_MAX_DAYS * DAY_MS).contains(&wish.overlap_ms) {
        return Err(ActionError::Overlap);
    }
    let spec = KeySpec {
        name: wish.name.clone(),
        permissions: old.permissions,
        binding: old.binding.clone(),
        // It was acknowledged when the key got these addresses.
        wide: WideRange::Acknowledged,
        environment: old.environment,
        expires_at: None,
        rate_cap: old.rate_cap,
    };
    let owner = if old.master.is_some() { Owner::Sub } else { Owner::Master };
    let tag = desk.authority.secrets.passphrases.tag(old.account, wish.passphrase.expose().as_bytes());
    // The old key gives up its place to the successor, so the 50th key can be rotated too.
    let mut freed = siblings(keys, notes);
    for (sibling, key) in freed.iter_mut().zip(keys) {
        if key.id == old.id {
            sibling.place = Place::Superseded;
        }
    }
    spec.check(&tag, &freed, owner, policy, desk.now)?;
    Ok(spec)
}

#[cfg(test)]
mod tests {
    use super::suggest_name;
    use keyward_rules::key::KeyName;

    #[test]
    fn successors_are_numbered() {
        let name = |text: &str| suggest_name(&KeyName::parse(text).unwrap());
        assert_eq!(name("TradingBot"), "TradingBot 2");
        assert_eq!(name("TradingBot 2"), "TradingBot 3");
        assert!(KeyName::parse(&name(&"x".repeat(50))).is_ok());
    }
}
