//! One socket from its upgrade to its end: frames of the exchange go to the client as they come, requests of the client go
//! through the session.
//!
//! One task, and no wait but in [`Relay::poll_step`]: each end is read only as far as the other takes what it gets, so a slow
//! peer holds up its own socket and nobody's memory.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper_util::rt::TokioIo;
use keyward_api::socket::Close;
use keyward_edge::Connection;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Utf8Bytes;
use tokio_tungstenite::tungstenite::protocol::{Message, Role};

use super::metered::metered;
use super::session::{Session, Turn};
use super::side::{Ended, READ_OF_CLIENT, Side, config};
use super::state::Due;
use super::upgrade::Opened;
use crate::serve::ThreadContext;
use crate::wording::Wording;

/// Frames of the exchange that are passed on before the client's own turn, and bytes of them after which it is enough.
const BATCH: usize = 32;
const BATCH_BYTES: usize = 64 << 10;

/// Both ends of a socket, and what is between them.
struct Relay<'d, S> {
    client: Side<S>,
    /// Opened for the first request that may pass.
    upstream: Option<Side<TcpStream>>,
    session: Session<'d>,
}

/// What happened.
enum Step {
    /// The client asks for something.
    Request(Utf8Bytes),
    /// The registry asks for something.
    Due(Due),
    /// The socket ends, with a reason for the client if it is still there.
    End(Option<Close>),
}

/// Relays a socket whose answer is out, until one of its ends, its key or the process ends it.
pub async fn run<S>(desk: Arc<ThreadContext>, opened: Opened, connection: Connection)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let Opened { on_upgrade, asked, entry } = opened;
    let Ok(upgraded) = on_upgrade.await else { return };
    let Ok(parts) = upgraded.downcast::<TokioIo<Wording<S>>>() else { return };
    // A client that does not wait for the answer may be a request that was smuggled through a proxy (threat F30).
    if !parts.read_buf.is_empty() {
        return;
    }
    connection.activity().mark_upgraded();
    let stream = parts.io.into_inner().into_inner();
    let limits = *entry.limits();
    let config = config(&limits, limits.message_bytes, READ_OF_CLIENT);
    let client = WebSocketStream::from_raw_socket(metered(stream), Role::Server, Some(config)).await;
    let session = Session::new(&desk, asked, entry, connection.activity());
    let mut relay = Relay { client: Side::new(client), upstream: None, session };
    let why = connection.unless_closed(relay.serve()).await;
    // The session is forgotten last, so that a shutdown waits until the client has heard of it.
    let Relay { client, upstream, mut session } = relay;
    session.end();
    // The exchange first, at once: what the client has heard the end of does not reach it any more.
    if let Some(upstream) = upstream {
        upstream.leave(Close::Done.code(), Close::Done.reason());
    }
    match why {
        Some(close) => {
            let close = close.unwrap_or(Close::Done);
            // In a place of its own: an idle socket has no room for it.
            Box::pin(client.close(close.code(), close.reason())).await;
        }
        // Another connection needs its place.
        None => client.leave(Close::GoingAway.code(), Close::GoingAway.reason()),
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Relay<'_, S> {
    /// Serves until the end; gives the reason that the client is told.
    async fn serve(&mut self) -> Option<Close> {
        loop {
            let turn = match poll_fn(|context| self.poll_step(context)).await {
                // In a place of its own: an idle socket has no room for it.
                Step::Request(text) => Box::pin(self.session.take(&mut self.upstream, text)).await,
                Step::Due(Due::End(close)) | Step::End(Some(close)) => return Some(close),
                Step::Due(Due::Ping) => self.ping(),
                Step::Due(Due::LateAnswer) => self.session.late_answers(),
                Step::Due(Due::Notice) => self.session.notice(),
                Step::End(None) => return None,
            };
            for reply in turn.replies {
                if let Err(Ended(why)) = self.client.push(Message::text(reply)) {
                    return why;
                }
                self.session.state().sent();
            }
            if let Some(close) = turn.close {
                return Some(close);
            }
        }
    }

    fn ping(&mut self) -> Turn {
        let lost = self
            .upstream
            .as_mut()
            .is_some_and(|upstream| upstream.push(Message::Ping(bytes::Bytes::new())).is_err());
        Turn { close: lost.then_some(Close::UpstreamLost), ..Turn::default() }
    }

    /// Moves what can be moved, until there is something to do.
    fn poll_step(&mut self, context: &mut Context<'_>) -> Poll<Step> {
        if let Poll::Ready(due) = self.session.state().poll_due(context) {
            return Poll::Ready(Step::Due(due));
        }
        // First what is on its way to the exchange: whatever the client does, it waits no longer than it must.
        let sent = match self.poll_upstream_takes(context) {
            Ok(sent) => sent,
            Err(step) => return Poll::Ready(step),
        };
        let moved = self.poll_client_takes(context).and_then(|takes| {
            let more = takes && self.pass_on(context)?;
            if takes {
                self.poll_client_takes(context)?;
            }
            // Who does not take answers asks for no more: what waits for a client stays bounded.
            Ok((takes && sent, more))
        });
        match moved {
            Err(step) => Poll::Ready(step),
            Ok((false, _)) => Poll::Pending,
            Ok((true, more)) => {
                if more {
                    // The client's turn comes first, and then the rest.
                    context.waker().wake_by_ref();
                }
                self.poll_request(context)
            }
        }
    }

    /// Sends what waits for the client; whether it has taken everything.
    fn poll_client_takes(&mut self, context: &mut Context<'_>) -> Result<bool, Step> {
        let takes = match self.client.poll_taken(context) {
            Poll::Ready(Ok(())) => true,
            Poll::Ready(Err(Ended(why))) => return Err(Step::End(why)),
            Poll::Pending => false,
        };
        self.session.state().client_takes(takes, || self.session.now_ms());
        Ok(takes)
    }

    /// Passes on what the exchange sends; whether there may be more.
    fn pass_on(&mut self, context: &mut Context<'_>) -> Result<bool, Step> {
        let Some(upstream) = &mut self.upstream else { return Ok(false) };
        let (mut passed, mut bytes) = (0, 0);
        while passed < BATCH && bytes < BATCH_BYTES {
            let message = match upstream.poll_next(context) {
                Poll::Ready(Ok(message)) => message,
                // However it ended: the client must not wait for what does not come.
                Poll::Ready(Err(_)) => return Err(Step::End(Some(Close::UpstreamLost))),
                Poll::Pending => return Ok(false),
            };
            self.session.heard_upstream(&message);
            (passed, bytes) = (passed + 1, bytes + message.len());
            match message {
                Message::Text(_) | Message::Binary(_) => {
                    self.client.push(message).map_err(|Ended(why)| Step::End(why))?;
                    self.session.state().sent();
                }
                Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
                Message::Close(_) => return Err(Step::End(Some(Close::UpstreamLost))),
            }
        }
        Ok(true)
    }

    /// Sends what waits for the exchange; whether it has taken everything.
    fn poll_upstream_takes(&mut self, context: &mut Context<'_>) -> Result<bool, Step> {
        let Some(upstream) = &mut self.upstream else { return Ok(true) };
        let takes = match upstream.poll_taken(context) {
            Poll::Ready(Ok(())) => true,
            Poll::Ready(Err(_)) => return Err(Step::End(Some(Close::UpstreamLost))),
            Poll::Pending => false,
        };
        self.session.state().upstream_takes(takes, || self.session.now_ms());
        Ok(takes)
    }

    /// The client's next request.
    fn poll_request(&mut self, context: &mut Context<'_>) -> Poll<Step> {
        loop {
            let message = match self.client.poll_next(context) {
                Poll::Ready(Ok(message)) => message,
                Poll::Ready(Err(Ended(why))) => return Poll::Ready(Step::End(why)),
                Poll::Pending => return Poll::Pending,
            };
            if let Err(close) = self.session.heard() {
                return Poll::Ready(Step::End(Some(close)));
            }
            match message {
                Message::Text(text) => return Poll::Ready(Step::Request(text)),
                Message::Binary(_) | Message::Frame(_) => {
                    return Poll::Ready(Step::End(Some(Close::Binary)));
                }
                Message::Close(_) => return Poll::Ready(Step::End(None)),
                Message::Ping(_) | Message::Pong(_) => {
                    // The library has put the answer on its way.
                    if let Err(step) = self.poll_client_takes(context) {
                        return Poll::Ready(step);
                    }
                }
            }
        }
    }
}
