//! What requests take from the sums of a day.

use std::fmt;

use super::decimal::Decimal;
use super::refused::Fence;

/// What a request that was let through takes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Demand {
    /// How many orders it places or changes, and how many a second may do so.
    pub throttle: Option<(u8, u16)>,
    /// What it takes from the sums of the day.
    pub sums: Vec<Sum>,
}

/// A part of a day's sum.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sum {
    /// Which sum.
    pub of: SumOf,
    /// How much of it.
    pub amount: Decimal,
    /// What the day may come to.
    pub limit: Decimal,
    /// Which element of the request takes it.
    pub element: u8,
}

/// What is summed up over a UTC day.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum SumOf {
    /// The value of orders, in US dollars.
    Value,
    /// Orders.
    Orders,
    /// Transfers of a currency.
    Transfer(Box<str>),
    /// Withdrawals of a currency.
    Withdrawal(Box<str>),
}

impl SumOf {
    /// The limit that it belongs to.
    #[must_use]
    pub const fn fence(&self) -> Fence {
        match self {
            Self::Value => Fence::DailyValue,
            Self::Orders => Fence::DailyOrders,
            Self::Transfer(_) => Fence::Transfer,
            Self::Withdrawal(_) => Fence::Withdrawal,
        }
    }

    /// Reads the text of a record.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once(':') {
            None if text == "value" => Some(Self::Value),
            None if text == "orders" => Some(Self::Orders),
            Some(("transfer", currency)) => Some(Self::Transfer(currency.into())),
            Some(("withdrawal", currency)) => Some(Self::Withdrawal(currency.into())),
            _ => None,
        }
    }
}

impl fmt::Display for SumOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value => f.write_str("value"),
            Self::Orders => f.write_str("orders"),
            Self::Transfer(currency) => write!(f, "transfer:{currency}"),
            Self::Withdrawal(currency) => write!(f, "withdrawal:{currency}"),
        }
    }
}
