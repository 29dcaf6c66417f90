//! Actions: invite somebody to administer a sub-account, accept that, and end it.
//!
//! An invitation names an e-mail address. Whoever is signed in with that address has proven it is theirs, so no link carries a right.

use async_trait::async_trait;
use keyward_rules::account::Email;
use keyward_rules::alert::{Alert, AlertKind};
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::id::AccountId;
use keyward_rules::letter::{Body, MailMessage};
use keyward_rules::limits::{INVITATION_LIFE_MS, MEMBERS_PER_SUB_ACCOUNT};
use keyward_store::{AccountKind, Invitation};

use super::cap::check_master;
use super::{SubAccountOf, settings_in, settings_or_least, sub_account_in, sub_account_of};
use crate::{Action, ActionContext, ActionError, PendingAction, tell};

/// Invite an address to administer a sub-account: its keys and their limits, and nothing else of the master's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InviteMember {
    /// The sub-account.
    pub account: AccountId,
    /// Whom.
    pub email: Email,
}

#[async_trait]
impl Action for InviteMember {
    type Reply = ();

    async fn judge(&self, context: &ActionContext<'_>) -> Result<(), ActionError> {
        let sub = sub_account_of(context, self.account).await?;
        let reader = &context.authority.access.reader;
        settings_or_least(reader.sub_account_settings(sub.id).await)?.life.check_open()?;
        let (members, invited) =
            (reader.members_of(sub.id).await?, reader.invitations_of(sub.id, context.now).await?);
        if members.len() + invited.len() >= MEMBERS_PER_SUB_ACCOUNT {
            return Err(ActionError::TooManyMembers);
        }
        Ok(())
    }

    async fn plan(&self, context: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        let sub = sub_account_of(context, self.account).await?;
        Ok(PendingAction {
            action: ActionKind::InviteMember,
            facts: vec![("account", sub.id.to_string()), ("email", self.email.to_string())],
            words: vec![
                format!("Invite {} to administer the sub-account “{}”", self.email, sub.name.as_str()),
                "They can create, change and delete its keys within what you allow it, and see its activity. They see nothing \
                 else of your account."
                    .to_owned(),
            ],
        })
    }

    /// # Errors
    /// [`ActionError::NoSubAccount`], [`ActionError::SubAccountLife`], [`ActionError::TooManyMembers`],
    /// [`ActionError::AlreadyMember`], [`ActionError::TwoFactorOff`], [`ActionError::Cooling`].
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let Self { account, email } = self;
        let grant = context.actor.may(ActionKind::InviteMember, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        let sub = sub_account_in(&mut tx, account).await?;
        settings_in(&mut tx, sub.id).await?.life.check_open()?;
        check_master(context, &mut tx, &sub).await?;
        let (members, invited) = (tx.members_of(sub.id).await?, tx.invitations_of(sub.id).await?);
        let others = invited.iter().filter(|one| one.email != email).count();
        if members.len() + others >= MEMBERS_PER_SUB_ACCOUNT {
            return Err(ActionError::TooManyMembers);
        }
        let phrase = match tx.account_by_email(&email).await? {
            Some(record) if record.id == sub.master || members.iter().any(|one| one.account == record.id) => {
                return Err(ActionError::AlreadyMember);
            }
            Some(record) => tx.person(record.id).await?.map(|person| person.phrase),
            None => None,
        };
        let until = context.now.plus_ms(INVITATION_LIFE_MS);
        tx.set_invitation(&Invitation { sub_account: sub.id, email: email.clone(), until }).await?;
        tell_invited(context, &mut tx, &sub, (&email, phrase)).await?;
        let facts = [("email", email.to_string()), ("until", until.to_string())];
        let event = Event::of(tx.grant(), context.now, &format!("account:{}", sub.id), &facts);
        tx.commit(event).await?;
        Ok(())
    }
}

/// Tells the master that somebody was invited, and the invited one. The second mail has nothing of the master but their address.
async fn tell_invited(
    context: &ActionContext<'_>,
    tx: &mut keyward_store::Tx,
    sub: &SubAccountOf,
    (email, phrase): (&Email, Option<String>),
) -> Result<(), ActionError> {
    let master = match tx.account(sub.master).await?.map(|record| record.kind) {
        Some(AccountKind::Master(master)) => master,
        Some(AccountKind::Sub(..)) | None => return Err(ActionError::NoAccount),
    };
    let invitation = Alert {
        detail: format!("{master} invites you to administer the sub-account “{}”.", sub.name.as_str()),
        ..Alert::of(AlertKind::Invited, sub.master, context.now)
    };
    let letter = MailMessage {
        to: email.clone(),
        phrase: phrase.unwrap_or_default(),
        brake: String::new(),
        body: Body::Alert(invitation),
    };
    tx.send(&letter).await?;
    let detail = format!("{email} was invited to administer “{}”.", sub.name.as_str());
    let alert = tell::by_actor(context, AlertKind::MembersChanged, sub.id, detail);
    tell::notify_holder(context, tx, alert).await?;
    Ok(())
}

/// Accept an invitation to a sub-account.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AcceptInvitation(pub AccountId);

#[async_trait]
impl Action for AcceptInvitation {
    type Reply = ();

    async fn plan(&self, _: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        Ok(PendingAction {
            action: ActionKind::AcceptInvitation,
            facts: vec![("account", self.0.to_string())],
            words: vec![
                format!("Administer the sub-account {}", self.0),
                "Its master account sees what you do there, and can end it at any time.".to_owned(),
            ],
        })
    }

    /// # Errors
    /// [`ActionError::NoInvitation`], [`ActionError::SubAccountLife`].
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let grant = context.actor.may(ActionKind::AcceptInvitation, proof)?;
        let person = context.actor.person().ok_or(ActionError::NoAccount)?.account;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        let email = match tx.account(person).await?.map(|record| record.kind) {
            Some(AccountKind::Master(email)) => email,
            Some(AccountKind::Sub(..)) | None => return Err(ActionError::NoAccount),
        };
        let sub = tx.account(self.0).await?.and_then(SubAccountOf::of).ok_or(ActionError::NoInvitation)?;
        if !tx.invitations_of(sub.id).await?.iter().any(|one| one.email == email) {
            return Err(ActionError::NoInvitation);
        }
        settings_in(&mut tx, sub.id).await?.life.check_open()?;
        tx.drop_invitation(sub.id, &email).await?;
        tx.add_member(sub.id, person).await?;
        let detail = format!("{email} administers “{}” from now on.", sub.name.as_str());
        let alert = Alert { detail, ..Alert::of(AlertKind::MembersChanged, sub.id, context.now) };
        tell::notify_holder(context, &mut tx, alert).await?;
        let facts = [("member", email.to_string())];
        let event = Event::of(tx.grant(), context.now, &format!("account:{}", sub.id), &facts);
        tx.commit(event).await?;
        Ok(())
    }
}

/// Take a member or an invitation away; a member can take themselves away. All sessions of the member end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RemoveMember {
    /// The sub-account.
    pub account: AccountId,
    /// Whom.
    pub email: Email,
}

#[async_trait]
impl Action for RemoveMember {
    type Reply = ();

    async fn plan(&self, _: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        Ok(PendingAction {
            action: ActionKind::RemoveMember,
            facts: vec![("account", self.account.to_string()), ("email", self.email.to_string())],
            words: vec![
                format!("{} no longer administers the sub-account", self.email),
                "All sessions of this user end. Keys that they created stay.".to_owned(),
            ],
        })
    }

    /// # Errors
    /// [`ActionError::NoSubAccount`], [`ActionError::NoMember`].
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let Self { account, email } = self;
        let grant = context.actor.may(ActionKind::RemoveMember, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        let sub = tx.account(account).await?.and_then(SubAccountOf::of).ok_or(ActionError::NoSubAccount)?;
        let person = tx.account_by_email(&email).await?.map(|record| record.id);
        let scope = tx.grant().scope();
        if !scope.reaches(sub.master) && !person.is_some_and(|person| scope.reaches(person)) {
            return Err(ActionError::NoSubAccount);
        }
        let was_member = match person {
            Some(person) => tx.drop_member(sub.id, person).await?,
            None => false,
        };
        if let (true, Some(person)) = (was_member, person) {
            tx.end_sessions(person, None).await?;
        }
        if !tx.drop_invitation(sub.id, &email).await? && !was_member {
            return Err(ActionError::NoMember);
        }
        let detail = format!("{email} no longer administers “{}”.", sub.name.as_str());
        let alert = tell::by_actor(context, AlertKind::MembersChanged, sub.id, detail);
        tell::notify_holder(context, &mut tx, alert).await?;
        let facts = [("member", format!("- {email}"))];
        let event = Event::of(tx.grant(), context.now, &format!("account:{}", sub.id), &facts);
        tx.commit(event).await?;
        Ok(())
    }
}
