//! The exchange behind a socket: HTTP/1.1 with keep-alive, within limits.

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
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::Exchange;
use crate::caller::Parts;
use crate::exchange::refuse;
use crate::refusal::Refusal;

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

    /// Serves the listener until `shutdown`, then lets requests under way finish for a few seconds.
    pub async fn serve_until(
        self: Arc<Self>,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send,
    ) {
        let (graceful, room) = (GracefulShutdown::new(), Arc::new(Semaphore::new(CONNECTIONS)));
        let mut shutdown = pin!(shutdown);
        loop {
            let accepted = tokio::select! {
                () = &mut shutdown => break,
                accepted = accept(&listener, &room) => accepted,
            };
            let Some((stream, room)) = accepted else { continue };
            let exchange = Arc::clone(&self);
            let service = service_fn(move |request| {
                let exchange = Arc::clone(&exchange);
                async move { Ok::<_, Infallible>(exchange.respond(request).await) }
            });
            let mut builder = http1::Builder::new();
            // An idle connection is never closed from here: the gateway may be writing on it that very moment,
            // and would not know whether an order got through. How many there are is bounded instead.
            builder.timer(TokioTimer::new()).header_read_timeout(None).max_headers(HEADERS);
            let connection = graceful.watch(builder.serve_connection(TokioIo::new(stream), service));
            tokio::spawn(async move {
                // A connection that breaks is the gateway's to notice.
                let _ = connection.await;
                drop(room);
            });
        }
        drop(listener);
        let _ = tokio::time::timeout(DRAIN, graceful.shutdown()).await;
    }

    async fn respond(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        let Ok(body) = Limited::new(body, BODY_BYTES).collect().await else {
            return reply(refuse(Refusal::BodyTooLarge));
        };
        let body = body.to_bytes();
        let target = head.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        reply(self.act(Parts { method: head.method.as_str(), target, headers: &head.headers, body: &body }))
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
