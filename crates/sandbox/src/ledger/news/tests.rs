//! What is told of each change, and to whom.

use keyward_rules::key::Environment;

use super::{News, Step};
use crate::amount::Amount;
use crate::ledger::{
    Change, Kind, Ledger, Named, Owner, SizedIn, State, Terms, TimeInForce, TransferRequest, Wallet, Way,
};
use crate::markets::{Currency, Pair, Side};
use crate::refusal::Refusal;

fn owner() -> Owner {
    Owner { environment: Environment::Live, account: "1".to_owned(), sub_account: None }
}

fn terms(side: Side, kind: Kind, size: &str) -> Terms {
    let (pair, size) = (Pair::find("BTC-USDT").unwrap(), Amount::parse(size).unwrap());
    Terms { pair, side, kind, size, client_id: String::new(), tag: String::new() }
}

fn limit(price: &str, force: TimeInForce) -> Kind {
    Kind::Limit(Amount::parse(price).unwrap(), force)
}

/// The one change that placing an order makes.
fn placed(ledger: &mut Ledger, terms: Terms) -> News {
    let (account, ids) = ledger.open(&owner()).unwrap();
    account.place(ids, terms, 5).unwrap();
    let mut all = ledger.news(5);
    assert_eq!(all.len(), 1);
    all.remove(0)
}

fn steps(news: &News) -> Vec<(State, String)> {
    let shown = |one: &super::OrderEvent| (one.order.state, one.order.filled.to_string());
    news.happened.orders.iter().map(shown).collect()
}

#[test]
fn an_order_is_told_of_step_by_step() {
    let mut ledger = Ledger::new(1);
    let sale = placed(&mut ledger, terms(Side::Sell, Kind::Market(SizedIn::Base), "1"));
    let told = [(State::Live, "0"), (State::PartiallyFilled, "0.5"), (State::Filled, "1")];
    assert_eq!(steps(&sale), told.map(|(state, filled)| (state, filled.to_owned())));
    assert!(matches!(sale.happened.orders[1].step, Step::Filled { fee } if fee == Amount::new(29_997, 3)));
    assert_eq!(sale.moved().collect::<Vec<_>>(), [Currency::Btc, Currency::Usdt]);

    let rest = placed(&mut ledger, terms(Side::Buy, limit("60006", TimeInForce::Rest), "0.75"));
    let told = [(State::Live, "0"), (State::PartiallyFilled, "0.5")];
    assert_eq!(steps(&rest), told.map(|(state, filled)| (state, filled.to_owned())));

    let once = placed(&mut ledger, terms(Side::Buy, limit("60006", TimeInForce::ImmediateOrCancel), "0.75"));
    let told = [(State::Live, "0"), (State::PartiallyFilled, "0.5"), (State::Cancelled, "0.5")];
    assert_eq!(steps(&once), told.map(|(state, filled)| (state, filled.to_owned())));
    assert_eq!(once.happened.orders[2].step, Step::Cancelled);
    assert!(sale.number < rest.number && rest.number < once.number);
    assert_eq!(ledger.newest(), once.number);
}

#[test]
fn holding_back_changes_a_balance_and_moves_nothing() {
    let mut ledger = Ledger::new(1);
    let rest = placed(&mut ledger, terms(Side::Buy, limit("30000", TimeInForce::Rest), "0.001"));
    assert_eq!(rest.changed().collect::<Vec<_>>(), [Currency::Usdt]);
    assert_eq!(rest.moved().count(), 0);
    let named = Named::Id(rest.happened.orders[0].order.id);

    let (account, ids) = ledger.open(&owner()).unwrap();
    let change = Change { size: Some(Amount::new(2, 3)), price: None };
    account.amend(ids, &named, change, 6).unwrap();
    account.cancel(&named, 7).unwrap();
    let news = ledger.news(7).remove(0);
    let told: Vec<Step> = news.happened.orders.iter().map(|one| one.step).collect();
    assert_eq!(told, [Step::Amended, Step::Cancelled], "both in one request");
    assert_eq!(news.happened.orders[0].order.terms.size, Amount::new(2, 3));
}

#[test]
fn nothing_is_told_of_what_changed_nothing() {
    let mut ledger = Ledger::new(1);
    let (account, ids) = ledger.open(&owner()).unwrap();
    let large = terms(Side::Buy, limit("30000", TimeInForce::Rest), "10");
    assert_eq!(account.place(ids, large, 1), Err(Refusal::Insufficient("USDT")));
    assert!(ledger.news(1).is_empty());
    assert_eq!(ledger.newest(), 0);
}

#[test]
fn a_transfer_is_told_to_both_sides() {
    let mut ledger = Ledger::new(1);
    let sub = owner().sub("subone");
    ledger.see(&sub);
    let wish = TransferRequest {
        way: Way::ToSubAccount("subone".to_owned()),
        currency: Currency::Usdt,
        amount: Amount::new(7, 0),
        from: Wallet::Trading,
        to: Wallet::Trading,
        client_id: String::new(),
    };
    ledger.transfer(&owner(), wish, 3).unwrap();
    let all = ledger.news(3);
    let mut told: Vec<&Owner> = all.iter().map(|news| &news.owner).collect();
    told.sort_by_key(|owner| owner.sub_account.is_some());
    assert_eq!(told, [&owner(), &sub]);
    assert!(all.iter().all(|news| news.moved().eq([Currency::Usdt]) && news.happened.is_nothing()));
}
