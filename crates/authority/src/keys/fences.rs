//! Action: change a key's limits. Stricter ones take effect on one factor, wider ones need a step-up.

use async_trait::async_trait;
use keyward_rules::alert::AlertKind;
use keyward_rules::event::Event;
use keyward_rules::fence::{Destination, Fences};
use keyward_rules::grant::{ActionKind, NotAllowed, Proof};
use keyward_rules::id::Revision;
use keyward_rules::key::LifecycleError;
use keyward_rules::limits::COOLING_MS;
use keyward_rules::time::Moment;
use keyward_store::KeyRecord;

use super::KeyNamed;
use super::enable::check_loosening;
use super::new_device::{Powers, beside, fact, foretell, hold_loosened};
use crate::{Action, ActionContext, ActionError, PendingAction, tell};

/// Change what the bodies of a key's requests may ask for. Every gateway follows within the bound.
#[derive(Clone, Debug)]
pub struct ChangeFences {
    /// The key.
    pub which: KeyNamed,
    /// Its limits from now on; when destinations become usable is not the caller's to say.
    pub to: Fences,
}

#[async_trait]
impl Action for ChangeFences {
    type Reply = Option<Revision>;

    /// Stricter limits only take away, and ask for one factor. Any other change asks for a step-up.
    async fn plan(&self, context: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        let key = self.which.living(context).await?;
        context.authority.settings.market.check(Some(&self.to))?;
        let (old, to) = change(&key, &self.to, context.now)?;
        let action = kind(&key, &self.to, context.now)?;
        let mut words = vec![
            format!("Change the limits of the API key “{}” ({})", key.name, key.id),
            format!("Until now: {}", old.in_words()),
            format!("From now on: {}", to.in_words()),
        ];
        if rests(&to, context.now) {
            words.push("New destinations can be used after 24 hours.".to_owned());
        }
        if action == ActionKind::LoosenFences {
            foretell(context, &mut words, [Powers::of(&key)]).await?;
        }
        Ok(PendingAction {
            action,
            // As it was asked: the moment from which a destination can be used moves on while people type.
            facts: vec![("key", key.id.to_string()), ("limits", self.to.to_text())],
            words,
        })
    }

    /// # Errors
    /// [`ActionError::NoKey`], [`ActionError::NotTheName`], [`ActionError::Life`], [`ActionError::Unchanged`],
    /// [`ActionError::Cooling`], [`ActionError::NoMarketData`], and [`ActionError::NotAllowed`] when the proof is not the one that the change asks for.
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let Self { which, to } = self;
        // The proof says which of the two was approved; the key as it is now says which of them it is.
        let action = match approved(&proof, ActionKind::TightenFences) {
            Some(action) => action,
            None => kind(&which.living(context).await?, &to, context.now)?,
        };
        let grant = context.actor.may(action, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        let mut key = which.find(context, &mut tx).await?;
        context.authority.settings.market.check(Some(&to))?;
        let (old, to) = change(&key, &to, context.now)?;
        let mut held = None;
        if !to.is_within(&old) {
            if action != ActionKind::LoosenFences {
                return Err(NotAllowed::of(&context.actor, ActionKind::LoosenFences).into());
            }
            check_loosening(context, &mut tx, &key).await?;
            held = hold_loosened(context, &mut tx, &mut key).await?;
        }
        let moved = format!("{} -> {}", old.in_words(), to.in_words());
        let detail = format!("Its limits were: {}. Its limits are now: {}.", old.in_words(), to.in_words());
        let account = key.fences.as_ref().and_then(|fences| fences.account.clone());
        key.fences = to.beside(account);
        let alert = tell::about_key(context, AlertKind::KeyChanged, &key, beside(detail, held));
        let subject = format!("key:{}", key.id);
        tx.update_key(key).await?;
        tell::notify_holder(context, &mut tx, alert).await?;
        let mut facts = vec![("limits", moved)];
        facts.extend(fact(held));
        let event = Event::of(tx.grant(), context.now, &subject, &facts);
        Ok(tx.commit(event).await?)
    }
}

/// Which of two changes a proof approves: what a step-up or an approval names, and with a factor only the stricter one. `None` where
/// nothing is proven.
pub(crate) fn approved(proof: &Proof, stricter: ActionKind) -> Option<ActionKind> {
    match proof {
        Proof::StepUp(approved, _) => Some(approved.action()),
        Proof::Consent(consent) => {
            ActionKind::ALL.iter().copied().find(|action| action.word() == consent.action())
        }
        Proof::None => None,
        Proof::Factor(_) | Proof::Mail(_) | Proof::FirstSession(_) | Proof::Link(_) | Proof::Passed(_) => {
            Some(stricter)
        }
    }
}

/// The key's own limits, and those that it shall have.
fn change(key: &KeyRecord, to: &Fences, now: Moment) -> Result<(Fences, Fences), ActionError> {
    if key.life.is_over() {
        return Err(LifecycleError::Ended.into());
    }
    let old = key.fences.as_deref().map(Fences::own).unwrap_or_default();
    let to = renewed(&old, to, now)?;
    Ok((old, to))
}

/// Limits in place of older ones: destinations that are there already keep their time, new ones rest.
pub(crate) fn renewed(old: &Fences, to: &Fences, now: Moment) -> Result<Fences, ActionError> {
    let mut to = to.clone();
    // Who could send anywhere gets no wider by a list of places.
    let known = old.withdrawal.as_ref().map(|fence| fence.destinations.as_slice());
    let at_once = Moment::from_unix_ms(0);
    for place in to.withdrawal.iter_mut().flat_map(|fence| &mut fence.destinations) {
        place.usable_from = match known {
            None => at_once,
            Some(known) => time_of(known, place).unwrap_or_else(|| now.plus_ms(COOLING_MS)),
        };
    }
    // What only watches opens nothing, so nothing has to rest.
    let watched = to.monitor.iter_mut().flat_map(|monitor| monitor.withdrawal.iter_mut());
    watched.flat_map(|fence| &mut fence.destinations).for_each(|place| place.usable_from = at_once);
    if to == *old { Err(ActionError::Unchanged) } else { Ok(to) }
}

/// Which of the two the change is.
fn kind(key: &KeyRecord, to: &Fences, now: Moment) -> Result<ActionKind, ActionError> {
    let (old, to) = change(key, to, now)?;
    Ok(if to.is_within(&old) { ActionKind::TightenFences } else { ActionKind::LoosenFences })
}

/// From when the same destination can be used in a list.
fn time_of(known: &[Destination], place: &Destination) -> Option<Moment> {
    let same = |one: &&Destination| {
        (&one.currency, &one.chain, &one.address) == (&place.currency, &place.chain, &place.address)
    };
    known.iter().find(same).map(|one| one.usable_from)
}

/// Whether a destination can be used only later.
pub(crate) fn rests(to: &Fences, now: Moment) -> bool {
    to.withdrawal.iter().flat_map(|fence| &fence.destinations).any(|place| place.usable_from > now)
}
