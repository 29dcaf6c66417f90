//! What goes back to the client: a refusal of ours, or the exchange's answer.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{
    ALLOW, CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderMap, Response, StatusCode, Version};
use http_body::{Body, Frame, SizeHint};
use keyward_edge::Request;
use keyward_rules::denial::Denial;
use keyward_rules::id::RequestId;
use keyward_rules::rate::Quota;
use keyward_store::Record;

use crate::body::Share;
use crate::recorder::{Recorder, Unread};
use crate::upstream::{AnswerBody, READ_AHEAD};

/// The id under which the request stands in the journal and the log.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("keyward-request-id");

/// A reply's body, and what is held until its client has taken it.
pub struct ReplyBody {
    content: Content,
    /// Bytes that are handed over at once. The rest stays here, where the connection limiter sees that it is not taken.
    piece: usize,
    /// Its part of the budget.
    share: Option<Share>,
    /// The request, which ends with its reply.
    request: Option<Request>,
}

enum Content {
    /// All there.
    Whole(Bytes),
    /// What was gathered, then what still comes.
    Flowing(Box<Flowing>),
}

/// Bytes of an HTTP/2 reply that are handed over at once: what is handed over waits in memory for as long as the client's
/// window is closed.
const PIECE: usize = 4 << 10;

/// An answer too long to gather.
pub struct Flowing {
    gathered: Option<Bytes>,
    rest: AnswerBody,
    unrecorded: Option<Unrecorded>,
}

/// The record of a request whose answer is under way. It counts the bytes that were handed over, and is handed in when the
/// answer ends or breaks off, at whichever end.
struct Unrecorded {
    record: Record,
    recorder: Recorder,
}

impl Drop for Unrecorded {
    fn drop(&mut self) {
        self.recorder.record(self.record.clone(), None);
    }
}

/// The exchange broke off or stalled: the client's connection is cut, so that a part cannot pass for the whole.
#[derive(Debug, thiserror::Error)]
#[error("the exchange's answer broke off")]
pub struct BrokeOff;

impl Flowing {
    /// An answer of which `gathered` has come.
    #[must_use]
    pub const fn new(gathered: Bytes, rest: AnswerBody) -> Self {
        Self { gathered: Some(gathered), rest, unrecorded: None }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokeOff>>> {
        let polled = match self.gathered.take() {
            Some(gathered) => Poll::Ready(Some(Ok(gathered))),
            None => self.rest.poll_next(context),
        };
        if let (Poll::Ready(Some(Ok(part))), Some(unrecorded)) = (&polled, &mut self.unrecorded) {
            unrecorded.record.bytes_out += part.len() as u64;
        }
        polled.map(|next| next.map(|part| part.map(Frame::data).map_err(|_| BrokeOff)))
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = BrokeOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokeOff>>> {
        let this = &mut *self;
        let polled = match &mut this.content {
            Content::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Content::Whole(bytes) => {
                let piece = bytes.split_to(this.piece.min(bytes.len()));
                Poll::Ready(Some(Ok(Frame::data(piece))))
            }
            Content::Flowing(flowing) => flowing.poll(context),
        };
        if let (Poll::Ready(_), Some(request)) = (&polled, &this.request) {
            request.moved();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Whole(bytes) => bytes.is_empty(),
            Content::Flowing(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Content::Flowing(_) => SizeHint::default(),
        }
    }
}

impl ReplyBody {
    /// A body that is all there.
    #[must_use]
    pub const fn whole(bytes: Bytes) -> Self {
        Self::of(Content::Whole(bytes))
    }

    /// A body of which a part has come.
    #[must_use]
    pub fn flowing(flowing: Flowing) -> Self {
        Self::of(Content::Flowing(Box::new(flowing)))
    }

    const fn of(content: Content) -> Self {
        Self { content, piece: usize::MAX, share: None, request: None }
    }

    /// Bytes that wait in memory, those included that the connection to the exchange may have read ahead.
    #[must_use]
    pub fn waiting(&self) -> usize {
        match &self.content {
            Content::Whole(bytes) => bytes.len(),
            Content::Flowing(flowing) => flowing.gathered.as_ref().map_or(0, Bytes::len) + READ_AHEAD,
        }
    }

    /// The whole body, where it is all there.
    #[must_use]
    pub const fn all(&self) -> Option<&Bytes> {
        match &self.content {
            Content::Whole(bytes) => Some(bytes),
            Content::Flowing(_) => None,
        }
    }

    /// Counts what waits in memory for as long as it does.
    pub fn count(&mut self, share: Option<Share>) {
        self.share = share;
    }

    /// Hands the request's record in: with the length of a body that is all there, and otherwise, once the body has ended or
    /// broken off, with the bytes that were handed over until then. An answer that is not all there is too long for its orders to
    /// be read.
    pub fn record(&mut self, record: Record, unread: Option<Unread>, recorder: &Recorder) {
        match &mut self.content {
            Content::Whole(bytes) => {
                let unread = unread.map(|unread| unread.answered(bytes.clone(), 0));
                recorder.record(Record { bytes_out: bytes.len() as u64, ..record }, unread);
            }
            Content::Flowing(flowing) => {
                if unread.is_some() {
                    recorder.count_without_orders();
                }
                flowing.unrecorded = Some(Unrecorded { record, recorder: recorder.clone() });
            }
        }
    }

    /// Has `request`, which came by `version`, end once its client has taken the reply, or is gone.
    pub fn end(&mut self, mut request: Request, version: Version) {
        request.replies();
        self.request = Some(request);
        if version == Version::HTTP_2 {
            self.piece = PIECE;
        }
    }
}

/// A refusal in OKX's form.
#[must_use]
pub fn respond(denial: &Denial, id: RequestId) -> Response<ReplyBody> {
    let mut reply = Response::new(ReplyBody::whole(keyward_api::okx::refusal(denial)));
    *reply.status_mut() =
        StatusCode::from_u16(denial.entry().status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if *denial == Denial::MethodWrong {
        reply.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, POST"));
    }
    if *denial == Denial::UpgradeRefused {
        // What would be taken (RFC 9110, 15.5.22; RFC 6455, 4.4).
        let headers = reply.headers_mut();
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    }
    if let Some(quota) = denial.quota() {
        tell_quota(reply.headers_mut(), quota);
    }
    name(reply.headers_mut(), id);
    reply
}

/// An answer of ours whose text is there already.
#[must_use]
pub fn said_already(status: StatusCode, said: Bytes, id: RequestId) -> Response<ReplyBody> {
    let mut reply = Response::new(ReplyBody::whole(said));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    name(reply.headers_mut(), id);
    reply
}

/// What is left of a rate, and how much there is of it in all.
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Tells a client whose signature held what is left of its rates.
pub fn tell_quota(headers: &mut HeaderMap, quota: Quota) {
    let [policy, left] = quota.headers();
    for (name, text) in [(RATE_LIMIT_POLICY, policy), (RATE_LIMIT, left)] {
        if let Ok(value) = HeaderValue::from_maybe_shared(Bytes::from(text)) {
            headers.insert(name, value);
        }
    }
}

/// Puts the request's id on a reply.
pub fn name(headers: &mut HeaderMap, id: RequestId) {
    if let Ok(value) = HeaderValue::from_bytes(&id.text()) {
        headers.insert(REQUEST_ID, value);
    }
}
