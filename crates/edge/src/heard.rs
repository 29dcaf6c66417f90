//! A stream that reports how many bytes arrive: to the connection limiter, or to a counter of bytes.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::Activity;

/// Gets the number of bytes that arrived.
pub trait HearsBytes {
    /// So many came.
    fn bytes_came(&mut self, bytes: usize);
}

impl HearsBytes for Activity {
    fn bytes_came(&mut self, _bytes: usize) {
        Self::bytes_came(self);
    }
}

/// A stream, and what is told of its bytes.
pub struct TrackedStream<S, H> {
    stream: S,
    hears: H,
}

impl<S, H> TrackedStream<S, H> {
    /// Bytes of this stream are told to `hears`.
    pub const fn new(stream: S, hears: H) -> Self {
        Self { stream, hears }
    }

    /// What is told of the bytes.
    pub const fn hears(&mut self) -> &mut H {
        &mut self.hears
    }
}

impl<S: AsyncRead + Unpin, H: HearsBytes + Unpin> AsyncRead for TrackedStream<S, H> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, into);
        let came = into.filled().len().saturating_sub(before);
        if came > 0 {
            self.hears.bytes_came(came);
        }
        read
    }
}

impl<S: AsyncWrite + Unpin, H: Unpin> AsyncWrite for TrackedStream<S, H> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
