//! Who acts, and the proof that they were allowed to.

use std::fmt;
use std::net::IpAddr;

use super::acting::{Acting, ActingAs};
use super::action::{ActionKind, Ceremony};
use super::proof::{BrakeLink, Factor, Proof};
use crate::approval::ChangeConsent;
use crate::id::{AccountId, KeyId, RequestId};
use crate::person::{Device, SessionId};
use crate::staff::Role;
use crate::time::Moment;

/// Where a person sits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Origin {
    /// The address that the request came from.
    pub address: IpAddr,
    /// What the browser or program said about itself.
    pub device: Device,
}

/// A person who is signed in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Holder {
    /// The person's own account. Their factors, mails and sessions are its.
    pub account: AccountId,
    /// The sub-account that they act for instead of it, if any.
    pub acting: Option<Acting>,
    /// Through which session.
    pub session: SessionId,
    /// When they were first signed in on the device of that session; [`Moment::EPOCH`] for the one they registered with.
    pub device_since: Moment,
    /// From where.
    pub origin: Origin,
}

impl Holder {
    /// The account whose keys they see and change: the sub-account that they act for, or their own.
    #[must_use]
    pub const fn acts_for(&self) -> AccountId {
        match self.acting {
            Some(acting) => acting.sub_account,
            None => self.account,
        }
    }
}

/// A signed-in person who acts for the deployment, by the role that the store gave them for this request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Staff {
    /// The person.
    pub holder: Holder,
    /// Their role.
    pub role: Role,
}

/// A master account's key that asks about sub-accounts, and whose request a gateway verified: with `manage` it changes them, with
/// `read` it lists them. The code that makes the value has that from the gateway; every change looks at the key again in its
/// transaction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ManagingKey {
    /// The key.
    pub key: KeyId,
    /// The master account that it belongs to.
    pub master: AccountId,
    /// The sub-account whose things it changes; `None` for the master account's list of sub-accounts.
    pub sub_account: Option<AccountId>,
    /// The request.
    pub request: RequestId,
    /// Where it came from.
    pub origin: Origin,
}

impl ManagingKey {
    /// The account whose things it reaches.
    #[must_use]
    pub const fn acts_for(&self) -> AccountId {
        match self.sub_account {
            Some(sub_account) => sub_account,
            None => self.master,
        }
    }
}

/// Who acts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Actor {
    /// A person at the host with the master key at hand, by the system's user name: an operator.
    Host(String),
    /// A duty of the system itself: the sweep, the sandbox's fixtures.
    System(&'static str),
    /// The holder of an account, signed in.
    Holder(Holder),
    /// An operator or auditor, signed in, on the pages of that role.
    Staff(Staff),
    /// A key that administers sub-accounts over the exchange's API.
    Key(ManagingKey),
    /// Somebody who is not signed in.
    Visitor(Origin),
}

impl fmt::Display for Actor {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(user) => write!(out, "host:{user}"),
            Self::System(duty) => write!(out, "system:{duty}"),
            Self::Holder(holder) => write!(out, "account:{}", holder.account),
            Self::Staff(staff) => write!(out, "{}:{}", staff.role, staff.holder.account),
            Self::Key(key) => write!(out, "key:{}", key.key),
            Self::Visitor(_) => out.write_str("visitor"),
        }
    }
}

/// Whose things an actor reaches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// Everybody's.
    All,
    /// One account's own.
    Account(AccountId),
    /// Nobody's.
    Nothing,
}

impl Scope {
    /// Whether things of `account` lie in it.
    #[must_use]
    pub fn reaches(self, account: AccountId) -> bool {
        match self {
            Self::All => true,
            Self::Account(own) => own == account,
            Self::Nothing => false,
        }
    }
}

/// The proof that `actor` was allowed `action`; used up by the transaction.
#[derive(Debug)]
pub struct Grant {
    actor: Actor,
    action: ActionKind,
    scope: Scope,
    factors: String,
    consent: Option<ChangeConsent>,
}

impl Grant {
    /// Who.
    #[must_use]
    pub const fn actor(&self) -> &Actor {
        &self.actor
    }

    /// What.
    #[must_use]
    pub const fn action(&self) -> ActionKind {
        self.action
    }

    /// Whose things it reaches; a transaction shows nothing beyond.
    #[must_use]
    pub const fn scope(&self) -> Scope {
        self.scope
    }

    /// The user who acts for a sub-account, and for which: a transaction checks that they still may.
    #[must_use]
    pub const fn acting(&self) -> Option<(AccountId, Acting)> {
        match &self.actor {
            Actor::Holder(Holder { account, acting: Some(acting), .. }) => Some((*account, *acting)),
            Actor::Holder(_)
            | Actor::Host(_)
            | Actor::System(_)
            | Actor::Staff(_)
            | Actor::Key(_)
            | Actor::Visitor(_) => None,
        }
    }

    /// The key that acts by itself: a transaction checks that it still may.
    #[must_use]
    pub const fn managing_key(&self) -> Option<&ManagingKey> {
        match &self.actor {
            Actor::Key(key) => Some(key),
            Actor::Holder(_) | Actor::Host(_) | Actor::System(_) | Actor::Staff(_) | Actor::Visitor(_) => {
                None
            }
        }
    }

    /// The master account's approval of what a key asked for: the transaction that makes the change uses it up.
    #[must_use]
    pub const fn consent(&self) -> Option<&ChangeConsent> {
        self.consent.as_ref()
    }

    /// With which factors, in words; empty where none was asked.
    #[must_use]
    pub fn factors(&self) -> &str {
        &self.factors
    }
}

/// The actor may not do that.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{actor} may not perform {}", action.word())]
pub struct NotAllowed {
    /// Who.
    actor: Box<Actor>,
    /// What.
    action: ActionKind,
}

impl NotAllowed {
    /// This actor may not do that.
    #[must_use]
    pub fn of(actor: &Actor, action: ActionKind) -> Self {
        Self { actor: Box::new(actor.clone()), action }
    }
}

impl Actor {
    /// Whose things the actor may see.
    #[must_use]
    pub const fn scope(&self) -> Scope {
        match self {
            Self::Host(_) | Self::System(_) | Self::Staff(_) => Scope::All,
            Self::Holder(holder) => Scope::Account(holder.acts_for()),
            Self::Key(key) => Scope::Account(key.acts_for()),
            Self::Visitor(_) => Scope::Nothing,
        }
    }

    /// Where the actor sits, if it is a person on the network.
    #[must_use]
    pub const fn origin(&self) -> Option<&Origin> {
        match self {
            Self::Host(_) | Self::System(_) => None,
            Self::Holder(holder) | Self::Staff(Staff { holder, .. }) => Some(&holder.origin),
            Self::Key(key) => Some(&key.origin),
            Self::Visitor(origin) => Some(origin),
        }
    }

    /// Whether it is the person who is told of it: a member's deeds are news to the master.
    #[must_use]
    pub const fn is_the_holder(&self) -> bool {
        match self {
            Self::Holder(holder) => !matches!(holder.acting, Some(Acting { by: ActingAs::Member, .. })),
            Self::Host(_) | Self::System(_) | Self::Staff(_) | Self::Key(_) | Self::Visitor(_) => false,
        }
    }

    /// The signed-in person, in whichever role.
    #[must_use]
    pub const fn person(&self) -> Option<&Holder> {
        match self {
            Self::Holder(holder) | Self::Staff(Staff { holder, .. }) => Some(holder),
            Self::Host(_) | Self::System(_) | Self::Key(_) | Self::Visitor(_) => None,
        }
    }

    /// Asks for the right to do `action` on the strength of `proof`, which is used up.
    ///
    /// # Errors
    /// [`NotAllowed`] by the matrix: the host does what people ask, the system only its duties, a holder what
    /// [`ActionKind::ceremony`] says, an operator what [`ActionKind::operator_ceremony`] says, an auditor nothing, a visitor
    /// what a mail or a link proves.
    pub fn may(&self, action: ActionKind, proof: Proof) -> Result<Grant, NotAllowed> {
        let scope = match (self, &proof) {
            (Self::Host(_), proof) => host(action, proof),
            (Self::System(duty), _) => system(duty, action),
            (Self::Holder(holder), proof) => {
                holds(holder, action, proof).then_some(Scope::Account(holder.acts_for()))
            }
            (Self::Staff(staff), proof) => serves(staff, action, proof),
            (Self::Key(key), proof) => manages(action, proof).then_some(Scope::Account(key.acts_for())),
            (Self::Visitor(_), proof) => visits(action, proof),
        };
        let scope = scope.ok_or_else(|| NotAllowed::of(self, action))?;
        let factors = in_words(&proof);
        let consent = if let Proof::Consent(consent) = proof { Some(consent) } else { None };
        Ok(Grant { actor: self.clone(), action, scope, factors, consent })
    }
}

fn host(action: ActionKind, proof: &Proof) -> Option<Scope> {
    let allowed = match action.host_ceremony() {
        Ceremony::Session => true,
        Ceremony::Proposal => passes(action, proof),
        Ceremony::OneFactor
        | Ceremony::StepUp
        | Ceremony::MailCode
        | Ceremony::Link
        | Ceremony::Consent
        | Ceremony::Never => false,
    };
    allowed.then_some(Scope::All)
}

fn system(duty: &str, action: ActionKind) -> Option<Scope> {
    action.duties().contains(&duty).then_some(Scope::All)
}

/// What a user may do for their own account, or for the sub-account that they act for.
fn holds(holder: &Holder, action: ActionKind, proof: &Proof) -> bool {
    holder.acting.is_none_or(|acting| action.is_for_sub_accounts(acting.by))
        && meets(holder, action.ceremony(), action, proof)
}

/// Whether the proof is what the ceremony asks of this person.
fn meets(holder: &Holder, ceremony: Ceremony, action: ActionKind, proof: &Proof) -> bool {
    let own = |factor: &Factor| factor.account() == holder.account;
    match (ceremony, proof) {
        (Ceremony::Session, _) => true,
        (Ceremony::OneFactor, Proof::Factor(factor) | Proof::StepUp(_, factor)) => own(factor),
        (Ceremony::StepUp, Proof::StepUp(approved, factor)) => {
            own(factor)
                && factor.is_second()
                && approved.action() == action
                && approved.account() == Some(holder.account)
                && approved.session() == Some(holder.session)
        }
        (Ceremony::StepUp, Proof::FirstSession(first)) => {
            matches!(action, ActionKind::EnrolTotp | ActionKind::EnrolPasskey)
                && first.account() == holder.account
                && first.session() == holder.session
        }
        (Ceremony::MailCode, Proof::Mail(approved)) => {
            approved.action() == action
                && approved.account() == Some(holder.account)
                && approved.session() == Some(holder.session)
        }
        (Ceremony::Proposal, proof) => passes(action, proof),
        (
            Ceremony::OneFactor
            | Ceremony::StepUp
            | Ceremony::MailCode
            | Ceremony::Link
            | Ceremony::Consent
            | Ceremony::Never,
            _,
        ) => false,
    }
}

/// Whether enough operators stand behind exactly this action.
fn passes(action: ActionKind, proof: &Proof) -> bool {
    matches!(proof, Proof::Passed(passed) if passed.change().action() == action)
}

fn serves(staff: &Staff, action: ActionKind, proof: &Proof) -> Option<Scope> {
    let ceremony = match staff.role {
        Role::Operator => action.operator_ceremony(),
        Role::Auditor => Ceremony::Never,
    };
    meets(&staff.holder, ceremony, action, proof).then_some(Scope::All)
}

/// What a master account's key may do for sub-accounts. Whether a new key is within it is asked where the key is made.
fn manages(action: ActionKind, proof: &Proof) -> bool {
    match (action.key_ceremony(), proof) {
        (Ceremony::Session, Proof::None) => true,
        (Ceremony::Session | Ceremony::Consent, Proof::Consent(consent)) => consent.action() == action.word(),
        (_, _) => false,
    }
}

fn visits(action: ActionKind, proof: &Proof) -> Option<Scope> {
    match (action, proof) {
        (ActionKind::Register, Proof::Mail(approved)) if approved.action() == action => Some(Scope::Nothing),
        (ActionKind::SignIn, Proof::Factor(factor)) => {
            // The password was right before this is asked, and the factor shown here is the last one that was due. A
            // passkey may come alone: it is something that one has, and it verified who holds it.
            let due = factor.is_second() && factor.kind() != super::FactorKind::Mailbox;
            due.then_some(Scope::Account(factor.account()))
        }
        (ActionKind::ResetPassword, Proof::StepUp(approved, factor)) => {
            let fits = approved.action() == action
                && approved.account() == Some(factor.account())
                && factor.kind() != super::FactorKind::Password
                && factor.is_second();
            fits.then_some(Scope::Account(factor.account()))
        }
        (ActionKind::Brake, Proof::Link(link)) => Some(Scope::Account(BrakeLink::account(link))),
        (_, _) => None,
    }
}

fn in_words(proof: &Proof) -> String {
    match proof {
        Proof::None => String::new(),
        Proof::Factor(factor) => factor.kind().word().to_owned(),
        Proof::Mail(_) => "mail".to_owned(),
        Proof::StepUp(_, factor) => format!("{}, mail", factor.kind().word()),
        Proof::FirstSession(_) => "password, mail (at registration)".to_owned(),
        Proof::Link(_) => "link".to_owned(),
        Proof::Passed(passed) => match passed.id() {
            Some(id) => format!("proposal {id}"),
            None => "no operators".to_owned(),
        },
        Proof::Consent(consent) => format!("approval {}", consent.id()),
    }
}

#[cfg(test)]
mod tests {
    use super::{ActionKind, Actor, Holder, Origin, Scope};
    use crate::grant::{Ceremony, Factor, FactorAnswer, FactorKind, Proof, TwoFactor};
    use crate::id::AccountId;
    use crate::person::{Device, SessionId};
    use crate::time::Moment;

    fn account(number: u64) -> AccountId {
        AccountId::from_u64(number).unwrap()
    }

    fn origin() -> Origin {
        Origin { address: "203.0.113.9".parse().unwrap(), device: Device::of("test") }
    }

    fn holder() -> Actor {
        Actor::Holder(Holder {
            account: account(1),
            acting: None,
            session: SessionId::from_entropy([1; 16]),
            device_since: Moment::EPOCH,
            origin: origin(),
        })
    }

    fn factor(of: u64, kind: FactorKind) -> Proof {
        Proof::Factor(Factor::settle(account(of), kind, TwoFactor::On, FactorAnswer::Right).unwrap())
    }

    #[test]
    fn duties_do_their_own_work_only() {
        for action in ActionKind::ALL {
            let allowed = Actor::System("watch").may(*action, Proof::None).is_ok();
            let own = [ActionKind::RaiseAlert, ActionKind::QuarantineKey].contains(action);
            assert_eq!(allowed, own, "{action:?}");
            assert!(Actor::System("unheard-of").may(*action, Proof::None).is_err());
        }
        assert!(Actor::Host("ops".into()).may(ActionKind::SeedSandbox, Proof::None).is_err());
    }

    #[test]
    fn a_session_alone_does_only_what_asks_for_no_more() {
        for action in ActionKind::ALL {
            let allowed = holder().may(*action, Proof::None).is_ok();
            assert_eq!(allowed, action.ceremony() == Ceremony::Session, "{action:?}");
            assert!(Actor::Visitor(origin()).may(*action, Proof::None).is_err(), "{action:?}");
        }
    }

    #[test]
    fn one_factor_tightens_and_never_loosens() {
        assert!(holder().may(ActionKind::DeleteKey, factor(1, FactorKind::Totp)).is_ok());
        assert!(holder().may(ActionKind::DeleteKey, factor(2, FactorKind::Totp)).is_err());
        for action in ActionKind::ALL {
            if action.ceremony() == Ceremony::StepUp {
                assert!(holder().may(*action, factor(1, FactorKind::Totp)).is_err(), "{action:?}");
            }
        }
    }

    #[test]
    fn a_grant_reaches_the_holders_own() {
        let grant = holder().may(ActionKind::EditKey, Proof::None).unwrap();
        assert_eq!(grant.scope(), Scope::Account(account(1)));
        assert!(!grant.scope().reaches(account(2)));
    }

    #[test]
    fn words_name_one_action_each() {
        for action in ActionKind::ALL {
            assert_eq!(ActionKind::from_word(action.word()), Some(*action));
        }
    }
}
