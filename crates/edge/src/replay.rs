//! A stream whose first bytes were read to find out what it speaks, and are given again.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};

/// A stream and the bytes that were read ahead.
pub struct RewindStream<S> {
    ahead: Vec<u8>,
    given: usize,
    stream: S,
}

impl<S: AsyncRead + Unpin> RewindStream<S> {
    /// Reads ahead as long as what comes is the beginning of `start`, and says whether all of it came.
    ///
    /// # Errors
    /// When the stream fails, or ends before it says anything.
    pub async fn starts_with(mut stream: S, start: &[u8]) -> io::Result<(Self, bool)> {
        let mut ahead = vec![0; start.len()];
        let mut count = 0;
        loop {
            let room = ahead.get_mut(count..).unwrap_or_default();
            if room.is_empty() {
                break;
            }
            let read = stream.read(room).await?;
            count += read;
            if read == 0 || ahead.get(..count) != start.get(..count) {
                break;
            }
        }
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        ahead.truncate(count);
        let whole = ahead == start;
        Ok((Self { ahead, given: 0, stream }, whole))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for RewindStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let left = this.ahead.get(this.given..).unwrap_or_default();
        if left.is_empty() {
            return Pin::new(&mut this.stream).poll_read(context, into);
        }
        let count = left.len().min(into.remaining());
        into.put_slice(left.get(..count).unwrap_or_default());
        this.given += count;
        if this.given == this.ahead.len() {
            (this.ahead, this.given) = (Vec::new(), 0);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for RewindStream<S> {
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

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::RewindStream;

    #[tokio::test]
    async fn nothing_is_lost_whatever_the_beginning() {
        for (bytes, whole) in
            [("PRI * rest", true), ("PRI *", true), ("PRI x", false), ("GET /", false), ("P", false)]
        {
            let (mut replayed, found) = RewindStream::starts_with(bytes.as_bytes(), b"PRI *").await.unwrap();
            let mut all = String::new();
            replayed.read_to_string(&mut all).await.unwrap();
            assert_eq!((all.as_str(), found), (bytes, whole));
        }
        assert!(RewindStream::starts_with(&b""[..], b"PRI *").await.is_err());
    }
}
