//! What a gateway asks before it forwards a transfer by a sub-account's key: it uses an approval up, takes from a threshold's sum,
//! or has the transfer wait for the master. All of it is durable before the answer.

use keyward_rules::alert::{Alert, AlertKind};
use keyward_rules::approval::{
    ApprovalAnswer, ApprovalState, AskedTransfer, Asker, Consent, ConsentBy, Direction, RequestApproval,
    Wanted,
};
use keyward_rules::event::Event;
use keyward_rules::fence::Decimal;
use keyward_rules::grant::{ActionKind, Proof, Scope};
use keyward_rules::id::{AccountId, ApprovalId};
use keyward_rules::key::TransfersOut;
use keyward_rules::limits::DAY_MS;
use keyward_rules::time::Moment;
use keyward_store::{AccountKind, Tx};

use crate::sub_accounts::settings_or_least;
use crate::tell::{notify_holder, shows_addresses};
use crate::{ActionContext, ActionError};

/// Waiting requests of a key that its master is told of one by one within an hour; a summary tells of the rest.
const MOST_AN_HOUR: i64 = 10;
const HOUR_MS: u64 = 60 * 60 * 1_000;

/// Whether a transfer may go out now. What the master decided about it comes first, then the thresholds, then the question to the
/// master. A transfer that waits goes on waiting, even if a threshold would let it pass by now: it must not pass twice.
///
/// # Errors
/// [`ActionError::Store`]; then nothing was used up.
#[crate::boxed]
pub async fn ask_for_transfer(
    context: &ActionContext<'_>,
    asked: &AskedTransfer,
) -> Result<ApprovalAnswer, ActionError> {
    let (access, hash) = (&context.authority.access, asked.hash());
    if let Direction::ToSubAccount(_) = asked.transfer.direction
        && !leads_out(context, asked.account).await?
    {
        return Ok(ApprovalAnswer::TransferOutOff);
    }
    // Repetitions while it waits take no writer's turn.
    let open = access.reader.open_request_approval(asked.account, hash, context.now).await?;
    match open.as_ref().and_then(|approval| undecided(approval, context.now)) {
        Some(answer) => Ok(answer),
        None if open.is_some() => use_up(context, asked).await,
        None if is_small(context, asked).await? => {
            let by = ConsentBy::Threshold { day: day_of(context.now) };
            Ok(ApprovalAnswer::Passed(Consent { request: asked.request, hash, by }))
        }
        // A key that invents transfers must not take turns from those who freeze it.
        None if !access.reader.may_wait(asked.account, context.now).await? => Ok(ApprovalAnswer::TooMany),
        None => wait(context, asked).await,
    }
}

/// Whether the master allows the sub-account to transfer to others; a row that was altered allows nothing.
async fn leads_out(context: &ActionContext<'_>, account: AccountId) -> Result<bool, ActionError> {
    let settings = context.authority.access.reader.sub_account_settings(account).await;
    Ok(settings_or_least(settings)?.cap.transfers() == TransfersOut::ToSubAccounts)
}

/// The UTC day of a threshold's sum.
const fn day_of(now: Moment) -> u64 {
    now.unix_ms() / DAY_MS
}

/// What the client is told of an approval that no transfer can use now; `None` where one can.
fn undecided(approval: &RequestApproval, now: Moment) -> Option<ApprovalAnswer> {
    match approval.state(now) {
        ApprovalState::Waiting => Some(ApprovalAnswer::Waiting(approval.id)),
        ApprovalState::Refused => Some(ApprovalAnswer::Refused(approval.id, approval.expires_at)),
        ApprovalState::Approved => None,
        ApprovalState::Used | ApprovalState::Expired => Some(ApprovalAnswer::Failed),
    }
}

/// Takes the transfer from its threshold's sum, if that lets it pass.
async fn is_small(context: &ActionContext<'_>, asked: &AskedTransfer) -> Result<bool, ActionError> {
    let access = &context.authority.access;
    let thresholds = access.reader.thresholds(Scope::Account(asked.master), asked.master).await?;
    // Nothing is opened to write for a transfer that no sum of the day can let pass.
    if thresholds.sum_with(&asked.transfer, Decimal::ZERO).is_none() {
        return Ok(false);
    }
    let (whose, what) = ((asked.master, asked.environment), (&asked.transfer, day_of(context.now)));
    Ok(access.transfer_sums.take(whose, what, &thresholds).await?)
}

/// Uses an approval up. Of many requests at once the first one does; the others find nothing and have the transfer wait again.
async fn use_up(context: &ActionContext<'_>, asked: &AskedTransfer) -> Result<ApprovalAnswer, ActionError> {
    let grant = context.actor.may(ActionKind::UseApproval, Proof::None)?;
    let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
    let Some(approval) = tx.open_request_approval(asked.account, asked.hash()).await? else {
        drop(tx);
        return wait(context, asked).await;
    };
    if let Some(answer) = undecided(&approval, context.now) {
        return Ok(answer);
    }
    let (id, before) = (approval.id, approval.standing);
    let used = approval.spend(asked, context.now)?;
    tx.set_request_approval(before, &used).await?;
    let facts = [("transfer", used.in_words()), ("request", asked.request.to_string())];
    let event = Event::of(tx.grant(), context.now, &subject(id), &facts);
    tx.commit(event).await?;
    let by = ConsentBy::Approval(id);
    Ok(ApprovalAnswer::Passed(Consent { request: asked.request, hash: asked.hash(), by }))
}

/// Has the transfer wait for the master, who is told.
async fn wait(context: &ActionContext<'_>, asked: &AskedTransfer) -> Result<ApprovalAnswer, ActionError> {
    let grant = context.actor.may(ActionKind::AskApproval, Proof::None)?;
    let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
    if let Some(approval) = tx.open_request_approval(asked.account, asked.hash()).await? {
        // Another request was faster. If the master was as well, the next repetition finds the approval.
        return Ok(undecided(&approval, context.now).unwrap_or(ApprovalAnswer::Failed));
    }
    if !tx.may_wait(asked.account).await? {
        return Ok(ApprovalAnswer::TooMany);
    }
    let Some(asker) = asker(&mut tx, asked).await? else { return Ok(ApprovalAnswer::Failed) };
    let id = ApprovalId::from_entropy(context.random());
    let asked_at = AskedTransfer { at: context.now, ..asked.clone() };
    let approval = RequestApproval::asked(id, &asked_at, asker);
    keep_waiting(context, tx, &approval).await?;
    Ok(ApprovalAnswer::Waiting(id))
}

/// Has a request wait: it is kept, its master is told, and the change is committed.
pub(crate) async fn keep_waiting(
    context: &ActionContext<'_>,
    mut tx: Tx,
    approval: &RequestApproval,
) -> Result<(), ActionError> {
    tx.insert_request_approval(approval).await?;
    tell_master(context, &mut tx, approval).await?;
    let what = match approval.wanted {
        Wanted::Transfer(_) => "transfer",
        Wanted::Change(_) => "request",
    };
    let facts = [(what, approval.in_words()), ("key", approval.key.to_string())];
    let event = Event::of(tx.grant(), context.now, &subject(approval.id), &facts);
    tx.commit(event).await?;
    Ok(())
}

/// Who asks, in words; `None` for what is no sub-account's key any more.
async fn asker(tx: &mut Tx, asked: &AskedTransfer) -> Result<Option<Asker>, ActionError> {
    let (Some(key), Some(account)) = (tx.key(asked.key).await?, tx.account(asked.account).await?) else {
        return Ok(None);
    };
    let AccountKind::Sub(master, name) = account.kind else { return Ok(None) };
    if master != asked.master || key.account != asked.account {
        return Ok(None);
    }
    Ok(Some(Asker {
        sub_account: name.as_str().to_owned(),
        key_name: key.name.to_string(),
        source: Some(asked.source).filter(|_| shows_addresses(&key.binding)),
    }))
}

/// Tells the master of a request that waits; of many in an hour, in a summary.
async fn tell_master(
    context: &ActionContext<'_>,
    tx: &mut Tx,
    approval: &RequestApproval,
) -> Result<(), ActionError> {
    let hour = context.now.unix_ms() / HOUR_MS;
    let since = Moment::from_unix_ms(hour * HOUR_MS - 1);
    let kind = AlertKind::TransferWaiting;
    let plain = Alert {
        key: Some((approval.key, approval.asker.key_name.clone())),
        ..Alert::of(kind, approval.account, context.now)
    };
    let alert = if tx.recent_alerts((approval.master, approval.key), kind, since).await? < MOST_AN_HOUR {
        Alert {
            from: approval.asker.source,
            detail: format!(
                "{}. Approval {}. You can decide until {}.",
                approval.in_words(),
                approval.id,
                minutes(approval.expires_at)
            ),
            once: format!("{}:{}", kind.word(), approval.id),
            ..plain
        }
    } else {
        Alert {
            kind: AlertKind::ManyAlerts,
            detail: format!("{MOST_AN_HOUR} of: {}.", kind.title()),
            once: format!("many:{}:{}:{hour}", kind.word(), approval.key),
            ..plain
        }
    };
    notify_holder(context, tx, alert).await.map(drop)
}

/// A moment for people, to the minute: `2026-12-02 12:10 UTC`.
fn minutes(at: Moment) -> String {
    let text = at.to_string();
    let (day, clock) = text.split_once('T').unwrap_or((&text, ""));
    format!("{day} {} UTC", clock.get(..5).unwrap_or(clock))
}

/// How records name an approval.
pub(super) fn subject(id: ApprovalId) -> String {
    format!("transfer:{id}")
}
