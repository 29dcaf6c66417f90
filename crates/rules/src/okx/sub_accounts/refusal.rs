//! How a request is refused: OKX's codes and texts (OKX contract 4.2 and 4.3), in this one place.

use std::borrow::Cow;

use crate::limits::{ADDRESSES_PER_KEY, KEYS_PER_ACCOUNT};

/// Why a request that administers sub-accounts is not done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum EndpointRefusal {
    /// No body.
    BodyEmpty,
    /// The body is no JSON object, or can be read in more than one way.
    BadJson,
    /// A parameter is missing.
    Missing(&'static str),
    /// A parameter is wrong, and why, where that helps.
    Wrong(&'static str, String),
    /// No more keys.
    TooManyKeys,
    /// Another key has the name.
    LabelTaken,
    /// Too many addresses.
    TooManyAddresses,
    /// Not a passphrase.
    BadPassphrase,
    /// No such key.
    NoKey,
    /// The sub-account is frozen.
    Suspended(String),
    /// No such sub-account.
    NoSubAccount,
    /// Another sub-account has the name.
    SubAccountTaken,
    /// No more sub-accounts.
    TooManySubAccounts,
    /// The account is frozen, or its keys rest.
    Held(String),
    /// A rule that OKX has no code for.
    Rule(String),
    /// The store cannot answer now.
    Unavailable,
}

impl EndpointRefusal {
    /// A parameter that is wrong without more to say.
    #[must_use]
    pub const fn wrong(name: &'static str) -> Self {
        Self::Wrong(name, String::new())
    }

    /// One of each kind, for those who list them.
    #[must_use]
    pub fn examples() -> Vec<Self> {
        vec![
            Self::BodyEmpty,
            Self::BadJson,
            Self::Missing("subAcct"),
            Self::wrong("ip"),
            Self::TooManyKeys,
            Self::LabelTaken,
            Self::TooManyAddresses,
            Self::BadPassphrase,
            Self::NoKey,
            Self::Suspended("probeSub01".to_owned()),
            Self::NoSubAccount,
            Self::SubAccountTaken,
            Self::TooManySubAccounts,
            Self::Held("The account is frozen.".to_owned()),
            Self::Rule("A rule of Keyward; the text says which.".to_owned()),
            Self::Unavailable,
        ]
    }

    /// OKX's code; from 90000 on one of our own.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::BodyEmpty => "50000",
            Self::BadJson => "50002",
            Self::Missing(_) => "50014",
            Self::Wrong(..) => "51000",
            Self::TooManyKeys => "59501",
            Self::LabelTaken => "59502",
            Self::TooManyAddresses => "59503",
            Self::BadPassphrase => "59505",
            Self::NoKey => "59506",
            Self::Suspended(_) => "59508",
            Self::NoSubAccount => "59510",
            Self::SubAccountTaken => "59601",
            Self::TooManySubAccounts => "59603",
            Self::Held(_) => "50100",
            Self::Rule(_) => "90455",
            Self::Unavailable => "50001",
        }
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::BodyEmpty | Self::BadJson | Self::Missing(_) | Self::Wrong(..) | Self::Held(_) => 400,
            Self::Unavailable => 503,
            Self::TooManyKeys
            | Self::LabelTaken
            | Self::TooManyAddresses
            | Self::BadPassphrase
            | Self::NoKey
            | Self::Suspended(_)
            | Self::NoSubAccount
            | Self::SubAccountTaken
            | Self::TooManySubAccounts
            | Self::Rule(_) => 200,
        }
    }

    /// What the client reads.
    #[must_use]
    pub fn text(&self) -> Cow<'static, str> {
        match self {
            Self::BodyEmpty => "Body for POST request cannot be empty.".into(),
            Self::BadJson => "JSON syntax error".into(),
            Self::Missing(name) => format!("Parameter {name} can not be empty.").into(),
            Self::Wrong(name, why) if why.is_empty() => format!("Parameter {name} error").into(),
            Self::Wrong(name, why) => format!("Parameter {name} error: {why}").into(),
            Self::TooManyKeys => format!("Each account can create up to {KEYS_PER_ACCOUNT} API keys").into(),
            Self::LabelTaken => "This note name already exists. Enter a unique API key note name".into(),
            Self::TooManyAddresses => {
                format!("Each API key can bind up to {ADDRESSES_PER_KEY} IP addresses").into()
            }
            Self::BadPassphrase => "The passphrase format is incorrect.".into(),
            Self::NoKey => "API key doesn't exist.".into(),
            Self::Suspended(name) => format!("The sub account of {name} is suspended.").into(),
            Self::NoSubAccount => "Sub-account does not exist".into(),
            Self::SubAccountTaken => "Subaccount name already exists.".into(),
            Self::TooManySubAccounts => "Maximum number of subaccounts reached.".into(),
            Self::Held(why) | Self::Rule(why) => why.clone().into(),
            Self::Unavailable => "Service temporarily unavailable. Please try again later.".into(),
        }
    }
}
