//! What accounts hold. Nothing is created or lost but by deposits at first sight, fees, and withdrawals.

use std::collections::{BTreeMap, HashMap, VecDeque};

use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::answer::{Refusal, plain, refuse};
use crate::markets::CURRENCIES;
use crate::orders::Order;

/// Entries of each history kept per account.
const HISTORY: usize = 1_000;
/// Accounts kept; past that a new one is refused.
const ACCOUNTS: usize = 2_000_000;

/// One currency of an account.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct Balance {
    /// In the trading account, free.
    pub(crate) free: Decimal,
    /// In the trading account, in resting orders.
    pub(crate) frozen: Decimal,
    /// In the funding account.
    pub(crate) funding: Decimal,
}

/// One account on one ledger.
#[derive(Default)]
pub(crate) struct Account {
    pub(crate) balances: BTreeMap<&'static str, Balance>,
    pub(crate) orders: Vec<Order>,
    pub(crate) history: VecDeque<Order>,
    pub(crate) fills: VecDeque<Value>,
    pub(crate) bills: VecDeque<Value>,
    pub(crate) transfers: VecDeque<Value>,
    pub(crate) withdrawals: VecDeque<Value>,
}

/// Puts an entry in front of a bounded history.
pub(crate) fn keep<T>(history: &mut VecDeque<T>, entry: T) {
    history.push_front(entry);
    history.truncate(HISTORY);
}

impl Account {
    /// An account at first sight: the same for everybody.
    fn funded() -> Self {
        let mut account = Self::default();
        for (currency, _) in CURRENCIES {
            let whole = match currency {
                "USDT" => 100_000,
                "BTC" => 10,
                _ => 100,
            };
            let free = Decimal::from(whole);
            account.balances.insert(currency, Balance { free, frozen: Decimal::ZERO, funding: free });
        }
        account
    }

    pub(crate) fn balance(&mut self, currency: &str) -> Result<(&'static str, &mut Balance), Refusal> {
        let known = CURRENCIES.into_iter().find(|(known, _)| *known == currency);
        let Some((name, _)) = known else { return refuse("51000", "Parameter ccy error") };
        Ok((name, self.balances.entry(name).or_default()))
    }

    /// Records a change of the trading account.
    pub(crate) fn bill(
        &mut self,
        number: u64,
        currency: &str,
        change: Decimal,
        kind: (&str, &str),
        now_ms: u64,
    ) {
        let after =
            self.balances.get(currency).map_or(Decimal::ZERO, |balance| balance.free + balance.frozen);
        let entry = json!({
            "bal": plain(after), "balChg": plain(change), "billId": number.to_string(), "ccy": currency, "fee": "0",
            "from": "", "instId": "", "instType": "", "mgnMode": "", "notes": "", "ordId": "", "pnl": "0",
            "posBal": "", "posBalChg": "", "subType": kind.1, "sz": plain(change.abs()), "to": "",
            "ts": now_ms.to_string(), "type": kind.0
        });
        keep(&mut self.bills, entry);
    }
}

/// All accounts, live and demo apart, and the counter of ids.
#[derive(Default)]
pub(crate) struct Ledger {
    accounts: HashMap<(String, String), Account>,
    last_id: u64,
}

impl Ledger {
    pub(crate) fn new(seed: u64) -> Self {
        Self { accounts: HashMap::new(), last_id: 700_000_000_000_000 + seed % 1_000_000 }
    }

    /// The next id of an order, fill, bill or transfer.
    pub(crate) fn id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// The account on the ledger of `environment`.
    pub(crate) fn account(&mut self, environment: &str, account: &str) -> Result<&mut Account, Refusal> {
        let name = (environment.to_owned(), account.to_owned());
        if !self.accounts.contains_key(&name) && self.accounts.len() >= ACCOUNTS {
            return refuse("50026", "System error. Try again later");
        }
        Ok(self.accounts.entry(name).or_insert_with(Account::funded))
    }

    /// Two accounts of one ledger at once, for a transfer between them: takes from one, gives to the other.
    pub(crate) fn move_between(
        &mut self,
        environment: &str,
        (from, to): (&str, &str),
        currency: &str,
        amount: Decimal,
    ) -> Result<(), Refusal> {
        let (_, source) = self.account(environment, from)?.balance(currency)?;
        if source.funding < amount {
            return refuse("58350", "Insufficient balance");
        }
        source.funding -= amount;
        let (_, target) = self.account(environment, to)?.balance(currency)?;
        target.funding += amount;
        Ok(())
    }
}
