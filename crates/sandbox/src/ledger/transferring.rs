//! Moving money between pots, and between a master and its own sub-accounts.

use crate::ledger::account::Changed;
use crate::ledger::{Cause, Ledger, Owner, Transfer, TransferRequest, Way};
use crate::refusal::Refusal;

impl Ledger {
    /// Moves money; all or nothing.
    pub(crate) fn transfer(
        &mut self,
        asker: &Owner,
        wish: TransferRequest,
        now_ms: u64,
    ) -> Result<Transfer, Refusal> {
        let (source, target) = self.ends(asker, &wish)?;
        let (taken, given) = causes(&wish.way);
        // The target is opened first, so that nothing has moved yet if there is no room for it.
        self.open(&target)?;
        self.step(&source, &wish, Step::Take, taken, now_ms)?;
        self.step(&target, &wish, Step::Give, given, now_ms)?;
        let (account, ids) = self.open(asker)?;
        let transfer = Transfer { id: ids.next(), wish, at_ms: now_ms };
        account.transfers.push(transfer.clone());
        Ok(transfer)
    }

    fn ends(&self, asker: &Owner, wish: &TransferRequest) -> Result<(Owner, Owner), Refusal> {
        let known = |name: &str| {
            let master = asker.master();
            let number = self.register().number_of(&master.account, name);
            let seen = || self.sub_accounts(&master).iter().find(|one| *one == name).map(String::as_str);
            let found = number.or_else(seen).map(|number| asker.sub(number));
            found.filter(|sub| !self.register().is_closed(sub)).ok_or(Refusal::NoSubAccount)
        };
        let is_sub = asker.sub_account.is_some();
        match &wish.way {
            Way::Within if wish.from == wish.to => Err(Refusal::SameAccount),
            Way::Within => Ok((asker.clone(), asker.clone())),
            Way::ToSubAccount(_) | Way::FromSubAccount(_) if is_sub => Err(Refusal::TypeNotForSub),
            Way::ToMaster | Way::ToSibling(_) if !is_sub => Err(Refusal::TypeNotForMaster),
            Way::ToSubAccount(name) => Ok((asker.clone(), known(name)?)),
            Way::FromSubAccount(name) => Ok((known(name)?, asker.clone())),
            Way::ToMaster => Ok((asker.clone(), asker.master())),
            Way::ToSibling(name) if asker.sub_account.as_ref() == Some(name) => Err(Refusal::SameAccount),
            Way::ToSibling(name) => match known(name)? {
                sibling if sibling == *asker => Err(Refusal::SameAccount),
                sibling => Ok((asker.clone(), sibling)),
            },
        }
    }

    fn step(
        &mut self,
        owner: &Owner,
        wish: &TransferRequest,
        step: Step,
        cause: Cause,
        now_ms: u64,
    ) -> Result<(), Refusal> {
        let (account, ids) = self.open(owner)?;
        let balance = account.holdings.of_mut(wish.currency);
        let (pot, change) = match step {
            Step::Take => {
                balance.take(wish.from, wish.amount)?;
                (wish.from, -wish.amount)
            }
            Step::Give => {
                balance.give(wish.to, wish.amount);
                (wish.to, wish.amount)
            }
        };
        let changed = Changed { pot, currency: wish.currency, change, cause, client_id: &wish.client_id };
        account.bill(ids, &changed, now_ms);
        Ok(())
    }
}

#[derive(Clone, Copy)]
enum Step {
    Take,
    Give,
}

/// Why the source and the target change.
const fn causes(way: &Way) -> (Cause, Cause) {
    match way {
        Way::Within => (Cause::MovedOut, Cause::MovedIn),
        Way::ToSubAccount(_) => (Cause::ToSubAccount, Cause::FromMaster),
        Way::FromSubAccount(_) | Way::ToMaster => (Cause::ToMaster, Cause::FromSubAccount),
        Way::ToSibling(_) => (Cause::MovedOut, Cause::MovedIn),
    }
}

#[cfg(test)]
mod tests {
    use keyward_rules::key::Environment;

    use crate::amount::Amount;
    use crate::ledger::{Ledger, Owner, TransferRequest, Wallet, Way};
    use crate::markets::Currency;
    use crate::refusal::Refusal;

    fn owner(account: &str, sub_account: Option<&str>) -> Owner {
        let sub_account = sub_account.map(str::to_owned);
        Owner { environment: Environment::Live, account: account.to_owned(), sub_account }
    }

    fn wish(way: Way, whole: i128) -> TransferRequest {
        TransferRequest {
            way,
            currency: Currency::Usdt,
            amount: Amount::new(whole, 0),
            from: Wallet::Funding,
            to: Wallet::Trading,
            client_id: String::new(),
        }
    }

    fn total(ledger: &Ledger, owners: &[&Owner]) -> Amount {
        let of = |owner: &&Owner| {
            let balance = ledger.read(owner).holdings.of(Currency::Usdt);
            assert!(balance.free() >= Amount::ZERO && balance.funding() >= Amount::ZERO);
            balance.trading() + balance.funding()
        };
        owners.iter().map(of).sum()
    }

    #[test]
    fn money_moves_and_stays_the_same() {
        let mut ledger = Ledger::new(1);
        let (master, sub, sibling) =
            (owner("1", None), owner("1", Some("subone")), owner("1", Some("subtwo")));
        ledger.see(&sub);
        ledger.see(&sibling);
        let before = total(&ledger, &[&master, &sub, &sibling]);
        let moves = [
            (&master, Way::Within),
            (&master, Way::ToSubAccount("subone".into())),
            (&master, Way::FromSubAccount("subtwo".into())),
            (&sub, Way::ToMaster),
            (&sub, Way::ToSibling("subtwo".into())),
        ];
        for (asker, way) in moves {
            ledger.transfer(asker, wish(way, 7), 1).unwrap();
        }
        assert_eq!(total(&ledger, &[&master, &sub, &sibling]), before);
        let free = |owner: &Owner| ledger.read(owner).holdings.of(Currency::Usdt).free();
        assert_eq!(free(&sub), Amount::new(100_007, 0));
        assert_eq!(ledger.read(&sub).bills.iter().count(), 1);
    }

    #[test]
    fn no_master_reaches_anothers() {
        let mut ledger = Ledger::new(1);
        let (thief, victim, sub) = (owner("1", None), owner("2", None), owner("2", Some("subone")));
        ledger.see(&sub);
        ledger.transfer(&victim, wish(Way::Within, 1), 1).unwrap();
        let before = total(&ledger, &[&victim, &sub]);
        for name in ["2", "subone", "1", ""] {
            for way in [Way::FromSubAccount(name.to_owned()), Way::ToSubAccount(name.to_owned())] {
                assert_eq!(ledger.transfer(&thief, wish(way, 1), 1), Err(Refusal::NoSubAccount));
            }
        }
        assert_eq!(total(&ledger, &[&victim, &sub]), before);
    }

    #[test]
    fn refusals_move_nothing() {
        let mut ledger = Ledger::new(1);
        let (master, sub) = (owner("1", None), owner("1", Some("subone")));
        ledger.see(&sub);
        let same = TransferRequest { to: Wallet::Funding, ..wish(Way::Within, 1) };
        let tries = [
            (&master, wish(Way::Within, 100_001), Refusal::FundsShort),
            (&master, same, Refusal::SameAccount),
            (&master, wish(Way::ToMaster, 1), Refusal::TypeNotForMaster),
            (&sub, wish(Way::ToSubAccount("subone".into()), 1), Refusal::TypeNotForSub),
            (&sub, wish(Way::FromSubAccount("subone".into()), 1), Refusal::TypeNotForSub),
            (&sub, wish(Way::ToSibling("subone".into()), 1), Refusal::SameAccount),
        ];
        for (asker, wish, refusal) in tries {
            assert_eq!(ledger.transfer(asker, wish, 1), Err(refusal));
        }
        assert_eq!(ledger.read(&master).transfers.iter().count(), 0);
        assert_eq!(total(&ledger, &[&master, &sub]), Amount::new(400_000, 0));
    }

    #[test]
    fn demo_and_live_are_apart() {
        let mut ledger = Ledger::new(1);
        let live = owner("1", None);
        let demo = Owner { environment: Environment::Demo, ..live.clone() };
        ledger.transfer(&demo, wish(Way::Within, 5), 1).unwrap();
        assert_eq!(ledger.read(&live).transfers.iter().count(), 0);
        assert_eq!(ledger.read(&demo).transfers.iter().count(), 1);
    }
}
