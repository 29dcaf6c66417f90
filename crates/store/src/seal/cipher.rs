//! AES-256-GCM with random nonces: nonce, ciphertext, tag.

use aws_lc_rs::aead::{AES_256_GCM, Aad as Associated, LessSafeKey, Nonce, UnboundKey};
use keyward_rules::secret::Secret;
use zeroize::Zeroize;

use super::Aad;
use crate::Entropy;
use crate::error::StoreError;

const NONCE_BYTES: usize = 12;

pub(super) fn cipher(key: &[u8]) -> Result<LessSafeKey, StoreError> {
    UnboundKey::new(&AES_256_GCM, key).map(LessSafeKey::new).map_err(|_| StoreError::WrongMasterKey)
}

pub(super) fn seal_with(
    key: &LessSafeKey,
    entropy: &Entropy,
    aad: &Aad,
    plain: &[u8],
) -> Result<Vec<u8>, StoreError> {
    let mut nonce = [0_u8; NONCE_BYTES];
    entropy(&mut nonce);
    let mut sealed = Vec::with_capacity(NONCE_BYTES + plain.len() + 16);
    sealed.extend_from_slice(&nonce);
    let mut text = plain.to_vec();
    let tag = key
        .seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            Associated::from(aad.as_slice()),
            &mut text,
        )
        .map_err(|_| StoreError::WrongMasterKey)?;
    sealed.extend_from_slice(&text);
    sealed.extend_from_slice(tag.as_ref());
    Ok(sealed)
}

pub(super) fn open_with(key: &LessSafeKey, aad: &Aad, sealed: &[u8]) -> Option<Secret<Vec<u8>>> {
    let (nonce, text) = sealed.split_first_chunk::<NONCE_BYTES>()?;
    let mut text = text.to_vec();
    let opened = key
        .open_in_place(Nonce::assume_unique_for_key(*nonce), Associated::from(aad.as_slice()), &mut text)
        .ok()
        .map(|plain| Secret::new(plain.to_vec()));
    text.zeroize();
    opened
}
