//! A text sent to one address over HTTP: to https anywhere, to plain http on this machine only.
//!
//! No redirect is followed, nothing of the answer is read but its status, and everything has one time limit.

use std::sync::Arc;
use std::time::Duration;

use http::{Request, StatusCode, Uri, header};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// How long one delivery may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// An address that texts are sent to.
pub struct Post {
    uri: Uri,
    host: String,
    port: u16,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

/// A text that is no address to send to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("it must be https://host[:port]/path, or http:// to 127.0.0.1, [::1] or localhost")]
pub struct NotAnAddress;

/// Why a text was not taken.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    /// It took too long.
    #[error("no answer within {} s", PATIENCE.as_secs())]
    Slow,
    /// No connection, or none with a trusted certificate.
    #[error("no connection")]
    Connection(#[source] std::io::Error),
    /// The other side does not speak HTTP as it should.
    #[error("no answer over HTTP")]
    Http(#[source] hyper::Error),
    /// The other side does not want it.
    #[error("the answer was {0}")]
    Refused(StatusCode),
}

impl Post {
    /// Reads an address.
    ///
    /// # Errors
    /// [`NotAnAddress`]; one with a user and password is none.
    pub fn new(text: &str) -> Result<Self, NotAnAddress> {
        let uri: Uri = text.parse().map_err(|_| NotAnAddress)?;
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'));
        let host = authority.ok_or(NotAnAddress)?.host().to_owned();
        let bare = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let (tls, port) = match uri.scheme_str() {
            Some("https") => {
                let name = ServerName::try_from(bare.clone()).map_err(|_| NotAnAddress)?;
                (Some((connector().ok_or(NotAnAddress)?, name)), 443)
            }
            Some("http") if matches!(bare.as_str(), "127.0.0.1" | "::1" | "localhost") => (None, 80),
            Some(_) | None => return Err(NotAnAddress),
        };
        let port = uri.port_u16().unwrap_or(port);
        Ok(Self { uri, host: bare, port, tls })
    }

    /// Sends a text; done when the other side answers with a status of success.
    ///
    /// # Errors
    /// [`PostError`].
    pub async fn send(&self, text: &str) -> Result<(), PostError> {
        tokio::time::timeout(PATIENCE, self.deliver(text)).await.unwrap_or(Err(PostError::Slow))
    }

    /// Connects, and shakes hands where there is TLS; nothing is sent.
    ///
    /// # Errors
    /// [`PostError::Connection`] and [`PostError::Slow`].
    pub async fn try_out(&self) -> Result<(), PostError> {
        let reach = async {
            let stream = self.connect().await?;
            match &self.tls {
                None => Ok(()),
                Some((connector, name)) => {
                    connector.connect(name.clone(), stream).await.map(drop).map_err(PostError::Connection)
                }
            }
        };
        tokio::time::timeout(PATIENCE, reach).await.unwrap_or(Err(PostError::Slow))
    }

    async fn connect(&self) -> Result<TcpStream, PostError> {
        TcpStream::connect((self.host.as_str(), self.port)).await.map_err(PostError::Connection)
    }

    async fn deliver(&self, text: &str) -> Result<(), PostError> {
        let stream = self.connect().await?;
        match &self.tls {
            None => self.exchange(stream, text).await,
            Some((connector, name)) => {
                let stream = connector.connect(name.clone(), stream).await.map_err(PostError::Connection)?;
                self.exchange(stream, text).await
            }
        }
    }

    async fn exchange<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(
        &self,
        stream: S,
        text: &str,
    ) -> Result<(), PostError> {
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(PostError::Http)?;
        // Ends with the connection, which ends when `sender` is dropped.
        tokio::spawn(connection);
        let answer = sender.send_request(self.request(text)).await.map_err(PostError::Http)?;
        if answer.status().is_success() { Ok(()) } else { Err(PostError::Refused(answer.status())) }
    }

    fn request(&self, text: &str) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(Bytes::copy_from_slice(text.as_bytes())));
        *request.method_mut() = http::Method::POST;
        let path = self.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        *request.uri_mut() = path.parse().unwrap_or_default();
        let fields = request.headers_mut();
        if let Some(Ok(host)) = self.uri.authority().map(|host| host.as_str().parse()) {
            fields.insert(header::HOST, host);
        }
        let plain = header::HeaderValue::from_static("text/plain; charset=utf-8");
        fields.insert(header::CONTENT_TYPE, plain);
        fields.insert(header::USER_AGENT, header::HeaderValue::from_static("keyward"));
        request
    }
}

/// TLS that trusts the public authorities.
fn connector() -> Option<TlsConnector> {
    let mut roots = RootCertStore::empty();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().ok()?;
    Some(Arc::new(config.with_root_certificates(roots).with_no_client_auth()).into())
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::{Post, PostError};

    #[test]
    fn clear_text_stays_on_this_machine() {
        for good in [
            "https://audit.example.com/in?log=1",
            "https://192.0.2.1:8443/",
            "http://localhost:8080/a",
            "http://127.0.0.1/",
            "http://[::1]:9/",
        ] {
            assert!(Post::new(good).is_ok(), "{good}");
        }
        for bad in [
            "http://audit.example.com/",
            "http://127.0.0.1.example.com/",
            "http://localhost@audit.example.com/",
            "https://user:password@audit.example.com/",
            "file:///etc/passwd",
            "gopher://localhost/",
            "//localhost/",
            "/x",
            "",
        ] {
            assert!(Post::new(bad).is_err(), "{bad}");
        }
    }

    /// Answers one request; gives what was asked.
    async fn answer(listener: TcpListener, status: &str) -> String {
        let (mut stream, _) = listener.accept().await.unwrap();
        let (mut asked, mut buffer) = (Vec::new(), [0; 4096]);
        while !asked.ends_with(b"signed\n") {
            let count = stream.read(&mut buffer).await.unwrap();
            asked.extend_from_slice(&buffer[..count]);
        }
        let head = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nLocation: http://192.0.2.1/\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        String::from_utf8(asked).unwrap()
    }

    async fn post(status: &'static str) -> (Result<(), PostError>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/in?log=1", listener.local_addr().unwrap());
        let server = tokio::spawn(answer(listener, status));
        let sent = Post::new(&url).unwrap().send("signed\n").await;
        (sent, server.await.unwrap())
    }

    #[tokio::test]
    async fn what_is_taken_is_done_and_nothing_is_followed() {
        let (sent, asked) = post("204 No Content").await;
        sent.unwrap();
        let asked = asked.to_lowercase();
        assert!(asked.starts_with("post /in?log=1 http/1.1\r\n"), "{asked}");
        assert!(asked.contains("content-type: text/plain") && asked.contains("host: 127.0.0.1:"), "{asked}");
        for status in ["302 Found", "404 Not Found", "500 Internal Server Error"] {
            let (sent, _) = post(status).await;
            assert!(matches!(sent, Err(PostError::Refused(_))), "{status}");
        }
        let gone = Post::new("http://127.0.0.1:1/").unwrap().send("signed\n").await;
        assert!(matches!(gone, Err(PostError::Connection(_))));
    }

    #[tokio::test]
    async fn trying_out_sends_nothing() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let post = Post::new(&format!("http://{}/in", listener.local_addr().unwrap())).unwrap();
        let server = tokio::spawn(async move {
            let mut asked = Vec::new();
            listener.accept().await.unwrap().0.read_to_end(&mut asked).await.unwrap();
            asked
        });
        post.try_out().await.unwrap();
        assert_eq!(server.await.unwrap(), b"");
        let gone = Post::new("http://127.0.0.1:1/").unwrap().try_out().await;
        assert!(matches!(gone, Err(PostError::Connection(_))));
    }

    #[tokio::test]
    async fn trying_out_wants_tls_where_the_address_does() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let post = Post::new(&format!("https://{}/in", listener.local_addr().unwrap())).unwrap();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        });
        assert!(matches!(post.try_out().await, Err(PostError::Connection(_))));
        server.await.unwrap();
    }
}
