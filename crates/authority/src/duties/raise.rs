//! Duty: tell a holder of what a gateway saw.

use std::net::IpAddr;

use keyward_rules::address::{Binding, Source};
use keyward_rules::alert::{Alert, AlertKind, CanaryUse, KeyObservation};
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Actor, Proof};
use keyward_rules::id::{AccountId, KeyId};
use keyward_rules::key::Hold;
use keyward_rules::limits::DAY_MS;
use keyward_rules::signal::BegunAtOnce;
use keyward_rules::staff::Role;
use keyward_rules::time::Moment;

use crate::keys::is_quarantined;
use crate::operators::policy_in_force;
use crate::tell::{notify_holder, shows_addresses};
use crate::{ActionContext, ActionError};

/// Alerts of a kind about a key that its holder gets one by one within an hour; a summary tells of the rest.
const MOST_AN_HOUR: i64 = 10;
const HOUR_MS: u64 = 60 * 60 * 1_000;
/// Accounts that an alert to operators names.
const ACCOUNTS_NAMED: usize = 20;
/// Networks that are remembered of an unbound key; beyond, the oldest is forgotten.
const NETWORKS: usize = 32;

/// Notes the first networks that unbound keys are used from, of which nobody is told, in one change; gives those that holders
/// are to be told of.
///
/// # Errors
/// [`ActionError::Store`]; then nothing was noted.
#[crate::boxed]
pub async fn note_first_networks(
    context: &ActionContext<'_>,
    seen: Vec<(KeyId, IpAddr)>,
) -> Result<Vec<KeyObservation>, ActionError> {
    let (mut first, mut rest) = (Vec::new(), Vec::new());
    for (id, address) in seen {
        let networks = context.authority.access.reader.notes(id).await?.networks;
        if networks.is_empty() {
            first.push((id, address));
        } else if !networks.contains(&network_word(address)) {
            rest.push(KeyObservation::Unbound(id, address));
        }
    }
    if first.is_empty() {
        return Ok(rest);
    }
    let grant = context.actor.may(ActionKind::RaiseAlert, Proof::None)?;
    let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
    let mut noted = Vec::new();
    for (id, address) in first {
        let mut notes = tx.notes(id).await?;
        if !notes.networks.is_empty() {
            // Seen from two networks at once: the second is told.
            rest.push(KeyObservation::Unbound(id, address));
        } else if matches!(tx.key(id).await, Ok(Some(_))) {
            notes.networks.push(network_word(address));
            tx.set_notes(&notes).await?;
            noted.push(id.to_string());
        }
    }
    if !noted.is_empty() {
        let facts = [("first networks of", noted.join(" "))];
        let event = Event::of(tx.grant(), context.now, "keys", &facts);
        tx.commit(event).await?;
    }
    Ok(rest)
}

/// Tells the holder, once a day for each key and address. A key that is unbound is told of for every network that
/// it was never used from, except the first. Of many within an hour the first ten are told, then that there are more.
///
/// # Errors
/// [`ActionError::Store`].
#[crate::boxed]
pub async fn raise_sighting(
    context: &ActionContext<'_>,
    sighting: KeyObservation,
) -> Result<bool, ActionError> {
    let grant = context.actor.may(ActionKind::RaiseAlert, Proof::None)?;
    let (id, address, kind) = match sighting {
        KeyObservation::WrongAddress(id, address) => (id, Some(address), AlertKind::WrongAddress),
        KeyObservation::Unbound(id, address) => (id, Some(address), AlertKind::NewNetwork),
        KeyObservation::Altered(id) => (id, None, AlertKind::KeyAltered),
        KeyObservation::LimitNear(id) => (id, None, AlertKind::LimitNear),
        KeyObservation::Watched(id, _) => (id, None, AlertKind::LimitWatched),
        KeyObservation::Repeated(id) => return stop_repeating(context, id).await,
        KeyObservation::Tried(id, address) => (id, Some(address), AlertKind::WrongCredentials),
        // Each has its own count within the hour, so that tries without the secret hide none with it.
        KeyObservation::Canary(id, address, CanaryUse::Signed) => (id, Some(address), AlertKind::CanaryUsed),
        KeyObservation::Canary(id, address, CanaryUse::Named) => (id, Some(address), AlertKind::CanaryNamed),
    };
    // The common case, a key at work from where it always works, takes no writer's lock.
    if let KeyObservation::Unbound(id, address) = sighting
        && context.authority.access.reader.notes(id).await?.networks.contains(&network_word(address))
    {
        return Ok(false);
    }
    let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
    // An altered record cannot be opened; its id and account columns still say whom to tell.
    let (account, name, binding) = match tx.key(id).await {
        Ok(Some(key)) => (key.account, key.name.to_string(), key.binding),
        Ok(None) => return Ok(false),
        Err(keyward_store::StoreError::Tampered { .. }) => match tx.owner_of(id).await? {
            Some(account) => (account, "unreadable".to_owned(), Binding::Anywhere),
            None => return Ok(false),
        },
        Err(problem) => return Err(problem.into()),
    };
    let mut told = true;
    if let (KeyObservation::Unbound(..), Some(address)) = (sighting, address) {
        let mut notes = tx.notes(id).await?;
        let network = network_word(address);
        if notes.networks.contains(&network) {
            return Ok(false);
        }
        told = !notes.networks.is_empty();
        notes.networks.push(network);
        if notes.networks.len() > NETWORKS {
            notes.networks.remove(0);
        }
        tx.set_notes(&notes).await?;
    }
    if told {
        let day = context.now.unix_ms() / DAY_MS;
        let from = address.map(|address| Source::of(address).number()).unwrap_or_default();
        let (place, detail) = match sighting {
            // One piece of news for each limit.
            KeyObservation::Watched(_, refused) => {
                (refused.limit(), format!("A request {}. It was let through.", refused.would_be()))
            }
            KeyObservation::Canary(_, _, used) => (from, used.in_words().to_owned()),
            KeyObservation::WrongAddress(..)
            | KeyObservation::Unbound(..)
            | KeyObservation::Altered(_)
            | KeyObservation::LimitNear(_)
            | KeyObservation::Repeated(_)
            | KeyObservation::Tried(..) => (from, String::new()),
        };
        let alert = Alert {
            detail,
            key: Some((id, name)),
            from: address.filter(|_| shows_addresses(&binding)),
            once: format!("{}:{id}:{place:x}:{day}", kind.word()),
            ..Alert::of(kind, account, context.now)
        };
        let hour = context.now.unix_ms() / HOUR_MS;
        let since = Moment::from_unix_ms(hour * HOUR_MS - 1);
        let owner = tx.account(account).await?.and_then(|record| record.master()).unwrap_or(account);
        if tx.recent_alerts((owner, id), kind, since).await? < MOST_AN_HOUR {
            told = notify_holder(context, &mut tx, alert).await?;
            if !told && kind == AlertKind::CanaryNamed {
                // Anybody who knows the API key can repeat this: what is told already is not recorded again.
                return Ok(false);
            }
        } else {
            let summary = Alert {
                key: alert.key,
                detail: format!("{MOST_AN_HOUR} of: {}.", kind.title()),
                once: format!("many:{}:{id}:{hour}", kind.word()),
                ..Alert::of(AlertKind::ManyAlerts, account, context.now)
            };
            told = notify_holder(context, &mut tx, summary).await?;
            if !told {
                // Nothing is changed, so nothing is recorded: who has many addresses must not fill the audit log.
                return Ok(false);
            }
        }
    }
    let event = Event::of(tx.grant(), context.now, &format!("key:{id}"), &[("saw", kind.word().to_owned())]);
    tx.commit(event).await?;
    Ok(told)
}

/// Stops a key from trading that placed the same order more often than its limits allow (RTS 6, article 15(3)).
async fn stop_repeating(context: &ActionContext<'_>, id: KeyId) -> Result<bool, ActionError> {
    let grant = context.actor.may(ActionKind::QuarantineKey, Proof::None)?;
    let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
    let Some(mut key) = tx.key(id).await? else { return Ok(false) };
    if key.life.is_over() || is_quarantined(&key) {
        return Ok(false);
    }
    key.life = key.life.hold(Hold::CancelOnly)?;
    let alert = Alert {
        key: Some((id, key.name.to_string())),
        detail: "It placed the same order more often than the limit repeated_execution allows.".to_owned(),
        ..Alert::of(AlertKind::KeyQuarantined, key.account, context.now)
    };
    tx.update_key(key).await?;
    notify_holder(context, &mut tx, alert).await?;
    let facts = [
        ("holds", "+ quarantine: reads and cancels only".to_owned()),
        ("saw", "repeated_execution".to_owned()),
    ];
    let event = Event::of(tx.grant(), context.now, &format!("key:{id}"), &facts);
    tx.commit(event).await?;
    Ok(true)
}

/// Tells the person behind an account of something that is about no key, once.
pub(crate) async fn raise_to(
    context: &ActionContext<'_>,
    kind: AlertKind,
    account: AccountId,
    once: String,
) -> Result<(), ActionError> {
    let origin = context.actor.origin();
    let place = (origin.map(|origin| origin.address), origin.map(|origin| origin.device.to_string()));
    raise_of(context, kind, (account, place), once).await
}

/// The same of something that came from elsewhere than the actor: from an address and a device.
pub(crate) async fn raise_of(
    context: &ActionContext<'_>,
    kind: AlertKind,
    (account, (from, device)): (AccountId, (Option<IpAddr>, Option<String>)),
    once: String,
) -> Result<(), ActionError> {
    let grant = Actor::System("watch").may(ActionKind::RaiseAlert, Proof::None)?;
    let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
    let alert = Alert { from, device, once, ..Alert::of(kind, account, context.now) };
    if notify_holder(context, &mut tx, alert).await? {
        let subject = format!("account:{account}");
        let event = Event::of(tx.grant(), context.now, &subject, &[("saw", kind.word().to_owned())]);
        tx.commit(event).await?;
    }
    Ok(())
}

/// Tells the person and every operator, once a day, that the record of the person's role was altered.
pub(crate) async fn raise_altered_role(
    context: &ActionContext<'_>,
    account: AccountId,
) -> Result<(), ActionError> {
    let kind = AlertKind::RoleAltered;
    let about = account.to_string();
    // The role is looked up with every request: only the first one of a day takes the writer's lock.
    let once = once_for(kind, &about, account, context.now.unix_ms() / DAY_MS);
    if context.authority.access.reader.was_told(&once).await? {
        return Ok(());
    }
    let detail = format!("The role of account {account}.");
    tell_operators(context, kind, (&about, &format!("account:{account}")), (vec![account], detail)).await
}

/// Tells every operator, once a day for each source, that somebody tries out keys.
///
/// # Errors
/// [`ActionError::Store`].
#[crate::boxed]
pub async fn raise_keys_tried(context: &ActionContext<'_>, source: Source) -> Result<(), ActionError> {
    let kind = AlertKind::KeysTried;
    let detail = format!("{source} named many keys within ten minutes, with wrong secrets or passphrases.");
    let about = format!("{:x}", source.number());
    tell_operators(context, kind, (&about, &format!("source:{source}")), (Vec::new(), detail)).await
}

/// From how many accounts on operators hear of the same first use at once; `None`: never.
///
/// # Errors
/// [`ActionError::Store`].
#[crate::boxed]
pub async fn accounts_at_once(context: &ActionContext<'_>) -> Result<Option<u16>, ActionError> {
    Ok(policy_in_force(context).await?.policy.accounts_at_once)
}

/// Tells every operator, once a day for each thing, that many accounts began it at once.
///
/// # Errors
/// [`ActionError::Store`].
#[crate::boxed]
pub async fn raise_accounts_at_once(
    context: &ActionContext<'_>,
    begun: BegunAtOnce,
) -> Result<(), ActionError> {
    let count = begun.accounts.len();
    let named: Vec<String> = begun.accounts.iter().take(ACCOUNTS_NAMED).map(ToString::to_string).collect();
    let more = if count > ACCOUNTS_NAMED { " and others" } else { "" };
    let detail = format!(
        "{count} accounts began to {} within two minutes, each for the first time, the last at {}. The accounts are {}{more}.",
        begun.what.in_words(),
        begun.at,
        named.join(", ")
    );
    let about = begun.what.word();
    tell_operators(context, AlertKind::AccountsAtOnce, (&about, "accounts"), (Vec::new(), detail)).await
}

/// Tells every operator and `also`, once a day each.
async fn tell_operators(
    context: &ActionContext<'_>,
    kind: AlertKind,
    (about, subject): (&str, &str),
    (also, detail): (Vec<AccountId>, String),
) -> Result<(), ActionError> {
    let day = context.now.unix_ms() / DAY_MS;
    let grant = Actor::System("watch").may(ActionKind::RaiseAlert, Proof::None)?;
    let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
    let mut people = also;
    people.extend(tx.staff().await?.iter().filter(|one| one.role == Role::Operator).map(|one| one.account));
    let mut told = false;
    for person in people {
        let once = once_for(kind, about, person, day);
        let alert = Alert { detail: detail.clone(), once, ..Alert::of(kind, person, context.now) };
        told |= notify_holder(context, &mut tx, alert).await?;
    }
    if !told {
        return Ok(());
    }
    let saw = [("saw", kind.word().to_owned())];
    let event = Event::of(tx.grant(), context.now, subject, &saw);
    tx.commit(event).await?;
    Ok(())
}

fn once_for(kind: AlertKind, about: &str, told: AccountId, day: u64) -> String {
    format!("{}:{about}:{told}:{day}", kind.word())
}

/// The network that an address stands for: IPv4 by /24, IPv6 by /48.
fn network_word(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(v6) => format!("{:x}/48", v6.to_bits() >> 80),
    }
}
