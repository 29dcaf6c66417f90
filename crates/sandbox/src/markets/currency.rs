//! The currencies that accounts hold.

use crate::amount::Amount;

/// A currency.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Currency {
    Btc,
    Eth,
    Sol,
    Usdc,
    Usdt,
}

/// A network that a currency is moved on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chain {
    pub(crate) id: &'static str,
    /// What a withdrawal costs.
    pub(crate) fee: Amount,
    /// The least that may be withdrawn.
    pub(crate) least: Amount,
    /// Where money comes in: the owner is appended.
    pub(crate) prefix: &'static str,
}

const fn chain(id: &'static str, fee: Amount, prefix: &'static str) -> Chain {
    Chain { id, fee, least: fee, prefix }
}

const BTC: &[Chain] = &[chain("BTC-Bitcoin", Amount::new(1, 4), "bc1qsandbox")];
const ETH: &[Chain] = &[chain("ETH-ERC20", Amount::new(1, 3), "0xeth")];
const SOL: &[Chain] = &[chain("SOL-Solana", Amount::new(1, 2), "sol")];
const USDC: &[Chain] = &[chain("USDC-ERC20", Amount::new(1, 0), "0xusdc")];
const USDT: &[Chain] =
    &[chain("USDT-ERC20", Amount::new(1, 0), "0xusdt"), chain("USDT-TRC20", Amount::new(15, 1), "T")];

impl Currency {
    pub(crate) const ALL: [Self; 5] = [Self::Btc, Self::Eth, Self::Sol, Self::Usdc, Self::Usdt];

    pub(crate) fn find(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|currency| currency.id() == id)
    }

    pub(crate) const fn id(self) -> &'static str {
        match self {
            Self::Btc => "BTC",
            Self::Eth => "ETH",
            Self::Sol => "SOL",
            Self::Usdc => "USDC",
            Self::Usdt => "USDT",
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Btc => "Bitcoin",
            Self::Eth => "Ethereum",
            Self::Sol => "Solana",
            Self::Usdc => "USD Coin",
            Self::Usdt => "Tether",
        }
    }

    pub(crate) const fn chains(self) -> &'static [Chain] {
        match self {
            Self::Btc => BTC,
            Self::Eth => ETH,
            Self::Sol => SOL,
            Self::Usdc => USDC,
            Self::Usdt => USDT,
        }
    }

    /// What each of an account's two sides holds at first sight.
    pub(crate) const fn seeded(self) -> Amount {
        match self {
            Self::Btc => Amount::new(10, 0),
            Self::Eth | Self::Sol => Amount::new(100, 0),
            Self::Usdc | Self::Usdt => Amount::new(100_000, 0),
        }
    }

    /// What one is worth in dollars.
    pub(crate) const fn dollars(self) -> Amount {
        match self {
            Self::Btc => Amount::new(60_000, 0),
            Self::Eth => Amount::new(3_000, 0),
            Self::Sol => Amount::new(150, 0),
            Self::Usdc | Self::Usdt => Amount::new(1, 0),
        }
    }
}
