//! From a complete request to one whose signature, state, address, environment and permission all hold.

use std::net::IpAddr;

use bytes::Bytes;

use super::screen::screen;
use crate::approval::{AskedTransfer, Consent, is_transfer};
use crate::denial::Denial;
use crate::fence::Sum;
use crate::id::{AccountId, KeyId, RequestId};
use crate::key::{Environment, Hold, HolderState, Holds, KeyFacts, Life, PassphraseKey, Reach};
use crate::okx::{Credentials, Signature, sign};
use crate::permission::{Permission, Permissions};
use crate::rate::Quota;
use crate::route::{Access, Class, Destination, Found, Method, Route};
use crate::time::{Moment, Timestamp};

/// What the route look-up gave; a request for no route is still verified first.
pub type Routed<'r> = Found<'r>;

/// By which listener a request came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Door {
    /// One for all keys.
    Everybody,
    /// One for keys of third-party apps only.
    Apps,
}

/// A complete request as the gateway holds it: bytes as they came, and when it was complete.
#[derive(Clone, Copy)]
pub struct Whole<'r> {
    /// The gateway's name for it.
    pub id: RequestId,
    /// Its method.
    pub method: Method,
    /// Its target, path and query, never decoded.
    pub target: &'r [u8],
    /// Its body.
    pub body: &'r Bytes,
    /// Its credential headers.
    pub credentials: Credentials<'r>,
    /// Its route.
    pub routed: Routed<'r>,
    /// Whether its body is plain JSON, as its headers say, and its target has no query: what limits can be read from.
    pub plain: bool,
    /// Where it came from, in canonical form.
    pub source: IpAddr,
    /// By which listener.
    pub door: Door,
    /// When its last byte arrived.
    pub now: Moment,
}

/// The parts of a request that are forwarded, bytes as they came.
#[derive(Clone, Copy)]
pub struct Parts<'r> {
    /// The gateway's name for it.
    pub id: RequestId,
    /// Its method.
    pub method: Method,
    /// Its target, path and query, never decoded.
    pub target: &'r [u8],
    /// Its body.
    pub body: &'r Bytes,
    /// Whether its body is plain JSON, as its headers say, and its target has no query: what limits can be read from.
    pub plain: bool,
    /// Where it came from, in canonical form.
    pub source: IpAddr,
    /// When its last byte arrived.
    pub now: Moment,
}

/// A complete request, nothing of it checked.
pub struct Received<'r> {
    whole: Whole<'r>,
}

/// A request whose key exists and whose time, passphrase and signature hold.
pub struct Verified<'r> {
    pub(super) whole: Whole<'r>,
    pub(super) facts: KeyFacts,
    stamp: Timestamp,
    signature: Signature,
}

/// A verified request that the key's state, addresses, environment and permissions admit.
pub struct Cleared<'r> {
    pub(super) parts: Parts<'r>,
    pub(super) facts: KeyFacts,
    pub(super) origin: Origin,
    pub(super) route: &'r Route,
    /// What is left of its rates, once they are paid.
    pub(super) quota: Option<Quota>,
    /// Why a transfer by a sub-account's key may go out, once that is settled.
    pub(super) consent: Option<Box<Consented>>,
    /// What it takes from the sums of the day, once that is settled.
    pub(super) reserved: Vec<Sum>,
}

/// A transfer that may go out once, and why.
#[derive(Debug)]
pub struct Consented {
    pub(super) asked: AskedTransfer,
    pub(super) consent: Consent,
}

impl Consented {
    /// The transfer.
    #[must_use]
    pub const fn asked(&self) -> &AskedTransfer {
        &self.asked
    }

    /// Why it may.
    #[must_use]
    pub const fn consent(&self) -> Consent {
        self.consent
    }
}

/// What shows that the key's holder asks.
pub(super) enum Origin {
    /// The request's own signature, which is accepted once where the request changes state.
    Signed(Timestamp, Signature),
    /// The login of the socket that it came over.
    LoggedIn,
}

impl<'r> Whole<'r> {
    /// What goes on of it.
    const fn parts(&self) -> Parts<'r> {
        let Self { id, method, target, body, plain, source, now, .. } = *self;
        Parts { id, method, target, body, plain, source, now }
    }
}

impl<'r> Received<'r> {
    /// Takes a complete request in.
    #[inline]
    #[must_use]
    pub const fn new(whole: Whole<'r>) -> Self {
        Self { whole }
    }

    /// Key known → timestamp → passphrase → signature.
    ///
    /// # Errors
    /// As [`screen`], then 50113. All of them are a stranger's: nothing of the key is told.
    #[inline]
    pub fn verify(
        self,
        facts: Option<KeyFacts>,
        passphrases: &PassphraseKey,
    ) -> Result<Verified<'r>, Denial> {
        let whole = self.whole;
        let stamp = screen(&whole.credentials, facts.as_ref(), passphrases, whole.now)?;
        let (facts, claimed) = facts.zip(whole.credentials.sign).ok_or(Denial::SignWrong)?;
        let method = whole.method.as_str().as_bytes();
        let signature = sign(&facts.hmac, stamp.as_bytes(), method, whole.target, whole.body);
        if !signature.matches(&claimed) {
            return Err(Denial::SignWrong);
        }
        Ok(Verified { whole, facts, stamp, signature })
    }
}

impl<'r> Verified<'r> {
    /// State and holds → address → environment → listener → route and permission.
    ///
    /// # Errors
    /// 50114, 50100, 50110, 50101 (twice), 50005, 50115, 50120, 50030, 59500, 50035, in that order.
    #[inline]
    pub fn clear(self) -> Result<Cleared<'r>, Denial> {
        let Self { whole, facts, stamp, signature } = self;
        check_standing(&facts, whole.source, whole.credentials.environment)?;
        check_door(&facts, whole.door)?;
        let route = match whole.routed {
            Found::Route(route) => route,
            Found::WrongMethod => return Err(Denial::MethodWrong),
            Found::Unknown => return Err(Denial::RouteUnknown),
        };
        check_route(facts.permissions, facts.life.holds, (facts.master, &facts.reach), route)?;
        let origin = Origin::Signed(stamp, signature);
        let parts = whole.parts();
        Ok(Cleared { parts, facts, origin, route, quota: None, consent: None, reserved: Vec::new() })
    }

    /// The key's facts, for the record of a refusal.
    #[inline]
    #[must_use]
    pub const fn facts(&self) -> &KeyFacts {
        &self.facts
    }
}

/// What a key may do, as far as it does not depend on the request's signature: for people who ask beforehand.
#[derive(Clone, Copy)]
pub struct Standing<'k> {
    /// The key.
    pub id: KeyId,
    /// State and holds.
    pub life: Life,
    /// Where from.
    pub reach: &'k Reach,
    /// Its rights.
    pub permissions: Permissions,
    /// The master account, for a sub-account's key.
    pub master: Option<AccountId>,
}

impl Standing<'_> {
    /// What the gateway would say to a well-signed request for `route` from `source`: the same steps in the same
    /// order as [`Verified::clear`], and then whether the master is asked.
    ///
    /// # Errors
    /// The denial.
    #[inline]
    pub fn outlook(&self, source: IpAddr, route: &Route) -> Result<(), Denial> {
        check_life(self.life, self.reach)?;
        check_address(self.id, self.reach, source)?;
        check_route(self.permissions, self.life.holds, (self.master, self.reach), route)?;
        // Of a single transfer more is known: its master approved it, or a threshold lets it pass.
        if self.master.is_some() && is_transfer(route) { Err(Denial::ApprovalNeeded) } else { Ok(()) }
    }
}

/// State and holds → address → environment: what is asked of a request and of a socket alike.
pub(super) fn check_standing(
    facts: &KeyFacts,
    source: IpAddr,
    asked: Option<Environment>,
) -> Result<(), Denial> {
    check_life(facts.life, &facts.reach)?;
    check_address(facts.id, &facts.reach, source)?;
    match asked {
        Some(environment) if environment != facts.environment => Err(Denial::WrongEnvironment),
        Some(_) | None => Ok(()),
    }
}

/// A listener for apps is for their keys only. What is not an app's is told so after its address was looked at: a key that leaked
/// is noticed here too.
pub(super) const fn check_door(facts: &KeyFacts, door: Door) -> Result<(), Denial> {
    match (door, &facts.reach) {
        (Door::Everybody, _) | (Door::Apps, Reach::App(..)) => Ok(()),
        (Door::Apps, Reach::Anywhere | Reach::Few(_) | Reach::Set(_) | Reach::Canary) => {
            Err(Denial::AppKeysOnly)
        }
    }
}

/// A frozen app holds its keys without a word in their own records, so that one change stops all of them.
fn check_life(life: Life, reach: &Reach) -> Result<(), Denial> {
    match life.state {
        // The word for a quarantine, unless something else holds the key as well (product.md 6.1).
        HolderState::Active if life.holds.has(Hold::Leaked) && !life.holds.without(Hold::Leaked).stops() => {
            Err(Denial::KeyQuarantined)
        }
        HolderState::Active if life.holds.stops() || reach.is_frozen() => Err(Denial::KeyHeld),
        HolderState::Active => Ok(()),
        HolderState::Disabled => Err(Denial::KeyDisabled),
        HolderState::Deleted { .. } | HolderState::Expired { .. } => Err(Denial::KeyUnknown),
    }
}

fn check_address(id: KeyId, reach: &Reach, source: IpAddr) -> Result<(), Denial> {
    if reach.admits(source) {
        return Ok(());
    }
    Err(match reach {
        Reach::App(..) => Denial::AppAddressRefused(id),
        Reach::Anywhere | Reach::Few(_) | Reach::Set(_) => Denial::AddressRefused(id, source),
        // At every step a canary gets the answer that a key gets which is bound to other addresses: whoever found it cannot tell.
        Reach::Canary => Denial::CanaryRefused(id, source),
    })
}

/// Permission → quarantine → whose key → for sub-accounts, bound or not.
pub(super) fn check_route(
    permissions: Permissions,
    holds: Holds,
    (master, reach): (Option<AccountId>, &Reach),
    route: &Route,
) -> Result<(), Denial> {
    let needed = match route.access {
        Access::Private(needed) => needed,
        // Credentials on an optional route make the request the account's own, so the key must read.
        Access::Optional | Access::Public => Permission::Read,
    };
    if !permissions.allows(needed) {
        return Err(Denial::PermissionMissing);
    }
    let reads = matches!(route.class, Class::Read | Class::Public);
    let cancels = route.class == Class::Cancel;
    if holds.read_only() && !reads || holds.has(Hold::CancelOnly) && !reads && !cancels {
        return Err(Denial::KeyQuarantined);
    }
    match route.destination {
        Destination::Closed => Err(Denial::EndpointClosed),
        Destination::Upstream if route.class == Class::Funding && master.is_some() && !is_transfer(route) => {
            Err(Denial::MasterOnly)
        }
        // Sub-accounts are administered by keys of the master account alone, and changed by bound ones alone (product.md 5).
        Destination::SubAccounts if master.is_some() => Err(Denial::MainAccountOnly),
        Destination::SubAccounts if route.class == Class::Manage && !reach.is_bound() => {
            Err(Denial::BindingNeeded)
        }
        Destination::Upstream | Destination::Approvals | Destination::SubAccounts => Ok(()),
    }
}

impl<'r> Cleared<'r> {
    /// The key's facts.
    #[inline]
    #[must_use]
    pub const fn facts(&self) -> &KeyFacts {
        &self.facts
    }

    /// The request.
    #[inline]
    #[must_use]
    pub const fn parts(&self) -> &Parts<'r> {
        &self.parts
    }

    /// The route.
    #[inline]
    #[must_use]
    pub const fn route(&self) -> &'r Route {
        self.route
    }

    /// What is left of the rates that it draws on.
    #[inline]
    #[must_use]
    pub const fn quota(&self) -> Option<Quota> {
        self.quota
    }

    /// Why it may go out, if it is a transfer by a sub-account's key.
    #[inline]
    #[must_use]
    pub fn consented(&self) -> Option<&Consented> {
        self.consent.as_deref()
    }

    /// What the request takes from the sums of the day.
    #[inline]
    #[must_use]
    pub fn reserved(&self) -> &[Sum] {
        &self.reserved
    }

    /// What the request does.
    #[inline]
    #[must_use]
    pub const fn class(&self) -> Class {
        self.route.class
    }
}
