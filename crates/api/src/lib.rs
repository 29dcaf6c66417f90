//! The contracts between programs: OKX's envelope, what is said on sockets, the answers to health checks, the file that
//! carries credentials under a passphrase, and what the control plane asks a gateway about its sockets.
//!
//! Owns: how a refusal looks on the wire, and the format of sealed files. Leaves to others: which refusal it is
//! (`rules`).

pub mod day_sums;
pub mod health;
pub mod okx;
pub mod open_sockets;
pub mod sealed_file;
pub mod socket;
