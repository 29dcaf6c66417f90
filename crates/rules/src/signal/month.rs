//! A simulated month of three bots, told of nothing; then a leak, told of at once.

use std::net::IpAddr;

use super::{
    Baseline, KeyReach, RequestOutcome, SeenRequest, Signal, SignalChoices, SignalKind, SignalSet, Watched,
};
use crate::limits::DAY_MS;
use crate::route::Class;
use crate::time::Moment;

const START_MS: u64 = 20_000 * DAY_MS;
const HOME: &str = "203.0.113.7";
const ELSEWHERE: &str = "198.51.100.66";

/// The same numbers in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

fn request(at_ms: u64, from: &str, (route, class): (&'static str, Class)) -> SeenRequest {
    let (at, source) = (Moment::from_unix_ms(at_ms), from.parse::<IpAddr>().unwrap());
    let outcome = RequestOutcome::Passed;
    SeenRequest { at, source, method: "POST", route, class, code: "0", outcome, orders: None }
}

fn ended(code: &'static str, request: SeenRequest) -> SeenRequest {
    SeenRequest { code, outcome: RequestOutcome::of_code(code), ..request }
}

const BALANCE: (&str, Class) = ("/api/v5/account/balance", Class::Read);
const ORDER: (&str, Class) = ("/api/v5/trade/order", Class::Trade);
const CANCEL: (&str, Class) = ("/api/v5/trade/cancel-order", Class::Cancel);
const TRANSFER: (&str, Class) = ("/api/v5/asset/transfer", Class::Funding);
const WITHDRAWAL: (&str, Class) = ("/api/v5/asset/withdrawal", Class::Withdraw);

/// A month of requests of one bot, from the first day to the end of the last.
fn month(watched: &mut Watched, mut next: impl FnMut(&mut Dice, u64) -> (u64, SeenRequest)) -> Vec<Signal> {
    let (mut dice, mut at_ms, mut signals) = (Dice(7), START_MS, Vec::new());
    while at_ms < START_MS + 30 * DAY_MS {
        let (pause_ms, request) = next(&mut dice, at_ms);
        signals.extend(watched.see(&request, KeyReach::Unbound));
        at_ms += pause_ms;
    }
    signals
}

/// Quotes on both sides: about four requests a second, twice that when the market moves, some refused for their rate. Its
/// address changes within its network.
fn market_maker(dice: &mut Dice, at_ms: u64) -> (u64, SeenRequest) {
    let hectic = (at_ms / 600_000).is_multiple_of(9);
    let pause_ms = if hectic { 60 + dice.below(120) } else { 150 + dice.below(200) };
    let what = match dice.below(10) {
        0..5 => ORDER,
        5..9 => CANCEL,
        _ => BALANCE,
    };
    let code = if hectic && dice.below(200) == 0 { "50011" } else { "0" };
    let from = if (at_ms / DAY_MS).is_multiple_of(2) { HOME } else { "203.0.113.8" };
    (pause_ms, ended(code, request(at_ms, from, what)))
}

/// Buys once an hour, looks before and after, and moves its provider's address to another network on day 20.
fn saver(dice: &mut Dice, at_ms: u64) -> (u64, SeenRequest) {
    let what = [BALANCE, ORDER, BALANCE];
    let place = at_ms / 1_000 % 3_600;
    let from = if at_ms < START_MS + 20 * DAY_MS { HOME } else { ELSEWHERE };
    let pause_ms = if place < 3 { 1_000 } else { 3_600_000 - at_ms % 3_600_000 };
    (pause_ms.max(1), request(at_ms, from, what[usize::try_from(dice.below(3)).unwrap()]))
}

/// Reads every five seconds by day, rests at night, and was away for six days.
fn dashboard(_: &mut Dice, at_ms: u64) -> (u64, SeenRequest) {
    let (day, hour) = ((at_ms - START_MS) / DAY_MS, at_ms / 3_600_000 % 24);
    let pause_ms = match (day, hour) {
        (12, 22..) => 6 * DAY_MS,
        (_, 22..) => 8 * 3_600_000,
        _ => 5_000,
    };
    (pause_ms, request(at_ms, HOME, BALANCE))
}

fn new() -> Watched {
    Watched::new(Baseline::default(), Moment::from_unix_ms(START_MS))
}

#[test]
fn a_month_of_three_bots_is_told_of_nothing() {
    assert_eq!(month(&mut new(), market_maker), []);
    assert_eq!(month(&mut new(), saver), []);
    assert_eq!(month(&mut new(), dashboard), []);
}

/// A new network, a new kind of request, three times as many: each is told within five seconds, together with the others.
#[test]
fn a_leak_is_told_of_within_five_seconds() {
    let mut watched = new();
    month(&mut watched, market_maker);
    // What was learned outlives the process.
    let kept = watched.to_keep(true).unwrap().to_string();
    let mut watched = Watched::new(kept.parse().unwrap(), watched.seen_at());
    let began_ms = START_MS + 30 * DAY_MS;
    let mut signals = Vec::new();
    for at_ms in (0..15_000).step_by(25) {
        let (from, what) = match at_ms {
            1_000 => (ELSEWHERE, TRANSFER),
            _ if at_ms % 100 == 0 => (HOME, ORDER),
            _ => (ELSEWHERE, BALANCE),
        };
        let one = request(began_ms + at_ms, from, what);
        signals.extend(watched.see(&one, KeyReach::Unbound).into_iter().map(|signal| (at_ms, signal)));
    }
    let told: Vec<_> =
        signals.iter().map(|(_, signal)| (signal.kind, SignalChoices::ALL_TOLD.count(signal))).collect();
    assert_eq!(
        told,
        [(SignalKind::TwoNetworks, 1), (SignalKind::NewUse, 2), (SignalKind::Burst, 3)],
        "the new network is no fourth thing: {signals:?}"
    );
    assert!(signals.iter().all(|(at_ms, _)| *at_ms < 5_000), "{signals:?}");
    let evidence: Vec<&str> = signals.iter().map(|(_, signal)| signal.evidence.as_str()).collect();
    assert!(evidence[0].starts_with("Used from 203.0.113.0/24 and from 198.51.100.0/24"), "{evidence:?}");
    assert!(
        evidence[1].contains("/api/v5/asset/transfer from 198.51.100.66: it moves funds"),
        "{evidence:?}"
    );
    // Once a day each.
    let again = request(began_ms + 20_000, ELSEWHERE, TRANSFER);
    assert_eq!(watched.see(&again, KeyReach::Unbound), []);
}

#[test]
fn the_first_withdrawal_and_a_long_sleep_need_no_learning() {
    let mut watched = new();
    assert_eq!(watched.see(&request(START_MS, HOME, BALANCE), KeyReach::Bound), []);
    let kinds = |signals: Vec<Signal>| signals.into_iter().map(|one| one.kind).collect::<Vec<_>>();
    let later_ms = START_MS + 14 * DAY_MS;
    let first = watched.see(&request(later_ms, HOME, WITHDRAWAL), KeyReach::Bound);
    assert!(first.iter().all(|one| SignalChoices::ALL_TOLD.count(one) == 2));
    assert_eq!(
        SignalChoices { muted: SignalSet::of([SignalKind::Dormant]), ..SignalChoices::ALL_TOLD }
            .count(&first[0]),
        1
    );
    assert_eq!(kinds(first), [SignalKind::FirstWithdrawal, SignalKind::Dormant]);
    assert_eq!(watched.see(&request(later_ms + DAY_MS, HOME, WITHDRAWAL), KeyReach::Bound), []);
    // What was refused is no use.
    let refused = ended("50120", request(later_ms + 20 * DAY_MS, HOME, TRANSFER));
    assert_eq!(watched.see(&refused, KeyReach::Bound), []);
}

/// Two things that were told apart from each other, hours ago, are told again when they happen together.
#[test]
fn what_was_told_before_is_told_again_beside_something_else() {
    let mut watched = new();
    let refused = |at_ms: u64| ended("51137", request(at_ms, HOME, ORDER));
    let minute = |watched: &mut Watched, from_ms: u64, count: u64| {
        (0..count).flat_map(|one| watched.see(&refused(from_ms + one), KeyReach::Bound)).collect::<Vec<_>>()
    };
    assert_eq!(minute(&mut watched, START_MS, 100).len(), 1);
    assert_eq!(minute(&mut watched, START_MS + 3_600_000, 100), [], "the same alone");
    let again_ms = START_MS + 2 * 3_600_000;
    assert_eq!(watched.see(&request(again_ms, HOME, WITHDRAWAL), KeyReach::Bound).len(), 1);
    let [beside] = minute(&mut watched, again_ms + 60_000, 400).try_into().unwrap();
    assert_eq!((beside.kind, SignalChoices::ALL_TOLD.count(&beside)), (SignalKind::Refusals, 2));
}

#[test]
fn many_refusals_in_a_minute_are_told_with_the_last_code() {
    let mut watched = new();
    let refused = |at_ms: u64| ended("51137", request(at_ms, HOME, ORDER));
    let minute = |watched: &mut Watched, from_ms: u64| {
        (0..40).flat_map(|one| watched.see(&refused(from_ms + one), KeyReach::Bound)).collect::<Vec<_>>()
    };
    let [told] = minute(&mut watched, START_MS).try_into().unwrap();
    assert_eq!(told.kind, SignalKind::Refusals);
    assert!(told.evidence.contains("30 refused requests within a minute, the last one with 51137"));
    assert_eq!(minute(&mut watched, START_MS + DAY_MS), [], "no more than two and a half times as many");
}

/// What its holder finds too small is told again when it is as large as they want, and not before.
#[test]
fn what_was_too_small_is_told_again_when_it_is_large_enough() {
    let mut watched = new();
    let refused = |at_ms: u64| ended("51137", request(at_ms, HOME, ORDER));
    let minute = |watched: &mut Watched, from_ms: u64, count: u64| {
        (0..count).flat_map(|one| watched.see(&refused(from_ms + one), KeyReach::Bound)).collect::<Vec<_>>()
    };
    let [first] = minute(&mut watched, START_MS, 40).try_into().unwrap();
    assert_eq!(first.sizes.refusals, 30);
    watched.was_too_small(SignalKind::Refusals, 60);
    assert_eq!(minute(&mut watched, START_MS + 3_600_000, 59), []);
    let [second] = minute(&mut watched, START_MS + 2 * 3_600_000, 100).try_into().unwrap();
    assert_eq!(second.sizes.refusals, 60);
}

/// Who raises the rate step by step, each less than two and a half times the one before, is held against the days before.
#[test]
fn a_rate_that_grows_by_steps_is_a_burst() {
    let mut watched = new();
    for day in 0..6 {
        for one in 0..30 {
            assert_eq!(
                watched.see(&request(START_MS + day * DAY_MS + one * 80, HOME, BALANCE), KeyReach::Bound),
                []
            );
        }
        assert_eq!(
            watched.see(&request(START_MS + day * DAY_MS + 9_000, HOME, BALANCE), KeyReach::Bound),
            []
        );
    }
    let (mut told, mut count) = (Vec::new(), 40_u64);
    for step in 0..5 {
        let began_ms = START_MS + 6 * DAY_MS + step * 3_000;
        for one in 0..count {
            told.extend(
                watched.see(&request(began_ms + one * 3_000 / count, HOME, BALANCE), KeyReach::Bound),
            );
        }
        count = count * 24 / 10;
    }
    assert_eq!(told.iter().map(|one| one.kind).collect::<Vec<_>>(), [SignalKind::Burst]);
    assert!(
        told[0].evidence.starts_with("76 requests in three seconds; at most 30 before today"),
        "{told:?}"
    );
}

/// What the exchange or the store does is nothing that the key does; neither is an answer that came late.
#[test]
fn an_outage_is_not_unusual() {
    let mut watched = new();
    for day in 0..6 {
        assert_eq!(watched.see(&request(START_MS + day * DAY_MS, HOME, BALANCE), KeyReach::Bound), []);
    }
    let began_ms = START_MS + 6 * DAY_MS;
    for code in ["50001", "50013", "50011", "gone"] {
        for one in 0..60 {
            let asked = ended(code, request(began_ms + one * 900, HOME, BALANCE));
            assert_eq!(watched.see(&asked, KeyReach::Bound), [], "{code}");
        }
    }
    // All answers of a minute come in at once, in any order.
    let mut watched = new();
    for day in 0..6 {
        assert_eq!(watched.see(&request(START_MS + day * DAY_MS, HOME, BALANCE), KeyReach::Bound), []);
    }
    for one in (0..60_u64).rev() {
        assert_eq!(watched.see(&request(began_ms + one * 1_000, HOME, BALANCE), KeyReach::Bound), []);
    }
    // What timed out may have taken effect, so it is told.
    let sent = ended("50004", request(began_ms + 70_000, HOME, WITHDRAWAL));
    assert_eq!(watched.see(&sent, KeyReach::Bound).len(), 1);
}

/// The addresses of an app are confidential, and its servers are many.
#[test]
fn an_apps_addresses_are_neither_learned_nor_told() {
    let mut watched = new();
    for day in 0..10 {
        assert_eq!(watched.see(&request(START_MS + day * DAY_MS, HOME, BALANCE), KeyReach::App), []);
    }
    let later_ms = START_MS + 9 * DAY_MS;
    assert_eq!(watched.see(&request(later_ms + 1, ELSEWHERE, BALANCE), KeyReach::App), []);
    let told = watched.see(&request(later_ms + 2, HOME, ORDER), KeyReach::App);
    assert!(!told.is_empty() && told.iter().all(|one| !one.evidence.contains("203.0")), "{told:?}");
    assert!(watched.to_keep(true).unwrap().usual().networks.is_empty());
}
