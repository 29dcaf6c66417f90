//! Why the exchange refuses: every reason with OKX's code, HTTP status and text, in this one place.
//!
//! Sources: OKX contract, section 4, and the codes that ccxt knows.

use std::borrow::Cow;

use http::StatusCode;

/// A reason to refuse.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Refusal {
    /// The request does not bear an identity that verifies.
    NotFromGateway,
    /// The identity's deadline has passed.
    Late,
    /// The client's own limit, `expTime`, has passed.
    Expired,
    NoRoute,
    /// A socket's path, asked for without an upgrade.
    NoUpgrade,
    WrongMethod,
    BodyTooLarge,
    BadJson,
    Missing(&'static str),
    Wrong(&'static str),
    Either(&'static str, &'static str),
    TooMany(&'static str, usize),
    /// More accounts than the exchange keeps.
    Full,
    NotInDemo,
    NoInstrument,
    /// Margin and derivatives, in an account that is for spot.
    AccountMode,
    Insufficient(&'static str),
    SameClientId,
    BelowMinimum,
    AboveMaximum,
    NotALot,
    TooManyOrders(usize),
    NoOrder,
    NothingToCancel,
    NothingToAmend,
    FundsShort,
    NoSubAccount,
    SameAccount,
    TypeNotForMaster,
    TypeNotForSub,
    AmountTooSmall,
    UnlistedAddress,
    NotForSubAccounts,
    NoWithdrawal,
    WithdrawalDone,
    /// The gateway said that the sub-account is closed.
    SubAccountClosed,
    /// A sub-account that still has balances is not closed.
    HasBalances,
}

impl Refusal {
    /// OKX's code.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::NotFromGateway => "50030",
            Self::Late => "50037",
            Self::Expired => "50036",
            Self::NoRoute | Self::NoUpgrade => "50005",
            Self::WrongMethod => "50115",
            Self::BodyTooLarge | Self::BadJson => "50002",
            Self::Missing(_) => "50014",
            Self::Wrong(_) => "51000",
            Self::Either(..) => "50015",
            Self::TooMany(..) => "50025",
            Self::Full => "50026",
            Self::NotInDemo => "50038",
            Self::NoInstrument => "51001",
            Self::AccountMode => "51010",
            Self::Insufficient(_) => "51008",
            Self::SameClientId => "51016",
            Self::BelowMinimum => "51020",
            Self::AboveMaximum => "51202",
            Self::NotALot => "51121",
            Self::TooManyOrders(_) => "51174",
            Self::NoOrder => "51603",
            Self::NothingToCancel => "51400",
            Self::NothingToAmend => "51503",
            Self::FundsShort => "58350",
            Self::NoSubAccount => "58115",
            Self::SameAccount => "58123",
            Self::TypeNotForMaster => "58127",
            Self::TypeNotForSub => "58128",
            Self::AmountTooSmall => "58206",
            Self::UnlistedAddress => "58207",
            Self::NotForSubAccounts => "58209",
            Self::NoWithdrawal => "58215",
            Self::WithdrawalDone => "58216",
            Self::SubAccountClosed => "59510",
            Self::HasBalances => "59606",
        }
    }

    /// The HTTP status when the whole request is refused.
    pub(crate) const fn status(self) -> StatusCode {
        match self {
            Self::NotFromGateway | Self::Late => StatusCode::FORBIDDEN,
            Self::NoRoute => StatusCode::NOT_FOUND,
            Self::NoUpgrade => StatusCode::UPGRADE_REQUIRED,
            Self::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BadJson | Self::Missing(_) | Self::Wrong(_) | Self::Either(..) => StatusCode::BAD_REQUEST,
            Self::Full => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Expired
            | Self::TooMany(..)
            | Self::NotInDemo
            | Self::NoInstrument
            | Self::AccountMode
            | Self::Insufficient(_)
            | Self::SameClientId
            | Self::BelowMinimum
            | Self::AboveMaximum
            | Self::NotALot
            | Self::TooManyOrders(_)
            | Self::NoOrder
            | Self::NothingToCancel
            | Self::NothingToAmend
            | Self::FundsShort
            | Self::NoSubAccount
            | Self::SameAccount
            | Self::TypeNotForMaster
            | Self::TypeNotForSub
            | Self::AmountTooSmall
            | Self::UnlistedAddress
            | Self::NotForSubAccounts
            | Self::NoWithdrawal
            | Self::WithdrawalDone
            | Self::SubAccountClosed
            | Self::HasBalances => StatusCode::OK,
        }
    }

    /// What the client reads.
    pub(crate) fn text(self) -> Cow<'static, str> {
        let fixed = match self {
            Self::Missing(name) => return format!("Parameter {name} can not be empty.").into(),
            Self::Wrong(name) => return format!("Parameter {name} error").into(),
            Self::Either(one, other) => {
                return format!("Either parameter {one} or {other} is required").into();
            }
            Self::TooMany(name, most) => {
                return format!("Parameter {name} count exceeds the limit {most}.").into();
            }
            Self::Insufficient(currency) => {
                return format!("Order failed. Insufficient {currency} balance in account.").into();
            }
            Self::TooManyOrders(most) => {
                return format!("The number of pending orders reached the upper limit of {most} (orders).")
                    .into();
            }
            Self::NotFromGateway => "The request does not bear the gateway's verified identity",
            Self::Late => "Order expired.",
            Self::Expired => {
                "The expTime can't be earlier than the current system time. Please adjust the expTime and try again."
            }
            Self::NoRoute => "API endpoint is inactive or unavailable.",
            Self::NoUpgrade => "This path takes WebSocket upgrades only",
            Self::WrongMethod => "Invalid request method.",
            Self::BodyTooLarge => "The body is too large",
            Self::BadJson => "JSON syntax error",
            Self::Full => "System error. Try again later",
            Self::NotInDemo => "This feature is unavailable in demo trading",
            Self::NoInstrument => "Instrument ID, Instrument ID code, or Spread ID doesn't exist.",
            Self::AccountMode => "You can't complete this request under your current account mode.",
            Self::SameClientId => "Client order ID already exists.",
            Self::BelowMinimum => "Your order should meet or exceed the minimum order amount.",
            Self::AboveMaximum => "The order amount exceeds the maximum allowed.",
            Self::NotALot => "Order quantity must be a multiple of the lot size.",
            Self::NoOrder => "Order does not exist",
            Self::NothingToCancel => {
                "Cancellation failed as the order has been filled, canceled or does not exist."
            }
            Self::NothingToAmend => "Your order has already been filled or canceled, or does not exist.",
            Self::FundsShort => "Insufficient balance",
            Self::NoSubAccount => "Sub-account does not exist.",
            Self::SameAccount => "Parameter from equal to parameter to",
            Self::TypeNotForMaster => {
                "Main account API key does not support current transfer 'type' parameter."
            }
            Self::TypeNotForSub => "Sub-account API key does not support current transfer 'type' parameter.",
            Self::AmountTooSmall => "The amount is below the lower limit",
            Self::UnlistedAddress => "Withdrawal address is not allowlisted for verification exemption.",
            Self::NotForSubAccounts => {
                "Sub-accounts don't support withdrawals or deposits. Please use your main account instead"
            }
            Self::NoWithdrawal => "Withdrawal ID does not exist",
            Self::WithdrawalDone => "Operation not allowed",
            Self::SubAccountClosed => "Sub-account does not exist",
            Self::HasBalances => {
                "Failed to delete sub-account. Transfer all sub-account funds to your main account before deleting your sub-account."
            }
        };
        fixed.into()
    }
}
