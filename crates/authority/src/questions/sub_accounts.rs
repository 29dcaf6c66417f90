//! Questions: which sub-accounts are there, who administers them, and for which may somebody act?

use keyward_rules::account::{Email, SubAccountName};
use keyward_rules::grant::{Acting, ActingAs, Scope};
use keyward_rules::id::{AccountId, KeyId};
use keyward_rules::key::KeyName;
use keyward_rules::sub_account::SubAccountSettings;
use keyward_rules::time::Moment;
use keyward_store::{AccountKind, AccountRecord, StoreError, SubAccount};

use crate::sub_accounts::sub_account_of;
use crate::{ActionContext, ActionError};

/// Invitations that are shown to one person at once.
const INVITATIONS: u64 = 20;

/// A sub-account as its master sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SubAccountView {
    /// Its id; OKX's `uid`.
    pub id: AccountId,
    /// Its name.
    pub name: SubAccountName,
    /// As its master set it up.
    pub settings: SubAccountSettings,
    /// Living keys.
    pub keys: i64,
    /// When it was created.
    pub created_at: Moment,
}

/// Somebody who administers a sub-account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MemberView {
    /// Their own account.
    pub account: AccountId,
    /// Their address.
    pub email: String,
    /// Since when.
    pub since: Moment,
}

/// A sub-account with the people who administer it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SubAccountPeople {
    /// The sub-account.
    pub sub_account: SubAccountView,
    /// Its members, oldest first.
    pub members: Vec<MemberView>,
    /// Who is invited, and until when that can be accepted.
    pub invited: Vec<(Email, Moment)>,
}

/// An account that somebody may act for, beside their own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ActingChoice {
    /// The sub-account.
    pub id: AccountId,
    /// Its name.
    pub name: SubAccountName,
    /// What its master calls it; a member sees the name alone.
    pub label: Option<KeyName>,
    /// By which right.
    pub by: ActingAs,
}

/// An invitation, as the invited one sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InvitationView {
    /// The sub-account.
    pub sub_account: AccountId,
    /// Its name.
    pub name: SubAccountName,
    /// The address of its master.
    pub master: String,
    /// Until when it can be accepted.
    pub until: Moment,
}

impl SubAccountView {
    fn of(found: SubAccount) -> Option<Self> {
        let SubAccount { account, settings, keys } = found;
        let AccountKind::Sub(_, name) = account.kind else { return None };
        Some(Self { id: account.id, name, settings, keys, created_at: account.created_at })
    }
}

/// For whom a signed-in person acts who names `sub_account`.
///
/// # Errors
/// [`ActionError::NoSubAccount`] when it is none, or not theirs to act for.
#[crate::boxed]
pub async fn acting_for(
    context: &ActionContext<'_>,
    person: AccountId,
    sub_account: AccountId,
) -> Result<(Acting, ActingChoice), ActionError> {
    let found = context.authority.access.reader.acts_for(person, sub_account).await?;
    let (record, by) = found.ok_or(ActionError::NoSubAccount)?;
    let AccountKind::Sub(_, name) = record.kind else { return Err(ActionError::NoSubAccount) };
    let choice = ActingChoice { id: record.id, name, label: None, by };
    Ok((Acting { sub_account: record.id, by }, choice))
}

/// Whose a key is that a person cannot see while they act for another account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum KeyElsewhere {
    /// Their own account's.
    Own,
    /// A sub-account's that they may act for.
    Sub(ActingChoice),
}

/// Where a person would see this key; `None` where they may not see it at all.
///
/// # Errors
/// [`ActionError::Store`].
#[crate::boxed]
pub async fn key_elsewhere(
    context: &ActionContext<'_>,
    person: AccountId,
    key: KeyId,
) -> Result<Option<KeyElsewhere>, ActionError> {
    let account = match context.authority.access.reader.key(Scope::All, key).await {
        Ok(Some(key)) => key.account,
        Ok(None) | Err(StoreError::Tampered { .. }) => return Ok(None),
        Err(problem) => return Err(problem.into()),
    };
    if account == person {
        return Ok(Some(KeyElsewhere::Own));
    }
    match acting_for(context, person, account).await {
        Ok((_, choice)) => Ok(Some(KeyElsewhere::Sub(choice))),
        Err(ActionError::NoSubAccount) => Ok(None),
        Err(problem) => Err(problem),
    }
}

/// The sub-accounts that a person may act for: their own, and those that they are a member of.
///
/// # Errors
/// [`ActionError::Store`].
#[crate::boxed]
pub async fn acting_choices(
    context: &ActionContext<'_>,
    person: AccountId,
) -> Result<Vec<ActingChoice>, ActionError> {
    let listed = list_sub_accounts(context, person).await?.into_iter();
    let acted_for = listed.filter(|sub| sub.settings.life.closed_at().is_none());
    let own = acted_for.map(|sub| ActingChoice {
        id: sub.id,
        name: sub.name,
        label: sub.settings.label,
        by: ActingAs::Master,
    });
    let choice = |record: AccountRecord| match record.kind {
        AccountKind::Sub(_, name) => {
            Some(ActingChoice { id: record.id, name, label: None, by: ActingAs::Member })
        }
        AccountKind::Master(_) => None,
    };
    let others = context.authority.access.reader.memberships_of(person).await?;
    Ok(own.chain(others.into_iter().filter_map(choice)).collect())
}

/// The sub-accounts of a master within the actor's scope, oldest first.
///
/// # Errors
/// [`ActionError::Store`].
#[crate::boxed]
pub async fn list_sub_accounts(
    context: &ActionContext<'_>,
    master: AccountId,
) -> Result<Vec<SubAccountView>, ActionError> {
    let found = context.authority.access.reader.sub_accounts(context.actor.scope(), master).await?;
    Ok(found.into_iter().filter_map(SubAccountView::of).collect())
}

/// One sub-account of a master within the actor's scope, with its people.
///
/// # Errors
/// [`ActionError::NoSubAccount`].
#[crate::boxed]
pub async fn show_sub_account(
    context: &ActionContext<'_>,
    id: AccountId,
) -> Result<SubAccountPeople, ActionError> {
    let sub = sub_account_of(context, id).await?;
    let all = list_sub_accounts(context, sub.master).await?;
    let sub_account = all.into_iter().find(|one| one.id == id).ok_or(ActionError::NoSubAccount)?;
    let reader = &context.authority.access.reader;
    let mut members = Vec::new();
    for member in reader.members_of(id).await? {
        let email = address(context, member.account).await?;
        members.push(MemberView { account: member.account, email, since: member.since });
    }
    let invited = reader.invitations_of(id, context.now).await?;
    Ok(SubAccountPeople {
        sub_account,
        members,
        invited: invited.into_iter().map(|one| (one.email, one.until)).collect(),
    })
}

/// The open invitations to a person's address.
///
/// # Errors
/// [`ActionError::Store`].
#[crate::boxed]
pub async fn invitations_to(
    context: &ActionContext<'_>,
    email: &Email,
) -> Result<Vec<InvitationView>, ActionError> {
    let access = &context.authority.access;
    let mut views = Vec::new();
    for found in access.reader.invitations_to(email, context.now, INVITATIONS).await? {
        let record = access.door.account(found.sub_account).await?;
        if let Some(AccountKind::Sub(master, name)) = record.map(|record| record.kind) {
            let master = address(context, master).await?;
            views.push(InvitationView { sub_account: found.sub_account, name, master, until: found.until });
        }
    }
    Ok(views)
}

/// The address of the person behind an account, or its number where there is none.
async fn address(context: &ActionContext<'_>, account: AccountId) -> Result<String, ActionError> {
    let record = context.authority.access.door.account(account).await?;
    Ok(match record.map(|record| record.kind) {
        Some(AccountKind::Master(email)) => email.to_string(),
        Some(AccountKind::Sub(..)) | None => account.to_string(),
    })
}
