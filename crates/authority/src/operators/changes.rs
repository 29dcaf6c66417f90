//! The changes that take a proposal: each in the words that approvers read, and what carries it out.

mod maintenance;

use keyward_rules::alert::{Alert, AlertKind};
use keyward_rules::app::FrozenBy;
use keyward_rules::grant::TwoFactor;
use keyward_rules::id::AccountId;
use keyward_rules::key::Hold;
use keyward_rules::policy::{Direction, Policy, Setting};
use keyward_rules::proposal::{Change, NotPassed};
use keyward_rules::staff::Role;
use keyward_store::Tx;

use super::freeze::{thaw_account, thaw_key};
use super::name::name_of;
use super::policy::change_facts;
use super::policy_in_force::policy_in_force;
use super::roles::{refuse_too_few, role_of};
use crate::accounts::reset_factors;
use crate::apps::{
    approval_words, approve_ranges, thaw_app, verify_app, verify_words, withdraw_demand, withdraw_words,
};
use crate::questions::reach_of;
use crate::{ActionContext, ActionError, tell};

/// What the change is, line by line, and what follows from it.
///
/// # Errors
/// [`ActionError::NoAccount`], [`ActionError::NoKey`] when what it is about is not there;
/// [`ActionError::Unchanged`] when nothing would change.
pub(super) async fn words(context: &ActionContext<'_>, change: Change) -> Result<Vec<String>, ActionError> {
    let reader = &context.authority.access.reader;
    match change {
        Change::GrantRole(account, role) => {
            let record =
                reader.account(context.actor.scope(), account).await?.ok_or(ActionError::NoAccount)?;
            let now = role_of(context, account).await?;
            // A role needs a person with two factors, and sub-accounts have no person of their own.
            let person =
                context.authority.access.door.person(account).await?.ok_or(ActionError::NoAccount)?;
            if now == Some(role) {
                return Err(ActionError::Unchanged);
            }
            if record.master().is_some() {
                return Err(ActionError::NoAccount);
            }
            if person.two_factor() == TwoFactor::Off {
                return Err(ActionError::OtherWay("a role needs two-factor sign-in; this person has it off"));
            }
            Ok(vec![
                format!("Make {} an {role}", name_of(context, account).await?),
                match now {
                    Some(now) => format!("Account {account}, an {now} until now"),
                    None => format!("Account {account}, without a role until now"),
                },
                match role {
                    Role::Operator => {
                        "An operator can freeze accounts and keys, and propose and approve changes like this one."
                    }
                    Role::Auditor => "An auditor sees all accounts, keys and audit records, and changes nothing.",
                }
                .to_owned(),
            ])
        }
        Change::ThawAccount(account) => {
            let since = reader.frozen_since(account).await?.ok_or(ActionError::Unchanged)?;
            Ok(vec![
                format!("Lift the freeze of {}", name_of(context, account).await?),
                // A freeze of another day is another freeze: approvals of the earlier one do not lift it.
                format!("Account {account}, frozen since {since}"),
                "Its keys work again unless something else holds them.".to_owned(),
            ])
        }
        Change::ThawKey(id) => {
            let key = reader.key(context.actor.scope(), id).await?.ok_or(ActionError::NoKey)?;
            if key.life.is_over() || !key.life.holds.has(Hold::Frozen) {
                return Err(ActionError::Unchanged);
            }
            Ok(vec![
                format!("Lift the freeze of the API key “{}”", key.name),
                format!("{id} of {}", name_of(context, key.account).await?),
                format!(
                    "It may {} and works from {}. Version {}.",
                    key.permissions,
                    reach_of(&key.binding),
                    key.version
                ),
            ])
        }
        Change::ResetFactors(account) => {
            let person =
                context.authority.access.door.person(account).await?.ok_or(ActionError::NoAccount)?;
            if person.two_factor() == TwoFactor::Off {
                return Err(ActionError::Unchanged);
            }
            Ok(vec![
                format!("Remove the second factor of {}", name_of(context, account).await?),
                format!("Account {account}"),
                "Only for somebody who has proven elsewhere who they are: until they set up an authenticator, mailbox \
                 and password open the account, and after 24 hours the mailbox alone. Sessions and any role end, all \
                 keys are held, and keys that move funds rest for 24 hours."
                    .to_owned(),
            ])
        }
        Change::VerifyApp(app) => verify_words(context, app).await,
        Change::ApproveRanges(app, version) => approval_words(context, app, version).await,
        Change::WithdrawDemand(app) => withdraw_words(context, app).await,
        Change::ThawApp(app) => {
            let profile = reader.app_profile(app).await?.ok_or(ActionError::NoApp)?;
            let by = match profile.frozen {
                Some(FrozenBy::Both) => "An operator froze it, and its broker did too: theirs stays.",
                Some(FrozenBy::Operator) => "An operator froze it.",
                Some(FrozenBy::Broker) | None => return Err(ActionError::Unchanged),
            };
            Ok(vec![
                format!("Lift the freeze of the app “{}”", profile.name),
                format!(
                    "App {app} of {}, version {}",
                    name_of(context, profile.owner).await?,
                    profile.version
                ),
                by.to_owned(),
                "All its keys work again unless something else holds them.".to_owned(),
            ])
        }
        Change::RotateMasterKey(new) => {
            let now = reader.master_key_id().await?;
            if now == new {
                return Err(ActionError::Unchanged);
            }
            Ok(vec![
                format!("Replace the master key by the one called {new}"),
                format!("Until now: {now}"),
                "`keyward master-key new` gave this name to the person who ran it at the host: ask them to read it to you. It is \
                 carried out there, with `keyward master-key rotate`; backups from before need the old master key."
                    .to_owned(),
            ])
        }
        Change::AnnounceMaintenance(from, until) => maintenance::words(context, from, until),
        Change::Loosen(setting) => {
            let in_force = policy_in_force(context).await?;
            let now = Setting::all(&in_force.policy).into_iter().find(|one| one.name() == setting.name());
            Ok(vec![
                format!("Loosen the policy {}", setting.name()),
                format!("Until now: {}", now.map(Setting::value).unwrap_or_default()),
                format!("From now on: {}", setting.value()),
            ])
        }
    }
}

/// Makes the change in the transaction of its proposal; gives what the audit record says of it. `by` carries it out, under the
/// policy that is in force.
///
/// # Errors
/// What the change itself refuses.
pub(super) async fn apply(
    context: &ActionContext<'_>,
    tx: &mut Tx,
    change: Change,
    (by, policy): (AccountId, &Policy),
) -> Result<Vec<(&'static str, String)>, ActionError> {
    match change {
        Change::GrantRole(account, role) => {
            if role == Role::Auditor {
                refuse_too_few(context, tx, account).await?;
            }
            // Nobody gets a role who has turned two-factor sign-in off since the words were read.
            let person = tx.person(account).await?.ok_or(ActionError::NoAccount)?;
            if person.two_factor() == TwoFactor::Off {
                return Err(NotPassed::Changed.into());
            }
            tx.set_role(account, Some(role)).await?;
            let alert =
                tell::by_actor(context, AlertKind::RoleGranted, account, format!("You are an {role} now."));
            tell::notify_holder(context, tx, Alert { from: None, device: None, ..alert }).await?;
            Ok(vec![("role", role.to_string())])
        }
        Change::ThawAccount(account) => thaw_account(context, tx, account).await.map(|()| Vec::new()),
        Change::ThawKey(key) => thaw_key(context, tx, key).await.map(|()| Vec::new()),
        Change::ResetFactors(account) => reset_factors(context, tx, account).await.map(|()| Vec::new()),
        Change::Loosen(setting) => {
            if setting.direction(policy) != Direction::Looser {
                return Err(ActionError::Unchanged);
            }
            tx.set_policy(setting, by).await?;
            Ok(change_facts(setting, policy))
        }
        Change::VerifyApp(app) => verify_app(context, tx, app).await.map(|()| Vec::new()),
        Change::ApproveRanges(app, version) => approve_ranges(context, tx, (app, version), by).await,
        Change::WithdrawDemand(app) => withdraw_demand(context, tx, app).await.map(|()| Vec::new()),
        Change::ThawApp(app) => thaw_app(context, tx, app).await.map(|()| Vec::new()),
        Change::AnnounceMaintenance(from, until) => maintenance::announce(tx, from, until).await,
        Change::RotateMasterKey(_) => Err(ActionError::AtTheHost),
    }
}
