//! The contracts between programs: OKX's envelope, what is said on sockets, the answers to health checks, the file that
//! carries credentials under a passphrase, what the control plane asks a gateway about its sockets, what a gateway asks the
//! control plane about transfers, and the requests about sub-accounts that it hands over.
//!
//! Owns: how a refusal looks on the wire, and the format of sealed files. Leaves to others: which refusal it is
//! (`rules`).

pub mod day_sums;
pub mod health;
pub mod okx;
pub mod open_sockets;
pub mod sealed_file;
pub mod socket;
pub mod sub_accounts;
pub mod transfer_approvals;
