//! One order of a request: what was asked, and what the exchange answered.

/// The orders of one request, in its order: 1 to 20.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Orders {
    /// One for each element of the request.
    pub lines: Vec<OrderLine>,
}

/// An order, a transfer or a withdrawal. A text is as it was written, 1 to 128 characters that can be printed; what is absent
/// was not given, or is no such text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OrderLine {
    /// What is done.
    pub action: OrderAction,
    /// The instrument, the spread, or the family of instruments.
    pub instrument: Option<String>,
    /// The number that stands for the instrument on sockets (`instIdCode`).
    pub instrument_code: Option<String>,
    /// Of a new order.
    pub side: Option<Side>,
    /// Of a new order: `ordType`.
    pub kind: Option<String>,
    /// The limit of a new order, or the new one of an amended order. Algo orders write `-1` for the market's price.
    pub price: Option<String>,
    /// Of a new order, or the new one of an amended order.
    pub size: Option<String>,
    /// Of a transfer or a withdrawal.
    pub currency: Option<String>,
    /// Of a transfer or a withdrawal.
    pub amount: Option<String>,
    /// Where a withdrawal goes, or where a transfer comes from and goes to: `funding→trading of mini`.
    pub destination: Option<String>,
    /// The client's own id, asked or answered.
    pub client_id: Option<String>,
    /// The exchange's id, asked or answered.
    pub exchange_id: Option<String>,
    /// What the exchange answered; absent where that is not known for sure.
    pub result: Option<Answered>,
}

/// What is done with an order, or with funds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum OrderAction {
    /// A new order.
    Place,
    /// A change of an order.
    Amend,
    /// The end of an order.
    Cancel,
    /// The end of all orders of a family of instruments, or of a spread.
    CancelAll,
    /// A new algo order.
    PlaceAlgo,
    /// A change of an algo order.
    AmendAlgo,
    /// The end of an algo order.
    CancelAlgo,
    /// The end of a position, at the market's price.
    ClosePosition,
    /// Funds between own accounts.
    Transfer,
    /// Funds out.
    Withdraw,
    /// The end of a withdrawal.
    CancelWithdrawal,
}

/// Which way an order trades.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Side {
    /// Buys.
    Buy,
    /// Sells.
    Sell,
}

/// What the exchange answered to one order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answered {
    /// OKX's code; `0` where it was accepted.
    pub code: String,
    /// The exchange's sentence, empty or at most 128 characters; what was longer ends with `…`.
    pub text: String,
}

impl OrderAction {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Place,
        Self::Amend,
        Self::Cancel,
        Self::CancelAll,
        Self::PlaceAlgo,
        Self::AmendAlgo,
        Self::CancelAlgo,
        Self::ClosePosition,
        Self::Transfer,
        Self::Withdraw,
        Self::CancelWithdrawal,
    ];

    /// The word for records and files.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Place => "place",
            Self::Amend => "amend",
            Self::Cancel => "cancel",
            Self::CancelAll => "cancel_all",
            Self::PlaceAlgo => "place_algo",
            Self::AmendAlgo => "amend_algo",
            Self::CancelAlgo => "cancel_algo",
            Self::ClosePosition => "close_position",
            Self::Transfer => "transfer",
            Self::Withdraw => "withdraw",
            Self::CancelWithdrawal => "cancel_withdrawal",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.word() == word)
    }

    /// Whether the request names by the exchange's id what is there already.
    pub(super) const fn is_of_existing(self) -> bool {
        match self {
            Self::Amend | Self::Cancel | Self::AmendAlgo | Self::CancelAlgo | Self::CancelWithdrawal => true,
            Self::Place
            | Self::CancelAll
            | Self::PlaceAlgo
            | Self::ClosePosition
            | Self::Transfer
            | Self::Withdraw => false,
        }
    }
}

impl Side {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Buy, Self::Sell];

    /// OKX's word, which is also that of records and files.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Buy => "buy",
            Self::Sell => "sell",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|side| side.word() == word)
    }
}

impl OrderLine {
    /// A line of which nothing else is known.
    #[must_use]
    pub const fn new(action: OrderAction) -> Self {
        Self {
            action,
            instrument: None,
            instrument_code: None,
            side: None,
            kind: None,
            price: None,
            size: None,
            currency: None,
            amount: None,
            destination: None,
            client_id: None,
            exchange_id: None,
            result: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{OrderAction, Side};

    #[test]
    fn words_are_read_again() {
        for action in OrderAction::ALL {
            assert_eq!(OrderAction::from_word(action.word()), Some(action));
        }
        for side in Side::ALL {
            assert_eq!(Side::from_word(side.word()), Some(side));
        }
        for word in ["", "Place", "place ", "buy", "placed"] {
            assert_eq!(OrderAction::from_word(word), None, "{word:?}");
        }
        for word in ["", "Buy", "BUY", "sell ", "long", "place"] {
            assert_eq!(Side::from_word(word), None, "{word:?}");
        }
    }
}
