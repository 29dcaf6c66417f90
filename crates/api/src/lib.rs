//! The contracts between programs: OKX's envelope, the answers to health checks, and the file that carries credentials
//! under a passphrase.
//!
//! Owns: how a refusal looks on the wire, and the format of sealed files. Leaves to others: which refusal it is
//! (`rules`).

pub mod health;
pub mod okx;
pub mod sealed_file;
