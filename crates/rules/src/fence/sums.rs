//! What requests take from the sums of a day.

use std::fmt;

use super::decimal::Decimal;
use super::refused::{Fence, Reason, Refused};
use super::repeated::Repeated;
use super::whose::Whose;

/// What a request that was let through takes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Demand {
    /// How many orders it places or changes, for each limit of orders a second.
    pub throttles: Vec<Throttle>,
    /// What it takes from the sums of the day: one for each sum and element.
    pub sums: Vec<Sum>,
    /// Its orders, for each limit of repetitions.
    pub repeats: Vec<Repeat>,
    /// What limits that only watch would have refused.
    pub observed: Vec<Refused>,
}

impl Demand {
    /// Whether nothing has to be counted.
    #[must_use]
    pub const fn takes_nothing(&self) -> bool {
        self.throttles.is_empty() && self.sums.is_empty() && self.repeats.is_empty()
    }
}

/// Orders of one second.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Throttle {
    /// Whose second.
    pub whose: Whose,
    /// How many it places or changes.
    pub orders: u8,
    /// How many a second may do so.
    pub most: u16,
    /// Whether more are refused.
    pub enforced: bool,
}

/// An order that may be a repetition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Repeat {
    /// Whose orders count.
    pub whose: Whose,
    /// A hash of all that it asks for, ids of the client's aside.
    pub intent: u64,
    /// How often it may be.
    pub most: Repeated,
    /// Whether more are refused.
    pub enforced: bool,
    /// Which element of the request it is.
    pub element: u8,
}

/// A part of a day's sum.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sum {
    /// Whose day.
    pub whose: Whose,
    /// Which sum.
    pub of: SumOf,
    /// How much of it.
    pub amount: Decimal,
    /// What the day may come to; absent where the sum is only watched.
    pub limit: Option<Decimal>,
    /// From where on it is told that a limit which only watches would have refused.
    pub watched: Option<Decimal>,
    /// Which element of the request takes it.
    pub element: u8,
}

impl Sum {
    /// The refusal of a day that would come to `asked`.
    #[must_use]
    pub const fn exceeded(&self, asked: Decimal, limit: Decimal) -> Refused {
        let reason = Reason::Daily { fence: self.of.fence(), asked, limit };
        Refused { reason, whose: self.whose, element: self.element }
    }
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
