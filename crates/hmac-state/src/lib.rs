//! HMAC-SHA256 (RFC 2104, FIPS 198-1) that starts from a prepared 64-byte state.
//!
//! An HMAC key is only ever used to compute two SHA-256 states, one after the inner pad and one after the
//! outer pad. Keeping that pair instead of the key has two effects that Keyward is built on: the secret
//! itself need not be stored anywhere, and a verification saves two compressions out of five.
//!
//! Owns: the pair of states and the block loop over them. Leaves to others: what is signed, comparison,
//! storage.
//!
//! This is the one crate of the project with `unsafe`: no safe interface of aws-lc exposes its block
//! function, and the portable one costs nearly twice as much on machines without SHA extensions. The one
//! unsafe block is in [`compress`]; the tests hold the result against the library's own HMAC and RFC 4231.

use zeroize::{Zeroize, ZeroizeOnDrop};

/// Bytes that SHA-256 compresses at a time.
const BLOCK_BYTES: usize = 64;

/// The initial hash value of SHA-256 (FIPS 180-4, 5.3.3).
const INITIAL: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// The SHA-256 states after the inner and the outer pad of one HMAC key.
///
/// Whoever holds it can sign, so it is as secret as the key: it has no `Debug`, no `Clone`, no equality,
/// and is wiped on drop.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct HmacState {
    inner: [u32; 8],
    outer: [u32; 8],
}

impl HmacState {
    /// Prepares the state for `key` of any length; keys over 64 bytes are hashed first (RFC 2104, 2).
    #[must_use]
    pub fn from_key(key: &[u8]) -> Self {
        let mut block = [0_u8; BLOCK_BYTES];
        if key.len() > BLOCK_BYTES {
            let mut digest = digest_from(INITIAL, 0, &[key]);
            for (to, from) in block.iter_mut().zip(&digest) {
                *to = *from;
            }
            digest.zeroize();
        } else {
            for (to, from) in block.iter_mut().zip(key) {
                *to = *from;
            }
        }
        let state = Self { inner: padded(&block, 0x36), outer: padded(&block, 0x5c) };
        block.zeroize();
        state
    }

    /// Rebuilds a state from the eight words after the inner pad and the eight after the outer one.
    #[must_use]
    pub const fn from_words(inner: [u32; 8], outer: [u32; 8]) -> Self {
        Self { inner, outer }
    }

    /// The inner words, then the outer words: what [`HmacState::from_words`] takes.
    #[must_use]
    pub const fn words(&self) -> (&[u32; 8], &[u32; 8]) {
        (&self.inner, &self.outer)
    }

    /// The 64 bytes to seal: inner words, then outer words, big-endian.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 64] {
        let mut bytes = [0_u8; 64];
        let words = self.inner.iter().chain(&self.outer);
        for (to, word) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(words) {
            *to = word.to_be_bytes();
        }
        bytes
    }

    /// The inverse of [`HmacState::to_bytes`].
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 64]) -> Self {
        let mut state = Self { inner: [0; 8], outer: [0; 8] };
        let words = state.inner.iter_mut().chain(&mut state.outer);
        for (word, from) in words.zip(bytes.as_chunks::<4>().0) {
            *word = u32::from_be_bytes(*from);
        }
        state
    }

    /// The 32-byte tag over the concatenation of `parts`. Allocates nothing.
    #[must_use]
    pub fn tag(&self, parts: &[&[u8]]) -> [u8; 32] {
        let inner = digest_from(self.inner, BLOCK_BYTES as u64, parts);
        digest_from(self.outer, BLOCK_BYTES as u64, &[&inner])
    }
}

/// The state after one block of `key` with every byte combined with `pad`.
fn padded(key: &[u8; BLOCK_BYTES], pad: u8) -> [u32; 8] {
    let mut block = key.map(|byte| byte ^ pad);
    let mut state = INITIAL;
    compress(&mut state, std::slice::from_ref(&block));
    block.zeroize();
    state
}

/// Finishes SHA-256 from `state`, which has already taken `before` bytes, over the concatenated `parts`.
fn digest_from(mut state: [u32; 8], before: u64, parts: &[&[u8]]) -> [u8; 32] {
    let mut pending = [0_u8; BLOCK_BYTES];
    let mut held = 0_usize;
    let mut total = before;
    for part in parts {
        total = total.wrapping_add(part.len() as u64);
        let mut rest = *part;
        if held > 0 {
            let (head, tail) = rest.split_at(rest.len().min(BLOCK_BYTES - held));
            fill(&mut pending, held, head);
            held += head.len();
            rest = tail;
            if held < BLOCK_BYTES {
                continue;
            }
            compress(&mut state, std::slice::from_ref(&pending));
        }
        let (blocks, tail) = rest.as_chunks::<BLOCK_BYTES>();
        compress(&mut state, blocks);
        fill(&mut pending, 0, tail);
        held = tail.len();
    }
    // The padding of FIPS 180-4, 5.1.1: a one bit, zeros, the length in bits in the last eight bytes.
    for (at, byte) in pending.iter_mut().enumerate().skip(held) {
        *byte = if at == held { 0x80 } else { 0 };
    }
    if held >= BLOCK_BYTES - 8 {
        compress(&mut state, std::slice::from_ref(&pending));
        pending = [0; BLOCK_BYTES];
    }
    fill(&mut pending, BLOCK_BYTES - 8, &total.wrapping_mul(8).to_be_bytes());
    compress(&mut state, std::slice::from_ref(&pending));
    let mut digest = [0_u8; 32];
    for (to, word) in digest.as_chunks_mut::<4>().0.iter_mut().zip(state) {
        *to = word.to_be_bytes();
    }
    digest
}

/// Copies `from` into `block` at `start`.
fn fill(block: &mut [u8; BLOCK_BYTES], start: usize, from: &[u8]) {
    for (to, byte) in block.iter_mut().skip(start).zip(from) {
        *to = *byte;
    }
}

/// Runs the compression function over whole blocks.
fn compress(state: &mut [u32; 8], blocks: &[[u8; BLOCK_BYTES]]) {
    if blocks.is_empty() {
        return;
    }
    // SAFETY: `state` points to eight writable words and `blocks` to exactly `blocks.len()` contiguous
    // blocks of 64 readable bytes, which is all that the function touches (aws-lc, openssl/sha.h). It
    // keeps no pointer. The two cannot overlap: one is borrowed mutably.
    unsafe {
        aws_lc_sys::SHA256_TransformBlocks(state.as_mut_ptr(), blocks.as_ptr().cast(), blocks.len());
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::hmac;
    use proptest::prelude::*;

    use super::HmacState;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// RFC 4231, test cases 1, 2, 3, 6 and 7.
    #[test]
    fn published_vectors() {
        let long = [0xaa_u8; 131];
        let cases: [(&[u8], &[u8], &str); 5] = [
            (&[0x0b; 20], b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
            (
                b"Jefe",
                b"what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (&[0xaa; 20], &[0xdd; 50], "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
            (
                &long,
                b"Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
            (
                &long,
                b"This is a test using a larger than block-size key and a larger than block-size data. \
                  The key needs to be hashed before being used by the HMAC algorithm.",
                "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
            ),
        ];
        for (key, text, tag) in cases {
            assert_eq!(hex(&HmacState::from_key(key).tag(&[text])), tag);
        }
    }

    proptest! {
        #[test]
        fn equals_the_library(key in prop::collection::vec(any::<u8>(), 0..200),
                              parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..5)) {
            let slices: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
            let reference = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), &parts.concat());
            let state = HmacState::from_key(&key);
            prop_assert_eq!(&state.tag(&slices)[..], reference.as_ref());
            let stored = HmacState::from_bytes(&state.to_bytes());
            prop_assert_eq!(stored.tag(&slices), state.tag(&slices));
        }
    }
}
