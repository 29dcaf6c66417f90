//! Action: close a sub-account for good. The master asks for it, the exchange decides, and a duty of the system does what the
//! exchange answered.

use async_trait::async_trait;
use keyward_rules::alert::{Alert, AlertKind};
use keyward_rules::event::Event;
use keyward_rules::exchange_notice::{ExchangeNotice, NoticeKind};
use keyward_rules::grant::{ActionKind, Actor, Proof};
use keyward_rules::id::AccountId;
use keyward_rules::sub_account::{SubAccountLife, SubAccountSettings};
use keyward_store::{AccountKind, NoticeEnd, NoticeKey, Tx};

use super::cap::check_master;
use super::{SubAccountOf, hold_keys, settings_in, settings_or_least, sub_account_in, sub_account_of};
use crate::{Action, ActionContext, ActionError, PendingAction, tell};

/// A sub-account with the name that the user confirmed: none is closed by its number alone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SubAccountNamed {
    /// The sub-account.
    pub account: AccountId,
    /// What it is called; at the host, the command line finds it by its name.
    pub name: String,
}

impl SubAccountNamed {
    fn check(&self, context: &ActionContext<'_>, sub: &SubAccountOf) -> Result<(), ActionError> {
        let asked = match context.actor {
            Actor::Holder(_) | Actor::Staff(_) | Actor::Visitor(_) => true,
            Actor::Host(_) | Actor::System(_) | Actor::Key(_) => false,
        };
        if asked && sub.name.as_str() != self.name { Err(ActionError::NotTheSubAccount) } else { Ok(()) }
    }
}

/// Close a sub-account. All its keys are held from now on, and the exchange is asked. When it has closed the sub-account, the keys
/// are deleted; when it refuses, everything is as it was before. Where the exchange is not told of sub-accounts, it is closed at
/// once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CloseSubAccount(pub SubAccountNamed);

#[async_trait]
impl Action for CloseSubAccount {
    /// Where the sub-account is in its life now: closing, or closed.
    type Reply = SubAccountLife;

    async fn plan(&self, context: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        let sub = sub_account_of(context, self.0.account).await?;
        self.0.check(context, &sub)?;
        let access = &context.authority.access;
        settings_or_least(access.reader.sub_account_settings(sub.id).await)?.life.check_open()?;
        let name = sub.name.as_str();
        let mut words = vec![format!("Close the sub-account “{name}” for good")];
        words.extend(consequences(access.exchange_notices.is_told().await?).map(str::to_owned));
        Ok(PendingAction {
            action: ActionKind::CloseSubAccount,
            facts: vec![("account", sub.id.to_string()), ("name", name.to_owned())],
            words,
        })
    }

    /// # Errors
    /// [`ActionError::NoSubAccount`], [`ActionError::NotTheSubAccount`], [`ActionError::SubAccountLife`],
    /// [`ActionError::ExchangeBehind`], [`ActionError::TwoFactorOff`], [`ActionError::Cooling`].
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let grant = context.actor.may(ActionKind::CloseSubAccount, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        let sub = sub_account_in(&mut tx, self.0.account).await?;
        self.0.check(context, &sub)?;
        check_master(context, &mut tx, &sub).await?;
        let mut settings = settings_in(&mut tx, sub.id).await?;
        settings.life = settings.life.close(context.now)?;
        let (detail, mut facts) = if tx.exchange_is_told().await? {
            ask_exchange(&mut tx, &sub, &settings).await?
        } else {
            end(context, &mut tx, &sub, &mut settings).await?
        };
        let alert = tell::by_actor(context, AlertKind::SubAccountChanged, sub.id, detail);
        tell::notify_holder(context, &mut tx, alert).await?;
        facts.push(("name", sub.name.as_str().to_owned()));
        let event = Event::of(tx.grant(), context.now, &format!("account:{}", sub.id), &facts);
        tx.commit(event).await?;
        Ok(settings.life)
    }
}

/// What closing leads to, in words.
fn consequences(exchange_is_told: bool) -> impl Iterator<Item = &'static str> {
    let words: &[&str] = if exchange_is_told {
        &[
            "All its keys are refused from now on. When the exchange has closed it, they are deleted, and its members are removed.",
            "If it still has funds, the exchange refuses, and it works as before.",
            "You cannot undo this, and its name stays taken.",
        ]
    } else {
        &[
            "All its keys are deleted at once, and its members are removed.",
            "The exchange is not asked here: make sure that the sub-account has no funds.",
            "You cannot undo this, and its name stays taken.",
        ]
    };
    words.iter().copied()
}

/// What an alert says of a change, and the facts of its record.
type Told = (String, Vec<(&'static str, String)>);

/// Holds the keys of a sub-account and asks the exchange to close it.
async fn ask_exchange(
    tx: &mut Tx,
    sub: &SubAccountOf,
    settings: &SubAccountSettings,
) -> Result<Told, ActionError> {
    tx.set_sub_account(sub.id, settings).await?;
    hold_keys(tx, sub.id, settings).await?;
    if !tx.tell_exchange(NoticeKind::Closing, sub.parts(), settings).await? {
        return Err(ActionError::ExchangeBehind);
    }
    let detail = format!("“{}” is being closed. All its keys are refused.", sub.name.as_str());
    Ok((detail, vec![("holds", "+ sub-account closing".to_owned())]))
}

/// Ends a sub-account: its keys become tombstones, its members and invitations go, and all sessions of the members end.
async fn end(
    context: &ActionContext<'_>,
    tx: &mut Tx,
    sub: &SubAccountOf,
    settings: &mut SubAccountSettings,
) -> Result<Told, ActionError> {
    // What is closed stays closed.
    settings.life = settings.life.finish(context.now).unwrap_or(settings.life);
    tx.set_sub_account(sub.id, settings).await?;
    let keys = delete_keys(context, tx, sub.id).await?;
    let members = remove_members(tx, sub.id).await?;
    let name = sub.name.as_str();
    let detail = match keys.len() {
        0 => format!("“{name}” is closed. It had no keys."),
        1 => format!("“{name}” is closed. Its key is deleted."),
        count => format!("“{name}” is closed. Its {count} keys are deleted."),
    };
    let mut facts = vec![("state", "-> closed".to_owned())];
    let lists = [("deleted", keys.join(",")), ("members", members.join(", "))];
    facts.extend(lists.into_iter().filter(|(_, list)| !list.is_empty()));
    Ok((detail, facts))
}

/// Every living key becomes a tombstone; gives their ids.
async fn delete_keys(
    context: &ActionContext<'_>,
    tx: &mut Tx,
    account: AccountId,
) -> Result<Vec<String>, ActionError> {
    let mut deleted = Vec::new();
    for mut key in tx.keys_of_family(account).await? {
        if let Ok(life) = key.life.delete(context.now) {
            deleted.push(key.id.to_string());
            key.life = life;
            tx.update_key(key).await?;
        }
    }
    Ok(deleted)
}

/// Removes all members and invitations; gives the removed ones.
async fn remove_members(tx: &mut Tx, sub_account: AccountId) -> Result<Vec<String>, ActionError> {
    let mut removed = Vec::new();
    for member in tx.members_of(sub_account).await? {
        tx.drop_member(sub_account, member.account).await?;
        tx.end_sessions(member.account, None).await?;
        if let Some(AccountKind::Master(email)) = tx.account(member.account).await?.map(|found| found.kind) {
            removed.push(format!("- {email}"));
        }
    }
    for invitation in tx.invitations_of(sub_account).await? {
        tx.drop_invitation(sub_account, &invitation.email).await?;
    }
    Ok(removed)
}

/// The sub-account of a notice as it is now. Settings that are missing or were altered count as those of one that is being closed:
/// the exchange has decided, and its answer must not be asked for again and again.
async fn closing_in(
    tx: &mut Tx,
    notice: &ExchangeNotice,
) -> Result<(SubAccountOf, SubAccountSettings), ActionError> {
    let sub = sub_account_in(tx, notice.sub_account).await?;
    let mut settings = settings_in(tx, sub.id).await?;
    if settings.life == SubAccountLife::Open {
        settings.life = SubAccountLife::Closing { since: notice.at };
    }
    Ok((sub, settings))
}

/// Does what follows when the exchange has closed a sub-account.
///
/// # Errors
/// [`ActionError::Store`]; then the exchange is told again.
pub(crate) async fn finish_closing(
    context: &ActionContext<'_>,
    notice: &ExchangeNotice,
) -> Result<(), ActionError> {
    let grant = context.actor.may(ActionKind::FinishClosing, Proof::None)?;
    let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
    if !tx.settle_notice(NoticeKey::of(notice), NoticeEnd::Taken).await? {
        return Ok(());
    }
    let (sub, mut settings) = closing_in(&mut tx, notice).await?;
    let (detail, mut facts) = end(context, &mut tx, &sub, &mut settings).await?;
    let alert = Alert { detail, ..Alert::of(AlertKind::SubAccountChanged, sub.id, context.now) };
    tell::notify_holder(context, &mut tx, alert).await?;
    facts.push(("name", sub.name.as_str().to_owned()));
    let event = Event::of(tx.grant(), context.now, &format!("account:{}", sub.id), &facts);
    tx.commit(event).await?;
    Ok(())
}

/// Lets a sub-account go on as before, because the exchange refuses to close it.
///
/// # Errors
/// [`ActionError::Store`]; then the exchange is told again.
pub(crate) async fn refuse_closing(
    context: &ActionContext<'_>,
    notice: &ExchangeNotice,
) -> Result<(), ActionError> {
    let grant = context.actor.may(ActionKind::RefuseClosing, Proof::None)?;
    let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
    if !tx.settle_notice(NoticeKey::of(notice), NoticeEnd::Refused).await? {
        return Ok(());
    }
    let (sub, mut settings) = closing_in(&mut tx, notice).await?;
    // What is closed stays closed.
    settings.life = settings.life.reopen().unwrap_or(settings.life);
    tx.set_sub_account(sub.id, &settings).await?;
    hold_keys(&mut tx, sub.id, &settings).await?;
    let detail = format!("The exchange did not close “{}”: it still has funds.", sub.name.as_str());
    let alert = Alert { detail, ..Alert::of(AlertKind::SubAccountKept, sub.id, context.now) };
    tell::notify_holder(context, &mut tx, alert).await?;
    let facts = [
        ("holds", "- sub-account closing".to_owned()),
        ("name", sub.name.as_str().to_owned()),
        ("why", "it has balances".to_owned()),
    ];
    let event = Event::of(tx.grant(), context.now, &format!("account:{}", sub.id), &facts);
    tx.commit(event).await?;
    Ok(())
}
