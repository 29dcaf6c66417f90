//! TLS to PostgreSQL: rustls on aws-lc, and how much of the server's certificate is believed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::url_error::UrlError;

/// What of the server's certificate is checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verify {
    /// Nothing: who listens only is kept out, who stands in between is not.
    Nothing,
    /// That a known authority issued it.
    Chain,
    /// That, and that it was issued to the host.
    ChainAndName,
}

/// Files that the URL names.
pub(super) struct TlsFiles {
    /// Authorities, instead of those that browsers know.
    pub(super) roots: Option<PathBuf>,
    /// What shows who we are.
    pub(super) client: Option<ClientFiles>,
}

/// The client's certificate and its key.
pub(super) struct ClientFiles {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

/// What wraps a connection.
///
/// # Errors
/// [`UrlError::File`] when a file does not hold what it should.
pub(super) fn connector(verify: Verify, files: &TlsFiles) -> Result<MakeRustlsConnect, UrlError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let chain = match verify {
        Verify::Nothing => None,
        Verify::Chain | Verify::ChainAndName => {
            let roots = Arc::new(roots(files.roots.as_deref())?);
            let verifier = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider)).build();
            Some(verifier.map_err(|error| wrong("sslrootcert", files.roots.as_deref(), &error))?)
        }
    };
    let name = verify == Verify::ChainAndName;
    let verifier = Arc::new(Verifier { chain, name, provider: Arc::clone(&provider) });
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| wrong("sslmode", None, &error))?;
    let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
    let config = match &files.client {
        None => builder.with_no_client_auth(),
        Some(client) => {
            let certificates = certificates("sslcert", &client.certificate)?;
            let key = PrivateKeyDer::from_pem_file(&client.key);
            let key = key.map_err(|error| wrong("sslkey", Some(&client.key), &error))?;
            let with_client = builder.with_client_auth_cert(certificates, key);
            with_client.map_err(|error| wrong("sslcert", Some(&client.certificate), &error))?
        }
    };
    Ok(MakeRustlsConnect::new(config))
}

fn roots(file: Option<&Path>) -> Result<RootCertStore, UrlError> {
    let Some(file) = file else {
        return Ok(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() });
    };
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates("sslrootcert", file)?);
    if roots.is_empty() { Err(wrong("sslrootcert", Some(file), &"no authority")) } else { Ok(roots) }
}

fn certificates(name: &'static str, file: &Path) -> Result<Vec<CertificateDer<'static>>, UrlError> {
    let all = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let all = all.map_err(|error| wrong(name, Some(file), &error))?;
    if all.is_empty() { Err(wrong(name, Some(file), &"no certificate")) } else { Ok(all) }
}

fn wrong(name: &'static str, file: Option<&Path>, problem: &dyn std::fmt::Display) -> UrlError {
    let file = file.map(|file| file.display().to_string()).unwrap_or_default();
    UrlError::File { name, file, problem: format!("cannot be used: {problem}") }
}

/// Checks as much as was asked for. The handshake's signatures are always checked.
#[derive(Debug)]
struct Verifier {
    chain: Option<Arc<WebPkiServerVerifier>>,
    name: bool,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        host: &ServerName<'_>,
        stapled: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(chain) = &self.chain else { return Ok(ServerCertVerified::assertion()) };
        match chain.verify_server_cert(certificate, intermediates, host, stapled, now) {
            // The chain is checked first, so it is good.
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !self.name => Ok(ServerCertVerified::assertion()),
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
