//! The exchange behind a listener: HTTP/1.1 with keep-alive and upgrades, within limits.

use std::convert::Infallible;
use std::future::{Future, pending};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use keyward_rules::socket::Endpoint;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::Exchange;
use crate::caller::Parts;
use crate::claims::Claims;
use crate::exchange::refuse;
use crate::refusal::Refusal;
use crate::sockets::{Pulse, beat, until_end, upgrade};

/// Bytes of a body at most; the gateway's own limit is the same.
const BODY_BYTES: usize = 1 << 20;
/// Headers of a request at most: what the gateway lets a client send, and the identity.
const HEADERS: usize = 256;
/// Connections at once.
const CONNECTIONS: usize = 4_096;
/// How long requests under way may take once the end was asked for.
const DRAIN: Duration = Duration::from_secs(5);
/// How long to leave the listener alone when no socket is to be had.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

impl Exchange {
    /// Serves the listener until the task is dropped.
    pub async fn serve(self: Arc<Self>, listener: TcpListener) {
        self.serve_until(listener, pending()).await;
    }

    /// Serves the listener until `shutdown`, then lets requests under way finish for a few seconds, and closes sockets.
    pub async fn serve_until(
        self: Arc<Self>,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send,
    ) {
        let (ending, _) = watch::channel(false);
        let (seconds, _) = watch::channel(0);
        let room = Arc::new(Semaphore::new(CONNECTIONS));
        let mut shutdown = pin!(shutdown);
        let mut beating = pin!(beat(&self, &seconds));
        loop {
            let accepted = tokio::select! {
                () = &mut shutdown => break,
                () = &mut beating => break,
                accepted = accept(&listener, &room) => accepted,
            };
            let Some((stream, room)) = accepted else { continue };
            let (exchange, pulse) = (Arc::clone(&self), Pulse::new(&seconds, &ending));
            tokio::spawn(async move {
                exchange.converse(stream, pulse).await;
                drop(room);
            });
        }
        drop(listener);
        ending.send_replace(true);
        // Every connection and every socket hears of the end, until it has ended itself.
        let _ = tokio::time::timeout(DRAIN, ending.closed()).await;
    }

    /// One connection, until it ends, becomes a socket, or the server ends.
    async fn converse(self: Arc<Self>, stream: TcpStream, pulse: Pulse) {
        let mut ending = pulse.ending();
        let service = service_fn(move |request| {
            let (exchange, pulse) = (Arc::clone(&self), pulse.clone());
            async move { Ok::<_, Infallible>(exchange.respond(request, pulse).await) }
        });
        let mut builder = http1::Builder::new();
        // An idle connection is never closed from here: the gateway may be writing on it that very moment,
        // and would not know whether an order got through. How many there are is bounded instead.
        builder.timer(TokioTimer::new()).header_read_timeout(None).max_headers(HEADERS);
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service).with_upgrades());
        // A connection that breaks is the gateway's to notice.
        tokio::select! {
            _ = connection.as_mut() => return,
            () = until_end(&mut ending) => connection.as_mut().graceful_shutdown(),
        }
        let _ = connection.await;
    }

    async fn respond(self: Arc<Self>, request: Request<Incoming>, pulse: Pulse) -> Response<Full<Bytes>> {
        if let Some(endpoint) = Endpoint::of_path(request.uri().path().as_bytes()) {
            return match upgrade(&self, endpoint, request, pulse) {
                Ok(switching) => switching,
                Err(refusal) => reply(refuse(refusal)),
            };
        }
        let (head, body) = request.into_parts();
        let Ok(body) = Limited::new(body, BODY_BYTES).collect().await else {
            return reply(refuse(Refusal::BodyTooLarge));
        };
        let body = body.to_bytes();
        let target = head.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        let claims = Claims::Headers(&head.headers);
        reply(self.act(Parts { method: head.method.as_str(), target, claims, body: &body }))
    }
}

/// The next connection, once there is room for one; none when the system has no socket to give.
async fn accept(listener: &TcpListener, room: &Arc<Semaphore>) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let room = Arc::clone(room).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => {
            let _ = stream.set_nodelay(true);
            Some((stream, room))
        }
        Err(_) => {
            // Trying again at once would only burn the processor.
            tokio::time::sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

fn reply((status, text): (StatusCode, String)) -> Response<Full<Bytes>> {
    let mut reply = Response::new(Full::new(Bytes::from(text)));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply
}

#[cfg(test)]
mod tests;
