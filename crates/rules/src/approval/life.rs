//! The life of an approval: it waits, is approved or refused, and is used once.

use crate::id::{AccountId, RequestId};
use crate::time::Moment;

/// What became of an approval, as it is stored. That it is over is a matter of the clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// Nobody has decided.
    Waiting,
    /// The master approved it: when, and who; nobody in particular at the host.
    Approved(Moment, Option<AccountId>),
    /// The master refused it, or took the approval back.
    Refused(Moment, Option<AccountId>),
    /// A request used it: when it was approved and by whom, when it was used and by which request.
    Used((Moment, Option<AccountId>), (Moment, RequestId)),
}

impl Standing {
    /// The stored word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Approved(..) => "approved",
            Self::Refused(..) => "refused",
            Self::Used(..) => "used",
        }
    }
}

/// What an approval is at a moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ApprovalState {
    /// It can be approved or refused.
    Waiting,
    /// The request passes once.
    Approved,
    /// The master refused it.
    Refused,
    /// A request used it.
    Used,
    /// Nobody decided in time, or the request was not sent in time.
    Expired,
}

impl ApprovalState {
    /// The word that clients and people read.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Approved => "approved",
            Self::Refused => "refused",
            Self::Used => "used",
            Self::Expired => "expired",
        }
    }
}

/// Why an approval does not go on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ApprovalError {
    /// Only the master account decides: not the sub-account, and no other account.
    #[error("only the master account decides about this request")]
    NotTheMaster,
    /// It was decided before, or is used.
    #[error("this request was decided before; load the page again to see how")]
    Decided,
    /// Its time is over.
    #[error("the 24 hours of this approval are over; the program can ask again")]
    Expired,
    /// The request is another one.
    #[error("the approval is for another request")]
    OtherRequest,
}
