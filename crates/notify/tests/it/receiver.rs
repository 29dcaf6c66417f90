//! A receiver of one's own: takes connections, says what it is told to, keeps what came.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use keyward_notify::channel::{Later, Network};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// What came, head and body as they stood on the wire.
#[derive(Clone, Default)]
pub struct Came(Arc<Mutex<Vec<String>>>);

impl Came {
    pub fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// A receiver that answers `answer` to everything, with TLS if it has a certificate.
pub async fn receiver(answer: &str, tls: Option<TlsAcceptor>) -> (SocketAddr, Came) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, came, answer) = (listener.local_addr().unwrap(), Came::default(), answer.to_owned());
    let keep = came.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (keep, answer, tls) = (keep.clone(), answer.clone(), tls.clone());
            tokio::spawn(async move {
                match tls {
                    None => serve(stream, &answer, &keep).await,
                    Some(tls) => {
                        if let Ok(stream) = tls.accept(stream).await {
                            serve(stream, &answer, &keep).await;
                        }
                    }
                }
            });
        }
    });
    (address, came)
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, answer: &str, came: &Came) {
    let mut bytes = Vec::new();
    loop {
        let mut part = [0; 4096];
        let count = stream.read(&mut part).await.unwrap_or(0);
        bytes.extend_from_slice(part.get(..count).unwrap());
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let length =
            text.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse::<usize>().ok());
        let whole = text.split_once("\r\n\r\n").is_some_and(|(_, body)| Some(body.len()) == length);
        if whole {
            came.0.lock().unwrap().push(text);
            break;
        }
        if count == 0 {
            return;
        }
    }
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}

/// An authority in PEM, and a certificate of its own for `name`.
pub fn certificate(name: &str) -> (String, TlsAcceptor) {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let authority = params.self_signed(&key).unwrap();
    let issuer = Issuer::new(params, key);
    let leaf_key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&leaf_key, &issuer).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![leaf.der().clone()],
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(leaf_key.serialize_der())),
        )
        .unwrap();
    (authority.pem(), TlsAcceptor::from(Arc::new(config)))
}

/// A network that answers as written: each resolution takes the next list; every connection lands at `lands`, or nowhere.
pub struct Written {
    pub answers: Mutex<Vec<Vec<IpAddr>>>,
    pub lands: Option<SocketAddr>,
    pub resolved: Mutex<Vec<String>>,
    pub connected: Mutex<Vec<SocketAddr>>,
}

impl Written {
    pub fn new(answers: &[&[&str]], lands: Option<SocketAddr>) -> Arc<Self> {
        let list = |list: &&[&str]| list.iter().map(|text| text.parse().unwrap()).collect();
        Arc::new(Self {
            answers: Mutex::new(answers.iter().map(list).collect()),
            lands,
            resolved: Mutex::default(),
            connected: Mutex::default(),
        })
    }
}

impl Network for Written {
    fn resolve(&self, name: String) -> Later<'_, Vec<IpAddr>> {
        self.resolved.lock().unwrap().push(name);
        let mut answers = self.answers.lock().unwrap();
        let answer = if answers.is_empty() { None } else { Some(answers.remove(0)) };
        Box::pin(async move { answer.ok_or_else(|| std::io::ErrorKind::NotFound.into()) })
    }

    fn connect(&self, address: SocketAddr) -> Later<'_, TcpStream> {
        self.connected.lock().unwrap().push(address);
        let lands = self.lands;
        Box::pin(async move {
            match lands {
                Some(lands) => TcpStream::connect(lands).await,
                None => Err(std::io::ErrorKind::ConnectionRefused.into()),
            }
        })
    }
}
