//! Action: rotate a key. Its successor has the same rights, addresses, environment, rate cap and end; both work for an
//! overlap. The end that a policy gave the key is renewed instead of kept, or a policy on the age of keys could never be met.

use async_trait::async_trait;
use keyward_rules::alert::AlertKind;
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::id::KeyId;
use keyward_rules::key::{
    HolderState, KeyName, KeyPolicy, KeySpec, LifecycleError, Owner, Passphrase, Place, SecretKey, Sibling,
    WideRange, check_passphrase,
};
use keyward_rules::limits::{DAY_MS, KEY_NAME_CHARS, OVERLAP_MAX_DAYS};
use keyward_rules::time::Moment;
use keyward_store::{KeyMetadata, KeyRecord};

use super::enable::{check_loosening, may_loosen};
use super::issue::{Issued, draft, facts, is_frozen, siblings};
use super::new_device::{Powers, beside, fact, first_hold, foretell};
use super::place_among;
use crate::accounts::check_in_step;
use crate::operators::{policy_in_force, policy_now};
use crate::sub_accounts::{owner_in, owner_of, person_behind};
use crate::{Action, ActionContext, ActionError, PendingAction, tell};

/// Make a key's successor, and let the old key end with the overlap.
pub struct RotateKey {
    /// The key to follow.
    pub key: KeyId,
    /// The successor's name.
    pub name: KeyName,
    /// The successor's passphrase.
    pub passphrase: Passphrase,
    /// For how long both work.
    pub overlap_ms: u64,
}

/// What of the key bears on its rotation, and so on what is approved.
struct RotationPlan {
    /// The key's name.
    pub name: KeyName,
    /// Whether its holder disabled it: its successor is active all the same.
    pub state: HolderState,
    /// The end that its holder gave it, which the successor keeps.
    pub own_end: Option<Moment>,
    /// When the successor ends: then, or earlier by the policy.
    pub successor_end: Option<Moment>,
    /// Until when the key itself works.
    pub until: Moment,
}

/// What is said of the rotation of a disabled key.
pub const DISABLED_SUCCEEDED: &str = "The key is disabled; its successor is active";

impl RotationPlan {
    fn of(old: &KeyRecord, own_end: Option<Moment>, overlap_ms: u64, policy: KeyPolicy, now: Moment) -> Self {
        let until = now.plus_ms(overlap_ms);
        Self {
            name: old.name.clone(),
            state: old.life.state,
            own_end,
            successor_end: policy.end(own_end, now),
            until: old.expires_at.map_or(until, |end| end.min(until)),
        }
    }

    fn is_of_a_disabled_key(&self) -> bool {
        self.state == HolderState::Disabled
    }

    /// What becomes of the old key.
    fn overlap_in_words(&self) -> String {
        if self.is_of_a_disabled_key() {
            format!("The disabled key ends at {}", self.until)
        } else {
            format!("Both work until {}", self.until)
        }
    }
}

/// What a rotation is approved as. The facts leave out what moves with the clock between the question and the answer.
fn pending(wish: &RotateKey, plan: &RotationPlan) -> PendingAction {
    let mut words = vec![
        format!("Rotate the API key “{}” ({})", plan.name, wish.key),
        format!("Its successor is “{}”, with the same rights and addresses", wish.name),
    ];
    if let Some(end) = plan.successor_end {
        words.push(format!("The successor ends at {end}"));
    }
    if plan.is_of_a_disabled_key() {
        words.push(DISABLED_SUCCEEDED.to_owned());
    }
    words.push(plan.overlap_in_words());
    PendingAction {
        action: ActionKind::RotateKey,
        facts: vec![
            ("key", wish.key.to_string()),
            ("name", wish.name.to_string()),
            ("overlap", wish.overlap_ms.to_string()),
            ("passphrase", wish.passphrase.expose().to_owned()),
            ("expires", end_word(plan.own_end)),
            ("state", state_word(plan.state).to_owned()),
        ],
        words,
    }
}

fn end_word(end: Option<Moment>) -> String {
    end.map_or_else(|| "never".to_owned(), |end| end.to_string())
}

const fn state_word(state: HolderState) -> &'static str {
    match state {
        HolderState::Active => "active",
        HolderState::Disabled => "disabled",
        HolderState::Deleted { .. } | HolderState::Expired { .. } => "ended",
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

#[async_trait]
impl Action for RotateKey {
    type Reply = Issued;

    /// Whether another key has the passphrase is told by `perform` alone, after the proof.
    async fn plan(&self, context: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        let (access, scope) = (&context.authority.access, context.actor.scope());
        let old = access.reader.key(scope, self.key).await?.ok_or(ActionError::NoKey)?;
        let keys: Result<Vec<KeyRecord>, _> =
            access.reader.keys_of(scope, old.account).await?.into_iter().collect();
        let notes = access.reader.notes_of(old.account).await?;
        let policy = policy_in_force(context).await?.policy.keys;
        let owner = owner_of(context, old.account, old.master).await?;
        let checked = check(context, self, &old, (&keys?, &notes), (owner, policy))?;
        let person = access.door.person(person_behind(context, old.account, old.master)).await?;
        may_loosen(person.as_ref(), &old, context.now)?;
        let master = access.door.person(old.master.unwrap_or(old.account)).await?;
        may_loosen(master.as_ref(), &old, context.now)?;
        let mut pending = pending(self, &checked.plan);
        foretell(context, &mut pending.words, [Powers::of(&old)]).await?;
        Ok(pending)
    }

    /// # Errors
    /// [`ActionError::NoKey`], [`ActionError::Rotated`], [`ActionError::Overlap`], [`ActionError::Key`] by rule,
    /// [`ActionError::Life`], [`ActionError::TwoFactorOff`], [`ActionError::Cooling`], [`ActionError::Frozen`].
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let wish = self;
        let grant = context.actor.may(ActionKind::RotateKey, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        let mut old = tx.key(wish.key).await?.ok_or(ActionError::NoKey)?;
        let account = tx.account(old.account).await?.ok_or(ActionError::NoAccount)?;
        let (keys, notes) = (tx.keys_of(account.id).await?, tx.notes_of(account.id).await?);
        let policy = policy_now(context, &mut tx).await?.keys;
        let owner = owner_in(&mut tx, old.account, old.master).await?;
        let Checked { mut spec, plan, siblings } =
            check(context, &wish, &old, (&keys, &notes), (owner, policy))?;
        check_loosening(context, &mut tx, &old).await?;
        check_in_step(tx.account_limits(account.id).await?.as_deref(), &keys)?;

        let id = KeyId::from_entropy(context.random());
        let secret = SecretKey::from_entropy(context.random());
        let tag = context.authority.secrets.passphrases.tag(account.id, wish.passphrase.expose().as_bytes());
        check_passphrase(&tag, &siblings)?;
        spec.expires_at = plan.successor_end;
        let works_from = first_hold(context, &mut tx, Powers::of(&old)).await?;
        tx.insert_key(draft((id, works_from), &account, &spec, tag, &secret)).await?;
        let mut old_notes = tx.notes(old.id).await?;
        let (tags, predecessor, own_end) = (old_notes.tags.clone(), Some(old.id), plan.own_end);
        let signals = old_notes.signals;
        tx.set_notes(&KeyMetadata { tags, predecessor, own_end, signals, ..KeyMetadata::none(id) }).await?;
        old_notes.successor = Some(id);
        old_notes.overlap_until = Some(plan.until);
        tx.set_notes(&old_notes).await?;
        let alert =
            tell::about_key(context, AlertKind::KeyRotated, &old, beside(detail(&spec, &plan), works_from));
        let mut facts = facts(account.id, &spec).to_vec();
        facts.push(("predecessor", old.id.to_string()));
        facts.push(("predecessor_state", state_word(plan.state).to_owned()));
        facts.push(("overlap_until", plan.until.to_string()));
        facts.extend(fact(works_from));
        old.expires_at = Some(plan.until);
        tx.update_key(old).await?;
        tell::notify_holder(context, &mut tx, alert).await?;
        let event = Event::of(tx.grant(), context.now, &format!("key:{id}"), &facts);
        tx.commit(event).await?;
        Ok(Issued { id, secret, passphrase: wish.passphrase, spec, works_from })
    }
}

/// What the mail of a rotation says.
fn detail(spec: &KeySpec, plan: &RotationPlan) -> String {
    let mut sentences = vec![format!("Its successor is “{}”.", spec.name)];
    if plan.is_of_a_disabled_key() {
        sentences.push(format!("{DISABLED_SUCCEEDED}."));
    }
    sentences.push(format!("{}.", plan.overlap_in_words()));
    sentences.join(" ")
}

/// A wish that stands up to the rules.
struct Checked {
    spec: KeySpec,
    plan: RotationPlan,
    siblings: Vec<Sibling>,
}

fn check(
    context: &ActionContext<'_>,
    wish: &RotateKey,
    old: &KeyRecord,
    (keys, notes): (&[KeyRecord], &[KeyMetadata]),
    (owner, policy): (Owner, KeyPolicy),
) -> Result<Checked, ActionError> {
    let old_notes = notes.iter().find(|notes| notes.key == old.id);
    let own_end = old_notes.and_then(|notes| notes.own_end);
    if !old.lives(context.now) || own_end.is_some_and(|end| end <= context.now) {
        return Err(LifecycleError::Ended.into());
    }
    // A successor would carry none of the holds.
    if is_frozen(old) {
        return Err(ActionError::Frozen);
    }
    match place_among(old_notes, keys, context.now) {
        Place::Superseded => return Err(ActionError::Rotated),
        Place::Own => {}
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
        expires_at: own_end,
        rate_cap: old.rate_cap,
        fences: old.fences.clone(),
    };
    // The old key gives up its place to the successor, so the 50th key can be rotated too.
    let mut siblings = siblings(keys, notes, context.now);
    for (sibling, key) in siblings.iter_mut().zip(keys) {
        if key.id == old.id {
            sibling.place = Place::Superseded;
        }
    }
    spec.check(&siblings, owner, policy, context.now)?;
    let plan = RotationPlan::of(old, own_end, wish.overlap_ms, policy, context.now);
    Ok(Checked { spec, plan, siblings })
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
