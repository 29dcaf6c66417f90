//! Withdrawing to listed addresses; for a while it can be taken back.

use crate::amount::Amount;
use crate::ledger::account::Changed;
use crate::ledger::history::Ids;
use crate::ledger::withdrawal::WithdrawalState;
use crate::ledger::{Account, Cause, Wallet, Withdrawal, WithdrawalRequest};
use crate::refusal::Refusal;

/// Addresses that withdrawals may go to: those which somebody would have verified on the exchange's website.
const LISTED: [&str; 2] =
    ["bc1qkeywardsandbox0000000000000000000000", "0x00000000000000000000000000000000000beef0"];

impl Account {
    /// Withdraws from the funding account, the chain's fee on top.
    pub(crate) fn withdraw(
        &mut self,
        ids: &mut Ids,
        wish: WithdrawalRequest,
        now_ms: u64,
    ) -> Result<Withdrawal, Refusal> {
        if !LISTED.contains(&wish.to.as_str()) {
            return Err(Refusal::UnlistedAddress);
        }
        if wish.amount < wish.chain.least {
            return Err(Refusal::AmountTooSmall);
        }
        let cost = wish.amount + wish.chain.fee;
        self.holdings.of_mut(wish.currency).take(Wallet::Funding, cost)?;
        self.note(ids, &wish, -cost, Cause::Withdrawal, now_ms);
        let withdrawal = Withdrawal { id: ids.next(), wish, at_ms: now_ms, cancelled: false };
        self.withdrawals.push(withdrawal.clone());
        self.happened.withdrawals.push(withdrawal.clone());
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
        self.happened.withdrawals.push(found.clone());
        let cost = wish.amount + wish.chain.fee;
        self.holdings.of_mut(wish.currency).give(Wallet::Funding, cost);
        self.note(ids, &wish, cost, Cause::WithdrawalCancelled, now_ms);
        Ok(())
    }

    fn note(&mut self, ids: &mut Ids, wish: &WithdrawalRequest, change: Amount, cause: Cause, now_ms: u64) {
        let changed = Changed {
            pot: Wallet::Funding,
            currency: wish.currency,
            change,
            cause,
            client_id: &wish.client_id,
        };
        self.bill(ids, &changed, now_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::LISTED;
    use crate::amount::Amount;
    use crate::ledger::history::Ids;
    use crate::ledger::withdrawal::{WAITS_MS, WithdrawalState};
    use crate::ledger::{Account, WithdrawalRequest};
    use crate::markets::Currency;
    use crate::refusal::Refusal;

    fn wish(whole: i128) -> WithdrawalRequest {
        WithdrawalRequest {
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
        let elsewhere = WithdrawalRequest { to: "bc1qelsewhere".to_owned(), ..wish(1) };
        let dust = WithdrawalRequest { amount: Amount::new(1, 8), ..wish(1) };
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
