//! One HTTP request to a receiver that somebody else chose (threats.md F80).
//!
//! A name is resolved here, once; every address that it leads to must be public; the connection goes to one of exactly
//! these. What an operator vouches for is left out of the check. HTTP/1.1, one request per connection, no proxy, no
//! cookies, no redirects, ten seconds for everything.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, HeaderName, RETRY_AFTER, USER_AGENT};
use http::{HeaderValue, Request};
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use keyward_rules::channel::{ChannelPolicy, Host, Outcome, Receiver, Scheme, check_address};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::network::Network;
use super::wait::RetryAfter;

/// How long one request may take, from the name to the status.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long one of several addresses may take to answer.
const CONNECT: Duration = Duration::from_secs(3);
/// Addresses of a name that are tried.
const ADDRESSES: usize = 4;
/// Bytes of an answer's head; its body is not read.
const HEAD_BYTES: usize = 16 * 1024;

/// A request: where to, which headers beside the fixed ones, and JSON.
pub struct Post {
    /// Where to.
    pub receiver: Receiver,
    /// Headers of our own.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// What came back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Answer {
    /// What came of it.
    pub outcome: Outcome,
    /// The status, if there was an answer.
    pub status: Option<u16>,
    /// How long the receiver asks us to wait.
    pub retry_after: Option<RetryAfter>,
}

/// The file is no authority to trust.
#[derive(Debug, thiserror::Error)]
#[error("the file holds no certificate authority in PEM")]
pub struct NotAnAuthority;

/// The client.
pub struct Client {
    network: Arc<dyn Network>,
    policy: ChannelPolicy,
    public: TlsConnector,
    own: TlsConnector,
    patience: Duration,
}

/// A connector that trusts the public authorities, and those in PEM beside them.
///
/// # Errors
/// [`NotAnAuthority`].
pub(crate) fn connector(authority: Option<&[u8]>) -> Result<TlsConnector, NotAnAuthority> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(pem) = authority {
        let mut found = CertificateDer::pem_slice_iter(pem).peekable();
        found.peek().ok_or(NotAnAuthority)?;
        for certificate in found {
            roots.add(certificate.map_err(|_| NotAnAuthority)?).map_err(|_| NotAnAuthority)?;
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| NotAnAuthority)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

impl Client {
    /// Takes the policy, and authorities in PEM that are trusted for receivers that the policy vouches for, and for no
    /// others.
    ///
    /// # Errors
    /// [`NotAnAuthority`].
    pub fn new(
        network: Arc<dyn Network>,
        policy: ChannelPolicy,
        authority: Option<&[u8]>,
    ) -> Result<Self, NotAnAuthority> {
        let (public, own) = (connector(None)?, connector(authority)?);
        Ok(Self { network, policy, public, own, patience: PATIENCE })
    }

    /// With less patience, for tests.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// The policy.
    #[must_use]
    pub const fn policy(&self) -> &ChannelPolicy {
        &self.policy
    }

    /// Sends one request, and looks at nothing but the status of what comes back.
    pub async fn send(&self, post: Post) -> Answer {
        let answer = match tokio::time::timeout(self.patience, self.exchange(post)).await {
            Ok(answer) => answer,
            Err(_) => Err(Outcome::TooSlow),
        };
        answer.unwrap_or_else(|outcome| Answer { outcome, status: None, retry_after: None })
    }

    async fn exchange(&self, post: Post) -> Result<Answer, Outcome> {
        let receiver = &post.receiver;
        self.policy.admit(receiver).map_err(|_| Outcome::NotAdmitted)?;
        let vouched = self.policy.vouches_for(receiver);
        let addresses = self.addresses(receiver, vouched).await?;
        let stream = self.connect(&addresses, receiver.port()).await?;
        let request = request(&post)?;
        match post.receiver.scheme() {
            Scheme::Http => converse(stream, request).await,
            Scheme::Https => {
                let name = match post.receiver.host() {
                    Host::Address(address) => ServerName::from(*address),
                    Host::Name(name) => {
                        ServerName::try_from(name.clone()).map_err(|_| Outcome::NotAdmitted)?
                    }
                };
                let tls = if vouched { &self.own } else { &self.public };
                let stream = tls.connect(name, stream).await.map_err(|_| Outcome::NoTls)?;
                converse(stream, request).await
            }
        }
    }

    /// The addresses of a receiver, each of them checked: one that is not public refuses them all.
    async fn addresses(&self, receiver: &Receiver, vouched: bool) -> Result<Vec<IpAddr>, Outcome> {
        let found = match receiver.host() {
            Host::Address(address) => vec![*address],
            Host::Name(name) => {
                // With the dot at its end a name is whole: no search list of the host's own network completes it.
                let name = if vouched { name.clone() } else { format!("{name}.") };
                self.network.resolve(name).await.map_err(|_| Outcome::NotResolved)?
            }
        };
        if found.is_empty() {
            return Err(Outcome::NotResolved);
        }
        if !vouched && found.iter().any(|address| check_address(*address).is_err()) {
            return Err(Outcome::NotPublic);
        }
        Ok(found)
    }

    /// A connection to the first of the checked addresses that answers.
    async fn connect(&self, addresses: &[IpAddr], port: u16) -> Result<TcpStream, Outcome> {
        for address in addresses.iter().take(ADDRESSES) {
            let connect = self.network.connect(SocketAddr::new(*address, port));
            if let Ok(Ok(stream)) = tokio::time::timeout(CONNECT, connect).await {
                return Ok(stream);
            }
        }
        Err(Outcome::NoConnection)
    }
}

fn request(post: &Post) -> Result<Request<Full<Bytes>>, Outcome> {
    let mut request = Request::post(post.receiver.target().expose().as_str())
        .header(HOST, post.receiver.authority())
        .header(USER_AGENT, "Keyward")
        .header(CONTENT_TYPE, "application/json");
    for (name, value) in &post.headers {
        let value = HeaderValue::from_str(value).map_err(|_| Outcome::NotAdmitted)?;
        request = request.header(HeaderName::from_static(name), value);
    }
    request.body(Full::new(Bytes::from(post.body.clone()))).map_err(|_| Outcome::NotAdmitted)
}

/// The connection ends with the answer's head: its body is nobody's business.
async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
) -> Result<Answer, Outcome> {
    let mut builder = http1::Builder::new();
    builder.max_headers(100).max_buf_size(HEAD_BYTES);
    let (mut line, connection) =
        builder.handshake(TokioIo::new(stream)).await.map_err(|_| Outcome::NoHttp)?;
    // A connection that ends with its answer must not outrun it: the answer alone says how it went.
    let driven = async {
        let _ = connection.await;
        std::future::pending::<Infallible>().await
    };
    let answer = tokio::select! {
        answer = line.send_request(request) => answer.map_err(|_| Outcome::NoHttp)?,
        never = driven => match never {},
    };
    let status = answer.status().as_u16();
    let retry_after = answer.headers().get(RETRY_AFTER);
    let retry_after = retry_after.and_then(|value| RetryAfter::parse(value.to_str().ok()?));
    Ok(Answer { outcome: Outcome::of_status(status), status: Some(status), retry_after })
}
