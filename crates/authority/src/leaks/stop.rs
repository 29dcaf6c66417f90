//! Duty: stop a key whose secret leaked, and tell its owner; or tell only, where no secret proves anything.

use keyward_rules::address::Binding;
use keyward_rules::alert::{Alert, AlertKind};
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Actor, Proof};
use keyward_rules::id::KeyId;
use keyward_rules::key::Hold;
use keyward_rules::leak::Place;
use keyward_rules::limits::DAY_MS;
use keyward_store::{KeyRecord, StoreError};

use crate::tell::notify_holder;
use crate::{ActionContext, ActionError};

/// Who found something, and where.
#[derive(Clone, Copy)]
pub(super) enum FoundBy<'f> {
    /// A scanner whose report was signed: its name, and the place.
    Reporter(&'f str, &'f Place),
    /// Somebody who pasted it on the console's page.
    Finder,
}

impl FoundBy<'_> {
    /// For the owner. Who pasted it stays unsaid: whoever reports a leak must not be found by its owner.
    fn in_words(self) -> String {
        match self {
            Self::Reporter(name, place) if place.is_unknown() => format!("{name} reported it."),
            Self::Reporter(name, place) => format!("{name} reported it. It was found at: {place}"),
            Self::Finder => "Somebody pasted it on the console's page for found keys.".to_owned(),
        }
    }

    /// For the audit record.
    fn facts(self) -> [(&'static str, String); 2] {
        match self {
            Self::Reporter(name, place) => [("reporter", name.to_owned()), ("found_at", place.to_string())],
            Self::Finder => [("reporter", "the page for found keys".to_owned()), ("found_at", String::new())],
        }
    }
}

/// Stops a key whose secret was proven to have leaked, and tells its owner; once. A canary gets the same hold, although it admits
/// nothing in any case: otherwise somebody with a secret could report it, and tell by the answers which of the two it is.
pub(super) async fn stop_leaked(
    context: &ActionContext<'_>,
    id: KeyId,
    by: FoundBy<'_>,
) -> Result<(), ActionError> {
    let grant = Actor::System("leaks").may(ActionKind::StopLeaked, Proof::None)?;
    let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
    let Some(mut key) = tx.key(id).await? else { return Ok(()) };
    if key.life.is_over() || key.life.holds.has(Hold::Leaked) {
        return Ok(());
    }
    let mut alert = alert(context, AlertKind::SecretLeaked, &key, by);
    if matches!(key.binding, Binding::Canary) {
        alert
            .detail
            .push_str(" The key is a canary, so nothing was lost with it. Make another one in its place.");
    }
    let mut facts = by.facts().to_vec();
    facts.push(("holds", "+ quarantine: nothing passes".to_owned()));
    key.life = key.life.hold(Hold::Leaked)?;
    let mut notes = tx.notes(id).await?;
    if notes.report_leak() {
        tx.set_notes(&notes).await?;
    }
    tx.update_key(key).await?;
    notify_holder(context, &mut tx, alert).await?;
    facts.retain(|(_, value)| !value.is_empty());
    let event = Event::of(tx.grant(), context.now, &format!("key:{id}"), &facts);
    tx.commit(event).await?;
    Ok(())
}

/// Tells the owner of a living key that its API key was found without its secret; once a day for each.
pub(super) async fn tell_of_key(
    context: &ActionContext<'_>,
    id: KeyId,
    by: FoundBy<'_>,
) -> Result<(), ActionError> {
    let kind = AlertKind::KeyIdFound;
    let once = format!("{}:{id}:{}", kind.word(), context.now.unix_ms() / DAY_MS);
    // Before the writer's lock is taken: anybody may send an API key that they know.
    if context.authority.access.reader.was_told(&once).await? {
        return Ok(());
    }
    let grant = Actor::System("watch").may(ActionKind::RaiseAlert, Proof::None)?;
    let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
    let key = match tx.key(id).await {
        Ok(Some(key)) if key.lives(context.now) => key,
        // Of an altered record its owner hears anyway.
        Ok(_) | Err(StoreError::Tampered { .. }) => return Ok(()),
        Err(problem) => return Err(problem.into()),
    };
    let alert = Alert { once, ..alert(context, kind, &key, by) };
    if notify_holder(context, &mut tx, alert).await? {
        let facts = [("saw", kind.word().to_owned())];
        let event = Event::of(tx.grant(), context.now, &format!("key:{id}"), &facts);
        tx.commit(event).await?;
    }
    Ok(())
}

fn alert(context: &ActionContext<'_>, kind: AlertKind, key: &KeyRecord, by: FoundBy<'_>) -> Alert {
    Alert {
        key: Some((key.id, key.name.to_string())),
        detail: by.in_words(),
        ..Alert::of(kind, key.account, context.now)
    }
}
