//! Balances: private numbers that only move by checked steps.

use std::collections::BTreeMap;

use crate::amount::Amount;
use crate::markets::Currency;
use crate::refusal::Refusal;

/// Where money lies (OKX's account ids `6` and `18`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wallet {
    Funding,
    Trading,
}

impl Wallet {
    pub(crate) fn parse(id: &str) -> Option<Self> {
        [Self::Funding, Self::Trading].into_iter().find(|pot| pot.id() == id)
    }

    pub(crate) const fn id(self) -> &'static str {
        match self {
            Self::Funding => "6",
            Self::Trading => "18",
        }
    }
}

/// What an owner has of one currency.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct Balance {
    free: Amount,
    frozen: Amount,
    funding: Amount,
}

impl Balance {
    /// In the trading account, for new orders.
    pub(crate) const fn free(&self) -> Amount {
        self.free
    }

    /// In the trading account, held back for resting orders.
    pub(crate) const fn frozen(&self) -> Amount {
        self.frozen
    }

    /// In the funding account.
    pub(crate) const fn funding(&self) -> Amount {
        self.funding
    }

    /// All that is in the trading account.
    pub(crate) fn trading(&self) -> Amount {
        self.free + self.frozen
    }

    /// All that is in a pot.
    pub(crate) fn in_pot(&self, pot: Wallet) -> Amount {
        match pot {
            Wallet::Funding => self.funding,
            Wallet::Trading => self.trading(),
        }
    }

    pub(crate) fn give(&mut self, pot: Wallet, amount: Amount) {
        match pot {
            Wallet::Funding => self.funding += amount,
            Wallet::Trading => self.free += amount,
        }
    }

    /// Takes what is free; all or nothing.
    pub(crate) fn take(&mut self, pot: Wallet, amount: Amount) -> Result<(), Refusal> {
        let from = match pot {
            Wallet::Funding => &mut self.funding,
            Wallet::Trading => &mut self.free,
        };
        if *from < amount {
            return Err(Refusal::FundsShort);
        }
        *from -= amount;
        Ok(())
    }

    /// Holds back a part of what is free; all or nothing.
    pub(crate) fn hold(&mut self, amount: Amount) -> Result<(), Refusal> {
        self.take(Wallet::Trading, amount)?;
        self.frozen += amount;
        Ok(())
    }

    /// Frees what was held back.
    pub(crate) fn release(&mut self, held: Amount) {
        let held = held.min(self.frozen);
        self.frozen -= held;
        self.free += held;
    }
}

/// What an owner has.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(crate) struct Holdings(BTreeMap<Currency, Balance>);

impl Holdings {
    /// What everybody has at first sight.
    pub(crate) fn seeded() -> Self {
        let balance = |currency: Currency| Balance {
            free: currency.seeded(),
            frozen: Amount::ZERO,
            funding: currency.seeded(),
        };
        Self(Currency::ALL.into_iter().map(|currency| (currency, balance(currency))).collect())
    }

    pub(crate) fn of(&self, currency: Currency) -> Balance {
        self.0.get(&currency).copied().unwrap_or_default()
    }

    pub(crate) fn of_mut(&mut self, currency: Currency) -> &mut Balance {
        self.0.entry(currency).or_default()
    }

    /// Whether there is nothing of any currency in either pot, resting orders included.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.values().all(|balance| *balance == Balance::default())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Currency, Balance)> {
        self.0.iter().map(|(currency, balance)| (*currency, *balance))
    }
}
