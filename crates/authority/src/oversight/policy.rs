//! The policies in force, where each came from, and making one stricter.

use keyward_rules::event::Event;
use keyward_rules::grant::{Action, Proof};
use keyward_rules::id::AccountId;
use keyward_rules::policy::{Direction, Policy, Setting};
use keyward_rules::time::Moment;
use keyward_store::{PolicyRecord, Tx};

use super::roles::{acting, operators};
use crate::{ActionError, Desk, Matter};

/// Where a policy came from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PolicySource {
    /// Nobody said anything.
    Default,
    /// The configuration file.
    File,
    /// An operator, in the console.
    Console(Moment, AccountId),
}

/// All policies with where each came from, in the order of [`Setting::NAMES`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InForce {
    /// The policies.
    pub policy: Policy,
    /// Each, with its origin.
    pub settings: [(Setting, PolicySource); 4],
}

fn merge(desk: &Desk<'_>, records: &[PolicyRecord]) -> InForce {
    let settings = &desk.authority.settings;
    let mut policy = settings.policy;
    records.iter().for_each(|record| record.setting.apply(&mut policy));
    let with_source = |setting: Setting| {
        let set = records.iter().find(|record| record.setting.name() == setting.name());
        let source = match set {
            Some(record) => PolicySource::Console(record.set_at, record.set_by),
            None if settings.named.contains(&setting.name()) => PolicySource::File,
            None => PolicySource::Default,
        };
        (setting, source)
    };
    InForce { policy, settings: Setting::all(&policy).map(with_source) }
}

/// The policies in force.
///
/// # Errors
/// [`ActionError::Store`] when a stored one was altered.
#[crate::boxed]
pub async fn policy_in_force(desk: &Desk<'_>) -> Result<InForce, ActionError> {
    Ok(merge(desk, &desk.authority.access.reader.policies().await?))
}

/// The same, inside a transaction.
pub(crate) async fn policy_now(desk: &Desk<'_>, tx: &mut Tx) -> Result<Policy, ActionError> {
    Ok(merge(desk, &tx.policies().await?).policy)
}

/// What a stricter policy is confirmed as.
#[must_use]
pub fn tightening_matter(setting: Setting) -> Matter {
    Matter {
        action: Action::TightenPolicy,
        facts: vec![("name", setting.name().to_owned()), ("value", setting.value())],
        words: vec![format!("Make the policy stricter: {setting}")],
    }
}

/// Makes a policy stricter; takes effect at once.
///
/// # Errors
/// [`ActionError::Unchanged`]; [`ActionError::OtherWay`] when it would be less strict;
/// [`ActionError::TooFewOperators`] when more would be asked for than there are.
#[crate::boxed]
pub async fn tighten_policy(desk: &Desk<'_>, proof: Proof, setting: Setting) -> Result<(), ActionError> {
    let grant = desk.actor.may(Action::TightenPolicy, proof)?;
    let mut tx = desk.authority.access.writer.begin(grant, desk.now).await?;
    let by = acting(desk, &mut tx).await?;
    let before = policy_now(desk, &mut tx).await?;
    match setting.direction(&before) {
        Direction::Tighter => {}
        Direction::Same => return Err(ActionError::Unchanged),
        Direction::Looser => {
            return Err(ActionError::OtherWay("that is less strict than what is in force: propose it"));
        }
    }
    if let Setting::OperatorsNeeded(needed) = setting
        && operators(&mut tx).await?.len() < usize::from(needed.operators())
    {
        return Err(ActionError::TooFewOperators);
    }
    tx.set_policy(setting, by).await?;
    let facts = change_facts(setting, &before);
    let event = Event::of(tx.grant(), desk.now, &format!("policy:{}", setting.name()), &facts);
    tx.commit(event).await?;
    Ok(())
}

/// Before and after, for the audit record.
pub(super) fn change_facts(setting: Setting, before: &Policy) -> Vec<(&'static str, String)> {
    let was = Setting::all(before).into_iter().find(|one| one.name() == setting.name());
    vec![("value", format!("{} -> {}", was.map(Setting::value).unwrap_or_default(), setting.value()))]
}
