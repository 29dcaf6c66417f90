//! Action: make a policy stricter.

use async_trait::async_trait;
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::policy::{Direction, Policy, Setting};

use super::policy_in_force::policy_now;
use super::roles::{acting, operators};
use crate::{Action, ActionContext, ActionError, PendingAction};

/// Make a policy stricter. It takes effect at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TightenPolicy(pub Setting);

#[async_trait]
impl Action for TightenPolicy {
    type Reply = ();

    async fn plan(&self, _: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        let Self(setting) = self;
        Ok(PendingAction {
            action: ActionKind::TightenPolicy,
            facts: vec![("name", setting.name().to_owned()), ("value", setting.value())],
            words: vec![format!("Make the policy stricter: {setting}")],
        })
    }

    /// # Errors
    /// [`ActionError::Unchanged`]; [`ActionError::OtherWay`] when it would be less strict;
    /// [`ActionError::TooFewOperators`] when more would be asked for than there are.
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let Self(setting) = self;
        let grant = context.actor.may(ActionKind::TightenPolicy, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        let by = acting(context, &mut tx).await?;
        let before = policy_now(context, &mut tx).await?;
        match setting.direction(&before) {
            Direction::Tighter => {}
            Direction::Same => return Err(ActionError::Unchanged),
            Direction::Looser => {
                return Err(ActionError::OtherWay("this value is less strict: propose the change instead"));
            }
        }
        if let Setting::OperatorsNeeded(needed) = setting
            && operators(&mut tx).await?.len() < usize::from(needed.operators())
        {
            return Err(ActionError::TooFewOperators);
        }
        tx.set_policy(setting, by).await?;
        let facts = change_facts(setting, &before);
        let event = Event::of(tx.grant(), context.now, &format!("policy:{}", setting.name()), &facts);
        tx.commit(event).await?;
        Ok(())
    }
}

/// Before and after, for the audit record.
pub(super) fn change_facts(setting: Setting, before: &Policy) -> Vec<(&'static str, String)> {
    let was = Setting::all(before).into_iter().find(|one| one.name() == setting.name());
    vec![("value", format!("{} -> {}", was.map(Setting::value).unwrap_or_default(), setting.value()))]
}
