//! How many sockets there may be, and are.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Sockets at once.
const SOCKETS: usize = 16_384;

/// The room for sockets.
pub(crate) struct Room(Arc<Semaphore>);

impl Default for Room {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(SOCKETS)))
    }
}

impl Room {
    /// A place for one socket, until dropped; none when all are taken.
    pub(crate) fn take(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0).try_acquire_owned().ok()
    }

    /// How many places are taken.
    pub(crate) fn taken(&self) -> usize {
        SOCKETS - self.0.available_permits()
    }
}

#[cfg(test)]
mod tests {
    use super::{Room, SOCKETS};

    #[test]
    fn places_are_counted_and_end() {
        let room = Room::default();
        let mut taken: Vec<_> = (0..SOCKETS).map(|_| room.take().unwrap()).collect();
        assert_eq!(room.taken(), SOCKETS);
        assert!(room.take().is_none());
        taken.clear();
        assert_eq!(room.taken(), 0);
    }
}
