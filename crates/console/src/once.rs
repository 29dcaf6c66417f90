//! A form that arrives twice ends where one click ends (docs/decisions/0026-a-form-sent-twice.md).
//!
//! Owns: forms under way, and the answers that are kept for a repetition: who gets them, and for how long.
//! Leaves to others: which routes are such forms (`route`), and what a form does (`pages`). The API does not use it.
//!
//! Invariants:
//! - A form that began is handled to its end, whether its browser waits or not.
//! - An answer is repeated for the same request only: the same form, fields and cookies, from the same source. A form of a
//!   signed-in person also needs its session to be open still.
//! - A copy is wiped after [`FORM_ANSWER_MS`], or earlier when the session sends another form.
//! - Without room in the cache a form is handled as if it were the first. It is never refused.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{self, Body, Bytes};
use axum::extract::Request;
use axum::handler::Handler as _;
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use http_body::Body as _;
use keyward_authority::Stage;
use keyward_authority::questions::Presence;
use keyward_rules::address::Source;
use keyward_rules::counts::Counts;
use keyward_rules::limits::{
    FORM_ANSWER_BYTES, FORM_ANSWER_MS, FORM_ANSWERS, FORM_ANSWERS_BYTES, FORM_ANSWERS_BYTES_PER_SOURCE,
    FORM_ANSWERS_PER_SOURCE,
};
use keyward_rules::person::SessionId;
use keyward_rules::secret::Secret;
use keyward_rules::time::Moment;
use parking_lot::Mutex;
use tokio::sync::{oneshot, watch};

use crate::guard::PATIENCE;
use crate::route::Boxed;
use crate::server::{BODY_BYTES, Share};
use crate::shell::Shell;
use crate::who::{origin, session, session_cookie};

/// Who sends a form.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FormOf {
    /// A signed-in person. The session must be open when the form arrives, and again when its answer is repeated.
    SignedIn,
    /// Somebody who has no full session: who signs in, registers, or resets a password. Often there is no cookie, so the form
    /// must hold what strangers on the same network cannot know.
    Visitor,
}

/// Handles a form, or repeats the answer to the same form of a moment ago.
pub async fn answer(request: Request, shell: Shell, handler: Boxed, of: FormOf) -> Response {
    let (parts, body) = request.into_parts();
    // Only a body of a known and small size is read here, before anybody looks at who sends it.
    if length(&body).is_none_or(|bytes| bytes > BODY_BYTES) {
        return handle(handler, Request::from_parts(parts, body), shell, None).await;
    }
    let Ok(body) = body::to_bytes(body, BODY_BYTES).await else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let session = open_session(&shell, &parts, of).await;
    let claim = match (of, session) {
        (FormOf::SignedIn, None) => Claim::Uncached,
        (FormOf::SignedIn, Some(_)) | (FormOf::Visitor, _) => {
            shell.answer_cache().claim(&parts, &body, of, session, shell.now())
        }
    };
    let slot = match claim {
        Claim::First(slot) => Some(slot),
        Claim::Uncached => None,
        Claim::Repeated(first) => match first_answer(first).await {
            Some(kept) if open_session(&shell, &parts, of).await == session => return kept.repeat(),
            Some(_) | None => None,
        },
    };
    handle(handler, Request::from_parts(parts, Body::from(body)), shell, slot).await
}

/// The length of a body in bytes, where it is known before the body is read.
fn length(body: &Body) -> Option<usize> {
    body.size_hint().exact().and_then(|bytes| usize::try_from(bytes).ok())
}

/// The full session that a request's cookie opens now. A visitor has none; a store that does not answer opens none either.
async fn open_session(shell: &Shell, parts: &Parts, of: FormOf) -> Option<SessionId> {
    if of == FormOf::Visitor {
        return None;
    }
    let token = session_cookie(&parts.headers)?;
    let found = session(shell, origin(parts), &token, Presence::Acting).await.ok()??;
    match found.record.stage {
        Stage::Full => Some(found.record.id),
        Stage::Password => None,
    }
}

/// Handles a form in a task of its own, which goes on when the browser closes its connection. The task counts as a request
/// of its source until the form is handled, and keeps the answer afterwards.
async fn handle(handler: Boxed, request: Request, shell: Shell, slot: Option<Slot>) -> Response {
    let (answered, answer) = oneshot::channel();
    tokio::spawn(async move {
        let share = request.extensions().get::<Share>().cloned();
        let handled = tokio::time::timeout(PATIENCE, handler.call(request, shell.clone())).await;
        let response = handled.unwrap_or_else(|_| StatusCode::SERVICE_UNAVAILABLE.into_response());
        drop(share);
        let Some(slot) = slot else {
            let _ = answered.send(response);
            return;
        };
        let (response, copy) = copied(response).await;
        let kept = slot.settle(copy, shell.now());
        let _ = answered.send(response);
        if kept {
            slot.keep_for(tokio::time::sleep(Duration::from_millis(FORM_ANSWER_MS))).await;
        }
    });
    answer.await.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

/// The answer to the form that came first, once there is one. `None` when it has no copy.
async fn first_answer(mut first: watch::Receiver<Option<Arc<AnswerCopy>>>) -> Option<Arc<AnswerCopy>> {
    first.wait_for(Option::is_some).await.ok().and_then(|answer| answer.clone())
}

/// A copy of an answer, wiped when nobody needs it any more.
struct AnswerCopy {
    status: StatusCode,
    /// Name and value of each header; `Set-Cookie` holds a session's token.
    headers: Vec<(HeaderName, Secret<Vec<u8>>)>,
    /// What layers further out go by: `reframe` makes some pages again.
    extensions: Extensions,
    body: Secret<Vec<u8>>,
}

/// A body that is read from the copy, so that the copy is wiped only when the last reader is done.
struct CopiedBody(Arc<AnswerCopy>);

impl AsRef<[u8]> for CopiedBody {
    fn as_ref(&self) -> &[u8] {
        self.0.body.expose()
    }
}

/// A response and its copy. There is none of a body that is long, or of unknown length.
async fn copied(response: Response) -> (Response, Option<AnswerCopy>) {
    if length(response.body()).is_none_or(|bytes| bytes > FORM_ANSWER_BYTES) {
        return (response, None);
    }
    let (parts, body) = response.into_parts();
    let Ok(body) = body::to_bytes(body, FORM_ANSWER_BYTES).await else {
        return (StatusCode::INTERNAL_SERVER_ERROR.into_response(), None);
    };
    let headers =
        parts.headers.iter().map(|(name, value)| (name.clone(), Secret::new(value.as_bytes().to_vec())));
    let copy = AnswerCopy {
        status: parts.status,
        headers: headers.collect(),
        extensions: parts.extensions.clone(),
        body: Secret::new(body.to_vec()),
    };
    (Response::from_parts(parts, Body::from(body)), Some(copy))
}

impl AnswerCopy {
    /// Whether later repetitions get the answer too. One that says "try again later" is not kept: the next try is handled.
    fn lasts(&self) -> bool {
        !self.status.is_server_error() && self.status != StatusCode::TOO_MANY_REQUESTS
    }

    /// Bytes that the copy takes.
    fn bytes(&self) -> usize {
        self.headers.iter().map(|(_, value)| value.expose().len()).sum::<usize>() + self.body.expose().len()
    }

    /// The answer once more.
    fn repeat(self: Arc<Self>) -> Response {
        let mut response = Response::new(Body::from(Bytes::from_owner(CopiedBody(Arc::clone(&self)))));
        *response.status_mut() = self.status;
        response.extensions_mut().clone_from(&self.extensions);
        for (name, value) in &self.headers {
            if let Ok(value) = HeaderValue::from_bytes(value.expose()) {
                response.headers_mut().append(name.clone(), value);
            }
        }
        response
    }
}

/// The keyed hash that a repetition is known by.
type Tag = [u8; 32];

/// Forms under way, and answers that are kept.
pub struct AnswerCache {
    key: Secret<[u8; 32]>,
    /// Apart from each other, so that strangers take no room from people who are signed in.
    signed_in: Arc<Partition>,
    visitors: Arc<Partition>,
}

impl AnswerCache {
    /// An empty cache. The key is for the tags: random bytes of this process.
    #[must_use]
    pub fn new(key: Secret<[u8; 32]>) -> Self {
        let bounds = Bounds {
            answers: FORM_ANSWERS,
            answers_per_source: FORM_ANSWERS_PER_SOURCE,
            bytes: FORM_ANSWERS_BYTES,
            bytes_per_source: FORM_ANSWERS_BYTES_PER_SOURCE,
        };
        let [signed_in, visitors] = [Partition::new(bounds), Partition::new(bounds)];
        Self { key, signed_in, visitors }
    }

    fn claim(
        &self,
        parts: &Parts,
        body: &[u8],
        of: FormOf,
        session: Option<SessionId>,
        now: Moment,
    ) -> Claim {
        let source = Source::of(origin(parts).address);
        let partition = match of {
            FormOf::SignedIn => &self.signed_in,
            FormOf::Visitor => &self.visitors,
        };
        partition.claim(self.tag(parts, source, body), source, session, now)
    }

    /// Method, target, source, body and cookies, each with its length before it.
    fn tag(&self, parts: &Parts, source: Source, body: &[u8]) -> Tag {
        let mut hasher = blake3::Hasher::new_keyed(self.key.expose());
        let mut part = |bytes: &[u8]| {
            hasher.update(&u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
            hasher.update(bytes);
        };
        part(parts.method.as_str().as_bytes());
        part(parts.uri.path().as_bytes());
        part(parts.uri.query().unwrap_or_default().as_bytes());
        part(source.to_string().as_bytes());
        part(body);
        parts.headers.get_all(header::COOKIE).iter().for_each(|cookies| part(cookies.as_bytes()));
        *hasher.finalize().as_bytes()
    }
}

/// How much a partition holds.
#[derive(Clone, Copy)]
struct Bounds {
    answers: usize,
    answers_per_source: usize,
    bytes: usize,
    bytes_per_source: usize,
}

/// Forms of one kind of senders.
struct Partition {
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
enum Claim {
    /// It is handled, and its answer is kept.
    First(Slot),
    /// It is the same as one before, whose answer is here or under way.
    Repeated(watch::Receiver<Option<Arc<AnswerCopy>>>),
    /// It is handled, and its answer is not kept: there is no room, or no session.
    Uncached,
}

/// The slot of a form on a partition, given back when dropped.
struct Slot {
    partition: Arc<Partition>,
    tag: Tag,
    number: u64,
    /// Ready when the entry is removed.
    removed: oneshot::Receiver<()>,
}

impl Partition {
    fn new(bounds: Bounds) -> Arc<Self> {
        Arc::new(Self { bounds, kept: Mutex::default() })
    }

    fn claim(self: &Arc<Self>, tag: Tag, source: Source, session: Option<SessionId>, now: Moment) -> Claim {
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
    fn settle(&self, copy: Option<AnswerCopy>, now: Moment) -> bool {
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
    async fn keep_for(mut self, time: impl Future<Output = ()>) {
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
    async fn headers_are_repeated_in_their_order() {
        let mut response = (StatusCode::SEE_OTHER, [(header::LOCATION, "/keys")], "x").into_response();
        for value in ["a=1", "b=2"] {
            response.headers_mut().append(header::SET_COOKIE, HeaderValue::from_static(value));
        }
        let (response, copy) = copied(response).await;
        let again = Arc::new(copy.unwrap()).repeat();
        assert_eq!((again.status(), again.headers()), (response.status(), response.headers()));
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

    #[test]
    fn every_part_of_a_request_changes_its_tag() {
        let answers = |byte: u8| AnswerCache::new(Secret::new([byte; 32]));
        let parts = |method: &str, target: &str, cookies: &[&str]| {
            let mut request = Request::builder().method(method).uri(target);
            for cookie in cookies {
                request = request.header(header::COOKIE, *cookie);
            }
            request.body(()).unwrap().into_parts().0
        };
        let usual = || parts("POST", "/keys/new?a=1", &["a=1; b=2"]);
        let one = answers(1);
        let tags = [
            one.tag(&usual(), source(1), b"name=bot"),
            one.tag(&usual(), source(1), b"name=bo"),
            one.tag(&usual(), source(1), b""),
            one.tag(&usual(), source(2), b"name=bot"),
            one.tag(&parts("PUT", "/keys/new?a=1", &["a=1; b=2"]), source(1), b"name=bot"),
            one.tag(&parts("POST", "/keys/new?a=2", &["a=1; b=2"]), source(1), b"name=bot"),
            one.tag(&parts("POST", "/keys/new", &["a=1; b=2"]), source(1), b"name=bot"),
            one.tag(&parts("POST", "/keys/newa=1", &["a=1; b=2"]), source(1), b"name=bot"),
            one.tag(&parts("POST", "/keys/new?a=1", &["a=1"]), source(1), b"name=bot"),
            one.tag(&parts("POST", "/keys/new?a=1", &["a=1", "b=2"]), source(1), b"name=bot"),
            one.tag(&parts("POST", "/keys/new?a=1", &[]), source(1), b"name=bot"),
            answers(2).tag(&usual(), source(1), b"name=bot"),
        ];
        assert_eq!(tags[0], one.tag(&usual(), source(1), b"name=bot"));
        for (at, tag) in tags.iter().enumerate() {
            assert!(!tags[..at].contains(tag), "{at}");
        }
    }
}
