//! A client over plain or TLS connections that does as little as it can.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned};
use serde_json::Value;

/// A keep-alive connection.
pub struct Wire {
    stream: Stream,
    gathered: Vec<u8>,
    buffer: Vec<u8>,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Wire {
    /// Connects to `http://host:port` or `https://host:port`.
    pub fn open(url: &str) -> Result<Self, String> {
        let (tls, address) = match (url.strip_prefix("http://"), url.strip_prefix("https://")) {
            (Some(address), _) => (false, address),
            (_, Some(address)) => (true, address),
            (None, None) => return Err(format!("{url} is no http:// or https:// URL")),
        };
        let stream = TcpStream::connect(address).map_err(|problem| format!("{address}: {problem}"))?;
        stream.set_nodelay(true).map_err(|problem| problem.to_string())?;
        let stream = if tls {
            let name = ServerName::try_from("localhost").map_err(|problem| problem.to_string())?;
            let client =
                ClientConnection::new(client_config()?, name).map_err(|problem| problem.to_string())?;
            Stream::Tls(Box::new(StreamOwned::new(client, stream)))
        } else {
            Stream::Plain(stream)
        };
        Ok(Self { stream, gathered: Vec::new(), buffer: vec![0; 65_536] })
    }

    /// Sends a request and gives the envelope's code.
    pub fn ask(&mut self, request: &[u8]) -> Result<String, String> {
        let sent = match &mut self.stream {
            Stream::Plain(stream) => stream.write_all(request),
            Stream::Tls(stream) => stream.write_all(request).and_then(|()| stream.flush()),
        };
        sent.map_err(|problem| problem.to_string())?;
        let body = loop {
            if let Some(body) = self.whole_answer() {
                break body;
            }
            let read = match &mut self.stream {
                Stream::Plain(stream) => stream.read(&mut self.buffer),
                Stream::Tls(stream) => stream.read(&mut self.buffer),
            };
            let count = read.map_err(|problem| problem.to_string())?;
            if count == 0 {
                return Err("the gateway closed a connection".to_owned());
            }
            self.gathered.extend_from_slice(self.buffer.get(..count).unwrap_or_default());
        };
        let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
        Ok(answer.get("code").and_then(Value::as_str).unwrap_or("none").to_owned())
    }

    fn whole_answer(&mut self) -> Option<Vec<u8>> {
        let end = self.gathered.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
        let head = String::from_utf8_lossy(self.gathered.get(..end)?).to_ascii_lowercase();
        let length: usize =
            head.lines().find_map(|line| line.strip_prefix("content-length:"))?.trim().parse().ok()?;
        if self.gathered.len() < end + length {
            return None;
        }
        let rest = self.gathered.split_off(end + length);
        let body = self.gathered.split_off(end);
        self.gathered = rest;
        Some(body)
    }
}

fn client_config() -> Result<Arc<ClientConfig>, String> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|problem| problem.to_string())?;
    Ok(Arc::new(
        builder.dangerous().with_custom_certificate_verifier(Arc::new(AnyCertificate)).with_no_client_auth(),
    ))
}

/// Whatever listens on loopback during a measurement is what was started for it.
#[derive(Debug)]
struct AnyCertificate;

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
