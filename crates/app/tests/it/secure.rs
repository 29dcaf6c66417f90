//! TLS to a sandbox's gateway, as clients speak it; and what connections with it and without have in common.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use keyward_testkit::process::Running;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::world::Wire;

/// A connection with TLS.
pub type Tls = StreamOwned<ClientConnection, TcpStream>;

/// A connection, with TLS or without.
pub trait Stream: Read + Write {
    /// Whose limits of time count.
    fn socket(&self) -> &TcpStream;
}

impl Stream for TcpStream {
    fn socket(&self) -> &TcpStream {
        self
    }
}

impl Stream for Tls {
    fn socket(&self) -> &TcpStream {
        &self.sock
    }
}

impl<S: Stream + ?Sized> Stream for Box<S> {
    fn socket(&self) -> &TcpStream {
        (**self).socket()
    }
}

/// Where the gateway listens with TLS.
pub fn address(running: &Running) -> String {
    running.address("gateway_tls_url").unwrap().replace("https://localhost", "127.0.0.1")
}

/// A connection to the gateway after its handshake, which agreed on this protocol.
pub fn open(running: &Running, protocol: &str) -> Tls {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(running.address("ca_file").unwrap()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let mut config = versions.unwrap().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    let stream = TcpStream::connect(address(running)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.set_nodelay(true).unwrap();
    let client = ClientConnection::new(Arc::new(config), ServerName::try_from("localhost").unwrap());
    let mut tls = StreamOwned::new(client.unwrap(), stream);
    tls.conn.complete_io(&mut tls.sock).unwrap();
    assert_eq!(tls.conn.alpn_protocol(), Some(protocol.as_bytes()));
    tls
}

/// The same for requests of HTTP/1.1.
pub fn wire(running: &Running) -> Wire<Box<dyn Stream>> {
    Wire::over(Box::new(open(running, "http/1.1")))
}
