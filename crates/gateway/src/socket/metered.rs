//! A stream that counts what comes in: a message that never ends is noticed by its bytes.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream and the bytes that were read from it.
pub struct Metered<S> {
    stream: S,
    read: usize,
}

impl<S> Metered<S> {
    /// A stream of which nothing was read.
    pub const fn new(stream: S) -> Self {
        Self { stream, read: 0 }
    }

    /// Bytes since the last [`Metered::reset`].
    pub const fn read(&self) -> usize {
        self.read
    }

    /// Takes bytes that were none of a message off the count.
    pub const fn forgive(&mut self, bytes: usize) {
        self.read = self.read.saturating_sub(bytes);
    }

    /// Counts from here on.
    pub const fn reset(&mut self) {
        self.read = 0;
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, into);
        self.read = self.read.saturating_add(into.filled().len().saturating_sub(before));
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
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
