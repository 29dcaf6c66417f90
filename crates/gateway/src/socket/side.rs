//! One end of a socket: the client, or the exchange. What waits to be taken is bounded.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::{Sink as _, Stream as _};
use keyward_api::socket::Close;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::limits::SocketLimits;
use super::metered::Metered;

/// Bytes that are read from a client at once: most of its frames are short.
pub const READ_OF_CLIENT: usize = 2 << 10;
/// Bytes that are read from the exchange at once.
pub const READ_OF_EXCHANGE: usize = 4 << 10;
/// How long a peer has to take the last frame and to answer it.
const FAREWELL: Duration = Duration::from_secs(1);
/// Bytes of a peer that are still read after the last frame, so that a reset does not overtake it.
const DRAINED: usize = 256 << 10;

/// The peer is gone, or spoke what is no WebSocket; the reason is for it, if it can still be told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ended(pub Option<Close>);

/// One end.
pub struct Side<S> {
    stream: WebSocketStream<Metered<S>>,
    /// Bytes of a message and its frames at most.
    most: usize,
    /// Whether something waits to be taken.
    waits: bool,
}

/// What one end may send, and how much may wait for it.
pub fn config(limits: &SocketLimits, message_bytes: usize, read_bytes: usize) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(read_bytes)
        // What comes together goes out together.
        .write_buffer_size(WRITTEN_TOGETHER)
        .max_write_buffer_size(limits.waiting_bytes.max(WRITTEN_TOGETHER * 2))
        .max_message_size(Some(message_bytes))
        .max_frame_size(Some(message_bytes))
}

/// Bytes that are gathered before they are written.
const WRITTEN_TOGETHER: usize = 16 << 10;

/// Bytes beside those of a message that may come before it is complete: heads of fragments, and what is read ahead.
const FRAMING_BYTES: usize = 64 << 10;
/// Bytes of a control frame beside what it says.
const CONTROL_HEAD: usize = 6;

impl<S: AsyncRead + AsyncWrite + Unpin> Side<S> {
    /// An end of which nothing waits.
    pub fn new(stream: WebSocketStream<Metered<S>>) -> Self {
        let most = stream.get_config().max_message_size.unwrap_or_default().saturating_mul(2);
        Self { stream, most: most.saturating_add(FRAMING_BYTES), waits: false }
    }

    /// Puts a message on its way; [`Side::poll_taken`] sends it.
    ///
    /// # Errors
    /// [`Ended`] when the peer is gone, or too much waits for it.
    pub fn push(&mut self, message: Message) -> Result<(), Ended> {
        self.waits = true;
        Pin::new(&mut self.stream).start_send(message).map_err(|error| ended(&error))
    }

    /// Sends what waits; ready once the peer's system has taken all of it.
    pub fn poll_taken(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Ended>> {
        if !self.waits {
            return Poll::Ready(Ok(()));
        }
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.waits = flushed.is_pending();
        flushed.map_err(|error| ended(&error))
    }

    /// The next message.
    pub fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Result<Message, Ended>> {
        let next = Pin::new(&mut self.stream).poll_next(context);
        match &next {
            Poll::Ready(Some(Ok(message))) if message.is_ping() || message.is_pong() => {
                // A sign of life ends no message that is under way.
                self.stream.get_mut().hears().forgive(message.len() + CONTROL_HEAD);
            }
            Poll::Ready(_) => self.stream.get_mut().hears().reset(),
            // Fragments that say nothing make no message, however many there are.
            Poll::Pending if self.stream.get_mut().hears().bytes() > self.most => {
                return Poll::Ready(Err(Ended(Some(Close::Flood))));
            }
            Poll::Pending => {}
        }
        next.map(|next| match next {
            Some(Ok(message)) => {
                // The library answers these by itself, and its answer waits.
                self.waits |= message.is_ping() || message.is_close();
                Ok(message)
            }
            Some(Err(error)) => Err(ended(&error)),
            None => Err(Ended(None)),
        })
    }

    /// Ends at once. A peer that has taken everything is told so, if its system takes that without waiting; what somebody
    /// else has not taken is never sent.
    pub fn leave(mut self, code: u16, reason: &'static str) {
        if self.waits {
            return;
        }
        let frame = CloseFrame { code: CloseCode::from(code), reason: reason.into() };
        if self.push(Message::Close(Some(frame))).is_ok() {
            let _ = self.poll_taken(&mut Context::from_waker(Waker::noop()));
        }
    }

    /// Says the last word, waits a moment until the peer has heard it, and closes.
    pub async fn close(mut self, code: u16, reason: &'static str) {
        let frame = CloseFrame { code: CloseCode::from(code), reason: reason.into() };
        let said = async {
            // What waits goes out first, as far as the peer takes it.
            poll_fn(|context| Poll::Ready(self.poll_taken(context).is_ready())).await;
            // A peer that said it first gets an answer by the library, and this is refused.
            let _ = self.push(Message::Close(Some(frame)));
            // Ends with the peer's own close frame, or with its connection.
            let mut left = DRAINED;
            let answered = poll_fn(|context| {
                if let Poll::Ready(Err(_)) = self.poll_taken(context) {
                    return Poll::Ready(());
                }
                while left > 0 {
                    match self.poll_next(context) {
                        Poll::Ready(Ok(message)) if message.is_close() => return Poll::Ready(()),
                        Poll::Ready(Ok(message)) => left = left.saturating_sub(message.len().max(1)),
                        Poll::Ready(Err(_)) => return Poll::Ready(()),
                        Poll::Pending => return Poll::Pending,
                    }
                }
                Poll::Ready(())
            });
            answered.await;
            // After a frame that was none the library reads no more, and the last word may still be on its way.
            poll_fn(|context| self.poll_taken(context).map(|taken| taken.is_ok())).await;
        };
        let _ = timeout(FAREWELL, said).await;
        let _ = timeout(FAREWELL, drain(self.stream.into_inner())).await;
    }
}

/// Ends the stream, and reads what its peer still sends: what is not read would reset the connection.
async fn drain<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S) {
    let _ = stream.shutdown().await;
    let (mut left, mut piece) = (DRAINED, [0; 4_096]);
    while left > 0 {
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return,
            Ok(read) => left = left.saturating_sub(read),
        }
    }
}

/// What a peer is told of its mistake (RFC 6455, 7.4.1).
fn ended(error: &Error) -> Ended {
    Ended(match error {
        Error::Capacity(CapacityError::MessageTooLong { .. }) => Some(Close::TooLong),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => None,
        Error::Protocol(_) => Some(Close::Malformed),
        Error::Utf8(_) => Some(Close::NotText),
        Error::WriteBufferFull(_) => Some(Close::SlowReader),
        Error::ConnectionClosed
        | Error::AlreadyClosed
        | Error::Io(_)
        | Error::Capacity(_)
        | Error::Tls(_)
        | Error::AttackAttempt
        | Error::Url(_)
        | Error::Http(_)
        | Error::HttpFormat(_) => None,
    })
}
