//! Who may act for a sub-account: its master, its members, and its master's keys that administer sub-accounts.

use keyward_rules::grant::{ActingAs, ManagingKey};
use keyward_rules::id::AccountId;
use keyward_rules::key::{HolderState, Holds};
use keyward_rules::permission::Permission;
use keyward_rules::sub_account::SubAccountLife;
use keyward_rules::time::Moment;

use crate::accounts::{self, AccountRecord};
use crate::error::StoreError;
use crate::keys::{self, RawKey};
use crate::seal::{Aad, Vault};
use crate::sql::{Row, Transact, statements};

statements! {
    /// Without the seal: who can write to the row gains nothing by it, because one that was altered counts as open anyway.
    LIFE_OF_SUB_ACCOUNT = "SELECT closing_at, closed_at FROM sub_accounts WHERE account = $1";
    /// A member whose own account operators froze acts for nobody.
    MEMBERSHIP = "SELECT sub_account, account, since, data_key, seal FROM members WHERE sub_account = $1 AND account = $2 \
        AND NOT EXISTS (SELECT 1 FROM accounts WHERE id = $2 AND frozen_at IS NOT NULL)";
}

/// Somebody whom a master lets administer a sub-account.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Membership {
    /// The sub-account.
    pub sub_account: AccountId,
    /// The person's own account.
    pub account: AccountId,
    /// Since when.
    pub since: Moment,
}

/// What the seal of a membership covers.
pub(crate) fn member_aad(of: &Membership) -> Aad {
    Aad::new("keyward member 1")
        .number("sub_account", of.sub_account.as_u64())
        .number("account", of.account.as_u64())
        .number("since", of.since.unix_ms())
}

/// A membership whose seal opens.
pub(crate) fn membership(row: &Row, vault: &Vault) -> Option<Membership> {
    let number = |at| row.int(at).ok().and_then(|value| u64::try_from(value).ok());
    let account = |at| number(at).and_then(AccountId::from_u64);
    let found = Membership {
        sub_account: account(0)?,
        account: account(1)?,
        since: number(2).map(Moment::from_unix_ms)?,
    };
    vault.open_seal(number(3)?, &member_aad(&found), &row.bytes(4).ok()?).map(|_| found)
}

/// Where a sub-account is in its life, for who wants to act for it. One without a row is open.
pub(crate) fn life_of(row: Option<Row>) -> Result<SubAccountLife, StoreError> {
    let Some(row) = row else { return Ok(SubAccountLife::Open) };
    let at = |column| -> Result<Option<Moment>, StoreError> {
        let at = row.int_or_null(column)?.and_then(|at| u64::try_from(at).ok());
        Ok(at.map(Moment::from_unix_ms))
    };
    Ok(match (at(0)?, at(1)?) {
        (_, Some(at)) => SubAccountLife::Closed { at },
        (Some(since), None) => SubAccountLife::Closing { since },
        (None, None) => SubAccountLife::Open,
    })
}

/// By which right a person acts for a sub-account, from its account's row, their membership's and where it is in its life; `None`
/// without one. While it is being closed its master alone does, and nobody does for a closed one.
pub(crate) fn right(
    person: AccountId,
    account: Option<&AccountRecord>,
    member: Option<Membership>,
    life: SubAccountLife,
) -> Option<ActingAs> {
    let by =
        if account?.master()? == person { Some(ActingAs::Master) } else { member.map(|_| ActingAs::Member) };
    match (life, by?) {
        (SubAccountLife::Open, by) => Some(by),
        (SubAccountLife::Closing { .. }, ActingAs::Master) => Some(ActingAs::Master),
        (SubAccountLife::Closing { .. }, ActingAs::Member) | (SubAccountLife::Closed { .. }, _) => None,
    }
}

/// Whether a person still has the right to act for a sub-account by which a change was begun.
pub(crate) async fn acts_for(
    transact: &mut Transact,
    vault: &Vault,
    person: AccountId,
    sub_account: AccountId,
) -> Result<Option<ActingAs>, StoreError> {
    let row = transact.fetch_optional(accounts::ACCOUNT_BY_ID, vec![sub_account.as_u64().into()]).await?;
    let account = row.as_ref().map(AccountRecord::from_row).transpose()?;
    let values = vec![sub_account.as_u64().into(), person.as_u64().into()];
    let member = transact.fetch_optional(MEMBERSHIP, values).await?;
    let life =
        life_of(transact.fetch_optional(LIFE_OF_SUB_ACCOUNT, vec![sub_account.as_u64().into()]).await?)?;
    Ok(right(person, account.as_ref(), member.and_then(|row| membership(&row, vault)), life))
}

/// Whether a key may still administer what a change that it asked for is about: the key works at `now` and has the permission, and
/// the sub-account is its account's and open.
pub(crate) async fn still_manages(
    transact: &mut Transact,
    vault: &Vault,
    key: &ManagingKey,
    now: Moment,
) -> Result<bool, StoreError> {
    let row = transact.fetch_optional(keys::KEY_BY_ID, vec![key.key.to_string().into()]).await?;
    let Some(row) = row else { return Ok(false) };
    let found = RawKey::from_row(&row)?.open(vault)?;
    let works = found.life.state == HolderState::Active
        && found.life.holds == Holds::NONE
        && found.expires_at.is_none_or(|end| end > now);
    let manages = found.permissions.allows(Permission::Manage);
    if !works || !manages || found.account != key.master || found.master.is_some() {
        return Ok(false);
    }
    let Some(sub_account) = key.sub_account else { return Ok(true) };
    let row = transact.fetch_optional(accounts::ACCOUNT_BY_ID, vec![sub_account.as_u64().into()]).await?;
    let account = row.as_ref().map(AccountRecord::from_row).transpose()?;
    let life = transact.fetch_optional(LIFE_OF_SUB_ACCOUNT, vec![sub_account.as_u64().into()]).await?;
    let open = life_of(life)? == SubAccountLife::Open;
    Ok(open && account.and_then(|account| account.master()) == Some(key.master))
}
