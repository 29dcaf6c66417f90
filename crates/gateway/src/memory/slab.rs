//! Records in chunks that never move, and beside each record what does not fit it.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use keyward_rules::address::AddressSet;
use keyward_rules::fence::Fences;
use parking_lot::RwLock;

use super::record::Record;

const CHUNK: u32 = 16_384;
/// 67 million keys; past that a new key is refused and said so.
const CHUNKS: u32 = 4_096;

/// The parts of a key that vary in size.
///
/// Written only inside the record's write section.
#[derive(Default)]
pub(super) struct Extra {
    /// Its name, which the backend shows to the client.
    pub(super) label: Box<str>,
    /// Its address set, unless the record holds it.
    pub(super) set: Option<Arc<AddressSet>>,
    /// Its limits. The record says whether there are any.
    pub(super) fences: Option<Arc<Fences>>,
}

/// All records of a node.
pub(super) struct Slab {
    chunks: Vec<OnceLock<Chunk>>,
    used: AtomicU32,
}

/// Apart, so that the records stay dense: a verdict seldom looks at the rest.
struct Chunk {
    records: Box<[Record]>,
    extras: Box<[RwLock<Extra>]>,
    told: Box<[AtomicU64]>,
}

impl Default for Slab {
    fn default() -> Self {
        Self { chunks: (0..CHUNKS).map(|_| OnceLock::new()).collect(), used: AtomicU32::new(0) }
    }
}

impl Slab {
    /// The record in `slot`, if it was claimed.
    pub(super) fn get(&self, slot: u32) -> Option<&Record> {
        self.chunk(slot)?.records.get((slot % CHUNK) as usize)
    }

    /// What belongs to the record in `slot` beside it.
    pub(super) fn extra(&self, slot: u32) -> Option<&RwLock<Extra>> {
        self.chunk(slot)?.extras.get((slot % CHUNK) as usize)
    }

    /// A word that remembers what was last told of the key in `slot`.
    pub(super) fn told(&self, slot: u32) -> Option<&AtomicU64> {
        self.chunk(slot)?.told.get((slot % CHUNK) as usize)
    }

    /// A slot that nobody has; `None` when there is none left.
    pub(super) fn claim(&self) -> Option<u32> {
        let slot = self.used.load(Ordering::Relaxed);
        self.chunks.get((slot / CHUNK) as usize)?.get_or_init(|| Chunk {
            records: (0..CHUNK).map(|_| Record::default()).collect(),
            extras: (0..CHUNK).map(|_| RwLock::default()).collect(),
            told: (0..CHUNK).map(|_| AtomicU64::new(0)).collect(),
        });
        self.used.store(slot + 1, Ordering::Relaxed);
        Some(slot)
    }

    /// Slots in use.
    pub(super) fn len(&self) -> u32 {
        self.used.load(Ordering::Relaxed)
    }

    fn chunk(&self, slot: u32) -> Option<&Chunk> {
        self.chunks.get((slot / CHUNK) as usize)?.get()
    }
}
