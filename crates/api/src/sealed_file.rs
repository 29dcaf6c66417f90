//! A file that only a passphrase opens: age version 1 with one scrypt recipient, in ASCII armour.
//!
//! Owns: the format (age-encryption.org/v1). Stock `age` programs open what [`seal`] writes, and [`open`] reads what
//! they write for a passphrase. Leaves to others: randomness, and whether the passphrase is hard to guess.

use aws_lc_rs::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{hkdf, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use keyward_rules::secret::Secret;
use zeroize::{Zeroize as _, Zeroizing};

/// log2 of the scrypt cost: 64 MiB, and about a tenth of a second for the owner and for each guess of a thief.
const COST: u8 = 16;
/// The largest cost that [`open`] accepts: 256 MiB. A larger one could exhaust the memory.
const COST_MAX: u8 = 18;
/// The largest file that [`open`] accepts, in bytes.
const FILE_BYTES: usize = 1 << 20;
/// Plain bytes of a payload chunk.
const CHUNK_BYTES: usize = 1 << 16;
/// Bytes of a Poly1305 tag.
const TAG_BYTES: usize = 16;
/// Columns of an armoured line.
const COLUMNS: usize = 64;
const BEGIN: &str = "-----BEGIN AGE ENCRYPTED FILE-----";
const END: &str = "-----END AGE ENCRYPTED FILE-----";
const VERSION: &str = "age-encryption.org/v1";
const SCRYPT_LABEL: &[u8] = b"age-encryption.org/v1/scrypt";

/// Random bytes for one file; used for one file only.
pub struct Randomness {
    /// The key of the file.
    pub file_key: Secret<[u8; 16]>,
    /// The salt of scrypt.
    pub salt: [u8; 16],
    /// The nonce of the payload.
    pub nonce: [u8; 16],
}

impl Randomness {
    /// Takes 48 random bytes.
    #[must_use]
    pub fn from_bytes(bytes: Secret<[u8; 48]>) -> Self {
        let [mut file_key, mut salt, mut nonce] = [[0; 16]; 3];
        for (part, bytes) in
            [&mut file_key, &mut salt, &mut nonce].into_iter().zip(bytes.expose().as_chunks().0)
        {
            *part = *bytes;
        }
        Self { file_key: Secret::new(file_key), salt, nonce }
    }
}

/// Why a file cannot be sealed or opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SealedFileError {
    /// The text is not a file of this format, or a part is missing.
    #[error("this is not an age file that a passphrase opens")]
    Format,
    /// The cost of scrypt is above the limit.
    #[error("the file asks for more work than is allowed")]
    Cost,
    /// The passphrase does not open it, or the file was altered.
    #[error("the passphrase is wrong, or the file was altered")]
    Passphrase,
    /// The cryptographic library refused.
    #[error("the cryptographic library refused")]
    Cryptography,
}

/// Encrypts `plain` under `passphrase`; blocks its thread for about a tenth of a second.
///
/// # Errors
/// [`SealedFileError::Cryptography`].
pub fn seal(plain: &[u8], passphrase: &str, random: &Randomness) -> Result<String, SealedFileError> {
    seal_at(COST, plain, passphrase, random)
}

fn seal_at(cost: u8, plain: &[u8], passphrase: &str, random: &Randomness) -> Result<String, SealedFileError> {
    let file_key = random.file_key.expose();
    let wrapping = wrapping_key(passphrase, &random.salt, cost)?;
    let mut wrapped = file_key.to_vec();
    cipher(&wrapping)?
        .seal_in_place_append_tag(nonce([0; NONCE_LEN]), Aad::empty(), &mut wrapped)
        .map_err(|_| SealedFileError::Cryptography)?;
    let salt = STANDARD_NO_PAD.encode(random.salt);
    let head = format!("{VERSION}\n-> scrypt {salt} {cost}\n{}\n---", STANDARD_NO_PAD.encode(wrapped));
    let mac = hmac::sign(&header_key(file_key)?, head.as_bytes());
    let mut file = format!("{head} {}\n", STANDARD_NO_PAD.encode(mac)).into_bytes();
    file.extend_from_slice(&random.nonce);
    let cipher = cipher(&*payload_key(file_key, &random.nonce)?)?;
    for (index, chunk, last) in chunks(plain, CHUNK_BYTES) {
        let mut sealed = Zeroizing::new(Vec::with_capacity(chunk.len() + TAG_BYTES));
        sealed.extend_from_slice(chunk);
        cipher
            .seal_in_place_append_tag(chunk_nonce(index, last), Aad::empty(), &mut *sealed)
            .map_err(|_| SealedFileError::Cryptography)?;
        file.extend_from_slice(&sealed);
    }
    Ok(armour(&file))
}

/// Opens what [`seal`] or an `age` program sealed under `passphrase`, armoured.
///
/// # Errors
/// [`SealedFileError`].
pub fn open(text: &str, passphrase: &str) -> Result<Secret<Vec<u8>>, SealedFileError> {
    let file = bare(text)?;
    let head = Head::parse(&file)?;
    if head.cost > COST_MAX {
        return Err(SealedFileError::Cost);
    }
    let wrapping = wrapping_key(passphrase, &head.salt, head.cost)?;
    let mut wrapped = head.wrapped.clone();
    let opened = cipher(&wrapping)?
        .open_in_place(nonce([0; NONCE_LEN]), Aad::empty(), &mut wrapped)
        .map_err(|_| SealedFileError::Passphrase)?;
    let file_key: Zeroizing<[u8; 16]> =
        Zeroizing::new((&*opened).try_into().map_err(|_| SealedFileError::Format)?);
    wrapped.zeroize();
    hmac::verify(&header_key(&file_key)?, head.signed, &head.mac).map_err(|_| SealedFileError::Passphrase)?;
    let (nonce, sealed) = head.payload.split_first_chunk::<16>().ok_or(SealedFileError::Format)?;
    let cipher = cipher(&*payload_key(&file_key, nonce)?)?;
    let mut plain = Vec::with_capacity(sealed.len());
    for (index, chunk, last) in chunks(sealed, CHUNK_BYTES + TAG_BYTES) {
        let mut chunk = Zeroizing::new(chunk.to_vec());
        let opened = cipher
            .open_in_place(chunk_nonce(index, last), Aad::empty(), &mut chunk)
            .map_err(|_| SealedFileError::Passphrase)?;
        if opened.is_empty() && index > 0 {
            return Err(SealedFileError::Format);
        }
        plain.extend_from_slice(opened);
    }
    Ok(Secret::new(plain))
}

/// The header of a file and what follows it.
struct Head<'f> {
    salt: [u8; 16],
    cost: u8,
    wrapped: Vec<u8>,
    /// What the MAC covers.
    signed: &'f [u8],
    mac: Vec<u8>,
    payload: &'f [u8],
}

impl<'f> Head<'f> {
    /// Reads a header with exactly one scrypt recipient, as the format demands of files for a passphrase.
    fn parse(file: &'f [u8]) -> Result<Self, SealedFileError> {
        let mut rest = file;
        let mut line = || {
            let end = rest.iter().position(|&byte| byte == b'\n')?;
            let (line, behind) = rest.split_at_checked(end)?;
            rest = behind.get(1..)?;
            std::str::from_utf8(line).ok()
        };
        let (version, recipient, wrapped) = (line(), line(), line());
        let mac = line().and_then(|line| line.strip_prefix("--- "));
        if version != Some(VERSION) {
            return Err(SealedFileError::Format);
        }
        let (Some(recipient), Some(wrapped), Some(mac)) = (recipient, wrapped, mac) else {
            return Err(SealedFileError::Format);
        };
        let mut words = recipient.strip_prefix("-> scrypt ").unwrap_or_default().split(' ');
        let (Some(salt), Some(cost), None) = (words.next(), words.next(), words.next()) else {
            return Err(SealedFileError::Format);
        };
        let decode = |text: &str| STANDARD_NO_PAD.decode(text).map_err(|_| SealedFileError::Format);
        let signed = file.len() - rest.len() - mac.len() - " \n".len();
        Ok(Self {
            salt: decode(salt)?.try_into().map_err(|_| SealedFileError::Format)?,
            cost: decimal(cost)?,
            wrapped: decode(wrapped)?,
            signed: file.get(..signed).ok_or(SealedFileError::Format)?,
            mac: decode(mac)?,
            payload: rest,
        })
    }
}

/// A decimal number without sign or leading zeros.
fn decimal(text: &str) -> Result<u8, SealedFileError> {
    let number = text.parse::<u8>().map_err(|_| SealedFileError::Format)?;
    if number.to_string() == text { Ok(number) } else { Err(SealedFileError::Format) }
}

/// The parts of `bytes` with their number and whether it is the last; an empty text has one empty part.
fn chunks(bytes: &[u8], size: usize) -> impl Iterator<Item = (u64, &[u8], bool)> {
    let count = bytes.len().div_ceil(size).max(1) as u64;
    (0..count)
        .zip(bytes.chunks(size).chain(std::iter::once(&[][..])))
        .map(move |(index, chunk)| (index, chunk, index + 1 == count))
}

fn wrapping_key(passphrase: &str, salt: &[u8; 16], cost: u8) -> Result<Zeroizing<[u8; 32]>, SealedFileError> {
    let params = scrypt::Params::new(cost, 8, 1).map_err(|_| SealedFileError::Cost)?;
    let salt = [SCRYPT_LABEL, salt].concat();
    let mut key = Zeroizing::new([0; 32]);
    scrypt::scrypt(passphrase.as_bytes(), &salt, &params, &mut *key)
        .map_err(|_| SealedFileError::Cryptography)?;
    Ok(key)
}

fn header_key(file_key: &[u8; 16]) -> Result<hmac::Key, SealedFileError> {
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &*expand(&[], file_key, b"header")?))
}

fn payload_key(file_key: &[u8; 16], nonce: &[u8; 16]) -> Result<Zeroizing<[u8; 32]>, SealedFileError> {
    expand(nonce, file_key, b"payload")
}

fn expand(salt: &[u8], secret: &[u8], label: &[u8]) -> Result<Zeroizing<[u8; 32]>, SealedFileError> {
    let mut key = Zeroizing::new([0; 32]);
    hkdf::Salt::new(hkdf::HKDF_SHA256, salt)
        .extract(secret)
        .expand(&[label], hkdf::HKDF_SHA256)
        .and_then(|okm| okm.fill(&mut *key))
        .map_err(|_| SealedFileError::Cryptography)?;
    Ok(key)
}

fn cipher(key: &[u8; 32]) -> Result<LessSafeKey, SealedFileError> {
    let key = UnboundKey::new(&CHACHA20_POLY1305, key).map_err(|_| SealedFileError::Cryptography)?;
    Ok(LessSafeKey::new(key))
}

fn nonce(bytes: [u8; NONCE_LEN]) -> Nonce {
    Nonce::assume_unique_for_key(bytes)
}

/// An 11-byte counter and the mark of the last chunk.
fn chunk_nonce(index: u64, last: bool) -> Nonce {
    let mut bytes = [0; NONCE_LEN];
    if let Some(counter) = bytes.get_mut(3..11) {
        counter.copy_from_slice(&index.to_be_bytes());
    }
    if let Some(mark) = bytes.last_mut() {
        *mark = u8::from(last);
    }
    nonce(bytes)
}

fn armour(file: &[u8]) -> String {
    let base64 = STANDARD.encode(file);
    let mut text = format!("{BEGIN}\n");
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        let (line, behind) = rest.split_at_checked(COLUMNS).unwrap_or((rest, ""));
        text.push_str(line);
        text.push('\n');
        rest = behind;
    }
    text + END + "\n"
}

/// The bytes behind the armour. Blank space around it and either form of line end are harmless.
fn bare(text: &str) -> Result<Vec<u8>, SealedFileError> {
    if text.len() > FILE_BYTES {
        return Err(SealedFileError::Format);
    }
    let body = text.trim().strip_prefix(BEGIN).and_then(|text| text.strip_suffix(END));
    let base64: String = body.ok_or(SealedFileError::Format)?.lines().collect();
    STANDARD.decode(base64).map_err(|_| SealedFileError::Format)
}

#[cfg(test)]
mod tests {
    use super::{Randomness, SealedFileError, Secret, armour, bare, open, seal, seal_at};

    const WORDS: &str = "amber kite fjord";

    fn random() -> Randomness {
        Randomness::from_bytes(Secret::new(std::array::from_fn(|at| at.to_le_bytes()[0])))
    }

    #[test]
    fn no_random_byte_is_used_twice() {
        let random = random();
        let parts = [*random.file_key.expose(), random.salt, random.nonce].concat();
        assert_eq!(parts, (0..48).collect::<Vec<u8>>());
    }

    #[test]
    fn only_the_passphrase_opens_it() {
        let plain = b"OKX_SECRET='canary'\n";
        let file = seal(plain, WORDS, &random()).unwrap();
        assert!(file.starts_with("-----BEGIN AGE ENCRYPTED FILE-----\n") && file.ends_with("FILE-----\n"));
        assert!(file.lines().all(|line| line.len() <= 64));
        assert_eq!(open(&file, WORDS).unwrap().expose().as_slice(), plain);
        assert_eq!(open(&file, "amber kite fjors").unwrap_err(), SealedFileError::Passphrase);
        let windows = format!("\r\n {}", file.replace('\n', "\r\n"));
        assert_eq!(open(&windows, WORDS).unwrap().expose().as_slice(), plain);
    }

    #[test]
    fn every_length_comes_back() {
        for length in [0_u32, 1, 65_535, 65_536, 65_537, 131_072, 200_000] {
            let plain: Vec<u8> = (0..length).map(|at| at.to_be_bytes()[3]).collect();
            let file = seal_at(1, &plain, WORDS, &random()).unwrap();
            assert_eq!(open(&file, WORDS).unwrap().expose(), &plain, "{length}");
        }
    }

    /// Written by age 1.1, the program.
    #[test]
    fn a_file_of_another_program_opens() {
        let plain = open(include_str!("../testdata/age-1.1-passphrase.txt"), WORDS).unwrap();
        assert_eq!(plain.expose().as_slice(), b"OKX_API_KEY='from another program'\n");
    }

    #[test]
    fn a_changed_byte_keeps_it_closed() {
        let bytes = bare(&seal_at(1, &[5; 70_000], WORDS, &random()).unwrap()).unwrap();
        let head = bytes.windows(4).position(|four| four == b"--- ").unwrap();
        let chunks = [head + 70, head + 90, bytes.len() - 4_500, bytes.len() - 1];
        for at in (0..head + 64).chain(chunks) {
            // The digit of the cost is left out: a large one only costs time.
            if bytes[..at].ends_with(b" ") && bytes[at + 1] == b'\n' {
                continue;
            }
            let mut altered = bytes.clone();
            altered[at] ^= 1;
            assert!(open(&armour(&altered), WORDS).is_err(), "byte {at}");
        }
        // The last chunk is missing, or there is one more.
        assert!(open(&armour(&bytes[..bytes.len() - 4_480]), WORDS).is_err());
        assert!(open(&armour(&[bytes.as_slice(), &[0; 16]].concat()), WORDS).is_err());
    }

    #[test]
    fn other_forms_are_refused() {
        let file = seal_at(1, b"text", WORDS, &random()).unwrap();
        let bytes = bare(&file).unwrap();
        let head = String::from_utf8_lossy(&bytes).into_owned();
        for (from, to, why) in [
            ("-> scrypt", "-> X25519", SealedFileError::Format),
            (" 1\n", " 19\n", SealedFileError::Cost),
            (" 1\n", " 01\n", SealedFileError::Format),
            (" 1\n", " +1\n", SealedFileError::Format),
            (" 1\n", " 1 1\n", SealedFileError::Format),
            ("org/v1", "org/v2", SealedFileError::Format),
        ] {
            let cut = head.find("---").unwrap();
            let altered = [head[..cut].replacen(from, to, 1).as_bytes(), &bytes[cut..]].concat();
            assert_eq!(open(&armour(&altered), WORDS).unwrap_err(), why, "{to}");
        }
        for text in ["", "-----BEGIN AGE ENCRYPTED FILE-----", &file.replace("END", "end"), &file[1..]] {
            assert_eq!(open(text, WORDS).unwrap_err(), SealedFileError::Format, "{text}");
        }
    }
}
