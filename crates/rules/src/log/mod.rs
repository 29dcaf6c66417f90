//! The audit log as others can check it: an RFC 6962 tree over the records' canonical bytes, checkpoints in the forms
//! that C2SP specifies (signed-note, tlog-checkpoint, tlog-proof, tlog-tiles).
//!
//! Pure: hashes are handed in and out by their number in storage, seeds and notes are arguments. Leaves to others:
//! where hashes and checkpoints are kept (`store`), when one is made and where it goes (`app`).
//!
//! Invariants: record `n` of the store is leaf `n - 1`; a stored hash never changes, because it covers a full subtree.

mod checkpoint;
mod note;
mod proof;
mod tile;
mod tree;

pub use checkpoint::{Checkpoint, NotACheckpoint, proof_text};
pub use note::{NotAKey, NotAnOrigin, NotSigned, Origin, SigningKey, VerifierKey};
pub use proof::{NotProven, check_consistency, check_inclusion};
pub use tile::{EntryTooLong, Tile, entry};
pub use tree::{
    Frontier, Hash, Span, consistency, fold, grown, inclusion, siblings, split_index, stored_count,
    stored_index,
};
