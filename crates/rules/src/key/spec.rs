//! What a new key must satisfy, beside its parts' own rules (product.md 3.1).

use std::sync::Arc;

use super::environment::Environment;
use super::life::{HolderState, Life};
use super::name::KeyName;
use super::passphrase::PassphraseTag;
use super::rate_cap::RateCap;
use super::sub_account_cap::{BeyondCap, SubAccountCap};
use crate::address::{Binding, Width};
use crate::fence::Fences;
use crate::limits::{DAY_MS, KEYS_PER_ACCOUNT, UNBOUND_IDLE_DAYS};
use crate::permission::{Permission, Permissions};
use crate::time::Moment;

/// Whether somebody confirmed that a very wide range is meant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WideRange {
    /// Said explicitly.
    Acknowledged,
    /// Not said.
    NotAcknowledged,
}

/// Whether a setting asks for something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Need {
    /// Demanded.
    Required,
    /// Left to the holder.
    Optional,
}

/// The settings that bear on new keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeyPolicy {
    /// Whether a `withdraw` key must be bound (on by default).
    pub withdraw_binding: Need,
    /// Days after which every new key ends, if a deployment wants that.
    pub max_age_days: Option<u16>,
    /// Whether pages make keys in desktop browsers only (off by default: a browser says what it likes).
    pub desktop_browser: Need,
}

impl KeyPolicy {
    /// When a key that is made now ends: by its holder's wish, or earlier by the policy.
    #[must_use]
    pub fn end(&self, wished: Option<Moment>, now: Moment) -> Option<Moment> {
        let latest = self.max_age_days.map(|days| now.plus_ms(u64::from(days) * DAY_MS));
        [wished, latest].into_iter().flatten().min()
    }
}

impl Default for KeyPolicy {
    fn default() -> Self {
        Self { withdraw_binding: Need::Required, max_age_days: None, desktop_browser: Need::Optional }
    }
}

/// What the holder asks for; the passphrase travels beside it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeySpec {
    /// Unique within the account.
    pub name: KeyName,
    /// Fixed for life.
    pub permissions: Permissions,
    /// Where from.
    pub binding: Binding,
    /// Whether a wide set is meant.
    pub wide: WideRange,
    /// Live or demo.
    pub environment: Environment,
    /// An end that the holder wants.
    pub expires_at: Option<Moment>,
    /// A rate of its own, below the standard ones.
    pub rate_cap: Option<RateCap>,
    /// Limits, if it has any.
    pub fences: Option<Arc<Fences>>,
}

/// What a new key is compared with: another key of the same account.
pub struct Sibling {
    /// Its name.
    pub name: KeyName,
    /// Its state.
    pub life: Life,
    /// Its passphrase's tag.
    pub passphrase: PassphraseTag,
    /// Whether it counts towards the bound.
    pub place: Place,
}

/// A key's place in its account.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// It counts.
    Own,
    /// Its successor lives, and it ends with the overlap: it does not count.
    Superseded,
}

/// Why a key cannot be made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum KeyRefusal {
    /// The 51st.
    #[error("an account has at most {KEYS_PER_ACCOUNT} keys; delete one that is no longer used")]
    TooMany,
    /// Taken.
    #[error("another key of the account has this name")]
    NameTaken,
    /// Another name, but people would take it for the same.
    #[error("another key of the account has a name that looks the same")]
    NameAlike,
    /// Reused.
    #[error("another key of the account has this passphrase; each key needs its own")]
    PassphraseTaken,
    /// Not confirmed.
    #[error(
        "the addresses cover more than a /8 (IPv4) or /32 (IPv6): such a key counts as unbound; acknowledge this to continue"
    )]
    WideRange,
    /// Setting.
    #[error("a key that may withdraw must be bound to addresses")]
    WithdrawUnbound,
    /// product.md 3.1: needs bound addresses.
    #[error("a key that may manage sub-accounts must be bound to addresses")]
    ManageUnbound,
    /// Only a master's.
    #[error("a sub-account's key cannot manage sub-accounts")]
    ManageOfSub,
    /// product.md 5: what the master allows the sub-account.
    #[error(transparent)]
    BeyondCap(#[from] BeyondCap),
    /// A canary's rights mean nothing, so they must not look like something.
    #[error("a canary admits no request, so it has the permission `read` alone")]
    CanaryRights,
    /// In the past.
    #[error("the expiry lies in the past")]
    Expired,
}

impl KeySpec {
    /// Holds the wish against the account's other keys and the settings. Its passphrase is held against theirs by
    /// [`check_passphrase`] alone.
    ///
    /// `siblings` are all keys of the account; ended ones do not count.
    ///
    /// # Errors
    /// The first rule that is broken, as [`KeyRefusal`].
    pub fn check(
        &self,
        siblings: &[Sibling],
        owner: Owner,
        policy: KeyPolicy,
        now: Moment,
    ) -> Result<(), KeyRefusal> {
        let living = || siblings.iter().filter(|key| !key.life.is_over());
        if living().filter(|key| key.place == Place::Own).count() >= KEYS_PER_ACCOUNT {
            return Err(KeyRefusal::TooMany);
        }
        check_name(&self.name, living().map(|key| &key.name))?;
        if let (Binding::Addresses(set), WideRange::NotAcknowledged) = (&self.binding, self.wide)
            && set.width() == Width::Wide
        {
            return Err(KeyRefusal::WideRange);
        }
        self.check_rights(owner, policy)?;
        if self.expires_at.is_some_and(|end| end <= now) {
            return Err(KeyRefusal::Expired);
        }
        Ok(())
    }

    fn check_rights(&self, owner: Owner, policy: KeyPolicy) -> Result<(), KeyRefusal> {
        if self.binding == Binding::Canary && self.permissions.iter().any(|right| right != Permission::Read) {
            return Err(KeyRefusal::CanaryRights);
        }
        let bound = self.binding.is_bound();
        let withdraws = self.permissions.allows(Permission::Withdraw);
        let manages = self.permissions.allows(Permission::Manage);
        match owner {
            Owner::Sub(_) if manages => return Err(KeyRefusal::ManageOfSub),
            Owner::Sub(cap) => cap.check(self.permissions, self.rate_cap)?,
            Owner::Master => {}
        }
        if withdraws && !bound && policy.withdraw_binding == Need::Required {
            return Err(KeyRefusal::WithdrawUnbound);
        }
        // An app's ranges are the app's: who administers accounts names addresses of their own.
        if manages && (!bound || matches!(self.binding, Binding::App(_))) {
            return Err(KeyRefusal::ManageUnbound);
        }
        Ok(())
    }
}

/// Whether a key may be called so beside others of its account.
///
/// # Errors
/// [`KeyRefusal::NameTaken`], [`KeyRefusal::NameAlike`].
pub fn check_name<'n>(
    name: &KeyName,
    mut others: impl Iterator<Item = &'n KeyName> + Clone,
) -> Result<(), KeyRefusal> {
    if others.clone().any(|other| other == name) {
        return Err(KeyRefusal::NameTaken);
    }
    if others.any(|other| other.looks_like(name)) { Err(KeyRefusal::NameAlike) } else { Ok(()) }
}

/// Holds the passphrase of a new key against those of the account's other keys, `siblings`; ended ones do not count.
///
/// The answer tells that a passphrase is in use. So it is asked only once the person has proven who they are: whoever
/// took a session over must not learn by guessing what keys are protected with.
///
/// # Errors
/// [`KeyRefusal::PassphraseTaken`].
pub fn check_passphrase(passphrase: &PassphraseTag, siblings: &[Sibling]) -> Result<(), KeyRefusal> {
    let living = siblings.iter().filter(|key| !key.life.is_over());
    // Every tag is compared, so that the time does not tell which key has the passphrase.
    if living.fold(false, |taken, key| taken | key.passphrase.matches(passphrase)) {
        return Err(KeyRefusal::PassphraseTaken);
    }
    Ok(())
}

/// Whose key it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Owner {
    /// A master account.
    Master,
    /// A sub-account, with what its master allows it.
    Sub(SubAccountCap),
}

/// When an unused key ends, if at all: unbound live keys only, 30 days after the last of its creation, its last use and
/// the moment when it was last `unbound`. Disabling does not stop the clock (product.md 3.2).
#[must_use]
pub fn idle_deadline(
    binding: &Binding,
    environment: Environment,
    life: Life,
    created: Moment,
    last_used: Option<Moment>,
    unbound: Option<Moment>,
) -> Option<Moment> {
    let living = matches!(life.state, HolderState::Active | HolderState::Disabled);
    if !living || binding.is_bound() || environment == Environment::Demo {
        return None;
    }
    let since = [last_used, unbound].into_iter().flatten().fold(created, Moment::max);
    Some(since.plus_ms(UNBOUND_IDLE_DAYS * DAY_MS))
}

#[cfg(test)]
mod tests {
    use super::{Environment, Life, idle_deadline};
    use crate::address::{AddressSet, Binding, HostBits};
    use crate::key::EndCause;
    use crate::time::Moment;

    const DAY_MS: u64 = 86_400_000;

    fn day(days: u64) -> Moment {
        Moment::from_unix_ms(days * DAY_MS)
    }

    #[test]
    fn the_30_days_count_from_the_last_of_making_use_and_unbinding() {
        let of = |used, unbound| {
            let ends =
                idle_deadline(&Binding::Anywhere, Environment::Live, Life::NEW, day(100), used, unbound);
            ends.map(|end| end.unix_ms() / DAY_MS)
        };
        for (used, unbound, ends) in [
            (None, None, 130),
            (Some(day(101)), None, 131),
            (Some(day(99)), None, 130),
            (None, Some(day(140)), 170),
            (None, Some(day(100)), 130),
            (None, Some(day(99)), 130),
            (Some(day(120)), Some(day(140)), 170),
            (Some(day(150)), Some(day(140)), 180),
            (Some(day(140)), Some(day(140)), 170),
            (Some(day(101)), Some(day(99)), 131),
        ] {
            assert_eq!(of(used, unbound), Some(ends), "{used:?} {unbound:?}");
        }
    }

    #[test]
    fn bound_demo_and_ended_keys_have_no_such_deadline() {
        let addresses = |text: &str| Binding::Addresses(AddressSet::parse(text, HostBits::Refuse).unwrap());
        let of = |binding: &Binding, environment, life| {
            idle_deadline(binding, environment, life, day(1), None, Some(day(2))).is_some()
        };
        let (live, demo) = (Environment::Live, Environment::Demo);
        assert!(of(&addresses("0.0.0.0/0"), live, Life::NEW), "a wide set is unbound");
        assert!(of(&Binding::Anywhere, live, Life::NEW.disable().unwrap()), "disabling does not stop it");
        assert!(!of(&addresses("192.0.2.0/24"), live, Life::NEW));
        assert!(!of(&addresses("10.0.0.0/8"), live, Life::NEW));
        assert!(!of(&Binding::Anywhere, demo, Life::NEW));
        assert!(!of(&Binding::Anywhere, live, Life::NEW.delete(day(3)).unwrap()));
        assert!(!of(&Binding::Anywhere, live, Life::NEW.expire(day(3), EndCause::Date).unwrap()));
    }
}
