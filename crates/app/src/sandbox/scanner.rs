//! A scanner whose signed reports a sandbox believes, so that they can be tried.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use keyward_rules::leak::{Reporter, Reporters};
use rcgen::KeyPair;

use crate::files::write_private;

/// The id of its key in the header of a report.
pub const KEY_ID: &str = "sandbox";
const FILE: &str = "scanner.pem";

/// Where the scanner's private key is.
pub fn key_file(folder: &Path) -> PathBuf {
    folder.join(FILE)
}

/// The scanner, with the key of an earlier start or a new one.
///
/// # Errors
/// When its file can be neither read nor written.
pub fn reporters(folder: &Path) -> Result<Reporters> {
    let file = key_file(folder);
    let key = match std::fs::read_to_string(&file) {
        Ok(pem) => KeyPair::from_pem(&pem).with_context(|| format!("{} holds no key", file.display()))?,
        Err(_) => {
            let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
            write_private(&file, &key.serialize_pem())?;
            key
        }
    };
    Ok(Reporters::new(vec![Reporter::new("Sandbox scanner", KEY_ID, &key.public_key_pem())?])?)
}
