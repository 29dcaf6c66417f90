//! Whether the time of a refusal tells anything of an app's ranges: how near one was, or how many there are.
//!
//! It takes timed samples, so it has a name of its own and stays out of `cargo test`:
//! `cargo test --release --package keyward-gateway --test timing -- --nocapture`, a step of `cargo xtask test`.
//!
//! The method is dudect's (Reparaz, Balasch, Verbauwhede 2017). One sample is the whole judgement of a signed request, from
//! its parsed headers to the refusal's answer. All classes draw from one random order, so that what the machine does
//! beside it falls on all of them alike. Of each round's samples the slowest tenth is cut off by one limit for all classes
//! (interrupts), and each pair is compared by Welch's t; under 4.5, or within 8 ns, they count as alike. A client knows whether it
//! came by IPv4 or IPv6, so pairs are made within one family.
//!
//! Tables are made anew a thousand times in a round, in random order: where a table happens to lie in memory differs
//! from app to app and from start to start by a nanosecond or two, and says nothing of what is in it.
//!
//! A pair counts as told apart when it differs in [`NEEDED`] of [`ROUNDS`] rounds, with the same class the slower one.
//! Chance alone takes a pair beyond 4.5 once in 150,000 rounds. A disturbance of the machine can do it in one round, but
//! meets another pair or another sign in the next. It can also hide a real difference for a round, so two rounds may miss
//! one. The second test is the control: a look-up that does leak is told apart.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    missing_docs,
    reason = "a test stops at the first thing that is not as expected, and this one is about time"
)]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use bytes::Bytes;
use keyward_gateway::reply::respond;
use keyward_rules::address::{AddressSet, HostBits, Network, RangeTable};
use keyward_rules::decision::{Door, Received, Verified, Whole};
use keyward_rules::id::{AccountId, AppId, KeyId, RequestId};
use keyward_rules::key::{
    AppReach, Environment, HmacState, HolderState, Holds, KeyFacts, Life, PassphraseKey, PassphraseTag, Reach,
};
use keyward_rules::okx::{Credentials, RawCredentials, sign};
use keyward_rules::permission::Permissions;
use keyward_rules::route::{Method, RouteTable};
use keyward_rules::time::Moment;

/// Samples of each class in one round, at least.
const SAMPLES: usize = 100_000;
/// Samples of each class until the tables are made anew.
const PER_LAYOUT: usize = 100;
/// Rounds at most.
const ROUNDS: usize = 6;
/// Rounds in which a pair must differ, in the same direction, to count as told apart.
const NEEDED: usize = 4;
/// Welch's t from which two classes can be told apart.
const LIMIT: f64 = 4.5;
/// Nanoseconds from which on a difference counts: on a quiet machine this test sees a tenth of one, and a run in which one class is
/// two or four slower throughout, as its memory happens to lie. The look-up of the control differs by 20 to 70.
const LEAST_NS: f64 = 8.0;
/// How many of a hundred samples are kept, the fastest ones.
const KEPT_PERCENT: usize = 90;

const NOW: Moment = Moment::from_unix_ms(1_800_000_000_123);
const SECRET: &[u8] = b"kws_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijkl";
const PHRASE: &[u8] = b"Probe-Pass1!";
const TARGET: &[u8] = b"/api/v5/account/balance";

/// Two measurements at once would be each other's noise.
static ALONE: Mutex<()> = Mutex::new(());

/// One kind of refused request: which of the [`sets`], and from where.
struct Class {
    name: &'static str,
    set: usize,
    source: IpAddr,
}

const ONE_V4: usize = 0;
const ONE_V6: usize = 1;
const MANY_V4: usize = 2;
const MANY_V6: usize = 3;

fn sets() -> Vec<AddressSet> {
    // Every second /24 or /48, so that none can be joined.
    let v4: Vec<String> = (0..1_000_u32).map(|at| format!("5.{}.{}.0/24", at / 128, at % 128 * 2)).collect();
    let v6: Vec<String> = (0..1_000_u32).map(|at| format!("2001:db8:{:x}::/48", at * 2)).collect();
    let set = |text: &str| {
        let networks = text.split(',').map(|entry| Network::parse(entry, HostBits::Refuse).unwrap());
        AddressSet::of_app(networks.collect()).unwrap()
    };
    vec![set("203.0.113.0/24"), set("2001:db8::/32"), set(&v4.join(",")), set(&v6.join(","))]
}

/// Each set is asked by as many classes as any other: what is asked more often stays nearer in the caches.
fn classes() -> Vec<Class> {
    let class = |name, set, source: &str| Class { name, set, source: source.parse().unwrap() };
    vec![
        class("IPv4: one range, one address away", ONE_V4, "203.0.114.0"),
        class("IPv4: one range, nowhere near", ONE_V4, "9.9.9.9"),
        class("IPv4: 1,000 ranges, one address away", MANY_V4, "5.3.201.0"),
        class("IPv4: 1,000 ranges, nowhere near", MANY_V4, "9.9.9.9"),
        class("IPv4: one range of IPv6, nowhere near", ONE_V6, "9.9.9.9"),
        class("IPv4: one range of IPv6, alike in its first bits", ONE_V6, "32.1.13.184"),
        class("IPv4: 1,000 ranges of IPv6, nowhere near", MANY_V6, "9.9.9.9"),
        class("IPv4: 1,000 ranges of IPv6, alike in their first bits", MANY_V6, "32.1.13.184"),
        class("IPv6: one range, one address away", ONE_V6, "2001:db9::"),
        class("IPv6: one range, nowhere near", ONE_V6, "2a00::9"),
        class("IPv6: 1,000 ranges, one address away", MANY_V6, "2001:db8:3e9::"),
        class("IPv6: 1,000 ranges, nowhere near", MANY_V6, "2a00::9"),
        class("IPv6: one range of IPv4, nowhere near", ONE_V4, "2a00::9"),
        class("IPv6: one range of IPv4, alike in its last bits", ONE_V4, "2a00::203.0.113.7"),
        class("IPv6: 1,000 ranges of IPv4, nowhere near", MANY_V4, "2a00::9"),
        class("IPv6: 1,000 ranges of IPv4, alike in their last bits", MANY_V4, "2a00::5.0.0.7"),
    ]
}

#[test]
fn a_refusal_takes_the_same_time_however_near_and_many_the_ranges_are() {
    let reach = |set: &AddressSet| {
        Reach::App(AppId::from_u64(1).unwrap(), AppReach::Ranges(Arc::new(RangeTable::of(set))))
    };
    let apart = told_apart(reach);
    assert!(apart.is_empty(), "told apart in {NEEDED} of {ROUNDS} rounds: {apart:#?}");
}

/// The negative control: a search that ends early, over sets of a key's own, which nobody hides from its holder.
#[test]
fn a_look_up_that_leaks_is_told_apart() {
    let apart = told_apart(|set| Reach::Set(Arc::new(set.clone())));
    for (one, many) in [(0, 2), (1, 3), (8, 10), (9, 11)] {
        let (one, many) = (classes()[one].name, classes()[many].name);
        assert!(apart.contains(&(one, many)), "not told apart: {one} from {many}");
    }
}

type Pair = (&'static str, &'static str);

/// The pairs of classes that differ in [`NEEDED`] rounds. Stops early where no pair can reach that any more, or where
/// each that still can has reached it.
fn told_apart(reach: impl Fn(&AddressSet) -> Reach) -> Vec<Pair> {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let (desk, classes, mut numbers) = (Desk::new(), classes(), Numbers(0x9e37_79b9_7f4a_7c15));
    let mut rounds_apart: BTreeMap<(usize, usize, bool), usize> = BTreeMap::new();
    for round in 1..=ROUNDS {
        let mut samples = sample(&desk, &classes, &reach, &mut numbers);
        crop(&mut samples);
        let figures: Vec<Figures> = samples.iter().map(|values| Figures::of(values)).collect();
        for pair in differing(&classes, &figures, round) {
            *rounds_apart.entry(pair).or_default() += 1;
        }
        let left = ROUNDS - round;
        rounds_apart.retain(|_, rounds| *rounds + left >= NEEDED);
        let untouched_can_reach = left >= NEEDED;
        if !untouched_can_reach && rounds_apart.values().all(|rounds| *rounds >= NEEDED) {
            break;
        }
    }
    rounds_apart.into_keys().map(|(one, other, _)| (classes[one].name, classes[other].name)).collect()
}

/// The pairs beyond the limit, with whether the first is the slower.
fn differing(classes: &[Class], figures: &[Figures], round: usize) -> Vec<(usize, usize, bool)> {
    let (mut found, mut most) = (Vec::new(), 0.0_f64);
    for one in 0..figures.len() {
        for other in one + 1..figures.len() {
            if classes[one].source.is_ipv4() != classes[other].source.is_ipv4() {
                continue;
            }
            let t = figures[one].welch(&figures[other]);
            most = most.max(t.abs());
            let apart = (figures[one].mean - figures[other].mean).abs();
            if t.abs() >= LIMIT && apart >= LEAST_NS {
                found.push((one, other, t > 0.0));
            }
        }
    }
    let means: Vec<String> = figures.iter().map(|figures| format!("{:.1}", figures.mean)).collect();
    println!(
        "round {round}: means {} ns; greatest t {most:.2}; {} pairs apart",
        means.join(", "),
        found.len()
    );
    found
}

/// What all samples need, made before any is timed.
struct Desk {
    table: RouteTable,
    passphrases: PassphraseKey,
    tag: PassphraseTag,
    permissions: Permissions,
    state: [u8; 64],
    key: String,
    stamp: String,
    signature: Vec<u8>,
    body: Bytes,
}

impl Desk {
    fn new() -> Self {
        let (state, stamp, passphrases) =
            (HmacState::from_key(SECRET), NOW.to_string(), PassphraseKey::new([5; 32]));
        Self {
            table: RouteTable::okx_v5(1).unwrap(),
            tag: passphrases.tag(AccountId::from_u64(7).unwrap(), PHRASE),
            passphrases,
            permissions: "read,trade".parse().unwrap(),
            signature: sign(&state, stamp.as_bytes(), b"GET", TARGET, b"").as_bytes().to_vec(),
            state: state.to_bytes(),
            key: KeyId::from_entropy([3; 16]).to_string(),
            stamp,
            body: Bytes::new(),
        }
    }

    fn facts(&self, reach: Reach) -> KeyFacts {
        KeyFacts {
            id: KeyId::from_entropy([3; 16]),
            account: AccountId::from_u64(7).unwrap(),
            master: None,
            life: Life { state: HolderState::Active, holds: Holds::NONE },
            permissions: self.permissions,
            environment: Environment::Live,
            reach,
            expires_at: None,
            rate_cap: None,
            fences: None,
            hmac: HmacState::from_bytes(&self.state),
            passphrase: self.tag,
            slot: 0,
            copy: 0,
        }
    }

    /// The nanoseconds from a complete request to its refusal's answer.
    fn refuse(&self, reach: &Reach, source: IpAddr) -> u32 {
        let facts = self.facts(reach.clone());
        let raw = RawCredentials {
            key: Some(self.key.as_bytes()),
            sign: Some(&self.signature),
            timestamp: Some(self.stamp.as_bytes()),
            passphrase: Some(PHRASE),
            simulated: None,
        };
        let whole = Whole {
            id: RequestId(1),
            method: Method::Get,
            target: TARGET,
            body: &self.body,
            plain: true,
            credentials: Credentials::read(raw).unwrap(),
            routed: self.table.find(Method::Get, TARGET),
            source,
            door: Door::Everybody,
            now: NOW,
        };
        let (whole, facts) = (black_box(whole), black_box(facts));
        let began = Instant::now();
        let verdict = Received::new(whole).verify(Some(facts), &self.passphrases).and_then(Verified::clear);
        let Err(denial) = verdict else { panic!("admitted") };
        let reply = black_box(respond(&denial, RequestId(1)));
        let took = began.elapsed();
        assert_eq!((denial.entry().code, reply.status().as_u16()), ("50110", 401));
        u32::try_from(took.as_nanos()).unwrap_or(u32::MAX)
    }
}

/// Draws classes at random until each has its samples; gives the nanoseconds by class.
fn sample(
    desk: &Desk,
    classes: &[Class],
    reach: &impl Fn(&AddressSet) -> Reach,
    numbers: &mut Numbers,
) -> Vec<Vec<u32>> {
    let (sets, mut samples) = (sets(), vec![Vec::with_capacity(SAMPLES * 11 / 10); classes.len()]);
    while samples.iter().any(|values| values.len() < SAMPLES) {
        let laid_out = lay_out(&sets, reach, numbers);
        // The first look at a table brings it into the caches.
        for (kept, at) in (0..PER_LAYOUT * classes.len()).map(|at| (at >= 4 * classes.len(), at)) {
            let class = if kept { numbers.below(classes.len()) } else { at % classes.len() };
            let took = desk.refuse(&laid_out[classes[class].set], classes[class].source);
            if kept {
                samples[class].push(took);
            }
        }
    }
    samples
}

/// Makes what is looked up anew, in random order, so that each lies now here and now there.
fn lay_out(sets: &[AddressSet], reach: &impl Fn(&AddressSet) -> Reach, numbers: &mut Numbers) -> Vec<Reach> {
    let mut order: Vec<usize> = (0..sets.len()).collect();
    for at in (1..order.len()).rev() {
        order.swap(at, numbers.below(at + 1));
    }
    let mut made: Vec<(usize, Reach)> = order.into_iter().map(|at| (at, reach(&sets[at]))).collect();
    made.sort_by_key(|(at, _)| *at);
    made.into_iter().map(|(_, reach)| reach).collect()
}

/// Cuts the slowest tenth off, by one limit for all classes.
fn crop(samples: &mut [Vec<u32>]) {
    let mut all: Vec<u32> = samples.iter().flatten().copied().collect();
    let at = all.len() * KEPT_PERCENT / 100;
    let (_, &mut limit, _) = all.select_nth_unstable(at);
    for values in samples {
        values.retain(|value| *value <= limit);
    }
}

/// Of one class.
struct Figures {
    count: f64,
    mean: f64,
    variance: f64,
}

impl Figures {
    fn of(values: &[u32]) -> Self {
        let count = values.len() as f64;
        let mean = values.iter().map(|value| f64::from(*value)).sum::<f64>() / count;
        let squares = values.iter().map(|value| (f64::from(*value) - mean).powi(2)).sum::<f64>();
        Self { count, mean, variance: squares / (count - 1.0) }
    }

    /// Welch's t; positive when this one is the slower.
    fn welch(&self, other: &Self) -> f64 {
        (self.mean - other.mean) / (self.variance / self.count + other.variance / other.count).sqrt()
    }
}

/// A small generator with a fixed seed: the order is random to the machine, and the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % limit
    }
}
