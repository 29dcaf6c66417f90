//! A certificate authority of the sandbox's own, and a certificate for loopback.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::tls::{Certificate, server_config};

/// What the TLS listener needs, and what clients need to trust it.
pub struct Tls {
    /// How to speak TLS.
    pub config: Arc<ServerConfig>,
    /// The authority's certificate, to hand to clients.
    pub ca_file: PathBuf,
}

/// Makes an authority and a certificate anew; the authority's key is not kept.
pub fn prepare(folder: &Path) -> Result<Tls> {
    let mut params = CertificateParams::new(vec![])?;
    params.distinguished_name.push(DnType::CommonName, "Keyward sandbox");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let ca_key = KeyPair::generate()?;
    let ca = params.self_signed(&ca_key)?;
    let issuer = Issuer::new(params, ca_key);

    let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let mut leaf = CertificateParams::new(names)?;
    leaf.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate()?;
    let certificate = leaf.signed_by(&key, &issuer)?;

    let ca_file = folder.join("ca.pem");
    std::fs::write(&ca_file, ca.pem()).context("the sandbox's CA cannot be written")?;
    let chain = vec![CertificateDer::from(certificate.der().to_vec())];
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    Ok(Tls { config: server_config(Certificate::of(chain, key)?)?, ca_file })
}
