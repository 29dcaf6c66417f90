//! Telling a holder: the alert in the console and the mail, in the transaction of what happened.

use keyward_rules::account::Email;
use keyward_rules::address::Binding;
use keyward_rules::alert::{Alert, AlertKind};
use keyward_rules::grant::BrakeLink;
use keyward_rules::id::AccountId;
use keyward_rules::letter::{Body, MailMessage};
use keyward_store::{AccountKind, KeyRecord, Tx};

use crate::{ActionContext, ActionError};

/// The address and phrase of the person behind an account; a sub-account's is its master. `None` where nobody
/// has registered.
pub(crate) async fn recipient(
    context: &ActionContext<'_>,
    account: AccountId,
) -> Result<Option<(Email, String)>, ActionError> {
    let door = &context.authority.access.door;
    let Some(mut record) = door.account(account).await? else { return Ok(None) };
    if let Some(master) = record.master() {
        let Some(owner) = door.account(master).await? else { return Ok(None) };
        record = owner;
    }
    let AccountKind::Master(email) = record.kind else { return Ok(None) };
    Ok(door.person(record.id).await?.map(|person| (email, person.phrase)))
}

/// Tells the person behind `alert.account`, and `also` at other addresses. Whether it was told now.
pub(crate) async fn tell_also(
    context: &ActionContext<'_>,
    tx: &mut Tx,
    alert: Alert,
    also: &[Email],
) -> Result<bool, ActionError> {
    // Read inside the transaction: on PostgreSQL and SQLite alike another connection would see the past.
    let Some(record) = tx.account(alert.account).await? else { return Ok(false) };
    let (owner, email) = match record.kind {
        AccountKind::Master(email) => (record.id, email),
        AccountKind::Sub(master, _) => match tx.account(master).await?.map(|owner| owner.kind) {
            Some(AccountKind::Master(email)) => (master, email),
            Some(AccountKind::Sub(..)) | None => return Ok(false),
        },
    };
    let Some(person) = tx.person(owner).await? else { return Ok(false) };
    let brake = BrakeLink::text(&context.authority.secrets.codes, owner, context.now);
    let alert = Alert { account: owner, ..alert };
    let letters: Vec<MailMessage> = std::iter::once(&email)
        .chain(also)
        .map(|to| MailMessage {
            to: to.clone(),
            phrase: person.phrase.clone(),
            brake: brake.clone(),
            body: Body::Alert(alert.clone()),
        })
        .collect();
    Ok(tx.tell(&alert, &letters).await?)
}

/// Tells the person behind `alert.account`. Whether it was told now.
pub(crate) async fn notify_holder(
    context: &ActionContext<'_>,
    tx: &mut Tx,
    alert: Alert,
) -> Result<bool, ActionError> {
    tell_also(context, tx, alert, &[]).await
}

/// An alert of what the actor did, from where they sit.
pub(crate) fn by_actor(
    context: &ActionContext<'_>,
    kind: AlertKind,
    account: AccountId,
    detail: String,
) -> Alert {
    let origin = context.actor.origin();
    Alert {
        from: origin.map(|origin| origin.address),
        device: origin.map(|origin| origin.device.to_string()),
        detail,
        own: context.actor.is_the_holder(),
        ..Alert::of(kind, account, context.now)
    }
}

/// The same about one key.
pub(crate) fn about_key(
    context: &ActionContext<'_>,
    kind: AlertKind,
    key: &KeyRecord,
    detail: String,
) -> Alert {
    Alert { key: Some((key.id, key.name.to_string())), ..by_actor(context, kind, key.account, detail) }
}

/// Whether a key's source addresses may be shown: an app's are confidential.
pub(crate) const fn shows_addresses(binding: &Binding) -> bool {
    !matches!(binding, Binding::App(_))
}
