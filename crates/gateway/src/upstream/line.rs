//! One connection to the exchange: what is written to it, and what has come.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use tokio::io::AsyncWrite as _;
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::io::poll_read_buf;

use super::framing::{Broken, Framing, Piece};
use super::head::{self, Head};
use super::late::{Deadlines, Late, Wait};

/// Bytes that there is room for at each read.
const READ: usize = 8 << 10;
/// Bytes of an answer that a connection has read ahead at most.
pub const READ_AHEAD: usize = 2 * READ;

/// A connection to the exchange.
pub struct Line {
    stream: TcpStream,
    /// What has come and was not taken yet.
    came: BytesMut,
    closed: bool,
    wait: Arc<Wait>,
    deadlines: Arc<Deadlines>,
    patience_ms: u64,
    /// Its place among the connections, given back with it.
    _place: OwnedSemaphorePermit,
}

/// A request did not go out whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unwritten {
    /// Not a byte of it.
    Wholly,
    /// In part: it may have been understood.
    Partly,
}

impl Line {
    pub(super) fn new(
        stream: TcpStream,
        deadlines: Arc<Deadlines>,
        patience_ms: u64,
        place: OwnedSemaphorePermit,
    ) -> Self {
        let wait = deadlines.wait();
        Self { stream, came: BytesMut::new(), closed: false, wait, deadlines, patience_ms, _place: place }
    }

    /// Whether a request can go out: the exchange neither closed the connection nor said anything unasked.
    pub(super) fn is_quiet(&self) -> bool {
        let silent =
            |read: io::Result<usize>| read.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
        self.is_drained() && silent(self.stream.try_read(&mut [0]))
    }

    /// Writes a request, head and body in one call: each call would wake the exchange.
    ///
    /// # Errors
    /// [`Unwritten`].
    pub(super) async fn write(&mut self, head: &[u8], body: &[u8]) -> Result<(), Unwritten> {
        let mut gone = 0;
        while gone < head.len() + body.len() {
            let rest = (
                head.get(gone..).unwrap_or_default(),
                body.get(gone.saturating_sub(head.len())..).unwrap_or_default(),
            );
            match poll_fn(|context| self.poll_write(context, rest)).await {
                Ok(count @ 1..) => gone += count,
                Ok(0) | Err(_) if gone > 0 => return Err(Unwritten::Partly),
                Ok(0) | Err(_) => return Err(Unwritten::Wholly),
            }
        }
        Ok(())
    }

    fn poll_write(
        &mut self,
        context: &mut Context<'_>,
        (head, body): (&[u8], &[u8]),
    ) -> Poll<io::Result<usize>> {
        let stream = &mut self.stream;
        let written = self.wait.bound(&self.deadlines, self.patience_ms, context, |context| {
            let mut stream = Pin::new(&mut *stream);
            if body.is_empty() {
                stream.as_mut().poll_write(context, head)
            } else {
                stream.as_mut().poll_write_vectored(context, &[IoSlice::new(head), IoSlice::new(body)])
            }
        });
        written.map(|written| written.unwrap_or_else(|Late| Err(io::ErrorKind::TimedOut.into())))
    }

    /// Reads the head of the answer.
    ///
    /// # Errors
    /// [`Broken`]: also when it does not come in time.
    pub(super) async fn head(&mut self) -> Result<Head, Broken> {
        let mut interim = 0;
        loop {
            if let Some(head) = head::take(&mut self.came, &mut interim)? {
                return Ok(head);
            }
            if self.closed {
                return Err(Broken);
            }
            poll_fn(|context| self.poll_fill(context)).await?;
        }
    }

    /// Takes the next piece of a body out of what has come.
    ///
    /// # Errors
    /// [`Broken`] when it is malformed or breaks off.
    #[inline]
    pub(super) fn take(&mut self, framing: &mut Framing) -> Result<Piece, Broken> {
        framing.take(&mut self.came, self.closed)
    }

    /// Whether everything that has come was taken, and the exchange has not closed.
    #[inline]
    pub(super) fn is_drained(&self) -> bool {
        self.came.is_empty() && !self.closed
    }

    /// Waits for more bytes, or the end of them.
    ///
    /// # Errors
    /// [`Broken`] when they do not come in time.
    pub(super) fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        self.came.reserve(READ);
        let (stream, came) = (&mut self.stream, &mut self.came);
        let read = self.wait.bound(&self.deadlines, self.patience_ms, context, |context| {
            poll_read_buf(Pin::new(&mut *stream), context, &mut *came)
        });
        match ready!(read) {
            Ok(Ok(0)) => self.closed = true,
            Ok(Ok(_)) => {}
            Ok(Err(_)) | Err(Late) => return Poll::Ready(Err(Broken)),
        }
        Poll::Ready(Ok(()))
    }
}
