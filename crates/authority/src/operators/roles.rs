//! Who has a role. Actions: offer a set-up link, take the place that it offers, invite the next operator, take a role
//! away. Granting a role later is a proposal.

use async_trait::async_trait;
use keyward_rules::alert::{Alert, AlertKind};
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof, TwoFactor};
use keyward_rules::id::AccountId;
use keyward_rules::limits::SET_UP_LIFE_MS;
use keyward_rules::person::Token;
use keyward_rules::policy::{Needed, Setting};
use keyward_rules::proposal::NotPassed;
use keyward_rules::staff::Role;
use keyward_rules::time::Moment;
use keyward_store::{Member, StoreError, Tx};
use tracing::error;

use super::name::name_of;
use super::policy_in_force::{policy_in_force, policy_now};
use crate::duties::raise_altered_role;
use crate::{Action, ActionContext, ActionError, PendingAction, tell};

/// Prefix of the token in a set-up link.
const SET_UP: &str = "kwo_";

/// What is kept of a set-up link: a hash under the deployment's key, so that who can write to the database alone
/// makes no link.
fn stored(context: &ActionContext<'_>, token: &Token) -> [u8; 32] {
    *context.authority.secrets.codes.tag("set-up link", "", &token.hash()).as_bytes()
}

/// The operators among the staff.
pub(super) fn operators_of(staff: &[Member]) -> Vec<AccountId> {
    staff.iter().filter(|one| one.role == Role::Operator).map(|one| one.account).collect()
}

/// The operators who may act, as they stand in this transaction. A frozen operator may not act, and does not count.
pub(super) async fn operators(tx: &mut Tx) -> Result<Vec<AccountId>, ActionError> {
    let mut able = Vec::new();
    for account in operators_of(&tx.staff().await?) {
        if tx.frozen_since(account).await?.is_none() {
            able.push(account);
        }
    }
    Ok(able)
}

/// The operator who acts, as they stand in this transaction: the role was looked up when the request came, and
/// somebody may have taken it away since.
pub(crate) async fn acting(context: &ActionContext<'_>, tx: &mut Tx) -> Result<AccountId, ActionError> {
    let by = context.actor.person().ok_or(ActionError::NoAccount)?.account;
    if operators(tx).await?.contains(&by) { Ok(by) } else { Err(NotPassed::NotAnOperator.into()) }
}

/// The role of the person behind an account. A frozen account has none. A row that was altered is no role, and an alarm; what the person does
/// without a role goes on.
///
/// # Errors
/// [`ActionError::Store`].
#[crate::boxed]
pub async fn role_of(context: &ActionContext<'_>, account: AccountId) -> Result<Option<Role>, ActionError> {
    match context.authority.access.reader.role_of(account).await {
        Err(StoreError::Tampered { what }) => {
            error!(%account, "the {what} was altered outside the program, and has no effect");
            if let Err(problem) = raise_altered_role(context, account).await {
                error!(%account, problem = problem.for_the_log(), "the user of the role could not be told");
            }
            Ok(None)
        }
        Ok(Some(_)) if context.authority.access.reader.frozen_since(account).await?.is_some() => Ok(None),
        role => Ok(role?),
    }
}

/// Everybody with a role.
///
/// # Errors
/// [`ActionError::Store`].
#[crate::boxed]
pub async fn staff(context: &ActionContext<'_>) -> Result<Vec<Member>, ActionError> {
    Ok(context.authority.access.reader.staff().await?)
}

/// Whether fewer operators are there than a loosening takes, so that one of them may invite the next by a link.
///
/// # Errors
/// [`ActionError::Store`].
#[crate::boxed]
pub async fn set_up_is_open(context: &ActionContext<'_>) -> Result<bool, ActionError> {
    let count = operators_of(&staff(context).await?).len();
    Ok(count < usize::from(policy_in_force(context).await?.policy.needed.operators()))
}

/// What becomes of an offer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SetUp {
    /// Only if none was ever made: at a start.
    Once,
    /// Another one, because the first was lost: at the host.
    Again,
}

/// A set-up link that counts once [`PendingLink::commit`] has returned. Until then its token can be put where its receiver
/// looks for it; dropping the link makes none.
#[must_use = "the link does not count before it is committed"]
pub struct PendingLink {
    token: Token,
    until: Moment,
    tx: Tx,
}

impl PendingLink {
    /// What the link will hold.
    pub const fn token(&self) -> &Token {
        &self.token
    }

    /// Has the link count from now on, with its audit record.
    ///
    /// # Errors
    /// [`ActionError::Store`]; then there is no such link.
    #[crate::boxed]
    pub async fn commit(self) -> Result<Token, ActionError> {
        let facts = [("until", self.until.to_string())];
        let event = Event::of(self.tx.grant(), self.tx.now(), "roles", &facts);
        self.tx.commit(event).await?;
        Ok(self.token)
    }
}

/// Offer an operator's place by a link, while there are too few operators.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OfferSetUp(pub SetUp);

impl OfferSetUp {
    /// Prepares the link for a caller that keeps the token before the link counts. `None` when there is nothing to offer.
    ///
    /// # Errors
    /// As [`OfferSetUp::perform`].
    #[crate::boxed]
    pub async fn prepare(
        self,
        context: &ActionContext<'_>,
        proof: Proof,
    ) -> Result<Option<PendingLink>, ActionError> {
        let grant = context.actor.may(ActionKind::OfferSetUp, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        let (have, policy) = (operators(&mut tx).await?.len(), policy_now(context, &mut tx).await?);
        let open = have < usize::from(policy.needed.operators());
        match self.0 {
            SetUp::Once if have > 0 || tx.set_up_was_offered().await? => return Ok(None),
            SetUp::Again if !open => return Err(ActionError::SetUpIsOver),
            SetUp::Once | SetUp::Again => {}
        }
        make_link(context, tx).await.map(Some)
    }
}

#[async_trait]
impl Action for OfferSetUp {
    /// What the link holds; `None` when there is nothing to offer.
    type Reply = Option<Token>;

    async fn plan(&self, _: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        let which = match self.0 {
            SetUp::Once => "once",
            SetUp::Again => "again",
        };
        Ok(PendingAction {
            action: ActionKind::OfferSetUp,
            facts: vec![("which", which.to_owned())],
            words: vec!["Create a link that makes the user who opens it an operator".to_owned()],
        })
    }

    /// # Errors
    /// [`ActionError::SetUpIsOver`] when another link is asked for and there are enough operators.
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        match self.prepare(context, proof).await? {
            Some(link) => link.commit().await.map(Some),
            None => Ok(None),
        }
    }
}

async fn make_link(context: &ActionContext<'_>, mut tx: Tx) -> Result<PendingLink, ActionError> {
    let token = Token::from_entropy(SET_UP, context.random());
    let until = context.now.plus_ms(SET_UP_LIFE_MS);
    tx.insert_set_up_link(&stored(context, &token), until).await?;
    Ok(PendingLink { token, until, tx })
}

/// Invite the next operator by a link, while the set-up lasts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InviteOperator;

#[async_trait]
impl Action for InviteOperator {
    /// What the link holds.
    type Reply = Token;

    async fn plan(&self, _: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        Ok(PendingAction {
            action: ActionKind::InviteOperator,
            facts: Vec::new(),
            words: vec![
                "Create a link that makes the user who opens it an operator".to_owned(),
                "Send it to one person over a private channel. It works once and expires in 7 days."
                    .to_owned(),
            ],
        })
    }

    /// # Errors
    /// [`ActionError::SetUpIsOver`].
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let grant = context.actor.may(ActionKind::InviteOperator, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        acting(context, &mut tx).await?;
        let (have, policy) = (operators(&mut tx).await?.len(), policy_now(context, &mut tx).await?);
        if have >= usize::from(policy.needed.operators()) {
            return Err(ActionError::SetUpIsOver);
        }
        make_link(context, tx).await?.commit().await
    }
}

/// Take the place that a set-up link offers. The person has two factors.
pub struct TakeSetUp {
    /// What the link holds.
    pub token: String,
    /// The first operator's choice to need nobody else.
    pub alone: bool,
}

#[async_trait]
impl Action for TakeSetUp {
    type Reply = ();

    /// Judges the link as well, each time: nobody is asked to approve what cannot be.
    ///
    /// # Errors
    /// [`ActionError::NoSetUpLink`], [`ActionError::TwoFactorOff`].
    async fn plan(&self, context: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        check_link(context, &self.token).await?;
        let mut words = vec!["Become an operator of this deployment".to_owned()];
        if self.alone {
            words.push(
                "One operator is enough: no second person checks changes that give more access".to_owned(),
            );
        }
        Ok(PendingAction {
            action: ActionKind::TakeSetUp,
            facts: vec![("token", self.token.clone()), ("alone", self.alone.to_string())],
            words,
        })
    }

    /// # Errors
    /// [`ActionError::NoSetUpLink`], [`ActionError::TwoFactorOff`], [`ActionError::Unchanged`] for who is an operator.
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let account = context.actor.person().ok_or(ActionError::NoAccount)?.account;
        let token = Token::parse(SET_UP, &self.token).ok_or(ActionError::NoSetUpLink)?;
        let grant = context.actor.may(ActionKind::TakeSetUp, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        let (people, policy) = (operators(&mut tx).await?, policy_now(context, &mut tx).await?);
        if people.contains(&account) {
            return Err(ActionError::Unchanged);
        }
        if people.len() >= usize::from(policy.needed.operators())
            || !tx.use_set_up_link(&stored(context, &token)).await?
        {
            return Err(ActionError::NoSetUpLink);
        }
        let person = tx.person(account).await?.ok_or(ActionError::NoAccount)?;
        if person.two_factor() == TwoFactor::Off {
            return Err(ActionError::TwoFactorOff);
        }
        tx.set_role(account, Some(Role::Operator)).await?;
        // Only the first may choose to be alone: later it is a loosening like every other.
        let alone = self.alone && people.is_empty();
        if alone {
            tx.set_policy(Setting::OperatorsNeeded(Needed::Alone), account).await?;
        }
        let detail = "By a set-up link.".to_owned();
        let alert = tell::by_actor(context, AlertKind::RoleGranted, account, detail);
        tell::notify_holder(context, &mut tx, alert).await?;
        let facts = [("role", "operator".to_owned()), ("alone", alone.to_string())];
        let event = Event::of(tx.grant(), context.now, &format!("account:{account}"), &facts);
        tx.commit(event).await?;
        Ok(())
    }
}

/// Refuses a link that is not good, and a person with one factor.
async fn check_link(context: &ActionContext<'_>, token: &str) -> Result<(), ActionError> {
    let account = context.actor.person().ok_or(ActionError::NoAccount)?.account;
    let token = Token::parse(SET_UP, token).ok_or(ActionError::NoSetUpLink)?;
    if !context.authority.access.reader.set_up_link_is_good(&stored(context, &token), context.now).await? {
        return Err(ActionError::NoSetUpLink);
    }
    let person = context.authority.access.door.person(account).await?.ok_or(ActionError::NoAccount)?;
    if person.two_factor() == TwoFactor::Off { Err(ActionError::TwoFactorOff) } else { Ok(()) }
}

/// Refuses what would leave fewer operators than a loosening takes, if `account` were one no longer.
///
/// # Errors
/// [`ActionError::TooFewOperators`].
pub(crate) async fn refuse_too_few(
    context: &ActionContext<'_>,
    tx: &mut Tx,
    account: AccountId,
) -> Result<(), ActionError> {
    let people = operators(tx).await?;
    let left = people.iter().filter(|one| **one != account).count();
    let needed = policy_now(context, tx).await?.needed;
    if people.contains(&account) && left < usize::from(needed.operators()) {
        return Err(ActionError::TooFewOperators);
    }
    Ok(())
}

/// Take a role away, at once. So many operators stay as a loosening takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RevokeRole(pub AccountId);

#[async_trait]
impl Action for RevokeRole {
    type Reply = ();

    async fn plan(&self, _: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        let Self(account) = self;
        Ok(PendingAction {
            action: ActionKind::RevokeRole,
            facts: vec![("account", account.to_string())],
            words: vec![format!("Revoke the role of account {account}")],
        })
    }

    /// # Errors
    /// [`ActionError::Unchanged`] when there is no role; [`ActionError::TooFewOperators`].
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let Self(account) = self;
        let name = name_of(context, account).await?;
        let grant = context.actor.may(ActionKind::RevokeRole, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        acting(context, &mut tx).await?;
        let staff = tx.staff().await?;
        let member = staff.iter().find(|one| one.account == account);
        // One that is not in force, or was altered, can be taken away as well.
        if member.is_none() && !tx.has_role(account).await? {
            return Err(ActionError::Unchanged);
        }
        let role = member.map_or_else(|| "none in force".to_owned(), |member| member.role.to_string());
        refuse_too_few(context, &mut tx, account).await?;
        tx.set_role(account, None).await?;
        // The person is told that it happened, and not by whom or from where.
        let detail = member.map(|member| format!("You were an {}.", member.role)).unwrap_or_default();
        let alert = Alert { detail, ..Alert::of(AlertKind::RoleRevoked, account, context.now) };
        tell::notify_holder(context, &mut tx, alert).await?;
        let facts = [("role", role), ("name", name)];
        let event = Event::of(tx.grant(), context.now, &format!("account:{account}"), &facts);
        tx.commit(event).await?;
        Ok(())
    }
}
