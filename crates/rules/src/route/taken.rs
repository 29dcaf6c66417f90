//! What of a route's rate a request takes: for some routes each instrument has a rate of its own, and each order of a batch
//! counts (OKX contract, section 9).
//!
//! Owns: which part of a rate a body names. Leaves to others: whether the request is permitted, and the counting.
//!
//! Invariants: a batch that cannot be read counts as the longest one; all that names nothing for sure shares one part, so that odd
//! spellings gain one part at most; there are at most [`RATE_PARTS`] parts, whatever names are invented.

use super::{Method, Route, Scope};
use crate::json::Value;
use crate::limits::{ORDER_LINES, RATE_PARTS};
use crate::orders::{elements, is_counted_order};
use crate::rate::Rate;

/// What a request takes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Taken {
    /// The number of the route whose rate it is, and the rate. `None` where there is none.
    pub rate: Option<(u16, Rate)>,
    /// From which parts of it, and how much of each. No part is there twice.
    pub parts: Parts,
    /// How many orders it places or changes.
    pub orders: u32,
}

/// Parts of a rate, each with how much is taken of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Parts {
    /// Only one.
    One([(u16, u32); 1]),
    /// Several: the orders of a batch.
    Several(Vec<(u16, u32)>),
}

impl Parts {
    const fn one(part: u16, weight: u32) -> Self {
        Self::One([(part, weight)])
    }

    /// All of them.
    #[must_use]
    pub fn as_slice(&self) -> &[(u16, u32)] {
        match self {
            Self::One(part) => part,
            Self::Several(parts) => parts,
        }
    }
}

/// The part of requests that name none.
const UNNAMED: u16 = 0;

/// What a verified request takes from the rates. `id_of_code` gives the instrument with an `instIdCode`, where it is known.
#[must_use]
pub fn taken(
    route: &Route,
    (target, body): (&[u8], &[u8]),
    id_of_code: impl Fn(&str) -> Option<Box<str>>,
) -> Taken {
    let rate = route.rate.map(|rate| (route.number, rate));
    let is_order = is_counted_order(route.path);
    match route.scope {
        Scope::Account => Taken { rate, parts: Parts::one(UNNAMED, 1), orders: 0 },
        Scope::Each(member) if route.method == Method::Get => {
            let part = in_query(target, member).map_or(UNNAMED, part_of);
            Taken { rate, parts: Parts::one(part, 1), orders: 0 }
        }
        Scope::Each(member) => {
            let first = read(route.path, body).and_then(|elements| elements.into_iter().next());
            let part = first.map_or(UNNAMED, |element| named(element, member, &id_of_code));
            Taken { rate, parts: Parts::one(part, 1), orders: u32::from(is_order) }
        }
        Scope::Orders { single } => {
            let most = u32::try_from(ORDER_LINES).unwrap_or(u32::MAX);
            let Some(elements) = read(route.path, body) else {
                return Taken {
                    rate,
                    parts: Parts::one(UNNAMED, most),
                    orders: if is_order { most } else { 0 },
                };
            };
            let count = u32::try_from(elements.len()).unwrap_or(most);
            let mut parts: Vec<(u16, u32)> = Vec::with_capacity(elements.len());
            for element in elements {
                let part = named(element, "instId", &id_of_code);
                match parts.iter_mut().find(|(known, _)| *known == part) {
                    Some((_, weight)) => *weight += 1,
                    None => parts.push((part, 1)),
                }
            }
            let rate = if count == 1 { single.or(rate) } else { rate };
            Taken { rate, parts: Parts::Several(parts), orders: if is_order { count } else { 0 } }
        }
    }
}

fn read<'b>(path: &str, body: &'b [u8]) -> Option<Vec<Value<'b>>> {
    elements(path, Value::read(std::str::from_utf8(body).ok()?)?)
}

/// The part that an element names; sockets name an instrument by its code.
fn named(element: Value<'_>, member: &str, id_of_code: impl Fn(&str) -> Option<Box<str>>) -> u16 {
    let Some(mut element) = element.object() else { return UNNAMED };
    let mut take =
        |member| element.take(member).and_then(Value::text_or_number).filter(|text| !text.is_empty());
    let (name, code) = (take(member), if member == "instId" { take("instIdCode") } else { None });
    let of_code = code.as_deref().map(id_of_code);
    match (name, of_code, code) {
        (None, None, _) => UNNAMED,
        (Some(name), None, _) => part_of(family(&name).as_bytes()),
        (None, Some(Some(id)), _) => part_of(family(&id).as_bytes()),
        (None, Some(None), Some(code)) => part_of(code.as_bytes()),
        // Both: nobody knows which of them counts, unless they agree.
        (Some(name), Some(Some(id)), _) if *name == *id => part_of(family(&id).as_bytes()),
        (_, Some(_), _) => UNNAMED,
    }
}

/// Options of a family share one rate: of `BTC-USD-260327-40000-C` it is `BTC-USD`.
fn family(id: &str) -> &str {
    let is_option = id.ends_with("-C") || id.ends_with("-P");
    let second = id.match_indices('-').nth(1).map(|(at, _)| at);
    match second {
        Some(second) if is_option => id.get(..second).unwrap_or(id),
        Some(_) | None => id,
    }
}

/// The value of a query's one member with this name, where it is written without escapes.
fn in_query<'t>(target: &'t [u8], member: &str) -> Option<&'t [u8]> {
    let at = target.iter().position(|byte| *byte == b'?')?;
    let members = target.get(at + 1..)?.split(|byte| *byte == b'&');
    let mut values = members.filter_map(|one| one.strip_prefix(member.as_bytes())?.strip_prefix(b"="));
    // What could be read in two ways names nothing.
    let value = values.next().filter(|value| !value.contains(&b'%') && !value.contains(&b'+'));
    value.filter(|_| values.next().is_none())
}

/// FNV-1a, folded to the parts beside [`UNNAMED`]. Who finds names that meet in one part shares one rate among them.
fn part_of(name: &[u8]) -> u16 {
    let folded = name.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let folded = (folded ^ (folded >> 32)) % u64::from(RATE_PARTS - 1);
    u16::try_from(folded).unwrap_or(UNNAMED) + 1
}

#[cfg(test)]
mod tests {
    use super::{Parts, Taken, UNNAMED, part_of, taken};
    use crate::limits::RATE_PARTS;
    use crate::route::{Found, Method, Route, RouteTable};

    fn of(method: Method, target: &str, body: &str) -> (Taken, Route) {
        let table = RouteTable::okx_v5(1).unwrap();
        let path = target.split('?').next().unwrap();
        let Found::Route(route) = table.find(method, path.as_bytes()) else { panic!("{target}") };
        let id = |code: &str| (code == "7").then(|| Box::from("BTC-USDT"));
        (taken(route, (target.as_bytes(), body.as_bytes()), id), route.clone())
    }

    fn post(path: &str, body: &str) -> Taken {
        of(Method::Post, &format!("/api/v5/{path}"), body).0
    }

    fn part(name: &str) -> u16 {
        part_of(name.as_bytes())
    }

    #[test]
    fn each_instrument_has_its_rate() {
        for (path, body, orders) in [
            ("trade/order", r#"{"instId":"BTC-USDT","sz":"1"}"#, 1),
            ("trade/order", r#"{"instIdCode":7,"sz":"1"}"#, 1),
            ("trade/order", r#"{"op":"order","id":"1","args":[{"instIdCode":7,"sz":"1"}]}"#, 1),
            ("trade/amend-order", r#"{"instId":"BTC-USDT"}"#, 1),
            ("trade/cancel-order", r#"{"instId":"BTC-USDT"}"#, 0),
            ("trade/order-algo", r#"{"instId":"BTC-USDT"}"#, 0),
        ] {
            let taken = post(path, body);
            assert_eq!((taken.parts, taken.orders), (Parts::one(part("BTC-USDT"), 1), orders), "{body}");
        }
        for odd in [
            r#"{"instId":"ETH-USDT","instIdCode":7}"#,
            r#"{"instId":"BTC-USDT","instIdCode":8}"#,
            r#"{"instId":"BTC-USDT","instId":"ETH-USDT"}"#,
            r#"{"sz":"1"}"#,
        ] {
            assert_eq!(post("trade/order", odd).parts, Parts::one(UNNAMED, 1), "{odd}");
        }
        let both = post("trade/order", r#"{"instId":"BTC-USDT","instIdCode":7}"#);
        assert_eq!(both.parts, Parts::one(part("BTC-USDT"), 1));
        for odd in ["instId=BTC%2DUSDT", "instId=A&instId=B", "x=1"] {
            let (details, _) = of(Method::Get, &format!("/api/v5/trade/order?{odd}"), "");
            assert_eq!(details.parts, Parts::one(UNNAMED, 1), "{odd}");
        }
        let other = post("trade/order", r#"{"instId":"ETH-USDT"}"#);
        assert_eq!(other.parts, Parts::one(part("ETH-USDT"), 1));
        assert_ne!(part("ETH-USDT"), part("BTC-USDT"));
        let (details, _) = of(Method::Get, "/api/v5/trade/order?ordId=1&instId=BTC-USDT", "");
        assert_eq!(details.parts, Parts::one(part("BTC-USDT"), 1));
        let (balance, _) = of(Method::Get, "/api/v5/account/balance?instId=BTC-USDT", "");
        assert_eq!(balance.parts, Parts::one(UNNAMED, 1));
    }

    #[test]
    fn options_share_the_rate_of_their_family() {
        let call = post("trade/order", r#"{"instId":"BTC-USD-260327-40000-C"}"#);
        let put = post("trade/order", r#"{"instId":"BTC-USD-260626-90000-P"}"#);
        assert_eq!(call.parts, put.parts);
        assert_ne!(call.parts, post("trade/order", r#"{"instId":"BTC-USD-260327"}"#).parts);
    }

    #[test]
    fn each_order_of_a_batch_counts() {
        let body = r#"[{"instId":"BTC-USDT"},{"instId":"ETH-USDT"},{"instId":"BTC-USDT"}]"#;
        let (batch, route) = of(Method::Post, "/api/v5/trade/batch-orders", body);
        assert_eq!(batch.parts, Parts::Several(vec![(part("BTC-USDT"), 2), (part("ETH-USDT"), 1)]));
        assert_eq!((batch.orders, batch.rate.unwrap().0), (3, route.number));
        assert_eq!(post("trade/cancel-batch-orders", body).orders, 0);
    }

    #[test]
    fn a_batch_of_one_counts_as_a_single_order() {
        let table = RouteTable::okx_v5(1).unwrap();
        for (batch, single) in [
            ("trade/batch-orders", "trade/order"),
            ("trade/amend-batch-orders", "trade/amend-order"),
            ("trade/cancel-batch-orders", "trade/cancel-order"),
        ] {
            let single = format!("/api/v5/{single}");
            let Found::Route(single) = table.find(Method::Post, single.as_bytes()) else {
                panic!("{single}")
            };
            let taken = post(batch, r#"[{"instId":"BTC-USDT"}]"#);
            assert_eq!(taken.rate, single.rate.map(|rate| (single.number, rate)), "{batch}");
            assert_eq!(taken.parts, Parts::Several(vec![(part("BTC-USDT"), 1)]));
        }
    }

    #[test]
    fn what_cannot_be_read_counts_as_the_longest_batch() {
        for body in
            ["", "[", "{}", r#"[{"instId":"A","instId":"B"}]"#, &format!("[{}]", vec!["{}"; 21].join(","))]
        {
            let taken = post("trade/batch-orders", body);
            assert_eq!((taken.parts, taken.orders), (Parts::one(UNNAMED, 20), 20), "{body}");
            assert_eq!(post("trade/order", body).orders, 1);
        }
        assert!((0..5_000).all(|at| (1..RATE_PARTS).contains(&part(&format!("X{at}-USDT")))));
    }
}
