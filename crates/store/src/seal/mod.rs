//! Sealing: AES-256-GCM under data keys that the root key wraps, which the master key wraps.
//!
//! What is sealed of a key is its HMAC state, with every field that a verdict uses as associated data. So a
//! row whose permission, address, state or owner was edited by hand does not open, and neither does a seal
//! moved to another row.

mod aad;
mod cipher;
mod root;
mod rotate;
mod vault;

pub(crate) use aad::Aad;
pub(crate) use root::Made;
pub use root::RootKey;
pub(crate) use root::STATEMENTS as ROOT_STATEMENTS;
pub(crate) use vault::{STATEMENTS, Vault};
