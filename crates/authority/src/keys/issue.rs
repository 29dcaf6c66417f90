//! Action: issue a key. Its three credentials leave here once and are kept nowhere.

use async_trait::async_trait;
use keyward_rules::address::Binding;
use keyward_rules::alert::AlertKind;
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Actor, Proof, TwoFactor};
use keyward_rules::id::{AccountId, KeyId};
use keyward_rules::key::{
    HmacState, Hold, KeyPolicy, KeySpec, Owner, Passphrase, PassphraseTag, SecretKey, Sibling,
    check_passphrase,
};
use keyward_rules::permission::Permission;
use keyward_rules::time::Moment;
use keyward_store::{AccountRecord, KeyDraft, KeyMetadata, KeyRecord, Tx, UserRecord};

use super::new_device::{Powers, beside, fact, first_hold, foretell};
use super::{as_maker, place_among};
use crate::accounts::{check_in_step, is_cooling, moves_funds};
use crate::apps::is_open;
use crate::operators::{frozen_now, policy_in_force, policy_now, refuse_frozen};
use crate::questions::{app_card, reach_in_words, reach_of, refuse_closed};
use crate::sub_accounts::{owner_in, owner_of, person_behind};
use crate::{Action, ActionContext, ActionError, PendingAction, tell};

/// Create a key, by all rules of product.md 3.1.
pub struct IssueKey {
    /// Whose key.
    pub account: AccountId,
    /// What key.
    pub spec: KeySpec,
    /// Its passphrase.
    pub passphrase: Passphrase,
    /// The holder's tags.
    pub tags: Vec<String>,
    /// The key that this one is meant to replace, for the link between their pages.
    pub replaces: Option<KeyId>,
    /// The caller's own id of the request; empty for none.
    pub idempotency: String,
}

/// The one answer that shows the credentials.
pub struct Issued {
    /// The public API key.
    pub id: KeyId,
    /// The secret key; the store keeps only a state derived from it.
    pub secret: SecretKey,
    /// The passphrase, as chosen.
    pub passphrase: Passphrase,
    /// What was made.
    pub spec: KeySpec,
    /// From when it does more than read, where it was made on a new device.
    pub works_from: Option<Moment>,
}

/// What became of the wish.
pub enum Outcome {
    /// A key was made.
    Made(Box<Issued>),
    /// An earlier request with the same idempotency key made this one; its secret was shown then.
    MadeBefore(KeyId),
}

/// What a canary does.
const CANARY: &str = "it admits no request, and raises the alarm when somebody uses it";

/// What making the key is approved as.
fn pending(wish: &IssueKey) -> PendingAction {
    let spec = &wish.spec;
    let expires = spec.expires_at.map_or_else(|| "never".to_owned(), |end| end.to_string());
    let mut words = vec![format!("Create the API key “{}” ({})", spec.name, spec.environment)];
    match spec.binding {
        Binding::Canary => words.push(format!("It is a canary: {CANARY}")),
        Binding::Anywhere | Binding::Addresses(_) | Binding::App(_) => words.extend([
            format!("It may: {}", rights_in_words(spec)),
            format!("It works from: {}", reach_in_words(&spec.binding)),
        ]),
    }
    if spec.expires_at.is_some() {
        words.push(format!("It ends: {expires}"));
    }
    if let Some(fences) = &spec.fences {
        words.push(format!("Its limits: {}", fences.in_words()));
    }
    if let Some(cap) = spec.rate_cap {
        words.push(format!("At most {} requests a second", cap.per_second()));
    }
    PendingAction {
        action: ActionKind::IssueKey,
        facts: vec![
            ("account", wish.account.to_string()),
            ("environment", spec.environment.to_string()),
            ("expires", expires),
            ("limits", spec.fences.as_ref().map(|fences| fences.to_text()).unwrap_or_default()),
            ("name", spec.name.to_string()),
            ("passphrase", wish.passphrase.expose().to_owned()),
            ("permissions", spec.permissions.to_string()),
            ("rate cap", cap_word(spec)),
            ("replaces", wish.replaces.map(|id| id.to_string()).unwrap_or_default()),
            ("tags", wish.tags.join(",")),
            ("where", where_word(&spec.binding)),
        ],
        words,
    }
}

/// Where from, with the app itself: an approval for one app is none for another.
fn where_word(binding: &Binding) -> String {
    match binding {
        Binding::App(app) => format!("app {app}"),
        Binding::Anywhere | Binding::Addresses(_) | Binding::Canary => reach_of(binding),
    }
}

fn cap_word(spec: &KeySpec) -> String {
    spec.rate_cap.map_or_else(|| "none".to_owned(), |cap| cap.per_second().to_string())
}

fn rights_in_words(spec: &KeySpec) -> String {
    spec.permissions.iter().map(Permission::word).collect::<Vec<_>>().join(", ")
}

#[async_trait]
impl Action for IssueKey {
    type Reply = Outcome;

    /// Whether another key has the passphrase is told by `perform` alone, after the proof.
    async fn judge(&self, context: &ActionContext<'_>) -> Result<(), ActionError> {
        let (access, scope) = (&context.authority.access, context.actor.scope());
        let account = access.reader.account(scope, self.account).await?.ok_or(ActionError::NoAccount)?;
        let person = access.door.person(person_behind(context, account.id, account.master())).await?;
        let master = access.door.person(account.master().unwrap_or(account.id)).await?;
        let keys: Result<Vec<KeyRecord>, _> =
            access.reader.keys_of(scope, account.id).await?.into_iter().collect();
        let notes = access.reader.notes_of(account.id).await?;
        refuse_frozen(context, &account).await?;
        if let Some(replaced) = self.replaces {
            access.reader.key(scope, replaced).await?.ok_or(ActionError::NoKey)?;
        }
        if let Binding::App(app) = self.spec.binding {
            refuse_closed(context, app).await?;
        }
        let policy = policy_in_force(context).await?.policy.keys;
        let owner = owner_of(context, account.id, account.master()).await?;
        check(context, self, owner, [person, master], &siblings(&keys?, &notes, context.now), policy)
    }

    async fn plan(&self, context: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        let mut pending = pending(self);
        let powers = Powers(self.spec.permissions, self.spec.environment, &self.spec.binding);
        foretell(context, &mut pending.words, [powers]).await?;
        if let Binding::App(app) = self.spec.binding
            && let Ok(app) = app_card(context, app).await
        {
            pending.words.push(format!("The app: {} ({})", app.name, app.home_page));
        }
        Ok(pending)
    }

    /// # Errors
    /// [`ActionError::NoAccount`], [`ActionError::NoKey`] when the key to replace is beyond the actor's scope,
    /// [`ActionError::Key`] by rule, [`ActionError::Wider`] than the key that creates it, [`ActionError::TwoFactorOff`],
    /// [`ActionError::Cooling`], [`ActionError::Frozen`], [`ActionError::OtherRequest`].
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let mut wish = self;
        let grant = context.actor.may(ActionKind::IssueKey, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        let account = tx.account(wish.account).await?.ok_or(ActionError::NoAccount)?;
        if !tx.grant().scope().reaches(account.id) {
            return Err(ActionError::NoAccount);
        }
        let intent = pending(&wish).intent(context, &format!("account:{}", account.id));
        if !wish.idempotency.is_empty()
            && let Some((before, key)) = tx.repeat_of(account.id, &wish.idempotency).await?
        {
            return if before.matches(&intent) {
                Ok(Outcome::MadeBefore(key))
            } else {
                Err(ActionError::OtherRequest)
            };
        }
        let person = tx.person(person_behind(context, account.id, account.master())).await?;
        let master = tx.person(account.master().unwrap_or(account.id)).await?;
        let (keys, notes) = (tx.keys_of(account.id).await?, tx.notes_of(account.id).await?);
        frozen_now(&mut tx, &account).await?;
        check_in_step(tx.account_limits(account.id).await?.as_deref(), &keys)?;
        if let Some(replaced) = wish.replaces
            && is_frozen(&tx.key(replaced).await?.ok_or(ActionError::NoKey)?)
        {
            return Err(ActionError::Frozen);
        }
        if let Binding::App(app) = wish.spec.binding {
            let profile = tx.any_app_profile(app).await?.ok_or(ActionError::NoApp)?;
            if !is_open(&profile, tx.app(app).await?.as_ref()) {
                return Err(ActionError::AppClosed);
            }
        }
        let policy = policy_now(context, &mut tx).await?.keys;
        refuse_wider(&mut tx, &wish.spec).await?;
        let siblings = siblings(&keys, &notes, context.now);
        let owner = owner_in(&mut tx, account.id, account.master()).await?;
        check(context, &wish, owner, [person, master], &siblings, policy)?;
        let tag = passphrase_tag(context, &wish);
        check_passphrase(&tag, &siblings)?;

        let id = KeyId::from_entropy(context.random());
        let secret = SecretKey::from_entropy(context.random());
        let own_end = wish.spec.expires_at;
        wish.spec.expires_at = policy.end(own_end, context.now);
        let powers = Powers(wish.spec.permissions, wish.spec.environment, &wish.spec.binding);
        let works_from = first_hold(context, &mut tx, powers).await?;
        tx.insert_key(draft((id, works_from), &account, &wish.spec, tag, &secret)).await?;
        if !wish.tags.is_empty() || wish.replaces.is_some() || own_end.is_some() {
            let (tags, predecessor) = (wish.tags, wish.replaces);
            tx.set_notes(&KeyMetadata { tags, predecessor, own_end, ..KeyMetadata::none(id) }).await?;
        }
        if !wish.idempotency.is_empty() {
            tx.insert_repeat(account.id, &wish.idempotency, &intent, id).await?;
        }
        let mut alert = tell::by_actor(
            context,
            AlertKind::KeyCreated,
            account.id,
            beside(in_words(&wish.spec), works_from),
        );
        alert.key = Some((id, wish.spec.name.to_string()));
        tell::notify_holder(context, &mut tx, alert).await?;
        let mut facts = facts(account.id, &wish.spec).to_vec();
        facts.extend(fact(works_from));
        let event = Event::of(tx.grant(), context.now, &format!("key:{id}"), &facts);
        tx.commit(event).await?;
        let (passphrase, spec) = (wish.passphrase, wish.spec);
        Ok(Outcome::Made(Box::new(Issued { id, secret, passphrase, spec, works_from })))
    }
}

/// The key that an earlier request with the same idempotency key and the same content made; its secret was shown
/// then, so nothing has to be approved.
///
/// # Errors
/// [`ActionError::OtherRequest`] when the content was another.
#[crate::boxed]
pub async fn made_before(context: &ActionContext<'_>, wish: &IssueKey) -> Result<Option<KeyId>, ActionError> {
    if wish.idempotency.is_empty() || !context.actor.scope().reaches(wish.account) {
        return Ok(None);
    }
    let found = context.authority.access.reader.repeat_of(wish.account, &wish.idempotency).await?;
    let intent = pending(wish).intent(context, &format!("account:{}", wish.account));
    match found {
        None => Ok(None),
        Some((before, key)) if before.matches(&intent) => Ok(Some(key)),
        Some(_) => Err(ActionError::OtherRequest),
    }
}

fn check(
    context: &ActionContext<'_>,
    wish: &IssueKey,
    owner: Owner,
    people: [Option<UserRecord>; 2],
    siblings: &[Sibling],
    policy: KeyPolicy,
) -> Result<(), ActionError> {
    if let Actor::Holder(_) = context.actor {
        // Who creates the key, and the person behind the account: while the master's keys rest, a member creates none.
        for person in &people {
            let person = person.as_ref().ok_or(ActionError::TwoFactorOff)?;
            if person.two_factor() == TwoFactor::Off {
                return Err(ActionError::TwoFactorOff);
            }
            if is_cooling(person, context.now) && moves_funds(wish.spec.permissions) {
                return Err(ActionError::Cooling);
            }
        }
    }
    if let Actor::Key(_) = context.actor {
        // While the master's keys rest, none of them makes another that moves funds.
        let rests = people.iter().flatten().any(|person| is_cooling(person, context.now));
        if rests && moves_funds(wish.spec.permissions) {
            return Err(ActionError::Cooling);
        }
    }
    context.authority.settings.market.check(wish.spec.fences.as_deref())?;
    Ok(wish.spec.check(siblings, owner, policy, context.now)?)
}

/// Refuses a key that goes beyond the key which creates it, unless the master approved exactly this one.
async fn refuse_wider(tx: &mut Tx, spec: &KeySpec) -> Result<(), ActionError> {
    if tx.grant().consent().is_none()
        && let Some(maker) = tx.acting_key().await?
    {
        as_maker(&maker, |maker| maker.covers(spec))?;
    }
    Ok(())
}

fn passphrase_tag(context: &ActionContext<'_>, wish: &IssueKey) -> PassphraseTag {
    let text = wish.passphrase.expose().as_bytes();
    context.authority.secrets.passphrases.tag(wish.account, text)
}

/// Whether an operator or a quarantine holds the key: what is made of it would carry none of the holds.
pub(super) fn is_frozen(key: &KeyRecord) -> bool {
    let holds = [Hold::Frozen, Hold::AccountFrozen, Hold::CancelOnly, Hold::ReadOnly];
    holds.into_iter().any(|hold| key.life.holds.has(hold))
}

/// What a new key is compared with.
pub(super) fn siblings(keys: &[KeyRecord], notes: &[KeyMetadata], now: Moment) -> Vec<Sibling> {
    let notes_of = |key: &KeyRecord| notes.iter().find(|notes| notes.key == key.id);
    keys.iter().map(|key| key.as_sibling(place_among(notes_of(key), keys, now))).collect()
}

/// A row for a new key, which only reads until then where it is made on a new device.
pub(super) fn draft(
    (id, new_device_until): (KeyId, Option<Moment>),
    account: &AccountRecord,
    spec: &KeySpec,
    passphrase: PassphraseTag,
    secret: &SecretKey,
) -> KeyDraft {
    KeyDraft {
        id,
        account: account.id,
        master: account.master(),
        name: spec.name.clone(),
        permissions: spec.permissions,
        binding: spec.binding.clone(),
        environment: spec.environment,
        expires_at: spec.expires_at,
        rate_cap: spec.rate_cap,
        fences: spec.fences.clone(),
        passphrase,
        new_device_until,
        hmac: HmacState::from_key(secret.expose().as_bytes()),
    }
}

/// What an audit record says of a new key.
pub(super) fn facts(account: AccountId, spec: &KeySpec) -> [(&'static str, String); 8] {
    [
        ("account", account.to_string()),
        ("environment", spec.environment.to_string()),
        ("expires_at", spec.expires_at.map_or_else(|| "never".to_owned(), |end| end.to_string())),
        ("limits", spec.fences.as_ref().map_or_else(|| "none".to_owned(), |fences| fences.in_words())),
        ("name", spec.name.to_string()),
        ("permissions", spec.permissions.to_string()),
        ("rate_cap", cap_word(spec)),
        ("where", where_word(&spec.binding)),
    ]
}

fn in_words(spec: &KeySpec) -> String {
    if spec.binding == Binding::Canary {
        return format!("It is a canary ({}): {CANARY}.", spec.environment);
    }
    let limits = spec.fences.as_ref().map(|fences| format!(" Its limits: {}.", fences.in_words()));
    format!(
        "Permissions: {}. It works from {} ({}).{}",
        rights_in_words(spec),
        reach_in_words(&spec.binding),
        spec.environment,
        limits.unwrap_or_default()
    )
}
