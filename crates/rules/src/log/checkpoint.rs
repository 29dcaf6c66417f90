//! Checkpoints (c2sp.org/tlog-checkpoint): a log's size and root at a time, signed; and proofs that carry one
//! (c2sp.org/tlog-proof).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::note::{NotSigned, Origin, SigningKey, VerifierKey};
use super::tree::Hash;

/// A log's size and root.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checkpoint {
    /// Which log.
    pub origin: Origin,
    /// How many records it had.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
}

/// A note that is no checkpoint by the expected key.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotACheckpoint {
    /// Not signed, or by another key.
    #[error(transparent)]
    Signature(#[from] NotSigned),
    /// Signed, but not with the three lines of a checkpoint.
    #[error("its text is no checkpoint")]
    Form,
}

impl Checkpoint {
    /// The signed note.
    #[must_use]
    pub fn sign(&self, key: &SigningKey) -> String {
        key.sign(&format!("{}\n{}\n{}\n", self.origin, self.size, self.root))
    }

    /// Opens a note that `key` must have signed. Extension lines are refused: our logs write none.
    ///
    /// # Errors
    /// [`NotACheckpoint`].
    pub fn open(note: &str, key: &VerifierKey) -> Result<Self, NotACheckpoint> {
        let checkpoint = read(key.open(note)?).ok_or(NotACheckpoint::Form)?;
        if checkpoint.origin == *key.origin() { Ok(checkpoint) } else { Err(NotACheckpoint::Form) }
    }

    /// Opens a note that `key` signed under whatever name the note gives: a log may have been renamed.
    ///
    /// # Errors
    /// [`NotACheckpoint`].
    pub fn open_any_name(note: &str, key: &VerifierKey) -> Result<Self, NotACheckpoint> {
        let name = note.lines().next().unwrap_or_default();
        let origin = Origin::parse(name).map_err(|_| NotACheckpoint::Form)?;
        Self::open(note, &key.named(origin))
    }
}

fn read(text: &str) -> Option<Checkpoint> {
    let mut lines = text.strip_suffix('\n')?.split('\n');
    let (origin, size, root) = (lines.next()?, lines.next()?, lines.next()?);
    let origin = Origin::parse(origin).ok()?;
    let number: u64 = size.parse().ok()?;
    let root = Hash::from_base64(root)?;
    // One spelling: no sign, no leading zero.
    (lines.next().is_none() && number.to_string() == size).then_some(Checkpoint {
        origin,
        size: number,
        root,
    })
}

/// The proof that leaf `index` (from 0) stands under the checkpoint of `note`. `extra` is carried along for whoever
/// checks the proof, such as the leaf's own bytes.
#[must_use]
pub fn proof_text(extra: Option<&[u8]>, index: u64, proof: &[Hash], note: &str) -> String {
    let extra = extra.map(|bytes| format!("extra {}\n", STANDARD.encode(bytes))).unwrap_or_default();
    let path: String = proof.iter().map(|hash| format!("{hash}\n")).collect();
    format!("c2sp.org/tlog-proof@v1\n{extra}index {index}\n{path}\n{note}")
}
