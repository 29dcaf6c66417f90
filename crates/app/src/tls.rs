//! TLS as the gateway speaks it, with a certificate that can be replaced while connections are served.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use arc_swap::ArcSwap;
use keyward_rules::time::Moment;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, ServerConfig};

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// The certificate that clients are shown.
#[derive(Debug)]
pub struct Certificate(ArcSwap<CertifiedKey>);

impl Certificate {
    /// A chain with its key, which must fit.
    pub fn of(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<Arc<Self>> {
        Ok(Arc::new(Self(ArcSwap::from_pointee(certified(chain, key)?))))
    }

    /// The same from files in PEM.
    pub fn read(chain: &Path, key: &Path) -> Result<Arc<Self>> {
        Ok(Arc::new(Self(ArcSwap::from_pointee(read(chain, key)?))))
    }

    /// Shows what the files hold now. When they cannot be used, what was shown stays.
    pub fn replace(&self, chain: &Path, key: &Path) -> Result<()> {
        self.0.store(Arc::new(read(chain, key)?));
        Ok(())
    }
}

/// When a certificate is valid.
#[derive(Clone, Copy, Debug)]
pub struct Validity {
    /// Not before.
    pub from: Moment,
    /// Not after.
    pub until: Moment,
}

impl Validity {
    /// Of the first certificate of a chain in PEM, which clients compare with their clock. `None` if there is none that can
    /// be read.
    pub fn read(chain: &Path) -> Option<Self> {
        let first = CertificateDer::pem_file_iter(chain).ok()?.next()?.ok()?;
        let (_, certificate) = x509_parser::parse_x509_certificate(&first).ok()?;
        let moment = |seconds: i64| {
            Moment::from_unix_ms(u64::try_from(seconds).unwrap_or_default().saturating_mul(1_000))
        };
        let validity = certificate.validity();
        Some(Self {
            from: moment(validity.not_before.timestamp()),
            until: moment(validity.not_after.timestamp()),
        })
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

fn read(chain: &Path, key: &Path) -> Result<CertifiedKey> {
    let named = |file: &Path| format!("{} cannot be read", file.display());
    let certificates: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(chain).with_context(|| named(chain))?.collect();
    let private = PrivateKeyDer::from_pem_file(key).with_context(|| named(key))?;
    certified(certificates.with_context(|| named(chain))?, private)
        .with_context(|| format!("{} and {} do not fit", chain.display(), key.display()))
}

fn certified(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<CertifiedKey> {
    CertifiedKey::from_der(chain, key, &provider()).context("the certificate cannot be used")
}

/// What a file of authorities holds, in PEM.
///
/// # Errors
/// When it cannot be read, or holds anything but certificates that can be trusted, or none.
pub fn authorities(file: &Path) -> Result<Vec<u8>> {
    let pem = std::fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let wrong = || format!("{} holds no certificate authority in PEM", file.display());
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        roots.add(certificate.with_context(wrong)?).with_context(wrong)?;
    }
    if roots.is_empty() { bail!(wrong()) } else { Ok(pem) }
}

/// TLS 1.2 and 1.3 with HTTP/2 and HTTP/1.1 offered.
pub fn server_config(certificate: Arc<Certificate>) -> Result<Arc<ServerConfig>> {
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(certificate);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
