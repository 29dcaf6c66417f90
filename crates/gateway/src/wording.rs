//! Gives words to the refusals that hyper's own parser writes, which have no body.
//!
//! hyper answers a head that it cannot parse with a bare 400, 414 or 431. OKX clients parse every body as
//! JSON, so the bytes are replaced on their way out, but never while a reply is: its body may contain anything.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use keyward_edge::Activity;
use keyward_rules::denial::Denial;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::fragment::RequestLines;

/// A stream whose bare refusals get a body.
pub struct Wording<S> {
    stream: S,
    /// Replacement bytes that are still to be written, and the count of hyper's bytes that they stand for.
    pending: Option<(Vec<u8>, usize, usize)>,
    activity: Activity,
    /// Every byte of the replies so far is out, so that what comes next is the beginning of a head.
    between: bool,
    incoming: RequestLines,
}

impl<S> Wording<S> {
    /// Wraps a stream.
    pub fn new(stream: S, activity: Activity) -> Self {
        Self { stream, pending: None, activity, between: true, incoming: RequestLines::default() }
    }
}

impl<S> Wording<S> {
    /// The stream alone, once it is no longer HTTP.
    pub fn into_inner(self) -> S {
        self.stream
    }
}

/// The refusal that `bytes` are hyper's bare form of.
fn bare_refusal(bytes: &[u8]) -> Option<Denial> {
    let status = bytes.strip_prefix(b"HTTP/1.1 ").or_else(|| bytes.strip_prefix(b"HTTP/1.0 "))?.get(..4)?;
    let denial = match status {
        b"400 " => Denial::Malformed,
        b"414 " | b"431 " => Denial::HeadTooLarge,
        _ => return None,
    };
    let head = std::str::from_utf8(bytes).ok()?;
    let bare = head.contains("content-length: 0\r\n")
        && head.ends_with("\r\n\r\n")
        && !head.contains("keyward-request-id");
    bare.then_some(denial)
}

fn worded(denial: &Denial) -> Vec<u8> {
    let body = keyward_api::okx::refusal(denial);
    let status = match denial.entry().status {
        431 => "431 Request Header Fields Too Large",
        _ => "400 Bad Request",
    };
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), &body].concat()
}

impl<S: AsyncRead + Unpin> AsyncRead for Wording<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        if self.activity.is_idle() {
            self.incoming.body_is_over();
        }
        let read = Pin::new(&mut self.stream).poll_read(context, into);
        if let Some(came) = into.filled_mut().get_mut(before..).filter(|came| !came.is_empty()) {
            self.activity.bytes_came();
            self.incoming.refuse_fragments(came);
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wording<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if this.pending.is_none() {
            // A refusal of hyper's own comes when no request is under way; an answer of the exchange may look like one.
            let own = this.between && this.activity.is_idle();
            this.between = false;
            let Some(denial) = bare_refusal(bytes).filter(|_| own) else {
                return Pin::new(&mut this.stream).poll_write(context, bytes);
            };
            this.pending = Some((worded(&denial), 0, bytes.len()));
        }
        while let Some((text, written, stands_for)) = &mut this.pending {
            let rest = text.get(*written..).unwrap_or_default();
            if rest.is_empty() {
                let count = *stands_for;
                this.pending = None;
                return Poll::Ready(Ok(count));
            }
            *written += ready!(Pin::new(&mut this.stream).poll_write(context, rest))?;
        }
        Poll::Ready(Ok(0))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.between |= flushed.is_ready() && self.activity.is_idle();
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
