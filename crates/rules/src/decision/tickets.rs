//! What a cleared request still owes: rate, approval, sums of the day, replay mark, durable record.

use super::permit::Permit;
use super::request::{Cleared, Consented, Origin, Parts};
use crate::approval::{self, ApprovalAnswer, AskedTransfer};
use crate::denial::Denial;
use crate::fence::{Asked, Demand, Market, Refused, judge};
use crate::id::{AccountId, KeyId};
use crate::key::{Environment, RateCap};
use crate::rate::{Policy, Quota};
use crate::route::{Class, Route, Taken, taken};
use crate::time::Moment;

/// Owes a place in the rates of its key, of its account's orders and of its route.
pub struct Charge<'r>(Cleared<'r>);

/// The rates' answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ChargeAnswer {
    /// Paid; what is left of the rate that is nearest to its end.
    Taken(Option<Quota>),
    /// One of them is used up.
    Exhausted(Quota),
    /// No cell is left to count in.
    NoRoom,
}

/// A cleared request whose rate is paid.
pub struct Spent<'r>(Cleared<'r>);

/// Owes the master's approval, if it is a transfer by a sub-account's key.
pub struct Approval<'r> {
    cleared: Cleared<'r>,
    demand: Demand,
    owed: Option<Box<AskedTransfer>>,
}

/// Owes what the key's limits take from the second and from the sums of the day.
pub struct Reservation<'r> {
    cleared: Cleared<'r>,
    demand: Demand,
}

/// The sums' answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SumAnswer {
    /// Nothing was owed.
    NotOwed,
    /// Taken, all of it.
    Taken,
    /// Nothing was taken: one of them would be exceeded, or cannot be kept.
    Refused(Refused),
}

/// A request that the key's limits let through.
pub struct Fenced<'r>(Cleared<'r>);

/// Owes a replay mark, if the request changes state.
pub struct Claim<'r>(Cleared<'r>);

/// What to remember of a request so that it is accepted once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReplayEntry {
    /// The key.
    pub key: KeyId,
    /// From the signature, verified before.
    pub fingerprint: u64,
    /// The signed timestamp; the mark is needed until 30 s after it.
    pub signed_at: Moment,
}

/// The marks' answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReplayAnswer {
    /// Nothing was owed.
    NotOwed,
    /// Set now, for the first time.
    New,
    /// Set before.
    Repeated,
    /// No room, or the timestamp lies before what this process can vouch for.
    CannotTell,
}

/// A request that was not accepted before.
pub struct Fresh<'r>(Cleared<'r>);

/// Owes a durable record, if the request moves funds or takes from the sums of the day.
pub struct Intent<'r>(Cleared<'r>);

/// The journal's answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IntentAnswer {
    /// Nothing was owed.
    NotOwed,
    /// On disk.
    Durable,
    /// Not on disk in time.
    Failed,
}

/// A request with all debts paid.
pub struct Recorded<'r>(Cleared<'r>);

impl<'r> Cleared<'r> {
    /// The ticket for the rates.
    #[inline]
    #[must_use]
    pub const fn charge(self) -> Charge<'r> {
        Charge(self)
    }
}

impl<'r> Charge<'r> {
    /// Whose rate.
    #[inline]
    #[must_use]
    pub const fn account(&self) -> AccountId {
        self.0.facts.account
    }

    /// Which key, and its own rate.
    #[inline]
    #[must_use]
    pub const fn cap(&self) -> (KeyId, Option<RateCap>) {
        (self.0.facts.id, self.0.facts.rate_cap)
    }

    /// Which route's rate.
    #[inline]
    #[must_use]
    pub const fn route(&self) -> &'r Route {
        self.0.route
    }

    /// Live or demo.
    #[inline]
    #[must_use]
    pub const fn environment(&self) -> Environment {
        self.0.facts.environment
    }

    /// What it takes from the route's rate, and how many orders from the account's.
    #[inline]
    #[must_use]
    pub fn taken(&self, id_of_code: impl Fn(&str) -> Option<Box<str>>) -> Taken {
        taken(self.0.route, (self.0.parts.target, self.0.parts.body), id_of_code)
    }

    /// Pays.
    ///
    /// # Errors
    /// 50061 when the account's orders are used up, 50011 for the other rates, 50013 when it cannot be counted.
    #[inline]
    pub fn settle(mut self, answer: ChargeAnswer) -> Result<Spent<'r>, Denial> {
        match answer {
            ChargeAnswer::Taken(quota) => {
                self.0.quota = quota;
                Ok(Spent(self.0))
            }
            ChargeAnswer::Exhausted(quota) => Err(match quota.policy {
                Policy::Orders => Denial::OrderRateExceeded(quota),
                Policy::Key | Policy::Route => Denial::QuotaExceeded(quota),
            }),
            ChargeAnswer::NoRoom => Err(Denial::Busy),
        }
    }
}

impl<'r> Spent<'r> {
    /// The environment whose market is needed to judge the request, if the key has limits.
    #[inline]
    #[must_use]
    pub fn needs_market(&self) -> Option<Environment> {
        self.0.facts.fences.as_ref().map(|_| self.0.facts.environment)
    }

    /// Judges the request by the key's limits (`fences.md`); gives the ticket for the approval that it may need.
    ///
    /// # Errors
    /// [`Denial::Fenced`]; [`Denial::TransferUnclear`] when it needs an approval and cannot be read for sure.
    #[inline]
    pub fn fence(self, market: &dyn Market) -> Result<Approval<'r>, Denial> {
        let cleared = self.0;
        let Parts { body, plain, now, .. } = cleared.parts;
        let asked = Asked { route: cleared.route, body, plain, now };
        let demand = match &cleared.facts.fences {
            Some(fences) => judge(fences, market, asked).map_err(Denial::Fenced)?,
            None => Demand::default(),
        };
        let owed = match cleared.facts.master {
            Some(master) if cleared.route.class == Class::Funding => {
                Some(Box::new(asked_transfer(&cleared, master, asked)?))
            }
            Some(_) | None => None,
        };
        Ok(Approval { cleared, demand, owed })
    }
}

/// What a request of a sub-account's key that moves funds means.
#[cold]
fn asked_transfer(
    cleared: &Cleared<'_>,
    master: AccountId,
    asked: Asked<'_>,
) -> Result<AskedTransfer, Denial> {
    Ok(AskedTransfer {
        request: cleared.parts.id,
        key: cleared.facts.id,
        account: cleared.facts.account,
        master,
        environment: cleared.facts.environment,
        source: cleared.parts.source,
        transfer: approval::read(&asked).map_err(Denial::TransferUnclear)?,
        at: cleared.parts.now,
    })
}

impl<'r> Approval<'r> {
    /// The transfer that needs an approval, if it is one.
    #[inline]
    #[must_use]
    pub fn owed(&self) -> Option<&AskedTransfer> {
        self.owed.as_deref()
    }

    /// Pays.
    ///
    /// # Errors
    /// 90450 while it waits, 90451 when the master refused, 90452 when too many wait, 58119 when it leads to another sub-account and
    /// may not; 50001 when nobody can tell, or the answer
    /// does not fit the debt: the consent must be for this request and this transfer.
    #[inline]
    pub fn settle(self, answer: ApprovalAnswer) -> Result<Reservation<'r>, Denial> {
        let Self { mut cleared, demand, owed } = self;
        match (owed, answer) {
            (None, ApprovalAnswer::NotOwed) => {}
            (Some(asked), ApprovalAnswer::Passed(consent))
                if consent.request == asked.request && consent.hash == asked.hash() =>
            {
                cleared.consent = Some(Box::new(Consented { asked: *asked, consent }));
            }
            (Some(_), ApprovalAnswer::Waiting(id)) => return Err(Denial::ApprovalWaiting(id)),
            (Some(_), ApprovalAnswer::Refused(id, until)) => return Err(Denial::ApprovalRefused(id, until)),
            (Some(_), ApprovalAnswer::TooMany) => return Err(Denial::TooManyApprovals),
            (Some(_), ApprovalAnswer::TransferOutOff) => return Err(Denial::TransferOutOff),
            (_, _) => return Err(Denial::Unavailable),
        }
        Ok(Reservation { cleared, demand })
    }
}

impl<'r> Reservation<'r> {
    /// What is owed, and what limits that only watch would have refused.
    #[inline]
    #[must_use]
    pub const fn demand(&self) -> &Demand {
        &self.demand
    }

    /// The request, for whose it is.
    #[inline]
    #[must_use]
    pub const fn request(&self) -> &Cleared<'r> {
        &self.cleared
    }

    /// Pays.
    ///
    /// # Errors
    /// [`Denial::Fenced`]; 50001 when the answer does not fit the debt.
    #[inline]
    pub fn settle(mut self, answer: SumAnswer) -> Result<Fenced<'r>, Denial> {
        match (!self.demand.takes_nothing(), answer) {
            (false, SumAnswer::NotOwed) | (true, SumAnswer::Taken) => {
                self.cleared.reserved = self.demand.sums;
                Ok(Fenced(self.cleared))
            }
            (_, SumAnswer::Refused(refused)) => Err(Denial::Fenced(refused)),
            (true, SumAnswer::NotOwed) | (false, SumAnswer::Taken) => Err(Denial::Unavailable),
        }
    }
}

impl<'r> Fenced<'r> {
    /// The request, for what it has taken.
    #[inline]
    #[must_use]
    pub const fn request(&self) -> &Cleared<'r> {
        &self.0
    }

    /// The ticket for the replay mark.
    #[inline]
    #[must_use]
    pub fn claim(self) -> Claim<'r> {
        Claim(self.0)
    }
}

impl<'r> Claim<'r> {
    /// The mark to set; `None` when the request may repeat. One that came over a socket carries no signature that somebody
    /// could send again: the login's window and the socket's life bound it.
    #[inline]
    #[must_use]
    pub fn owed(&self) -> Option<ReplayEntry> {
        match &self.0.origin {
            Origin::Signed(stamp, signature) if self.0.route.class.changes_state() => Some(ReplayEntry {
                key: self.0.facts.id,
                fingerprint: signature.fingerprint(),
                signed_at: stamp.moment(),
            }),
            Origin::Signed(..) | Origin::LoggedIn => None,
        }
    }

    /// Pays.
    ///
    /// # Errors
    /// 50042 for a repetition, 50013 when nobody can tell, 50001 when the answer does not fit the debt.
    #[inline]
    pub fn settle(self, answer: ReplayAnswer) -> Result<Fresh<'r>, Denial> {
        match (self.owed(), answer) {
            (None, ReplayAnswer::NotOwed) | (Some(_), ReplayAnswer::New) => Ok(Fresh(self.0)),
            (_, ReplayAnswer::Repeated) => Err(Denial::Repeated),
            (_, ReplayAnswer::CannotTell) => Err(Denial::Busy),
            (Some(_), ReplayAnswer::NotOwed) | (None, ReplayAnswer::New) => Err(Denial::Unavailable),
        }
    }
}

impl<'r> Fresh<'r> {
    /// The ticket for the durable record.
    #[inline]
    #[must_use]
    pub fn intent(self) -> Intent<'r> {
        Intent(self.0)
    }
}

impl<'r> Intent<'r> {
    /// Whether a record must be on disk first.
    #[inline]
    #[must_use]
    pub fn is_owed(&self) -> bool {
        self.0.route.class.owes_record() || self.0.reserved.iter().any(|sum| sum.limit.is_some())
    }

    /// The request, for its record.
    #[inline]
    #[must_use]
    pub const fn request(&self) -> &Cleared<'r> {
        &self.0
    }

    /// Pays.
    ///
    /// # Errors
    /// 50001 when the record is not on disk.
    #[inline]
    pub fn settle(self, answer: IntentAnswer) -> Result<Recorded<'r>, Denial> {
        match (self.is_owed(), answer) {
            (false, IntentAnswer::NotOwed) | (true, IntentAnswer::Durable) => Ok(Recorded(self.0)),
            (_, IntentAnswer::Failed) | (true, IntentAnswer::NotOwed) | (false, IntentAnswer::Durable) => {
                Err(Denial::Unavailable)
            }
        }
    }
}

impl<'r> Recorded<'r> {
    /// The permit, good until `deadline` and never past the key's own end.
    #[inline]
    #[must_use]
    pub fn permit(self, deadline: Moment) -> Permit<'r> {
        let deadline = self.0.facts.expires_at.map_or(deadline, |end| end.min(deadline));
        Permit::new(self.0, deadline)
    }
}
