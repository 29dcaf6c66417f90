//! The journal's spool of a running node.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use keyward_store::Spool;

/// The journal's spool, and what keeps others off it.
pub struct Spooled {
    /// The spool.
    pub spool: Spool,
    /// The bytes that it takes, as last seen.
    pub used: Arc<AtomicU64>,
    _lock: std::fs::File,
}

impl Spooled {
    /// A spool that was just opened, in a folder that `lock` keeps to this process.
    pub fn new(spool: Spool, lock: std::fs::File) -> Self {
        Self { spool, used: Arc::default(), _lock: lock }
    }
}
