//! Telling the exchange of sub-accounts: one signed request, over HTTP or HTTPS, to the URL that the operator configured.
//!
//! The URL is the operator's own, so it may be on a private network. HTTP/1.1, one request per connection, no redirect is followed,
//! one deadline for everything, and an answer of at most [`ANSWER_BYTES`].

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, HeaderName, USER_AGENT};
use http::{HeaderValue, Request, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use keyward_rules::exchange_notice::{
    ANSWER_BYTES, ExchangeAnswer, ExchangeNotice, NOTICE_DEADLINE_MS, NOTICE_METHOD, NoticeIdentity,
};
use keyward_rules::id::RequestId;
use keyward_rules::identity::{self, Identity, IdentityKey};
use keyward_rules::time::Moment;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::channel::client::{NotAnAuthority, connector};

/// How long one try may take. The exchange does not act on it later either.
const PATIENCE: Duration = Duration::from_millis(NOTICE_DEADLINE_MS);
/// Bytes of an answer's head.
const HEAD_BYTES: usize = 16 * 1024;

/// The exchange cannot be told like this.
#[derive(Debug, thiserror::Error)]
pub enum NotAnExchange {
    /// The text names no place that can be told.
    #[error(
        "it must be http://host[:port]/path or https://host[:port]/path, without a user and without a fragment"
    )]
    Url,
    /// Nothing to trust for HTTPS.
    #[error(transparent)]
    Authority(#[from] NotAnAuthority),
}

/// Why there is no answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NoAnswer {
    /// No connection.
    #[error("the exchange cannot be reached")]
    NoConnection,
    /// Not in time.
    #[error("the exchange does not answer in time")]
    TooSlow,
    /// The certificate is not trusted, or there is no TLS.
    #[error(
        "no secure connection to the exchange: its certificate is not trusted, or it does not answer with TLS"
    )]
    NoTls,
    /// No HTTP, or too much of it.
    #[error("what the exchange answers is no HTTP, or too long")]
    NoHttp,
}

/// Where the exchange is told.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Place {
    /// Host and port, to connect to.
    address: String,
    /// As in the URL, for the `Host` header.
    authority: HeaderValue,
    /// Path and query.
    target: String,
    /// For HTTPS: the name that the certificate must be for.
    secure: Option<ServerName<'static>>,
}

impl Place {
    fn parse(url: &str) -> Result<Self, NotAnExchange> {
        let uri: Uri = url.parse().map_err(|_| NotAnExchange::Url)?;
        let authority = uri.authority().ok_or(NotAnExchange::Url)?;
        if authority.as_str().contains('@') || url.contains('#') || authority.host().is_empty() {
            return Err(NotAnExchange::Url);
        }
        let (secure, port) = match uri.scheme_str() {
            Some("http") => (None, 80),
            Some("https") => (Some(server_name(authority.host())?), 443),
            Some(_) | None => return Err(NotAnExchange::Url),
        };
        let target = uri.path_and_query().filter(|target| target.path() != "/").ok_or(NotAnExchange::Url)?;
        Ok(Self {
            address: format!("{}:{}", authority.host(), authority.port_u16().unwrap_or(port)),
            authority: HeaderValue::from_str(authority.as_str()).map_err(|_| NotAnExchange::Url)?,
            target: target.as_str().to_owned(),
            secure,
        })
    }
}

fn server_name(host: &str) -> Result<ServerName<'static>, NotAnExchange> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    ServerName::try_from(bare.to_owned()).map_err(|_| NotAnExchange::Url)
}

/// The exchange, to be told of sub-accounts.
pub struct ExchangeClient {
    place: Place,
    key: IdentityKey,
    tls: TlsConnector,
    patience: Duration,
}

impl ExchangeClient {
    /// Takes the URL, the key that identities are signed with, and authorities in PEM that are trusted for HTTPS beside the public
    /// ones.
    ///
    /// # Errors
    /// [`NotAnExchange`].
    pub fn new(url: &str, key: IdentityKey, authority: Option<&[u8]>) -> Result<Self, NotAnExchange> {
        Ok(Self { place: Place::parse(url)?, key, tls: connector(authority)?, patience: PATIENCE })
    }

    /// Whether a URL can be told.
    ///
    /// # Errors
    /// [`NotAnExchange`].
    pub fn check(url: &str) -> Result<(), NotAnExchange> {
        Place::parse(url).map(drop)
    }

    /// With less patience, for tests.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Tells one notice, once.
    ///
    /// # Errors
    /// [`NoAnswer`]; whether the exchange has taken it is unknown then, so it is told again.
    pub async fn tell(
        &self,
        notice: &ExchangeNotice,
        id: RequestId,
        now: Moment,
    ) -> Result<ExchangeAnswer, NoAnswer> {
        let told = tokio::time::timeout(self.patience, self.converse(notice, id, now)).await;
        let (status, body) = told.unwrap_or(Err(NoAnswer::TooSlow))?;
        Ok(ExchangeAnswer::read(notice.kind, status, &body))
    }

    async fn converse(
        &self,
        notice: &ExchangeNotice,
        id: RequestId,
        now: Moment,
    ) -> Result<(u16, Bytes), NoAnswer> {
        let request = self.request(notice, id, now).map_err(|_| NoAnswer::NoHttp)?;
        let stream = TcpStream::connect(&self.place.address).await.map_err(|_| NoAnswer::NoConnection)?;
        match self.place.secure.clone() {
            None => send(stream, request).await,
            Some(name) => {
                let stream = self.tls.connect(name, stream).await.map_err(|_| NoAnswer::NoTls)?;
                send(stream, request).await
            }
        }
    }

    fn request(
        &self,
        notice: &ExchangeNotice,
        id: RequestId,
        now: Moment,
    ) -> Result<Request<Full<Bytes>>, http::Error> {
        let (body, told) = (notice.body(), NoticeIdentity::of(notice, id.to_string(), now));
        let identity = told.identity();
        let target = self.place.target.as_str();
        let signed = self.key.sign(&identity, NOTICE_METHOD, target.as_bytes(), body.as_bytes());
        let mut request = Request::builder()
            .method(NOTICE_METHOD)
            .uri(target)
            .header(HOST, self.place.authority.clone())
            .header(USER_AGENT, "Keyward")
            .header(CONTENT_TYPE, "application/json")
            .header(identity::IDENTITY, signed.as_str());
        for (name, value) in members(&identity) {
            request = request.header(HeaderName::from_static(name), value);
        }
        request.body(Full::new(Bytes::from(body)))
    }
}

/// Sends one request over a connection of its own, and reads the answer.
async fn send(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
) -> Result<(u16, Bytes), NoAnswer> {
    let mut builder = http1::Builder::new();
    builder.max_headers(100).max_buf_size(HEAD_BYTES);
    let (mut line, connection) =
        builder.handshake(TokioIo::new(stream)).await.map_err(|_| NoAnswer::NoHttp)?;
    // A connection that ends with its answer must not outrun it: the answer alone says how it went.
    let driven = async {
        let _ = connection.await;
        std::future::pending::<Infallible>().await
    };
    let answered = async {
        let answer = line.send_request(request).await.map_err(|_| NoAnswer::NoHttp)?;
        let status = answer.status().as_u16();
        let body = Limited::new(answer.into_body(), ANSWER_BYTES).collect().await;
        Ok((status, body.map_err(|_| NoAnswer::NoHttp)?.to_bytes()))
    };
    tokio::select! {
        answered = answered => answered,
        never = driven => match never {},
    }
}

/// The headers of a notice's identity, but for the signature.
fn members(identity: &Identity<'_>) -> Vec<(&'static str, String)> {
    let all = [
        (identity::ACCOUNT, identity.account.map(str::to_owned)),
        (identity::SUB_ACCOUNT, identity.sub_account.map(str::to_owned)),
        (identity::PERMISSIONS, Some(identity.permissions.to_owned())),
        (identity::ENVIRONMENT, Some(identity.environment.to_owned())),
        (identity::ROUTE, Some(identity.route.to_owned())),
        (identity::REQUEST_ID, Some(identity.request_id.to_owned())),
        (identity::DEADLINE, Some(identity.deadline_ms.to_string())),
        (identity::CLIENT_ADDRESS, Some(identity.client_address.to_owned())),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

#[cfg(test)]
mod tests {
    use super::{ExchangeClient, Place};

    #[test]
    fn a_url_of_an_exchange_has_a_host_and_a_path() {
        for (url, address, target) in [
            ("http://127.0.0.1:9000/keyward/sub-accounts", "127.0.0.1:9000", "/keyward/sub-accounts"),
            ("http://exchange.internal/k?x=1", "exchange.internal:80", "/k?x=1"),
            ("http://[::1]:9000/k", "[::1]:9000", "/k"),
            ("https://exchange.internal/k", "exchange.internal:443", "/k"),
            ("https://[::1]/k", "[::1]:443", "/k"),
        ] {
            let place = Place::parse(url).unwrap();
            assert_eq!((place.address.as_str(), place.target.as_str()), (address, target));
            assert_eq!(place.secure.is_some(), url.starts_with("https"));
        }
        for wrong in [
            "",
            "http://",
            "127.0.0.1:9000/k",
            "ftp://127.0.0.1:9000/k",
            "http://127.0.0.1:9000",
            "http://127.0.0.1:9000/",
            "http://user@127.0.0.1:9000/k",
            "http://user:secret@127.0.0.1:9000/k",
            "http://127.0.0.1:9000/k#a",
            "/k",
        ] {
            assert!(ExchangeClient::check(wrong).is_err(), "{wrong}");
        }
    }
}
