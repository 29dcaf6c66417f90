//! The forms of one kind of senders, under way or answered: who gets an answer, for how long, and how much is kept.

use std::collections::HashMap;
use std::sync::Arc;

use keyward_rules::address::Source;
use keyward_rules::counts::Counts;
use keyward_rules::limits::FORM_ANSWER_MS;
use keyward_rules::person::SessionId;
use keyward_rules::time::Moment;
use parking_lot::Mutex;
use tokio::sync::{oneshot, watch};

use super::copy::AnswerCopy;

/// The keyed hash that a repetition is known by.
pub(super) type Tag = [u8; 32];

/// How much a partition holds.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    pub(super) answers: usize,
    pub(super) answers_per_source: usize,
    pub(super) bytes: usize,
    pub(super) bytes_per_source: usize,
}

/// Forms of one kind of senders.
pub(super) struct Partition {
    bounds: Bounds,
    kept: Mutex<Entries>,
}

#[derive(Default)]
struct Entries {
    by_tag: HashMap<Tag, Entry>,
    of_source: Counts<Source>,
    bytes_of_source: Counts<Source>,
    bytes: usize,
    /// Counts the entries that there ever were.
    numbers: u64,
}

/// A form that is under way, or its answer.
struct Entry {
    number: u64,
    source: Source,
    session: Option<SessionId>,
    /// Until when the answer is repeated; none while the form is under way.
    until: Option<Moment>,
    /// Bytes of the copy that is kept.
    bytes: usize,
    answer: watch::Sender<Option<Arc<AnswerCopy>>>,
    /// Dropped with the entry, which ends the task that keeps it.
    _removed: oneshot::Sender<()>,
}

/// What a form is that arrives.
pub(super) enum Claim {
    /// It is handled, and its answer is kept.
    First(Slot),
    /// It is the same as one before, whose answer is here or under way.
    Repeated(watch::Receiver<Option<Arc<AnswerCopy>>>),
    /// It is handled, and its answer is not kept: there is no room, or no session.
    Uncached,
}

/// The slot of a form on a partition, given back when dropped.
pub(super) struct Slot {
    partition: Arc<Partition>,
    tag: Tag,
    number: u64,
    /// Ready when the entry is removed.
    removed: oneshot::Receiver<()>,
}

impl Partition {
    pub(super) fn new(bounds: Bounds) -> Arc<Self> {
        Arc::new(Self { bounds, kept: Mutex::default() })
    }

    pub(super) fn claim(
        self: &Arc<Self>,
        tag: Tag,
        source: Source,
        session: Option<SessionId>,
        now: Moment,
    ) -> Claim {
        let kept = &mut *self.kept.lock();
        if let Some(entry) = kept.by_tag.get(&tag) {
            if entry.until.is_none_or(|until| now < until) {
                return Claim::Repeated(entry.answer.subscribe());
            }
            kept.remove(&tag);
        }
        // A session that sends another form is done with the one before, and what that one did may be undone by then.
        kept.remove_settled(session);
        if kept.by_tag.len() >= self.bounds.answers
            || !kept.of_source.add(source, 1, self.bounds.answers_per_source)
        {
            return Claim::Uncached;
        }
        kept.numbers += 1;
        let (number, answer) = (kept.numbers, watch::Sender::new(None));
        let (_removed, removed) = oneshot::channel();
        kept.by_tag.insert(tag, Entry { number, source, session, until: None, bytes: 0, answer, _removed });
        Claim::First(Slot { partition: Arc::clone(self), tag, number, removed })
    }
}

impl Entries {
    fn remove(&mut self, tag: &Tag) {
        let Some(entry) = self.by_tag.remove(tag) else { return };
        self.of_source.take(&entry.source, 1);
        self.bytes_of_source.take(&entry.source, entry.bytes);
        self.bytes -= entry.bytes;
    }

    /// Removes the answers to earlier forms of a session; what is under way stays.
    fn remove_settled(&mut self, session: Option<SessionId>) {
        let settled = |entry: &Entry| session.is_some() && entry.session == session && entry.until.is_some();
        let tags: Vec<Tag> =
            self.by_tag.iter().filter(|(_, entry)| settled(entry)).map(|(tag, _)| *tag).collect();
        tags.iter().for_each(|tag| self.remove(tag));
    }

    /// Counts the bytes of an answer, unless there is no room for them; whether it did.
    fn take_bytes(&mut self, source: Source, bytes: usize, bounds: Bounds) -> bool {
        let taken = self.bytes.saturating_add(bytes) <= bounds.bytes
            && self.bytes_of_source.add(source, bytes, bounds.bytes_per_source);
        if taken {
            self.bytes += bytes;
        }
        taken
    }
}

impl Slot {
    /// Gives the answer to those who wait for it, and keeps it if it lasts and there is room; whether it is kept.
    pub(super) fn settle(&self, copy: Option<AnswerCopy>, now: Moment) -> bool {
        let kept = &mut *self.partition.kept.lock();
        let Some(entry) = kept.by_tag.get(&self.tag).filter(|entry| entry.number == self.number) else {
            return false;
        };
        let Some(copy) = copy else {
            kept.remove(&self.tag);
            return false;
        };
        let (source, bytes, lasts) = (entry.source, copy.bytes(), copy.lasts());
        entry.answer.send_replace(Some(Arc::new(copy)));
        if !lasts || !kept.take_bytes(source, bytes, self.partition.bounds) {
            kept.remove(&self.tag);
            return false;
        }
        if let Some(entry) = kept.by_tag.get_mut(&self.tag) {
            entry.bytes = bytes;
            entry.until = Some(now.plus_ms(FORM_ANSWER_MS));
        }
        true
    }

    /// Keeps the answer until `time` is over or the entry is removed. Then it is wiped, whether anything arrives or not.
    pub(super) async fn keep_for(mut self, time: impl Future<Output = ()>) {
        tokio::select! {
            () = time => {}
            _ = &mut self.removed => {}
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let kept = &mut *self.partition.kept.lock();
        if kept.by_tag.get(&self.tag).is_some_and(|entry| entry.number == self.number) {
            kept.remove(&self.tag);
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::body;
    use axum::http::{Extensions, StatusCode};
    use axum::response::IntoResponse as _;
    use keyward_rules::limits::FORM_ANSWER_BYTES;
    use keyward_rules::secret::Secret;

    use super::super::copy::{copied, first_answer};
    use super::*;

    const START: Moment = Moment::from_unix_ms(1_800_000_000_000);
    const SMALL: Bounds = Bounds { answers: 4, answers_per_source: 2, bytes: 100, bytes_per_source: 60 };

    fn source(last: u8) -> Source {
        Source::of([192, 0, 2, last].into())
    }

    fn session(number: u8) -> Option<SessionId> {
        Some(SessionId::from_entropy([number; 16]))
    }

    fn copy(status: StatusCode, bytes: usize) -> Option<AnswerCopy> {
        Some(AnswerCopy {
            status,
            headers: Vec::new(),
            extensions: Extensions::new(),
            body: Secret::new(vec![b'x'; bytes]),
        })
    }

    fn first(claim: Claim) -> Slot {
        match claim {
            Claim::First(slot) => slot,
            Claim::Repeated(_) => panic!("it is taken for a repetition"),
            Claim::Uncached => panic!("there is no room"),
        }
    }

    fn is_uncached(claim: &Claim) -> bool {
        matches!(claim, Claim::Uncached)
    }

    fn is_empty(partition: &Partition) -> bool {
        let kept = partition.kept.lock();
        let parties = kept.of_source.parties() + kept.bytes_of_source.parties();
        (kept.by_tag.len(), parties, kept.bytes) == (0, 0, 0)
    }

    /// What a repetition gets now; `None` if it is handled.
    async fn repeated(claim: Claim) -> Option<(StatusCode, Vec<u8>)> {
        let Claim::Repeated(waits) = claim else { return None };
        let response = first_answer(waits).await?.repeat();
        let status = response.status();
        Some((status, body::to_bytes(response.into_body(), 1_000).await.unwrap().to_vec()))
    }

    #[tokio::test]
    async fn an_answer_goes_to_the_same_form_while_it_runs_and_for_its_time() {
        let partition = Partition::new(SMALL);
        let again = |now| partition.claim([1; 32], source(1), session(1), now);
        let slot = first(again(START));
        let waits = again(START);
        assert!(slot.settle(copy(StatusCode::OK, 3), START));
        let expected = Some((StatusCode::OK, b"xxx".to_vec()));
        assert_eq!(repeated(waits).await, expected, "who waited");
        assert_eq!(repeated(again(START)).await, expected);
        assert_eq!(repeated(again(START.plus_ms(FORM_ANSWER_MS - 1))).await, expected);
        let next = first(again(START.plus_ms(FORM_ANSWER_MS)));
        drop(slot);
        assert!(matches!(again(START), Claim::Repeated(_)), "an old slot takes nothing from the next");
        drop(next);
        assert!(is_empty(&partition));
    }

    #[tokio::test]
    async fn what_is_long_or_of_unknown_length_has_no_copy_and_goes_out_whole() {
        let whole = async |length: usize| {
            let (response, copy) = copied("x".repeat(length).into_response()).await;
            (body::to_bytes(response.into_body(), usize::MAX).await.unwrap().len(), copy.is_some())
        };
        assert_eq!(whole(FORM_ANSWER_BYTES).await, (FORM_ANSWER_BYTES, true));
        assert_eq!(whole(FORM_ANSWER_BYTES + 1).await, (FORM_ANSWER_BYTES + 1, false));
        let partition = Partition::new(SMALL);
        let slot = first(partition.claim([1; 32], source(1), session(1), START));
        let waits = partition.claim([1; 32], source(1), session(1), START);
        assert!(!slot.settle(None, START));
        assert_eq!(repeated(waits).await, None, "who waited is handled");
        assert!(is_empty(&partition));
    }

    #[tokio::test]
    async fn an_answer_that_says_try_again_is_for_those_who_waited_alone() {
        for status in [500, 503, 429] {
            let status = StatusCode::from_u16(status).unwrap();
            let partition = Partition::new(SMALL);
            let again = || partition.claim([1; 32], source(1), session(1), START);
            let (slot, waits) = (first(again()), again());
            assert!(!slot.settle(copy(status, 1), START));
            assert_eq!(repeated(waits).await, Some((status, b"x".to_vec())));
            drop(first(again()));
        }
        for status in [200, 303, 401, 403, 404, 422] {
            let partition = Partition::new(SMALL);
            let slot = first(partition.claim([1; 32], source(1), session(1), START));
            assert!(slot.settle(copy(StatusCode::from_u16(status).unwrap(), 1), START), "{status}");
        }
    }

    #[tokio::test]
    async fn a_form_that_broke_off_leaves_nothing_and_who_waited_is_handled() {
        let partition = Partition::new(SMALL);
        let slot = first(partition.claim([1; 32], source(1), session(1), START));
        let waits = partition.claim([1; 32], source(1), session(1), START);
        drop(slot);
        assert_eq!(repeated(waits).await, None);
        assert!(is_empty(&partition));
    }

    #[test]
    fn answers_are_bounded_together_and_for_each_source() {
        let partition = Partition::new(SMALL);
        let claim = |tag: u8, of: u8| partition.claim([tag; 32], source(of), session(tag), START);
        let mut held = vec![first(claim(1, 1)), first(claim(2, 1))];
        assert!(is_uncached(&claim(3, 1)), "a third of one source");
        held.extend([first(claim(3, 2)), first(claim(4, 3))]);
        assert!(is_uncached(&claim(5, 4)), "a fifth of all");
        assert!(matches!(claim(4, 3), Claim::Repeated(_)), "those that are there are known all the same");
        held.pop();
        held.push(first(claim(5, 4)));
        drop(held);
        assert!(is_empty(&partition));
    }

    #[test]
    fn bytes_are_bounded_together_and_for_each_source() {
        let partition = Partition::new(SMALL);
        let claim = |tag: u8, of: u8| first(partition.claim([tag; 32], source(of), session(tag), START));
        let settled = |slot: &Slot, bytes| slot.settle(copy(StatusCode::OK, bytes), START);
        let (one, two, three) = (claim(1, 1), claim(2, 1), claim(3, 2));
        assert!(settled(&one, 60) && !settled(&two, 1), "61 of one source");
        assert!(!settled(&three, 41), "101 of all");
        let four = claim(4, 2);
        assert!(settled(&four, 40));
        assert_eq!(partition.kept.lock().bytes, 100);
        drop((one, two, three, four));
        assert!(is_empty(&partition));
    }

    #[tokio::test]
    async fn another_form_of_a_session_ends_the_repetition_of_the_one_before() {
        let partition = Partition::new(SMALL);
        let claim = |tag: u8, of: Option<SessionId>| partition.claim([tag; 32], source(tag), of, START);
        let settled = first(claim(1, session(1)));
        assert!(settled.settle(copy(StatusCode::OK, 1), START));
        let (under_way, other) = (first(claim(2, session(2))), first(claim(3, None)));
        assert!(other.settle(copy(StatusCode::OK, 1), START));
        assert!(repeated(claim(1, session(1))).await.is_some(), "before");
        let next = first(claim(4, session(1)));
        assert!(matches!(claim(2, session(2)), Claim::Repeated(_)), "another session's, under way");
        assert!(matches!(claim(3, None), Claim::Repeated(_)), "a visitor's");
        drop(next);
        drop(first(claim(1, session(1))));
        drop((settled, under_way, other));
        assert!(is_empty(&partition));
    }

    #[tokio::test]
    async fn a_copy_is_wiped_by_time_alone() {
        let partition = Partition::new(SMALL);
        let slot = first(partition.claim([1; 32], source(1), session(1), START));
        let Claim::Repeated(waits) = partition.claim([1; 32], source(1), session(1), START) else { panic!() };
        assert!(slot.settle(copy(StatusCode::OK, 1), START));
        let copy = Arc::downgrade(&first_answer(waits).await.unwrap());
        let (over, time) = oneshot::channel::<()>();
        let keeping = tokio::spawn(slot.keep_for(async { drop(time.await) }));
        tokio::task::yield_now().await;
        assert!(copy.upgrade().is_some() && !is_empty(&partition));
        over.send(()).unwrap();
        keeping.await.unwrap();
        assert!(copy.upgrade().is_none() && is_empty(&partition));
    }

    #[tokio::test]
    async fn a_task_that_keeps_an_answer_ends_when_it_is_removed() {
        let partition = Partition::new(SMALL);
        let slot = first(partition.claim([1; 32], source(1), session(1), START));
        assert!(slot.settle(copy(StatusCode::OK, 1), START));
        let keeping = tokio::spawn(slot.keep_for(std::future::pending()));
        let next = first(partition.claim([2; 32], source(1), session(1), START));
        keeping.await.unwrap();
        drop(next);
        assert!(is_empty(&partition));
    }
}
