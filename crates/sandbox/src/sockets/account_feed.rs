//! One subscription to a channel about an account: what is told at first, and of each change.

use serde_json::{Value, json};

use super::order_push::{fill_row, order_row};
use super::own_channel::{Currencies, OwnChannel};
use crate::ledger::{Account, Holdings, News, Owner, Step};
use crate::markets::Currency;
use crate::routes::{balance_shape, withdrawal_shape};

/// A subscription.
#[derive(Debug)]
pub(super) struct AccountFeed {
    channel: OwnChannel,
    /// The argument as messages repeat it, with the user's id.
    arg: Value,
    /// The number of the change up to which everything was told.
    told: u64,
}

impl AccountFeed {
    /// A subscription of `owner`; `arg` is the argument's plain form.
    pub(super) fn new(channel: OwnChannel, arg: &Value, owner: &Owner) -> Self {
        let mut arg = arg.clone();
        if let Some(arg) = arg.as_object_mut() {
            arg.insert("uid".to_owned(), Value::from(owner.user()));
        }
        Self { channel, arg, told: 0 }
    }

    /// The first message, if the channel has one; `number` is that of the account's newest change.
    pub(super) fn begin(&mut self, account: &Account, number: u64, now_ms: u64) -> Option<String> {
        self.told = number;
        match &self.channel {
            OwnChannel::Account(wanted) => {
                let row = balance_shape(&account.holdings, |currency| wanted.have(currency), now_ms);
                Some(self.paged("snapshot", vec![row]))
            }
            OwnChannel::Positions => Some(self.paged("snapshot", Vec::new())),
            OwnChannel::BalanceAndPosition => {
                let all: Vec<Value> =
                    Currency::ALL.into_iter().map(|one| held(&account.holdings, one, now_ms)).collect();
                Some(self.message(vec![balances("snapshot", all, Vec::new(), now_ms)]))
            }
            OwnChannel::Orders(_)
            | OwnChannel::Fills(_)
            | OwnChannel::Withdrawals(_)
            | OwnChannel::Silent => None,
        }
    }

    /// The messages of a change, unless the first message knew of it already.
    pub(super) fn next(&mut self, news: &News) -> Vec<String> {
        if news.number <= self.told {
            return Vec::new();
        }
        self.told = news.number;
        match &self.channel {
            OwnChannel::Account(wanted) => self.changed(news, *wanted).into_iter().collect(),
            OwnChannel::BalanceAndPosition => self.moved(news).into_iter().collect(),
            OwnChannel::Orders(instruments) => {
                let all = news.happened.orders.iter();
                let wanted = all.filter(|event| instruments.have(event.order.terms.pair.id));
                wanted.map(|event| self.message(vec![order_row(event)])).collect()
            }
            OwnChannel::Fills(instruments) => {
                let all = news.happened.orders.iter();
                let wanted = all.filter(|event| instruments.have(event.order.terms.pair.id));
                wanted.filter_map(fill_row).map(|row| self.message(vec![row])).collect()
            }
            OwnChannel::Withdrawals(currencies) => {
                let all = news.happened.withdrawals.iter();
                let wanted = all.filter(|one| currencies.have(one.wish.currency));
                wanted
                    .map(|one| self.message(vec![with_user(withdrawal_shape(one, news.at_ms), news)]))
                    .collect()
            }
            OwnChannel::Positions | OwnChannel::Silent => Vec::new(),
        }
    }

    /// The wanted currencies of which something changed.
    fn changed(&self, news: &News, wanted: Currencies) -> Option<String> {
        let changed: Vec<Currency> = news.changed().filter(|one| wanted.have(*one)).collect();
        if changed.is_empty() {
            return None;
        }
        let row = balance_shape(&news.after, |currency| changed.contains(&currency), news.at_ms);
        Some(self.paged("event_update", vec![row]))
    }

    /// The balances that moved, and the trades that moved them.
    fn moved(&self, news: &News) -> Option<String> {
        let moved: Vec<Value> = news.moved().map(|one| held(&news.after, one, news.at_ms)).collect();
        if moved.is_empty() {
            return None;
        }
        let fills = news.happened.orders.iter().filter(|event| matches!(event.step, Step::Filled { .. }));
        let trades: Vec<Value> = fills
            .filter_map(|event| {
                let (id, _, _) = event.order.last?;
                Some(json!({"instId": event.order.terms.pair.id, "tradeId": id.to_string()}))
            })
            .collect();
        let cause = if trades.is_empty() { "transferred" } else { "filled" };
        Some(self.message(vec![balances(cause, moved, trades, news.at_ms)]))
    }

    fn message(&self, data: Vec<Value>) -> String {
        json!({"arg": self.arg, "data": data}).to_string()
    }

    /// A message of a channel whose first one may have pages; here it never needs a second.
    fn paged(&self, event: &str, data: Vec<Value>) -> String {
        json!({"arg": self.arg, "eventType": event, "curPage": 1, "lastPage": true, "data": data}).to_string()
    }
}

fn balances(cause: &str, held: Vec<Value>, trades: Vec<Value>, now_ms: u64) -> Value {
    json!({"pTime": now_ms.to_string(), "eventType": cause, "balData": held, "posData": [], "trades": trades})
}

fn held(holdings: &Holdings, currency: Currency, now_ms: u64) -> Value {
    let cash = holdings.of(currency).trading().to_string();
    json!({"ccy": currency.id(), "cashBal": cash, "uTime": now_ms.to_string()})
}

/// A withdrawal's row with what the channel adds.
fn with_user(mut row: Value, news: &News) -> Value {
    let more = json!({"uid": news.owner.user(), "subAcct": "", "pTime": news.at_ms.to_string()});
    if let (Some(row), Value::Object(more)) = (row.as_object_mut(), more) {
        row.extend(more);
    }
    row
}

#[cfg(test)]
mod tests {
    use keyward_rules::key::Environment;
    use serde_json::{Value, json};

    use super::{AccountFeed, OwnChannel};
    use crate::amount::Amount;
    use crate::ledger::{Ledger, News, Owner, TransferRequest, Wallet, Way};
    use crate::markets::Currency;

    fn owner() -> Owner {
        Owner { environment: Environment::Live, account: "1".to_owned(), sub_account: Some("2".to_owned()) }
    }

    fn transfer(ledger: &mut Ledger) -> News {
        let wish = TransferRequest {
            way: Way::Within,
            currency: Currency::Eth,
            amount: Amount::new(1, 0),
            from: Wallet::Funding,
            to: Wallet::Trading,
            client_id: String::new(),
        };
        ledger.transfer(&owner(), wish, 5).unwrap();
        ledger.news(5).remove(0)
    }

    fn read(message: &str) -> Value {
        serde_json::from_str(message).unwrap()
    }

    #[test]
    fn what_the_first_message_knew_is_not_told_again() {
        let mut ledger = Ledger::new(1);
        let mut feed = AccountFeed::new(OwnChannel::BalanceAndPosition, &json!({"channel": "x"}), &owner());
        let (before, known) = (transfer(&mut ledger), transfer(&mut ledger));
        let first = feed.begin(ledger.read(&owner()), ledger.newest(), 6).unwrap();
        assert_eq!(read(&first)["data"][0]["balData"][1]["cashBal"], "102");
        assert_eq!(read(&first)["arg"], json!({"channel": "x", "uid": "2"}));
        assert!(feed.next(&before).is_empty() && feed.next(&known).is_empty());
        let after = transfer(&mut ledger);
        let told = feed.next(&after);
        assert_eq!((told.len(), &read(&told[0])["data"][0]["balData"][0]["cashBal"]), (1, &json!("103")));
        assert!(feed.next(&after).is_empty());
    }
}
