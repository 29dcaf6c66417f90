//! From a key id to its slot: sharded open addressing over 32-bit slots, lock-free for readers.
//!
//! Key ids are random, so their bits are the hash. Strangers can ask for any id but insert none, so they
//! cannot build long probe runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use arc_swap::ArcSwap;
use keyward_rules::id::KeyId;

const SHARDS: usize = 256;
const FIRST_SLOTS: usize = 64;

/// Holds slot numbers plus one; zero is an empty place.
type Places = Vec<AtomicU32>;

struct Shard {
    places: ArcSwap<Places>,
    used: AtomicU32,
}

/// The table.
pub(super) struct Index {
    shards: Vec<Shard>,
}

fn empty(places: usize) -> Places {
    (0..places).map(|_| AtomicU32::new(0)).collect()
}

impl Default for Index {
    fn default() -> Self {
        let shard = || Shard { places: ArcSwap::from_pointee(empty(FIRST_SLOTS)), used: AtomicU32::new(0) };
        Self { shards: (0..SHARDS).map(|_| shard()).collect() }
    }
}

const fn shard_of(id: KeyId) -> usize {
    id.as_u128() as usize % SHARDS
}

const fn place_of(id: KeyId) -> usize {
    (id.as_u128() >> 80) as usize ^ ((id.as_u128() >> 8) as usize)
}

/// The places to look at for `id`, each once.
fn probe(places: &Places, id: KeyId) -> impl Iterator<Item = &AtomicU32> {
    let mask = places.len().wrapping_sub(1);
    let start = place_of(id);
    (0..places.len()).filter_map(move |step| places.get(start.wrapping_add(step) & mask))
}

impl Index {
    /// The slot of `id`; `id_at` tells which key a slot holds.
    pub(super) fn find(&self, id: KeyId, id_at: impl Fn(u32) -> Option<KeyId>) -> Option<u32> {
        let places = self.shards.get(shard_of(id))?.places.load();
        for place in probe(&places, id) {
            let slot = place.load(Ordering::Acquire).checked_sub(1)?;
            if id_at(slot) == Some(id) {
                return Some(slot);
            }
        }
        None
    }

    /// Publishes `slot` for `id`. Called by the one applier, for an id that is not there yet.
    pub(super) fn insert(&self, id: KeyId, slot: u32, id_at: impl Fn(u32) -> Option<KeyId>) {
        let Some(shard) = self.shards.get(shard_of(id)) else { return };
        let places = shard.places.load();
        let used = shard.used.load(Ordering::Relaxed) as usize;
        // At most five eighths full, so that probe runs stay short.
        if (used + 1) * 8 > places.len() * 5 {
            let wider = empty(places.len() * 2);
            for slot in places.iter().filter_map(|place| place.load(Ordering::Relaxed).checked_sub(1)) {
                if let Some(known) = id_at(slot) {
                    settle(&wider, known, slot);
                }
            }
            settle(&wider, id, slot);
            shard.places.store(Arc::new(wider));
        } else {
            settle(&places, id, slot);
        }
        shard.used.fetch_add(1, Ordering::Relaxed);
    }
}

fn settle(places: &Places, id: KeyId, slot: u32) {
    if let Some(place) = probe(places, id).find(|place| place.load(Ordering::Relaxed) == 0) {
        place.store(slot.saturating_add(1), Ordering::Release);
    }
}
