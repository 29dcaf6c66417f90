//! Reading a whole body: bounded in size, time, and together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use keyward_rules::address::Source;
use keyward_rules::counts::Counts;
use keyward_rules::denial::Denial;
use keyward_rules::route::Method;
use parking_lot::Mutex;

use crate::settings::Limits;

/// Which part of the budget bodies and replies are taken from.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Room {
    /// A public route, whose senders nobody knows.
    Public,
    /// A private route: key, time and passphrase were right.
    Private,
}

/// Bytes that the buffered bodies may take together. Strangers have a part of their own, which they cannot outgrow, and no
/// source has more than its share.
pub struct Budget {
    public: Part,
    private: Part,
}

/// A part of the budget.
struct Part {
    left: AtomicUsize,
    /// What one source may have of it.
    share: usize,
    /// What each source has. Small bodies are not counted here, because there are that many.
    by_source: Mutex<Counts<Source>>,
    /// How many sources are counted, so that a request need not look while there is none.
    sources: AtomicUsize,
}

/// Bytes taken from the budget, given back when dropped.
pub struct Share {
    budget: Arc<Budget>,
    room: Room,
    source: Source,
    taken: usize,
    counted: usize,
}

/// Public routes have an eighth of the budget. A source may have an eighth of either part.
const PUBLIC_PART: usize = 8;
const SOURCE_PART: usize = 8;
/// The largest body of a public route.
const PUBLIC_BYTES: usize = 16 << 10;
/// From here on a body counts against the share of its source.
const SMALL_BYTES: usize = 8 << 10;

impl Budget {
    /// A budget of `bytes`.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        let public = bytes / PUBLIC_PART;
        let part = |bytes: usize| Part {
            left: AtomicUsize::new(bytes),
            share: bytes / SOURCE_PART,
            by_source: Mutex::default(),
            sources: AtomicUsize::new(0),
        };
        Self { public: part(public), private: part(bytes - public) }
    }

    fn nothing(self: &Arc<Self>, room: Room, source: Source) -> Share {
        Share { budget: Arc::clone(self), room, source, taken: 0, counted: 0 }
    }

    /// Takes the part of a reply that waits for its client; `None` when there is none left.
    #[must_use]
    pub fn reply(self: &Arc<Self>, room: Room, source: Source, bytes: usize) -> Option<Share> {
        let mut share = self.nothing(room, source);
        share.grow(bytes).ok().map(|()| share)
    }

    /// Whether `source` may have another reply of a private route that it has to take.
    #[must_use]
    pub fn has_room(&self, source: Source) -> bool {
        let part = &self.private;
        part.sources.load(Ordering::Relaxed) == 0 || part.by_source.lock().of(&source) < part.share
    }

    const fn part(&self, room: Room) -> &Part {
        match room {
            Room::Public => &self.public,
            Room::Private => &self.private,
        }
    }
}

impl Share {
    fn grow(&mut self, bytes: usize) -> Result<(), Denial> {
        if self.taken + bytes > SMALL_BYTES {
            self.count(self.taken + bytes - self.counted)?;
        }
        let take = |left: usize| left.checked_sub(bytes);
        let left = &self.budget.part(self.room).left;
        left.fetch_update(Ordering::AcqRel, Ordering::Acquire, take).map_err(|_| Denial::Busy)?;
        self.taken += bytes;
        Ok(())
    }

    fn count(&mut self, bytes: usize) -> Result<(), Denial> {
        let part = self.budget.part(self.room);
        let mut by_source = part.by_source.lock();
        if !by_source.add(self.source, bytes, part.share) {
            return Err(Denial::Busy);
        }
        part.sources.store(by_source.parties(), Ordering::Relaxed);
        self.counted += bytes;
        Ok(())
    }

    /// Makes it `bytes` large.
    ///
    /// # Errors
    /// 50013 when there is no room to grow.
    pub fn resize(&mut self, bytes: usize) -> Result<(), Denial> {
        if bytes >= self.taken {
            return self.grow(bytes - self.taken);
        }
        let part = self.budget.part(self.room);
        part.left.fetch_add(self.taken - bytes, Ordering::AcqRel);
        self.taken = bytes;
        self.uncount(self.counted.saturating_sub(if bytes > SMALL_BYTES { bytes } else { 0 }));
        Ok(())
    }

    fn uncount(&mut self, bytes: usize) {
        if bytes == 0 {
            return;
        }
        let part = self.budget.part(self.room);
        let mut by_source = part.by_source.lock();
        by_source.take(&self.source, bytes);
        part.sources.store(by_source.parties(), Ordering::Relaxed);
        self.counted -= bytes;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.part(self.room).left.fetch_add(self.taken, Ordering::AcqRel);
        self.uncount(self.counted);
    }
}

/// Reads the body to its end.
///
/// # Errors
/// 400 for a body where there may be none and for one that breaks off, 413 past the limit, 408 past the time, 50013 when the
/// budget or the source's share is used up.
pub async fn read(
    mut body: Incoming,
    method: Method,
    (room, source): (Room, Source),
    limits: &Limits,
    budget: &Arc<Budget>,
) -> Result<(Bytes, Option<Share>), Denial> {
    if body.is_end_stream() {
        return Ok((Bytes::new(), None));
    }
    let mut share = budget.nothing(room, source);
    let (most, too_large) = match (method, room) {
        (Method::Get, _) => (0, Denial::Malformed),
        (Method::Post, Room::Public) => (PUBLIC_BYTES.min(limits.body_bytes), Denial::BodyTooLarge),
        (Method::Post, Room::Private) => (limits.body_bytes, Denial::BodyTooLarge),
    };
    let whole = async {
        let mut gathered = BytesMut::new();
        if body.size_hint().lower() > most as u64 {
            return Err(too_large);
        }
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|_| Denial::Malformed)?.into_data() else { continue };
            if gathered.len() + data.len() > most {
                return Err(too_large);
            }
            share.grow(data.len())?;
            gathered.extend_from_slice(&data);
        }
        Ok(gathered.freeze())
    };
    let read = tokio::time::timeout(Duration::from_millis(limits.body_ms), whole)
        .await
        .unwrap_or(Err(Denial::BodyTooSlow));
    match read {
        Ok(bytes) => Ok((bytes, Some(share))),
        Err(denial) => {
            if denial == too_large {
                drain(body, limits).await;
            }
            Err(denial)
        }
    }
}

/// Reads and forgets what a client still sends, within bounds, so that the refusal reaches it.
pub async fn drain(mut body: Incoming, limits: &Limits) {
    let rest = async {
        let mut left = limits.drain_bytes;
        while let Some(Ok(frame)) = body.frame().await {
            left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
            if left == 0 {
                return;
            }
        }
    };
    let _ = tokio::time::timeout(Duration::from_millis(limits.body_ms), rest).await;
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use keyward_rules::address::Source;
    use keyward_rules::denial::Denial;

    use super::{Budget, Room};

    fn source(last: u8) -> Source {
        Source::of([192, 0, 2, last].into())
    }

    #[test]
    fn strangers_and_one_source_leave_room_for_others() {
        let budget = Arc::new(Budget::new(8 << 20));
        let mut strangers: Vec<_> = (0..100).map(|last| budget.nothing(Room::Public, source(last))).collect();
        let full = strangers.iter_mut().filter_map(|share| share.grow(16 << 10).err()).count();
        assert_eq!(full, 36, "an eighth of 8 MiB is 64 bodies of 16 KiB");
        let mut greedy: Vec<_> = (0..4).map(|_| budget.nothing(Room::Private, source(2))).collect();
        let got: Vec<_> = greedy.iter_mut().map(|share| share.grow(512 << 10)).collect();
        assert_eq!(
            got,
            [Ok(()), Err(Denial::Busy), Err(Denial::Busy), Err(Denial::Busy)],
            "an eighth of 7 MiB"
        );
        assert!(budget.has_room(source(2)) && budget.has_room(source(3)));
        let mut other = budget.nothing(Room::Private, source(3));
        assert_eq!(other.grow(896 << 10), Ok(()));
        assert!(!budget.has_room(source(3)));
        drop((strangers, greedy, other));
        let counted = |part: &super::Part| part.by_source.lock().parties();
        assert_eq!((counted(&budget.private), counted(&budget.public)), (0, 0));
        assert!(budget.has_room(source(3)));
        assert_eq!(budget.nothing(Room::Private, source(2)).grow(512 << 10), Ok(()));
    }

    #[test]
    fn what_was_reserved_shrinks_to_what_is_held() {
        let budget = Arc::new(Budget::new(8 << 20));
        let mut share = budget.reply(Room::Public, source(1), 64 << 10).unwrap();
        let counted = || budget.public.by_source.lock().of(&source(1));
        assert_eq!(counted(), 64 << 10);
        share.resize(20 << 10).unwrap();
        assert_eq!(counted(), 20 << 10);
        share.resize(100).unwrap();
        assert_eq!(counted(), 0);
        share.resize(40 << 10).unwrap();
        assert_eq!(counted(), 40 << 10);
        assert_eq!(share.resize(1 << 20), Err(Denial::Busy));
        drop(share);
        assert_eq!(counted(), 0);
        assert_eq!(budget.public.left.load(std::sync::atomic::Ordering::Relaxed), 1 << 20);
    }

    #[test]
    fn a_body_in_many_pieces_counts_once() {
        let budget = Arc::new(Budget::new(8 << 20));
        let mut share = budget.nothing(Room::Private, source(1));
        (0..512).for_each(|_| share.grow(1_024).unwrap());
        assert_eq!(budget.private.by_source.lock().of(&source(1)), 512 << 10);
    }
}
