//! Withdrawals to listed addresses; for a while they can be taken back.

use crate::amount::Amount;
use crate::ledger::account::Changed;
use crate::ledger::history::{Entry, Ids};
use crate::ledger::{Account, Cause, Pot};
use crate::markets::{Chain, Currency};
use crate::refusal::Refusal;

/// Addresses that withdrawals may go to: those which somebody would have verified on the exchange's website.
const LISTED: [&str; 2] =
    ["bc1qkeywardsandbox0000000000000000000000", "0x00000000000000000000000000000000000beef0"];
/// How long a withdrawal waits before it is sent.
const WAITS_MS: u64 = 10_000;

/// A withdrawal that is asked for.
#[derive(Clone, Debug)]
pub(crate) struct WithdrawalWish {
    pub(crate) currency: Currency,
    pub(crate) chain: &'static Chain,
    pub(crate) amount: Amount,
    pub(crate) to: String,
    pub(crate) client_id: String,
}

/// A withdrawal that was made.
#[derive(Clone, Debug)]
pub(crate) struct Withdrawal {
    pub(crate) id: u64,
    pub(crate) wish: WithdrawalWish,
    pub(crate) at_ms: u64,
    cancelled: bool,
}

/// How far a withdrawal got.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum WithdrawalState {
    Waiting,
    Sent,
    Cancelled,
}

impl WithdrawalState {
    /// OKX's number for it.
    pub(crate) const fn id(self) -> &'static str {
        match self {
            Self::Waiting => "0",
            Self::Sent => "2",
            Self::Cancelled => "-2",
        }
    }
}

impl Withdrawal {
    pub(crate) const fn state(&self, now_ms: u64) -> WithdrawalState {
        if self.cancelled {
            WithdrawalState::Cancelled
        } else if now_ms < self.at_ms.saturating_add(WAITS_MS) {
            WithdrawalState::Waiting
        } else {
            WithdrawalState::Sent
        }
    }
}

impl Entry for Withdrawal {
    fn id(&self) -> u64 {
        self.id
    }

    fn at_ms(&self) -> u64 {
        self.at_ms
    }
}

impl Account {
    /// Withdraws from the funding account, the chain's fee on top.
    pub(crate) fn withdraw(
        &mut self,
        ids: &mut Ids,
        wish: WithdrawalWish,
        now_ms: u64,
    ) -> Result<Withdrawal, Refusal> {
        if !LISTED.contains(&wish.to.as_str()) {
            return Err(Refusal::UnlistedAddress);
        }
        if wish.amount < wish.chain.least {
            return Err(Refusal::AmountTooSmall);
        }
        let cost = wish.amount + wish.chain.fee;
        self.holdings.of_mut(wish.currency).take(Pot::Funding, cost)?;
        self.note(ids, &wish, -cost, Cause::Withdrawal, now_ms);
        let withdrawal = Withdrawal { id: ids.next(), wish, at_ms: now_ms, cancelled: false };
        self.withdrawals.push(withdrawal.clone());
        Ok(withdrawal)
    }

    /// Takes back a withdrawal that still waits.
    pub(crate) fn cancel_withdrawal(&mut self, ids: &mut Ids, id: u64, now_ms: u64) -> Result<(), Refusal> {
        let found = self.withdrawals.iter_mut().find(|one| one.id == id).ok_or(Refusal::NoWithdrawal)?;
        if found.state(now_ms) != WithdrawalState::Waiting {
            return Err(Refusal::WithdrawalDone);
        }
        found.cancelled = true;
        let wish = found.wish.clone();
        let cost = wish.amount + wish.chain.fee;
        self.holdings.of_mut(wish.currency).give(Pot::Funding, cost);
        self.note(ids, &wish, cost, Cause::WithdrawalCancelled, now_ms);
        Ok(())
    }

    fn note(&mut self, ids: &mut Ids, wish: &WithdrawalWish, change: Amount, cause: Cause, now_ms: u64) {
        let changed =
            Changed { pot: Pot::Funding, currency: wish.currency, change, cause, client_id: &wish.client_id };
        self.bill(ids, &changed, now_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::{LISTED, WAITS_MS, WithdrawalState, WithdrawalWish};
    use crate::amount::Amount;
    use crate::ledger::Account;
    use crate::ledger::history::Ids;
    use crate::markets::Currency;
    use crate::refusal::Refusal;

    fn wish(whole: i128) -> WithdrawalWish {
        WithdrawalWish {
            currency: Currency::Btc,
            chain: &Currency::Btc.chains()[0],
            amount: Amount::new(whole, 0),
            to: LISTED[0].to_owned(),
            client_id: String::new(),
        }
    }

    #[test]
    fn taken_back_while_it_waits_only() {
        let (mut account, mut ids) = (Account::seeded(), Ids::new(1));
        let funding = |account: &Account| account.holdings.of(Currency::Btc).funding();
        let first = account.withdraw(&mut ids, wish(1), 1_000).unwrap();
        assert_eq!(funding(&account).to_string(), "8.9999");
        account.cancel_withdrawal(&mut ids, first.id, 1_001).unwrap();
        assert_eq!(funding(&account), Amount::new(10, 0));
        assert_eq!(account.cancel_withdrawal(&mut ids, first.id, 1_002), Err(Refusal::WithdrawalDone));
        let second = account.withdraw(&mut ids, wish(1), 2_000).unwrap();
        assert_eq!(second.state(2_000 + WAITS_MS), WithdrawalState::Sent);
        let late = account.cancel_withdrawal(&mut ids, second.id, 2_000 + WAITS_MS);
        assert_eq!(late, Err(Refusal::WithdrawalDone));
        assert_eq!(account.cancel_withdrawal(&mut ids, 1, 2_000), Err(Refusal::NoWithdrawal));
    }

    #[test]
    fn refusals_take_nothing() {
        let (mut account, mut ids) = (Account::seeded(), Ids::new(1));
        let elsewhere = WithdrawalWish { to: "bc1qelsewhere".to_owned(), ..wish(1) };
        let dust = WithdrawalWish { amount: Amount::new(1, 8), ..wish(1) };
        for (wish, refusal) in [
            (elsewhere, Refusal::UnlistedAddress),
            (dust, Refusal::AmountTooSmall),
            (wish(10), Refusal::FundsShort),
        ] {
            assert_eq!(account.withdraw(&mut ids, wish, 1).unwrap_err(), refusal);
        }
        assert_eq!(account.holdings.of(Currency::Btc).funding(), Amount::new(10, 0));
        assert_eq!(account.funding_bills.iter().count(), 0);
    }
}
