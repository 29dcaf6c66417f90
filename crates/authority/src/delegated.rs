//! Changes of sub-accounts that a master account's key asks for over the exchange's API (product.md 5).
//!
//! What takes away, and what lies within the key itself, is done at once. Everything else waits for the master account, once for each
//! request, and is done when the program sends the same request again.

use std::sync::Arc;

use keyward_rules::approval::{
    ApprovalHash, ApprovalState, AskedChange, Asker, RequestApproval, Standing, WantedChange,
};
use keyward_rules::fence::Fences;
use keyward_rules::grant::{ActionKind, Actor, Ceremony, NotAllowed, Proof, Scope};
use keyward_rules::id::{AccountId, ApprovalId};
use keyward_rules::key::{Environment, KeySpec, Maker, SubAccountCap, WideRange, Wider};
use keyward_rules::okx::sub_accounts::NewKey;
use keyward_rules::time::Moment;
use keyward_store::{AccountKind, KeyRecord};

use crate::approvals::keep_waiting;
use crate::keys::{IssueKey, ModifyKey, as_maker};
use crate::sub_accounts::ChangeSubAccountCap;
use crate::tell::shows_addresses;
use crate::{Action, ActionContext, ActionError};

/// An action that a key can ask for.
pub trait Delegated: Action {
    /// The sub-account that it is about.
    fn sub_account(&self) -> AccountId;

    /// What it would give that the key itself does not have.
    fn goes_beyond(&self, _: &Maker<'_>) -> Option<Wider> {
        None
    }
}

impl Delegated for IssueKey {
    fn sub_account(&self) -> AccountId {
        self.account
    }

    fn goes_beyond(&self, maker: &Maker<'_>) -> Option<Wider> {
        maker.covers(&self.spec).err()
    }
}

impl Delegated for ModifyKey {
    fn sub_account(&self) -> AccountId {
        self.account
    }
}

impl Delegated for ChangeSubAccountCap {
    fn sub_account(&self) -> AccountId {
        self.account
    }
}

/// What became of a change that a key asked for.
#[derive(Debug)]
pub enum Delegation<R> {
    /// It was made.
    Done(R),
    /// It waits for the master account.
    Waiting(ApprovalId),
    /// The master refused it; it can be asked for again from then on.
    Refused(ApprovalId, Moment),
    /// Too many requests about the sub-account wait.
    TooMany,
}

/// Makes the change, or has it wait for the master account. The same request finds its approval again, and is done with it once.
///
/// # Errors
/// Those of the action; [`ActionError::NotAllowed`] for an actor that is no key.
pub async fn delegate<A: Delegated>(
    context: &ActionContext<'_>,
    environment: Environment,
    action: A,
) -> Result<Delegation<A::Reply>, ActionError> {
    action.judge(context).await?;
    let mut pending = action.plan(context).await?;
    let Actor::Key(actor) = &context.actor else {
        return Err(NotAllowed::of(&context.actor, pending.action).into());
    };
    let reader = &context.authority.access.reader;
    let key = acting_key(context).await?;
    let beyond = as_maker(&key, |maker| action.goes_beyond(maker));
    if beyond.is_none() && pending.action.key_ceremony() == Ceremony::Session {
        return action.perform(context, Proof::None).await.map(Delegation::Done);
    }
    pending.words.extend(beyond.map(|wider| format!("It needs your approval because {wider}")));
    let account = action.sub_account();
    let asked = AskedChange {
        request: actor.request,
        key: actor.key,
        account,
        master: actor.master,
        environment,
        source: actor.origin.address,
        at: context.now,
        change: WantedChange {
            action: pending.action.word().into(),
            hash: ApprovalHash::from_bytes(
                *pending.intent(context, &format!("key:{}", actor.key)).as_bytes(),
            ),
            words: pending.words,
        },
    };
    let open = reader.open_request_approval(account, asked.change.hash, context.now).await?;
    let state = open.as_ref().map(|approval| approval.state(context.now));
    match (open, state) {
        (Some(approval), Some(ApprovalState::Approved)) => {
            let consent = approval.consent(&asked, context.now)?;
            action.perform(context, Proof::Consent(consent)).await.map(Delegation::Done)
        }
        (Some(approval), _) => Ok(told(&approval)),
        (None, _) => wait(context, &asked).await,
    }
}

/// What a program is told of an approval with which nothing is done yet.
fn told<R>(approval: &RequestApproval) -> Delegation<R> {
    match approval.standing {
        Standing::Refused(..) => Delegation::Refused(approval.id, approval.expires_at),
        Standing::Waiting | Standing::Approved(..) | Standing::Used(..) => Delegation::Waiting(approval.id),
    }
}

/// Has the change wait for the master, who is told.
async fn wait<R>(context: &ActionContext<'_>, asked: &AskedChange) -> Result<Delegation<R>, ActionError> {
    // A key that invents requests must not take turns from those who disable it.
    if !context.authority.access.reader.may_wait(asked.account, context.now).await? {
        return Ok(Delegation::TooMany);
    }
    let grant = context.actor.may(ActionKind::AskApproval, Proof::None)?;
    let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
    if let Some(approval) = tx.open_request_approval(asked.account, asked.change.hash).await? {
        // Another request was faster; the next repetition finds what the master decided.
        return Ok(told(&approval));
    }
    if !tx.may_wait(asked.account).await? {
        return Ok(Delegation::TooMany);
    }
    let key = tx.acting_key().await?.ok_or(ActionError::NoKey)?;
    let account = tx.account(asked.account).await?.ok_or(ActionError::NoSubAccount)?;
    let AccountKind::Sub(_, name) = account.kind else { return Err(ActionError::NoSubAccount) };
    let asker = Asker {
        sub_account: name.as_str().to_owned(),
        key_name: key.name.to_string(),
        source: Some(asked.source).filter(|_| shows_addresses(&key.binding)),
    };
    let id = ApprovalId::from_entropy(context.random());
    let approval = RequestApproval::of_change(id, asked, asker);
    keep_waiting(context, tx, &approval).await?;
    Ok(Delegation::Waiting(id))
}

/// The key that a program asks for. What the request does not say is as with the key that asks: how long it lives, its own limits,
/// its rate, and the environment.
///
/// # Errors
/// [`ActionError::NoKey`] when the key that asks is gone.
#[crate::boxed]
pub async fn inherited(
    context: &ActionContext<'_>,
    (account, cap): (AccountId, &SubAccountCap),
    environment: Environment,
    new: NewKey,
) -> Result<IssueKey, ActionError> {
    let key = acting_key(context).await?;
    let rate_cap = [key.rate_cap, cap.rate()].into_iter().flatten().min();
    let own = key.fences.as_deref().map(Fences::own).filter(|own| *own != Fences::default());
    let spec = KeySpec {
        name: new.label,
        permissions: new.permissions,
        binding: new.binding,
        wide: WideRange::NotAcknowledged,
        environment,
        expires_at: key.expires_at,
        rate_cap,
        fences: own.map(Arc::new),
    };
    Ok(IssueKey {
        account,
        spec,
        passphrase: new.passphrase,
        tags: Vec::new(),
        replaces: None,
        idempotency: String::new(),
    })
}

/// The key that acts by itself, as it is now.
async fn acting_key(context: &ActionContext<'_>) -> Result<KeyRecord, ActionError> {
    let Actor::Key(actor) = &context.actor else { return Err(ActionError::NoKey) };
    let reader = &context.authority.access.reader;
    reader.key(Scope::Account(actor.master), actor.key).await?.ok_or(ActionError::NoKey)
}
