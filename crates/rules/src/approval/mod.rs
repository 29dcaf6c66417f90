//! Transfers by the keys of sub-accounts, which the master account approves (product.md 5).
//!
//! Owns: what a transfer means, whatever form it came in; the life of an approval; the thresholds below which nobody is asked.
//! Leaves to others: where approvals are kept (`store`), who is told (`authority`), and the step of the decision that asks for
//! one ([`crate::decision`]).
//!
//! Invariants: an approval is for one meaning, one sub-account, one environment and one execution; what cannot be read for sure
//! cannot be approved; nobody but the master account approves.

mod life;
mod read;
mod record;
mod thresholds;
mod transfer;

pub use life::{ApprovalError, ApprovalState, Standing};
pub(crate) use read::{is_transfer, read};
pub use record::{ApprovalAnswer, AskedTransfer, Asker, Consent, ConsentBy, TransferApproval};
pub use thresholds::{NotThresholds, Thresholds};
pub use transfer::{Direction, Transfer, TransferHash, Wallet};
