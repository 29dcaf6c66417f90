//! Which method and path needs which permission: OKX's table as data, and our overrides beside it.
//!
//! A request matches by exact method and exact path bytes, or not at all: no prefixes, no decoding, no
//! folding of case or slashes. What the table lacks is refused.

mod overrides;
mod scope;
mod table;
mod taken;

pub use scope::Scope;
pub use table::{BadTable, Found, RouteTable};
pub use taken::{Parts, Taken, taken};

use crate::permission::Permission;
use crate::rate::Rate;

/// The methods that routes have.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Method {
    /// GET.
    Get,
    /// POST.
    Post,
}

impl Method {
    /// Upper-case spelling, the one that is signed.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }

    /// Reads the exact spelling.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Get, Self::Post].into_iter().find(|method| method.as_str() == text)
    }
}

/// Who may call a route.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// Anybody; credentials are ignored and stripped.
    Public,
    /// Anybody; credentials are checked when any is there.
    Optional,
    /// Only a key with this permission.
    Private(Permission),
}

/// What a request does, for holds, leases, marks and records.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Class {
    /// Changes nothing.
    Read,
    /// Places or changes orders and the like.
    Trade,
    /// Only ever takes risk away.
    Cancel,
    /// Sends funds out.
    Withdraw,
    /// Moves funds between own accounts.
    Funding,
    /// Administers sub-accounts and keys.
    Manage,
    /// Public data.
    Public,
}

impl Class {
    /// Whether a repetition would act twice, so that a request must carry a fresh mark.
    #[must_use]
    pub const fn changes_state(self) -> bool {
        match self {
            Self::Trade | Self::Cancel | Self::Withdraw | Self::Funding | Self::Manage => true,
            Self::Read | Self::Public => false,
        }
    }

    /// Whether a durable record must exist before the request is forwarded.
    #[must_use]
    pub const fn owes_record(self) -> bool {
        match self {
            Self::Withdraw | Self::Funding => true,
            Self::Read | Self::Trade | Self::Cancel | Self::Manage | Self::Public => false,
        }
    }

    /// The word for logs and records.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Trade => "trade",
            Self::Cancel => "cancel",
            Self::Withdraw => "withdraw",
            Self::Funding => "funding",
            Self::Manage => "manage",
            Self::Public => "public",
        }
    }
}

/// Who answers a route.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Destination {
    /// The exchange behind the gateway.
    Upstream,
    /// Nobody: the route administers keys in a way that Keyward does not offer.
    Closed,
    /// Keyward itself, which administers sub-accounts and their keys; never forwarded.
    SubAccounts,
    /// Keyward itself, with the state of a transfer's approval; never forwarded.
    Approvals,
}

/// One row of the table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Route {
    /// Place in the table, for rate cells.
    pub number: u16,
    /// Exact method.
    pub method: Method,
    /// Exact path.
    pub path: &'static str,
    /// `GET /api/v5/…`, for the identity and the log.
    pub label: String,
    /// Who may.
    pub access: Access,
    /// What it does.
    pub class: Class,
    /// Who answers.
    pub destination: Destination,
    /// How often; per account where private, per source where public. `None` where OKX states nothing.
    pub rate: Option<Rate>,
    /// What shares the rate.
    pub scope: Scope,
}

impl Route {
    /// Whether the answer describes the calling key, so that the backend needs its name and addresses.
    #[must_use]
    pub fn describes_key(&self) -> bool {
        self.path == "/api/v5/account/config"
    }
}
