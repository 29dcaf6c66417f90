//! The words of OKX's contract that a limit can name.

/// Makes an enum of words, each of which is spelt as in requests.
macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$note:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$about])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum $name { $($(#[$note])* $variant),+ }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word in requests and settings.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// Reads the exact word.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.word() == word)
            }
        }
    };
}

words! {
    /// What is traded. A pair is spot, or margin where the order borrows.
    InstrumentType {
        /// A pair, paid in full.
        Spot = "SPOT",
        /// A pair, with borrowed funds.
        Margin = "MARGIN",
        /// A perpetual contract.
        Swap = "SWAP",
        /// A contract that expires.
        Futures = "FUTURES",
        /// An option.
        Option = "OPTION",
    }
}

words! {
    /// How an order is executed (`ordType`), algo orders included.
    OrderType {
        /// At the market's price, whatever price is written.
        Market = "market",
        /// At a price or better.
        Limit = "limit",
        /// Only if it does not execute at once.
        PostOnly = "post_only",
        /// In full at once, or not.
        Fok = "fok",
        /// At once, and the rest not.
        Ioc = "ioc",
        /// At the market's price, and the rest not.
        OptimalLimitIoc = "optimal_limit_ioc",
        /// Of a market maker.
        Mmp = "mmp",
        /// Of a market maker, only if it does not execute at once.
        MmpAndPostOnly = "mmp_and_post_only",
        /// An option's, in full at once, or not.
        OpFok = "op_fok",
        /// Take profit or stop loss.
        Conditional = "conditional",
        /// Take profit and stop loss, of which one cancels the other.
        Oco = "oco",
        /// Once a price is reached.
        Trigger = "trigger",
        /// Once the price has turned.
        MoveOrderStop = "move_order_stop",
        /// At the best price, again and again.
        Chase = "chase",
        /// In pieces over time.
        Twap = "twap",
    }
}

words! {
    /// How a position is paid for (`tdMode`).
    TradeMode {
        /// In full.
        Cash = "cash",
        /// With all of the account.
        Cross = "cross",
        /// With its own margin.
        Isolated = "isolated",
        /// A pair of copy trading.
        SpotIsolated = "spot_isolated",
    }
}

impl OrderType {
    /// Whether it is an algo order's.
    #[must_use]
    pub const fn is_algo(self) -> bool {
        match self {
            Self::Conditional
            | Self::Oco
            | Self::Trigger
            | Self::MoveOrderStop
            | Self::Chase
            | Self::Twap => true,
            Self::Market
            | Self::Limit
            | Self::PostOnly
            | Self::Fok
            | Self::Ioc
            | Self::OptimalLimitIoc
            | Self::Mmp
            | Self::MmpAndPostOnly
            | Self::OpFok => false,
        }
    }

    /// Whether the exchange passes over a price that is written.
    #[must_use]
    pub const fn ignores_price(self) -> bool {
        matches!(self, Self::Market | Self::OptimalLimitIoc)
    }
}

impl TradeMode {
    /// Whether a pair is traded with borrowed funds.
    #[must_use]
    pub const fn borrows(self) -> bool {
        matches!(self, Self::Cross | Self::Isolated)
    }
}
