//! The listener: several requests on a connection, limits, an orderly end.

use std::sync::Arc;

use keyward_rules::identity::IdentityKey;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use super::BODY_BYTES;
use crate::Exchange;

async fn reply_to(stream: &mut TcpStream, request: &[u8]) -> String {
    stream.write_all(request).await.unwrap();
    let mut all = Vec::new();
    let mut piece = [0; 1_024];
    // Every reply here ends with the end of its JSON.
    while !all.ends_with(b"}") {
        let read = stream.read(&mut piece).await.unwrap();
        assert_ne!(read, 0, "the connection ended early");
        all.extend_from_slice(&piece[..read]);
    }
    String::from_utf8(all).unwrap()
}

#[tokio::test]
async fn keeps_connections_and_ends_in_order() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let exchange = Exchange::new(IdentityKey::new(1, [5; 32]), 1, Box::new(|| 1));
    let (end, ended) = oneshot::channel::<()>();
    let serving = tokio::spawn(exchange.serve_until(listener, async { drop(ended.await) }));

    let mut stream = TcpStream::connect(address).await.unwrap();
    for _ in 0..2 {
        let request = b"GET /api/v5/public/time HTTP/1.1\r\nhost: x\r\n\r\n";
        let reply = reply_to(&mut stream, request).await;
        assert!(reply.starts_with("HTTP/1.1 403 "), "{reply}");
        assert!(reply.contains("content-type: application/json"), "{reply}");
        assert!(reply.contains(r#""code":"50030""#), "{reply}");
    }
    let mut other = TcpStream::connect(address).await.unwrap();
    let large = format!("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", BODY_BYTES + 1);
    let mut request = large.into_bytes();
    request.resize(request.len() + BODY_BYTES + 1, b' ');
    assert!(reply_to(&mut other, &request).await.starts_with("HTTP/1.1 413 "));

    end.send(()).unwrap();
    serving.await.unwrap();
    assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0, "the connection is closed");
}

#[tokio::test]
async fn serves_as_a_task_until_it_is_dropped() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let exchange = Exchange::new(IdentityKey::new(1, [5; 32]), 1, Box::new(|| 1));
    let serving = tokio::spawn(Arc::clone(&exchange).serve(listener));
    let mut stream = TcpStream::connect(address).await.unwrap();
    let reply = reply_to(&mut stream, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(reply.starts_with("HTTP/1.1 403 "), "{reply}");
    serving.abort();
    assert!(serving.await.unwrap_err().is_cancelled());
    assert_eq!(exchange.seen_count(), 0);
}
