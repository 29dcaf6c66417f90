//! The gateway's memory of facts: every key in a fixed slot, found by one hashed look-up.
//!
//! One applier writes, requests read. A reader copies a record whole under its sequence word, with bounded
//! retries, and then gives up closed. Facts are kept, verdicts never. A tombstone is never overwritten, and a
//! record never goes back to an older version.

mod applied;
mod index;
mod record;
mod slab;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arc_swap::ArcSwap;
use keyward_rules::address::{AddressSet, RangeTable};
use keyward_rules::fence::Fences;
use keyward_rules::id::{AppId, KeyId};
use keyward_rules::key::{AppReach, Environment, KeyFacts, Reach};
use keyward_store::{AppRecord, AppState, KeyRecord};
use parking_lot::Mutex;

use index::Index;
use record::{Image, ReachWord};
use slab::{Extra, Slab};

pub use applied::Applied;

/// What a look-up found; lives for one verdict, on the stack.
#[expect(clippy::large_enum_variant, reason = "a box would cost an allocation for every request")]
pub enum Lookup {
    /// One consistent copy.
    Facts(KeyFacts),
    /// No such key, or one that has ended.
    Unknown,
    /// The record kept changing while it was read.
    Torn,
}

/// All facts of one node.
#[derive(Default)]
pub struct Memory {
    slab: Slab,
    index: Index,
    /// With the version of the row that each came from.
    apps: ArcSwap<HashMap<AppId, (u64, AppReach)>>,
    /// There is one applier; the lock says so.
    applier: Mutex<()>,
    /// How many times something was applied.
    changes: AtomicU64,
    /// Whether a key has had limits that need the exchange's prices, live and demo.
    needs_market: [AtomicBool; 2],
}

impl Memory {
    /// One consistent copy of the key's facts.
    pub fn facts(&self, id: KeyId) -> Lookup {
        let Some((slot, record)) = self.find(id) else { return Lookup::Unknown };
        let taken = record.read(|image, copy| {
            let reach = match image.reach() {
                ReachWord::Nowhere => Reach::App(APP_NOBODY, AppReach::Nowhere),
                ReachWord::Anywhere => Reach::Anywhere,
                ReachWord::Few(few) => Reach::Few(few),
                ReachWord::Canary => Reach::Canary,
                ReachWord::Set => {
                    self.set_in(slot).map_or(Reach::App(APP_NOBODY, AppReach::Nowhere), Reach::Set)
                }
                ReachWord::App(app) => {
                    let reach = self.apps.load().get(&app).map(|(_, reach)| reach.clone());
                    Reach::App(app, reach.unwrap_or(AppReach::Nowhere))
                }
            };
            let fences = if image.is_fenced() { self.fences_in(slot) } else { None };
            (*image, reach, fences, copy)
        });
        match taken {
            None => Lookup::Torn,
            Some((image, reach, fences, copy)) => {
                image.facts(reach, fences, (slot, copy)).map_or(Lookup::Unknown, Lookup::Facts)
            }
        }
    }

    /// The key's name.
    pub fn label(&self, id: KeyId) -> Option<String> {
        let (slot, _) = self.find(id)?;
        Some(self.slab.extra(slot)?.read().label.to_string())
    }

    /// Whether the record is still the one that was copied, and its app's ranges too.
    pub fn is_current(&self, facts: &KeyFacts) -> bool {
        let own = self.slab.get(facts.slot).is_some_and(|record| record.sequence() == facts.copy);
        own && match &facts.reach {
            Reach::App(app, AppReach::Ranges(then)) => {
                let apps = self.apps.load();
                matches!(apps.get(app), Some((_, AppReach::Ranges(now))) if Arc::ptr_eq(then, now))
            }
            Reach::App(_, AppReach::Frozen | AppReach::Nowhere) => false,
            Reach::Anywhere | Reach::Few(_) | Reach::Set(_) | Reach::Canary => true,
        }
    }

    /// Whether the limits of some key of the environment need the exchange's instruments and prices.
    pub fn needs_market(&self, environment: Environment) -> bool {
        let [live, demo] = &self.needs_market;
        match environment {
            Environment::Live => live.load(Ordering::Relaxed),
            Environment::Demo => demo.load(Ordering::Relaxed),
        }
    }

    /// A number that grows after each change: while it stays the same, so does everything in here.
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// Where it is kept of the key in `slot` what was last told of it.
    pub fn told(&self, slot: u32) -> Option<&AtomicU64> {
        self.slab.told(slot)
    }

    /// Takes in a key as the store has it.
    pub fn apply(&self, key: &KeyRecord) -> Applied {
        if key.fences.as_ref().is_some_and(|fences| fences.needs_market()) {
            let [live, demo] = &self.needs_market;
            let needed = if key.environment == Environment::Demo { demo } else { live };
            needed.store(true, Ordering::Relaxed);
        }
        let extra = Extra { label: key.name.as_str().into(), set: own_set(key), fences: key.fences.clone() };
        self.put(key.id, Image::of(key), Some(extra))
    }

    /// Stops a key whose stored record does not verify.
    pub fn break_seal(&self, id: KeyId) -> Applied {
        let known = self.find(id).and_then(|(_, record)| record.read(|image, _| *image));
        self.put(id, Image::broken(id, known.as_ref()), None)
    }

    /// Ends a key whose row is gone.
    pub fn forget(&self, id: KeyId) {
        let _one = self.applier.lock();
        if let Some((_, record)) = self.find(id) {
            record.write(|image| image.end());
        }
        self.note_change();
    }

    /// Takes in all apps; gives those whose row is older than one seen before.
    pub fn apply_apps(&self, apps: &[AppRecord]) -> Vec<AppId> {
        let _one = self.applier.lock();
        let known = self.apps.load();
        let mut put_back = Vec::new();
        let mut all: HashMap<AppId, (u64, AppReach)> = HashMap::new();
        for app in apps {
            let (entry, older) = succeeded(app, known.get(&app.id));
            if older {
                put_back.push(app.id);
            }
            all.insert(app.id, entry);
        }
        // What is gone now may not come back with an older row.
        for (id, (version, _)) in known.iter() {
            all.entry(*id).or_insert((*version, AppReach::Nowhere));
        }
        self.apps.store(Arc::new(all));
        self.note_change();
        put_back
    }

    /// Takes in one app as the store has it; without a row that verifies, its keys work from nowhere. All its keys share
    /// what is put in place here. Whether the row is older than one seen before.
    pub fn apply_app(&self, id: AppId, app: Option<&AppRecord>) -> bool {
        let _one = self.applier.lock();
        let mut apps = HashMap::clone(&self.apps.load());
        let known = apps.get(&id);
        let (entry, older) = match app {
            Some(app) => succeeded(app, known),
            None => ((known.map_or(0, |(version, _)| *version), AppReach::Nowhere), false),
        };
        apps.insert(id, entry);
        self.apps.store(Arc::new(apps));
        self.note_change();
        older
    }

    /// Whether this is the address of some app's server. It takes as long as there are apps, up to the first that has it.
    pub fn is_of_some_app(&self, address: IpAddr) -> bool {
        let apps = self.apps.load();
        apps.values().any(|(_, reach)| matches!(reach, AppReach::Ranges(ranges) if ranges.contains(address)))
    }

    /// How many keys have a slot.
    pub fn slots(&self) -> u32 {
        self.slab.len()
    }

    fn find(&self, id: KeyId) -> Option<(u32, &record::Record)> {
        let slot = self.index.find(id, |slot| self.slab.get(slot).map(record::Record::id))?;
        Some((slot, self.slab.get(slot)?))
    }

    fn note_change(&self) {
        self.changes.fetch_add(1, Ordering::Release);
    }

    fn put(&self, id: KeyId, image: Image, extra: Option<Extra>) -> Applied {
        let _one = self.applier.lock();
        let applied = self.put_alone(id, image, extra);
        self.note_change();
        applied
    }

    /// The caller holds the applier's lock.
    fn put_alone(&self, id: KeyId, image: Image, extra: Option<Extra>) -> Applied {
        if let Some((slot, record)) = self.find(id) {
            return record.replace(&image, || self.store_extra(slot, extra));
        }
        let Some(slot) = self.slab.claim() else { return Applied::Full };
        let Some(record) = self.slab.get(slot) else { return Applied::Full };
        self.store_extra(slot, extra);
        record.fill(&image);
        // The slot is published only once the record is whole.
        self.index.insert(id, slot, |other| self.slab.get(other).map(record::Record::id));
        Applied::Stored
    }

    fn set_in(&self, slot: u32) -> Option<Arc<AddressSet>> {
        self.slab.extra(slot)?.read().set.clone()
    }

    fn fences_in(&self, slot: u32) -> Option<Arc<Fences>> {
        self.slab.extra(slot)?.read().fences.clone()
    }

    fn store_extra(&self, slot: u32, extra: Option<Extra>) {
        if let Some(place) = self.slab.extra(slot) {
            *place.write() = extra.unwrap_or_default();
        }
    }
}

fn reach_of(app: &AppRecord) -> AppReach {
    match app.state {
        AppState::Active => AppReach::Ranges(Arc::new(RangeTable::of(&app.ranges))),
        AppState::Frozen => AppReach::Frozen,
    }
}

/// What follows what is known: the same where nothing changed, so that requests under way keep what they were judged by;
/// and nowhere for a row that somebody put back, which is said beside it.
fn succeeded(app: &AppRecord, known: Option<&(u64, AppReach)>) -> ((u64, AppReach), bool) {
    match (reach_of(app), known) {
        (_, Some((seen, _))) if app.version < *seen => ((*seen, AppReach::Nowhere), true),
        (AppReach::Ranges(new), Some((_, AppReach::Ranges(old)))) if new == *old => {
            ((app.version, AppReach::Ranges(Arc::clone(old))), false)
        }
        (reach, _) => ((app.version, reach), false),
    }
}

/// Stands for "no app": its ranges are nowhere.
const APP_NOBODY: AppId = match AppId::from_u64(1) {
    Some(id) => id,
    None => unreachable!(),
};

/// The key's own set, when it does not fit the record.
fn own_set(key: &KeyRecord) -> Option<Arc<AddressSet>> {
    use keyward_rules::address::Binding;
    use keyward_rules::key::FewV4;
    match &key.binding {
        Binding::Addresses(set) if FewV4::of(set).is_none() => Some(Arc::new(set.clone())),
        Binding::Addresses(_) | Binding::Anywhere | Binding::App(_) | Binding::Canary => None,
    }
}
