//! Records in chunks that never move.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use super::record::Record;

const CHUNK: u32 = 4_096;
/// 67 million keys; past that a new key is refused and said so.
const CHUNKS: u32 = 16_384;

/// All records of a node.
pub(super) struct Slab {
    chunks: Vec<OnceLock<Box<[Record]>>>,
    used: AtomicU32,
}

impl Default for Slab {
    fn default() -> Self {
        Self { chunks: (0..CHUNKS).map(|_| OnceLock::new()).collect(), used: AtomicU32::new(0) }
    }
}

impl Slab {
    /// The record in `slot`, if it was claimed.
    pub(super) fn get(&self, slot: u32) -> Option<&Record> {
        self.chunks.get((slot / CHUNK) as usize)?.get()?.get((slot % CHUNK) as usize)
    }

    /// A slot that nobody has; `None` when there is none left.
    pub(super) fn claim(&self) -> Option<u32> {
        let slot = self.used.load(Ordering::Relaxed);
        let chunk = self.chunks.get((slot / CHUNK) as usize)?;
        chunk.get_or_init(|| (0..CHUNK).map(|_| Record::default()).collect());
        self.used.store(slot + 1, Ordering::Relaxed);
        Some(slot)
    }

    /// Slots in use.
    pub(super) fn len(&self) -> u32 {
        self.used.load(Ordering::Relaxed)
    }
}
