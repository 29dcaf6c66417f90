//! What a socket may do once its login held. Each request is judged on fresh facts: the login gives nothing but whose it is.

use std::net::IpAddr;

use super::request::{Cleared, Origin, Parts, Verified, check_door, check_route, check_standing};
use crate::denial::Denial;
use crate::id::{AccountId, KeyId};
use crate::key::{Environment, Hold, KeyFacts};
use crate::permission::Permission;
use crate::route::Route;
use crate::time::Moment;

/// A socket whose login held: a key, and where it speaks from.
pub struct LoggedIn {
    key: KeyId,
    account: AccountId,
    environment: Environment,
    source: IpAddr,
}

/// A subscription that may be forwarded.
pub struct Subscribed<'r> {
    parts: Parts<'r>,
    facts: KeyFacts,
}

impl Verified<'_> {
    /// State and holds → address → environment → listener: whether the socket may be the key's; with the facts that say so.
    ///
    /// # Errors
    /// 50114, 50100, 50110, 50101, in that order.
    pub fn open(self) -> Result<(LoggedIn, KeyFacts), Denial> {
        let Self { whole, facts, .. } = self;
        check_standing(&facts, whole.source, whole.credentials.environment)?;
        check_door(&facts, whole.door)?;
        let (environment, source) = (facts.environment, whole.source);
        Ok((LoggedIn { key: facts.id, account: facts.account, environment, source }, facts))
    }
}

impl LoggedIn {
    /// Whose socket it is.
    #[must_use]
    pub const fn key(&self) -> KeyId {
        self.key
    }

    /// Whose key that is.
    #[must_use]
    pub const fn account(&self) -> AccountId {
        self.account
    }

    /// Live or demo, for as long as the socket is open.
    #[must_use]
    pub const fn environment(&self) -> Environment {
        self.environment
    }

    /// Where the socket comes from.
    #[must_use]
    pub const fn source(&self) -> IpAddr {
        self.source
    }

    /// Whether the key, as it is now, still admits the socket: what closes sockets when a key changes.
    ///
    /// # Errors
    /// 50119, 50114, 50100, 50110, 50101, in that order.
    pub fn still_holds(&self, facts: Option<&KeyFacts>, now: Moment) -> Result<(), Denial> {
        let known = facts.filter(|facts| facts.id == self.key && facts.account == self.account);
        let facts = known.filter(|facts| facts.is_known(now)).ok_or(Denial::KeyUnknown)?;
        if facts.life.holds.has(Hold::BrokenSeal) {
            return Err(Denial::KeyHeld);
        }
        check_standing(facts, self.source, Some(self.environment))
    }

    /// Judges an operation as a request for `route`, its REST twin.
    ///
    /// # Errors
    /// As [`LoggedIn::still_holds`], then 50120 and what else the route asks for.
    pub fn request<'r>(
        &self,
        facts: Option<KeyFacts>,
        parts: Parts<'r>,
        route: &'r Route,
    ) -> Result<Cleared<'r>, Denial> {
        let facts = self.fresh(facts, &parts)?;
        check_route(facts.permissions, facts.life.holds, (facts.master, &facts.reach), route)?;
        let origin = Origin::LoggedIn;
        Ok(Cleared { parts, facts, origin, route, quota: None, consent: None, reserved: Vec::new() })
    }

    /// Judges a subscription to channels that need `permissions`.
    ///
    /// # Errors
    /// As [`LoggedIn::still_holds`], then 50120.
    pub fn subscribe<'r>(
        &self,
        facts: Option<KeyFacts>,
        parts: Parts<'r>,
        permissions: impl IntoIterator<Item = Permission>,
    ) -> Result<Subscribed<'r>, Denial> {
        let facts = self.fresh(facts, &parts)?;
        if permissions.into_iter().any(|needed| !facts.permissions.allows(needed)) {
            return Err(Denial::PermissionMissing);
        }
        Ok(Subscribed { parts, facts })
    }

    fn fresh(&self, facts: Option<KeyFacts>, parts: &Parts<'_>) -> Result<KeyFacts, Denial> {
        self.still_holds(facts.as_ref(), parts.now)?;
        facts.ok_or(Denial::KeyUnknown)
    }
}

impl<'r> Subscribed<'r> {
    /// The request.
    #[must_use]
    pub const fn parts(&self) -> &Parts<'r> {
        &self.parts
    }

    /// The key.
    #[must_use]
    pub const fn facts(&self) -> &KeyFacts {
        &self.facts
    }
}
