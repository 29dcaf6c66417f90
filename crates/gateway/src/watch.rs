//! Keys that are watched: what is usual for each, and what is unusual about the requests that come in.
//!
//! Beside the path of requests, not on it. The journal's writer hands over what it was handed, and one task judges it: a request
//! waits for neither. Everything is bounded, and what finds no room is counted.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use keyward_rules::id::{AccountId, KeyId};
use keyward_rules::key::{Environment, Reach};
use keyward_rules::route::{Class, Found, Method, RouteTable};
use keyward_rules::signal::{
    Baseline, FirstUse, KeyReach, RequestOutcome, SeenRequest, Signal, SignalKind, Watched,
};
use keyward_rules::time::Moment;
use keyward_store::Record;
use tokio::sync::mpsc;

use crate::memory::{Lookup, Memory};

/// Batches that may wait; each has as many requests as one commit of the journal.
const ROOM: usize = 64;
/// Keys that are watched at a time: with a month of learning each about 200 MB.
const KEYS: usize = 100_000;
/// A key that did nothing for so long gives its place away.
const IDLE_MS: u64 = 15 * 60_000;

/// Requests whose signature was right, with their keys.
pub type SeenBatch = Vec<(KeyId, SeenRequest)>;

/// The way from the journal's writer to the watch.
pub struct WatchSender {
    routes: RouteTable,
    out: mpsc::Sender<SeenBatch>,
    unwatched: Arc<AtomicU64>,
}

/// Makes both ends; the counter is of requests that were not watched for want of room.
///
/// # Errors
/// As [`RouteTable::okx_v5`].
pub fn channel()
-> Result<(WatchSender, mpsc::Receiver<SeenBatch>, Arc<AtomicU64>), keyward_rules::route::BadTable> {
    let (out, seen) = mpsc::channel(ROOM);
    let unwatched = Arc::<AtomicU64>::default();
    let sender = WatchSender { routes: RouteTable::okx_v5(1)?, out, unwatched: Arc::clone(&unwatched) };
    Ok((sender, seen, unwatched))
}

impl WatchSender {
    /// Hands over what is to be watched of these records; never waits.
    pub fn send(&self, records: &[Record]) {
        let mut seen: SeenBatch = records.iter().filter_map(|record| self.seen(record)).collect();
        // Records come as requests end; they are counted as they began.
        seen.sort_by_key(|(_, request)| request.at);
        let count = seen.len() as u64;
        if count > 0 && self.out.try_send(seen).is_err() {
            self.unwatched.fetch_add(count, Ordering::Relaxed);
        }
    }

    /// `None` for a request whose signature was not right: who knows a key's public id must not teach anything about it.
    fn seen(&self, record: &Record) -> Option<(KeyId, SeenRequest)> {
        let (key, _) = (record.key?, record.account?);
        let seen = SeenRequest {
            at: record.at,
            source: record.source,
            method: record.method,
            route: record.route,
            class: self.class(record.method, record.route),
            code: record.code,
            outcome: RequestOutcome::of_code(record.code),
            orders: record.orders.clone(),
        };
        Some((key, seen))
    }

    /// An operation on a socket has the path of its twin, which is posted; a login has none and reads.
    fn class(&self, method: &str, route: &str) -> Class {
        let method = Method::parse(method).unwrap_or(Method::Post);
        match self.routes.find(method, route.as_bytes()) {
            Found::Route(route) => route.class,
            Found::WrongMethod | Found::Unknown => Class::Read,
        }
    }
}

/// The keys that are watched.
#[derive(Default)]
pub struct Watch {
    keys: HashMap<KeyId, Watched>,
}

impl Watch {
    /// The keys of a batch that are not watched yet, at most `most`, each once.
    #[must_use]
    pub fn strangers(&self, batch: &SeenBatch, most: usize) -> Vec<KeyId> {
        let mut strangers = Vec::new();
        let room = most.min(KEYS.saturating_sub(self.keys.len()));
        let mut last = None;
        for (key, _) in batch {
            if strangers.len() < room && last != Some(*key) && !self.keys.contains_key(key) {
                strangers.push(*key);
            }
            last = Some(*key);
        }
        strangers.sort_unstable();
        strangers.dedup();
        strangers
    }

    /// Notes from which size on a key's holder wants to hear of what was smaller.
    pub fn was_too_small(&mut self, key: KeyId, (kind, from): (SignalKind, u32)) {
        if let Some(watched) = self.keys.get_mut(&key) {
            watched.was_too_small(kind, from);
        }
    }

    /// Watches a key of which so much was learned.
    pub fn add(&mut self, key: KeyId, learned: Baseline, now: Moment) {
        self.keys.insert(key, Watched::new(learned, now));
    }

    /// Takes a request in: what is unusual about it; `None` when its key is not watched.
    pub fn see(
        &mut self,
        key: KeyId,
        request: &SeenRequest,
        reach: impl FnOnce() -> KeyReach,
    ) -> Option<Vec<Signal>> {
        Some(self.keys.get_mut(&key)?.see(request, reach()))
    }

    /// What the key did for the first time with the request that was last taken in.
    pub fn take_first_uses(&mut self, key: KeyId) -> Vec<FirstUse> {
        self.keys.get_mut(&key).map(Watched::take_first_uses).unwrap_or_default()
    }

    /// Whether a watched key did this before, or may have.
    #[must_use]
    pub fn may_have_done(&self, key: KeyId, what: &FirstUse, at: Moment) -> bool {
        self.keys.get(&key).is_some_and(|watched| watched.may_have_done(what, at))
    }

    /// What was learned since the last call, as texts to keep: what is news, or `all`. Keys that did nothing for long are forgotten.
    pub fn to_keep(&mut self, now: Moment, all: bool) -> Vec<(KeyId, String)> {
        let mut news = Vec::new();
        self.keys.retain(|key, watched| {
            let idle = now.ms_since(watched.seen_at()) >= IDLE_MS;
            news.extend(watched.to_keep(idle || all).map(|learned| (*key, learned.to_string())));
            !idle
        });
        news
    }
}

/// Whose key it is: its account, and the one that counts for it, which is the master of a sub-account. `None` for demo keys, which
/// move nothing, and for keys that have ended.
#[must_use]
pub fn owner_of(memory: &Memory, key: KeyId) -> Option<(AccountId, AccountId)> {
    match memory.facts(key) {
        Lookup::Facts(facts) if facts.environment == Environment::Live => {
            Some((facts.account, facts.master.unwrap_or(facts.account)))
        }
        Lookup::Facts(_) | Lookup::Unknown | Lookup::Torn => None,
    }
}

/// From where a key works, as far as a watch has to know. Of one that has ended no address is kept.
#[must_use]
pub fn reach_of(memory: &Memory, key: KeyId) -> KeyReach {
    match memory.facts(key) {
        Lookup::Facts(facts) => match facts.reach {
            Reach::Anywhere => KeyReach::Unbound,
            Reach::Few(_) | Reach::Set(_) | Reach::Canary => KeyReach::Bound,
            Reach::App(..) => KeyReach::App,
        },
        // Its addresses may be confidential.
        Lookup::Unknown | Lookup::Torn => KeyReach::App,
    }
}

#[cfg(test)]
mod tests {
    use keyward_rules::id::{AccountId, KeyId, RequestId};
    use keyward_rules::route::Class;
    use keyward_rules::signal::{Baseline, KeyReach, SignalKind};
    use keyward_rules::time::Moment;
    use keyward_store::Record;

    use super::{IDLE_MS, KEYS, ROOM, Watch, channel};

    fn key(number: u128) -> KeyId {
        KeyId::from_entropy(number.to_be_bytes())
    }

    fn record(key: KeyId, method: &'static str, route: &'static str) -> Record {
        Record {
            at: Moment::from_unix_ms(1),
            request: RequestId(1),
            key: Some(key),
            account: AccountId::from_u64(1),
            source: "192.0.2.1".parse().unwrap(),
            method,
            route,
            code: "0",
            upstream_status: Some(200),
            bytes_in: 0,
            bytes_out: 0,
            micros: 0,
            orders: None,
        }
    }

    #[test]
    fn what_a_record_did_is_known_by_its_route_or_its_twins() {
        let (out, mut seen, unwatched) = channel().unwrap();
        let stranger = Record { account: None, ..record(key(1), "POST", "/api/v5/trade/order") };
        out.send(std::slice::from_ref(&stranger));
        assert!(seen.try_recv().is_err(), "a wrong signature teaches nothing");
        out.send(&[
            record(key(1), "GET", "/api/v5/trade/order"),
            record(key(1), "WS", "/api/v5/trade/order"),
            record(key(1), "WS", "login"),
            record(key(1), "POST", "/api/v5/asset/withdrawal"),
            stranger,
        ]);
        let classes: Vec<Class> = seen.try_recv().unwrap().iter().map(|(_, seen)| seen.class).collect();
        assert_eq!(classes, [Class::Read, Class::Trade, Class::Read, Class::Withdraw]);
        for _ in 0..ROOM + 2 {
            out.send(&[record(key(1), "WS", "login")]);
        }
        assert_eq!(unwatched.load(std::sync::atomic::Ordering::Relaxed), 2, "never waits");
    }

    #[test]
    fn keys_are_watched_while_there_is_room_and_kept_when_there_is_news() {
        let (out, mut seen, _) = channel().unwrap();
        out.send(&[
            record(key(2), "POST", "/api/v5/asset/withdrawal"),
            record(key(1), "WS", "login"),
            record(key(2), "WS", "login"),
        ]);
        let batch = seen.try_recv().unwrap();
        let mut watch = Watch::default();
        assert_eq!(watch.strangers(&batch, 1).len(), 1);
        let strangers = watch.strangers(&batch, 9);
        assert_eq!(strangers, [key(1).min(key(2)), key(1).max(key(2))]);
        let now = Moment::from_unix_ms(1);
        let (first, request) = batch[0].clone();
        assert_eq!(watch.see(first, &request, || KeyReach::Bound), None);
        watch.add(first, Baseline::default(), now);
        let told = watch.see(first, &request, || KeyReach::Bound).unwrap();
        assert_eq!(told.iter().map(|one| one.kind).collect::<Vec<_>>(), [SignalKind::FirstWithdrawal]);
        assert_eq!(watch.strangers(&batch, 9), [key(1)]);
        let kept = watch.to_keep(now, false);
        assert!(kept[0].0 == first && kept[0].1.parse::<Baseline>().unwrap().usual().classes == ["withdraw"]);
        let again = watch.see(first, &request, || KeyReach::Bound);
        assert!(again.is_some_and(|told| told.is_empty()) && watch.to_keep(now, false).is_empty(), "no news");
        assert_eq!(
            watch.to_keep(now.plus_ms(IDLE_MS), false).len(),
            1,
            "when it was last used is kept in the end"
        );
        assert_eq!(watch.strangers(&batch, 9).len(), 2, "it did nothing for long and was forgotten");
        for number in 0..KEYS as u128 {
            watch.add(key(100 + number), Baseline::default(), now);
        }
        assert_eq!(watch.strangers(&batch, 9), []);
    }
}
