//! Why a limit refuses a request: the code and the sentence for its client.

use std::fmt;

use super::decimal::Decimal;
use super::repeated::Repeated;
use super::whose::Whose;

/// A limit, by the name that settings, records and answers use.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Fence {
    /// See [`super::TradeFences::instrument_types`].
    InstrumentTypes,
    /// See [`super::TradeFences::instruments`].
    Instruments,
    /// See [`super::TradeFences::order_types`].
    OrderTypes,
    /// See [`super::TradeFences::trade_modes`].
    TradeModes,
    /// See [`super::TradeFences::max_order_quantity`].
    MaxOrderQuantity,
    /// See [`super::TradeFences::max_order_value`].
    MaxOrderValue,
    /// See [`super::TradeFences::price_collar`].
    PriceCollar,
    /// See [`super::TradeFences::daily_value`].
    DailyValue,
    /// See [`super::TradeFences::daily_orders`].
    DailyOrders,
    /// See [`super::TradeFences::message_throttle`].
    MessageThrottle,
    /// See [`super::TradeFences::repeated_execution`].
    RepeatedExecution,
    /// See [`super::TradeFences::reduce_only`].
    ReduceOnly,
    /// See [`super::TradeFences::max_leverage`].
    MaxLeverage,
    /// See [`super::TradeFences::whole_position`].
    WholePosition,
    /// See [`super::TransferFence`].
    Transfer,
    /// See [`super::WithdrawalFence`].
    Withdrawal,
}

impl Fence {
    /// The name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::InstrumentTypes => "instrument_types",
            Self::Instruments => "instruments",
            Self::OrderTypes => "order_types",
            Self::TradeModes => "trade_modes",
            Self::MaxOrderQuantity => "max_order_quantity",
            Self::MaxOrderValue => "max_order_value",
            Self::PriceCollar => "price_collar",
            Self::DailyValue => "daily_value",
            Self::DailyOrders => "daily_orders",
            Self::MessageThrottle => "message_throttle",
            Self::RepeatedExecution => "repeated_execution",
            Self::ReduceOnly => "reduce_only",
            Self::MaxLeverage => "max_leverage",
            Self::WholePosition => "whole_position",
            Self::Transfer => "transfer",
            Self::Withdrawal => "withdrawal",
        }
    }
}

/// Why.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Reason {
    /// The body cannot be read for sure: the member that cannot, or what is wrong with the whole.
    Unreadable(&'static str),
    /// No limit can judge what this route does.
    Route,
    /// Not among what is allowed.
    NotAllowed(Fence),
    /// The instrument is not one that the exchange lists, or its two names differ.
    UnknownInstrument(Fence),
    /// The exchange's prices are not known, or are too old.
    NoPrice(Fence),
    /// An amendment says too little to know what the order would be.
    Incomplete(Fence),
    /// More than the limit.
    Above {
        /// Which.
        fence: Fence,
        /// What the request would come to.
        asked: Decimal,
        /// The limit.
        limit: Decimal,
        /// For a market order, which has codes of its own.
        market: bool,
    },
    /// An order's price is too far from the market: the price, and the last one that is not.
    Price {
        /// The price.
        asked: Decimal,
        /// The limit.
        limit: Decimal,
        /// A buy's is too high, a sell's too low.
        buys: bool,
    },
    /// More in this second than the limit.
    TooFast(u16),
    /// The same order, too often.
    Repeated(Repeated),
    /// The sums of the day would exceed the limit.
    Daily {
        /// Which.
        fence: Fence,
        /// What the day would come to.
        asked: Decimal,
        /// The limit.
        limit: Decimal,
    },
    /// A withdrawal that leaves the chain to the exchange.
    NoChain,
    /// A destination that was added a short time ago.
    NotYet,
    /// The sums of the day cannot be kept.
    NoRoom,
}

/// A refusal by a limit.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Refused {
    /// Why.
    pub reason: Reason,
    /// Whose limit it is.
    pub whose: Whose,
    /// Which element of the request, from 0.
    pub element: u8,
}

impl Refused {
    /// The code for the client: one that real clients take for a wrong order, and never for one to repeat.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self.reason {
            Reason::Unreadable(_) | Reason::Incomplete(_) => "51000",
            Reason::Route | Reason::Repeated(_) => "50120",
            Reason::UnknownInstrument(_) => "51001",
            Reason::NoPrice(_) | Reason::NoRoom => "50013",
            Reason::NotYet | Reason::NoChain => "58207",
            // OKX has 50061 for this, which clients know for no error to wait after.
            Reason::TooFast(_) => "50011",
            Reason::Price { buys: true, .. } => "51137",
            Reason::Price { buys: false, .. } => "51138",
            Reason::NotAllowed(fence) => match fence {
                Fence::Instruments | Fence::InstrumentTypes => "51001",
                Fence::Withdrawal => "58207",
                Fence::OrderTypes
                | Fence::TradeModes
                | Fence::MaxOrderQuantity
                | Fence::MaxOrderValue
                | Fence::PriceCollar
                | Fence::DailyValue
                | Fence::DailyOrders
                | Fence::MessageThrottle
                | Fence::RepeatedExecution
                | Fence::ReduceOnly
                | Fence::MaxLeverage
                | Fence::WholePosition
                | Fence::Transfer => "50120",
            },
            Reason::Above { fence: Fence::MaxLeverage, .. } => "59102",
            Reason::Above { market: true, .. } => "51202",
            Reason::Above { market: false, .. } => "51203",
            Reason::Daily { fence: Fence::Withdrawal, .. } => "58203",
            Reason::Daily { fence: Fence::Transfer, .. } => "58119",
            Reason::Daily { .. } => "51203",
        }
    }

    /// A name of two or three words, for badges and lists.
    #[must_use]
    pub const fn title(&self) -> &'static str {
        match self.reason {
            Reason::Unreadable(_) => "Unclear for limits",
            Reason::Incomplete(_) => "Incomplete for limits",
            Reason::Route => "Outside the limits",
            Reason::UnknownInstrument(_) => "Unknown instrument",
            Reason::NoPrice(_) => "No price known",
            Reason::NoRoom => "Sums not kept",
            Reason::NoChain => "Chain missing",
            Reason::NotYet => "Destination rests",
            Reason::TooFast(_) => "Too many orders",
            Reason::Repeated(_) => "Same order again",
            Reason::Price { .. } => "Price off the market",
            Reason::NotAllowed(_) => "Outside the limits",
            Reason::Above { .. } => "Above a limit",
            Reason::Daily { .. } => "Day's limit reached",
        }
    }

    /// What it means, for operators and the documentation.
    #[must_use]
    pub const fn meaning(&self) -> &'static str {
        match self.reason {
            Reason::Unreadable(_) => "the key has limits, and the body cannot be read in one way only",
            Reason::Incomplete(_) => {
                "the key has limits, and an amendment does not say what the order would be"
            }
            Reason::Route => "the key has limits that cannot judge what this route does",
            Reason::UnknownInstrument(_) => "the key has limits, and the exchange lists no such instrument",
            Reason::NoPrice(_) => {
                "the key has limits that need a price, and none of the last 5 seconds is known"
            }
            Reason::NoRoom => "the key has limits of a day, and their sums cannot be written",
            Reason::NoChain => "the key has limits of withdrawals, and the request does not name the chain",
            Reason::NotYet => "the destination was added to the key's limits less than 24 hours ago",
            Reason::TooFast(_) => "the limit of orders a second is reached",
            Reason::Repeated(_) => {
                "the same order was placed more often than the limits allow; the key stops trading"
            }
            Reason::Price { .. } => "the price is further from the market than the key's limits allow",
            Reason::NotAllowed(_) => "the key's limits do not allow what the request names",
            Reason::Above { .. } => "the order is larger than the key's limits allow",
            Reason::Daily { .. } => "the sum of the day would be larger than the key's limits allow",
        }
    }

    /// One for each code, for the registry's readers.
    pub(crate) fn examples() -> Vec<Self> {
        let (asked, limit) = (Decimal::of(2), Decimal::ONE);
        let above = |fence, market| Reason::Above { fence, asked, limit, market };
        let daily = |fence| Reason::Daily { fence, asked, limit };
        let reasons = [
            Reason::Unreadable("the body"),
            Reason::NotAllowed(Fence::Instruments),
            Reason::UnknownInstrument(Fence::Instruments),
            above(Fence::MaxOrderValue, false),
            above(Fence::MaxOrderValue, true),
            above(Fence::MaxLeverage, false),
            Reason::Price { asked, limit, buys: true },
            Reason::Price { asked, limit, buys: false },
            daily(Fence::Withdrawal),
            daily(Fence::Transfer),
            Reason::NotAllowed(Fence::Withdrawal),
            Reason::TooFast(1),
            Reason::Repeated(Repeated { times: 2, seconds: 1 }),
            Reason::Route,
            Reason::NoPrice(Fence::MaxOrderValue),
        ];
        reasons.into_iter().map(|reason| Self { reason, whose: Whose::Key, element: 0 }).collect()
    }

    /// A number for the limit: the same for the same limit of the same owner, 0 and 1 where it is none in particular.
    #[must_use]
    pub fn limit(&self) -> u64 {
        2 * self.fence().map_or(0, |fence| fence as u64 + 1) + u64::from(self.whose == Whose::Account)
    }

    /// The limit, where it is one in particular.
    #[must_use]
    pub const fn fence(&self) -> Option<Fence> {
        match self.reason {
            Reason::NotAllowed(fence)
            | Reason::UnknownInstrument(fence)
            | Reason::NoPrice(fence)
            | Reason::Incomplete(fence)
            | Reason::Above { fence, .. }
            | Reason::Daily { fence, .. } => Some(fence),
            Reason::Price { .. } => Some(Fence::PriceCollar),
            Reason::TooFast(_) => Some(Fence::MessageThrottle),
            Reason::Repeated(_) => Some(Fence::RepeatedExecution),
            Reason::NoChain | Reason::NotYet => Some(Fence::Withdrawal),
            Reason::Unreadable(_) | Reason::Route | Reason::NoRoom => None,
        }
    }

    /// Whether repeating the same request later may pass.
    const fn may_pass_later(&self) -> bool {
        matches!(self.reason, Reason::NoPrice(_) | Reason::NoRoom | Reason::TooFast(_))
    }
}

impl fmt::Display for Refused {
    /// `refused by this key's limit max_order_value (500 USD): this order is 812.4 USD; do not retry`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.say_why(f)?;
        f.write_str(if self.may_pass_later() { "; try again later" } else { "; do not retry" })
    }
}

/// Why something is refused, without what a client should do.
struct Why<'r>(&'r Refused);

impl fmt::Display for Why<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.say_why(f)
    }
}

impl Refused {
    /// What a limit that only watches says: `would be refused by this key's limit max_order_value (500 USD): this order is
    /// 812.4 USD`.
    #[must_use]
    pub fn would_be(&self) -> String {
        format!("would be {}", Why(self))
    }

    fn say_why(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.whose {
            Whose::Key => "refused by this key's limit",
            Whose::Account => "refused by this account's limit",
        })?;
        match self.reason {
            Reason::Unreadable(what) => write!(f, "s: {what} cannot be read for sure")?,
            Reason::Route => f.write_str("s: they cannot judge this kind of request")?,
            Reason::NotAllowed(fence) => write!(f, " {}: this is not among what it allows", fence.name())?,
            Reason::UnknownInstrument(fence) => {
                write!(f, " {}: the exchange lists no such instrument", fence.name())?;
            }
            Reason::NoPrice(fence) => {
                write!(f, " {}: the exchange's prices are not known now", fence.name())?
            }
            Reason::Incomplete(fence) => {
                write!(f, " {}: give newSz and newPx together, so that it can be judged", fence.name())?;
            }
            Reason::Above { fence, asked, limit, .. } => {
                let unit = if matches!(fence, Fence::MaxOrderValue) { " USD" } else { "" };
                let what = if matches!(fence, Fence::MaxLeverage) { "leverage" } else { "order" };
                write!(f, " {} ({limit}{unit}): this {what} is {asked}{unit}", fence.name())?;
            }
            Reason::Price { asked, limit, buys } => {
                let side = if buys { "above" } else { "below" };
                write!(f, " price_collar: the price {asked} is {side} {limit}")?;
            }
            Reason::TooFast(most) => write!(f, " message_throttle ({most} orders a second)")?,
            Reason::Repeated(Repeated { times, seconds }) => {
                write!(
                    f,
                    " repeated_execution ({times} times in {seconds} s): this key stops trading until its user allows it"
                )?;
            }
            Reason::Daily { fence, asked, limit } => {
                let unit = if matches!(fence, Fence::DailyValue) { " USD" } else { "" };
                write!(
                    f,
                    " {} ({limit}{unit} a day): today would come to {asked}{unit}; resets 00:00 UTC",
                    fence.name()
                )?;
            }
            Reason::NoChain => f.write_str(" withdrawal: name the chain, such as USDT-TRC20")?,
            Reason::NotYet => {
                f.write_str(" withdrawal: this destination was added less than 24 hours ago")?
            }
            Reason::NoRoom => f.write_str("s: the sums of the day cannot be kept now")?,
        }
        Ok(())
    }
}
