//! What keys ask for and the master account approves (product.md 5): transfers by the keys of sub-accounts, and changes of
//! sub-accounts and their keys by a master's key.
//!
//! Owns: what a transfer means, whatever form it came in; the life of an approval; the thresholds below which nobody is asked.
//! Leaves to others: where approvals are kept (`store`), who is told (`authority`), and the step of the decision that asks for
//! one ([`crate::decision`]).
//!
//! Invariants: an approval is for one meaning, one sub-account, one environment and one execution; what cannot be read for sure
//! cannot be approved; nobody but the master account approves.

mod change;
mod hash;
mod life;
mod read;
mod record;
mod thresholds;
mod transfer;
mod wanted;

pub use change::{AskedChange, WantedChange};
pub use hash::ApprovalHash;
pub use life::{ApprovalError, ApprovalState, Standing};
pub(crate) use read::{is_transfer, read};
pub use record::{ApprovalAnswer, AskedTransfer, Asker, ChangeConsent, Consent, ConsentBy, RequestApproval};
pub use thresholds::{NotThresholds, Thresholds};
pub use transfer::{Direction, Transfer, Wallet};
pub use wanted::Wanted;
