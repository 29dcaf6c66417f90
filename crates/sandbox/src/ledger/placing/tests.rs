//! The life of orders: what fills at what price, what is held back, and that money only moves.

use crate::amount::Amount;
use crate::ledger::history::Ids;
use crate::ledger::placing::RESTING;
use crate::ledger::{Account, Change, Kind, Named, Order, SizedIn, State, Terms, TimeInForce};
use crate::markets::{Currency, Pair, Side};
use crate::refusal::Refusal;

struct World {
    account: Account,
    ids: Ids,
}

fn amount(text: &str) -> Amount {
    Amount::parse(text).unwrap()
}

fn limit(side: Side, price: &str, size: &str) -> Terms {
    terms(side, Kind::Limit(amount(price), TimeInForce::Rest), size)
}

fn terms(side: Side, kind: Kind, size: &str) -> Terms {
    let pair = Pair::find("BTC-USDT").unwrap();
    Terms { pair, side, kind, size: amount(size), client_id: String::new(), tag: String::new() }
}

impl World {
    fn new() -> Self {
        Self { account: Account::seeded(), ids: Ids::new(1) }
    }

    fn place(&mut self, terms: Terms) -> Result<Order, Refusal> {
        let order = self.account.place(&mut self.ids, terms, 1);
        self.check();
        order
    }

    fn amend(&mut self, id: u64, size: Option<&str>, price: Option<&str>) -> Result<Order, Refusal> {
        let change = Change { size: size.map(amount), price: price.map(amount) };
        let order = self.account.amend(&mut self.ids, &Named::Id(id), change, 2);
        self.check();
        order
    }

    fn cancel(&mut self, id: u64) -> Result<Order, Refusal> {
        let order = self.account.cancel(&Named::Id(id), 3);
        self.check();
        order
    }

    fn free(&self, currency: Currency) -> String {
        self.account.holdings.of(currency).free().to_string()
    }

    /// What holds after every step: nothing negative, what is frozen is what open orders hold, and what was
    /// there plus what was traded, less fees, is what is there.
    fn check(&self) {
        for currency in Currency::ALL {
            let balance = self.account.holdings.of(currency);
            assert!(balance.free() >= Amount::ZERO && balance.frozen() >= Amount::ZERO);
            let open = self.account.open.iter().filter(|order| order.gives() == currency);
            assert_eq!(open.map(|order| order.held).sum::<Amount>(), balance.frozen());
            let all = || self.account.open.iter().chain(self.account.ended.iter());
            let given = |order: &Order| match order.terms.side {
                Side::Buy => order.value,
                Side::Sell => order.filled,
            };
            let got = |order: &Order| match order.terms.side {
                Side::Buy => order.filled - order.fee,
                Side::Sell => order.value - order.fee,
            };
            let paid: Amount = all().filter(|order| order.gives() == currency).map(given).sum();
            let earned: Amount = all().filter(|order| order.gets() == currency).map(got).sum();
            assert_eq!(balance.trading(), currency.seeded() - paid + earned);
        }
    }
}

#[test]
fn rests_is_amended_and_cancelled() {
    let mut world = World::new();
    let order = world.place(limit(Side::Buy, "30000", "0.001")).unwrap();
    assert_eq!((order.state, world.free(Currency::Usdt).as_str()), (State::Live, "99970"));
    let order = world.amend(order.id, Some("0.002"), Some("31000")).unwrap();
    assert_eq!((order.state, world.free(Currency::Usdt).as_str()), (State::Live, "99938"));
    assert_eq!(world.amend(order.id, Some("10"), None), Err(Refusal::Insufficient("USDT")));
    assert_eq!(world.free(Currency::Usdt), "99938");
    assert_eq!(world.cancel(order.id).unwrap().state, State::Cancelled);
    assert_eq!(world.free(Currency::Usdt), "100000");
    assert_eq!(world.cancel(order.id), Err(Refusal::NothingToCancel));
    assert_eq!(world.amend(order.id, Some("1"), None), Err(Refusal::NothingToAmend));
    assert_eq!(world.account.find(&Named::Id(order.id)).unwrap().state, State::Cancelled);
    assert_eq!(world.account.find(&Named::Id(1)), Err(Refusal::NoOrder));
}

#[test]
fn market_orders_take_level_after_level() {
    let mut world = World::new();
    let order = world.place(terms(Side::Sell, Kind::Market(SizedIn::Base), "1")).unwrap();
    // Half a coin at 59994, and half of what the next level, at 59988, offers.
    assert_eq!((order.state, order.value.to_string().as_str()), (State::Filled, "59991"));
    assert_eq!(order.average(), Some(amount("59991")));
    let fills: Vec<_> = world.account.fills.iter().map(|fill| fill.trade.price.to_string()).collect();
    assert_eq!(fills, ["59988", "59994"]);
    assert_eq!((world.free(Currency::Btc).as_str(), order.fee.to_string().as_str()), ("9", "59.991"));
    assert_eq!(world.free(Currency::Usdt), "159931.009");

    let order = world.place(terms(Side::Buy, Kind::Market(SizedIn::Quote), "600.06")).unwrap();
    assert_eq!((order.state, order.filled.to_string().as_str()), (State::Filled, "0.01"));
    assert_eq!(order.value.to_string(), "600.06");
}

#[test]
fn a_limit_that_crosses_fills_and_rests() {
    let mut world = World::new();
    let order = world.place(limit(Side::Buy, "60006", "0.75")).unwrap();
    assert_eq!((order.state, order.filled.to_string().as_str()), (State::PartiallyFilled, "0.5"));
    assert_eq!(order.held.to_string(), "15001.5");
    assert_eq!(world.amend(order.id, Some("0.5"), None), Err(Refusal::Wrong("newSz")));
    let order = world.amend(order.id, None, Some("60012")).unwrap();
    assert_eq!((order.state, order.filled.to_string().as_str()), (State::Filled, "0.75"));
    assert!(world.account.open.is_empty());
}

#[test]
fn what_must_not_rest_or_must_not_cross() {
    let mut world = World::new();
    let kind = |price, force| Kind::Limit(amount(price), force);
    let tries = [
        (kind("60100", TimeInForce::PostOnly), "0.1", State::Cancelled, "0"),
        (kind("59000", TimeInForce::PostOnly), "0.1", State::Live, "0"),
        (kind("60006", TimeInForce::FillOrKill), "0.6", State::Cancelled, "0"),
        (kind("60012", TimeInForce::FillOrKill), "0.6", State::Filled, "0.6"),
        (kind("60006", TimeInForce::ImmediateOrCancel), "0.6", State::Cancelled, "0.5"),
        (kind("59000", TimeInForce::ImmediateOrCancel), "0.1", State::Cancelled, "0"),
    ];
    for (kind, size, state, filled) in tries {
        let order = world.place(terms(Side::Buy, kind, size)).unwrap();
        assert_eq!((order.state, order.filled.to_string().as_str()), (state, filled), "{kind:?}");
    }
}

#[test]
fn refusals_change_nothing() {
    let mut world = World::new();
    let named = |name: &str| Terms { client_id: name.to_owned(), ..limit(Side::Buy, "100", "0.01") };
    world.place(named("a")).unwrap();
    let before = world.free(Currency::Usdt);
    let most = "1000000000000";
    let tries = [
        (named("a"), Refusal::SameClientId),
        (limit(Side::Buy, "59000", "9"), Refusal::Insufficient("USDT")),
        (limit(Side::Sell, "70000", "10.1"), Refusal::Insufficient("BTC")),
        (limit(Side::Buy, "100.05", "1"), Refusal::Wrong("px")),
        (limit(Side::Buy, "100", "0.000000001"), Refusal::BelowMinimum),
        (limit(Side::Buy, "100", "1.000000001"), Refusal::NotALot),
        (limit(Side::Buy, most, most), Refusal::AboveMaximum),
        (limit(Side::Sell, "100", most), Refusal::AboveMaximum),
        (terms(Side::Sell, Kind::Market(SizedIn::Base), most), Refusal::Insufficient("BTC")),
        (terms(Side::Buy, Kind::Market(SizedIn::Quote), most), Refusal::Insufficient("USDT")),
        (terms(Side::Buy, Kind::Market(SizedIn::Quote), "0.1"), Refusal::BelowMinimum),
    ];
    for (terms, refusal) in tries {
        assert_eq!(world.place(terms.clone()), Err(refusal), "{terms:?}");
    }
    assert_eq!((world.free(Currency::Usdt), world.account.open.len()), (before, 1));
    assert_eq!((world.account.fills.iter().count(), world.account.bills.iter().count()), (0, 0));
}

#[test]
fn open_orders_have_a_bound() {
    let mut world = World::new();
    for _ in 0..RESTING {
        world.account.place(&mut world.ids, limit(Side::Buy, "100", "0.001"), 1).unwrap();
    }
    assert_eq!(world.place(limit(Side::Buy, "100", "0.001")), Err(Refusal::TooManyOrders(RESTING)));
}

#[test]
fn money_only_moves_whatever_is_done() {
    let mut world = World::new();
    // A linear congruential sequence (Knuth's constants): the same at every run.
    let mut state = 7_u64;
    let mut draw = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    for _ in 0..400 {
        let side = if draw(2) == 0 { Side::Buy } else { Side::Sell };
        let pair = Pair::all().nth(usize::try_from(draw(6)).unwrap()).unwrap();
        let tenth = pair.middle.times(Amount::new(1, 1)).unwrap();
        let price = tenth.times(Amount::new(i128::from(draw(6)) + 7, 0)).unwrap().floor_to(pair.tick);
        let size = pair.least.times(Amount::new(i128::from(draw(3_000)) + 1, 0)).unwrap();
        let kind = match draw(6) {
            0 => Kind::Market(SizedIn::Base),
            1 => Kind::Market(SizedIn::Quote),
            2 => Kind::Limit(price, TimeInForce::PostOnly),
            3 => Kind::Limit(price, TimeInForce::FillOrKill),
            4 => Kind::Limit(price, TimeInForce::ImmediateOrCancel),
            _ => Kind::Limit(price, TimeInForce::Rest),
        };
        let blank = String::new;
        let _ = world.place(Terms { pair, side, kind, size, client_id: blank(), tag: blank() });
        let Some(open) = world.account.open.first().map(|order| order.id) else { continue };
        match draw(4) {
            0 => drop(world.cancel(open)),
            1 => drop(world.amend(open, None, Some(&price.to_string()))),
            2 => drop(world.amend(open, Some(&size.to_string()), None)),
            _ => {}
        }
    }
    assert!(world.account.fills.iter().count() > 50, "the sequence trades");
}
