//! Duty: tell the exchange of sub-accounts that it does not know, and do what it answers to the closing of one.

use keyward_rules::event::Event;
use keyward_rules::exchange_notice::{ExchangeAnswer, ExchangeNotice};
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::id::AccountId;
use keyward_rules::sub_account::SubAccountSettings;
use keyward_store::{AccountKind, AccountRecord, StoreError, Tx};

use crate::sub_accounts::{finish_closing, refuse_closing};
use crate::{ActionContext, ActionError};

/// Sub-accounts looked at in one change: others wait for it.
const BATCH: u64 = 50;

/// Does what follows from the answer to a notice that asks to close a sub-account. Nothing follows from one that is to be told
/// again.
///
/// # Errors
/// [`ActionError::Store`]; then nothing happened, and the exchange is told again.
#[crate::boxed]
pub async fn closing_answered(
    context: &ActionContext<'_>,
    notice: &ExchangeNotice,
    answer: &ExchangeAnswer,
) -> Result<(), ActionError> {
    match answer {
        ExchangeAnswer::Taken => finish_closing(context, notice).await,
        ExchangeAnswer::HasBalances => refuse_closing(context, notice).await,
        ExchangeAnswer::NotTaken(_) => Ok(()),
    }
}

/// Writes notices of what the exchange was never told: sub-accounts from before it was told anything, and what changed while it was
/// not. Looks at some sub-accounts after `after`, and gives the last of them while there may be more.
///
/// # Errors
/// [`ActionError::Store`]; then none of them is written.
#[crate::boxed]
pub async fn tell_exchange_of_untold(
    context: &ActionContext<'_>,
    after: Option<AccountId>,
) -> Result<Option<AccountId>, ActionError> {
    let untold = context.authority.access.exchange_notices.untold(after, BATCH).await?;
    let Some(last) = untold.last().map(|one| one.id) else { return Ok(None) };
    let grant = context.actor.may(ActionKind::TellExchange, Proof::None)?;
    let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
    let mut told = Vec::new();
    for record in untold {
        told.extend(tell(&mut tx, record).await?);
    }
    if !told.is_empty() {
        let event = Event::of(tx.grant(), context.now, "accounts", &[("told", told.join(","))]);
        tx.commit(event).await?;
    }
    Ok(Some(last))
}

/// Writes the notices of one sub-account that the exchange has not got; gives its number and their kinds, if there are any.
async fn tell(tx: &mut Tx, record: AccountRecord) -> Result<Option<String>, ActionError> {
    let AccountKind::Sub(master, name) = record.kind else { return Ok(None) };
    let settings = match tx.sub_account_settings(record.id).await {
        Err(StoreError::Tampered { .. }) => SubAccountSettings::unknown(),
        other => other?,
    };
    let mut words = Vec::new();
    for kind in tx.untold_of(record.id, &settings).await? {
        if tx.tell_exchange(kind, (master, record.id, &name), &settings).await? {
            words.push(kind.word());
        }
    }
    Ok((!words.is_empty()).then(|| format!("{} {}", record.id, words.join(" "))))
}
