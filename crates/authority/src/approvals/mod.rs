//! Transfers by sub-accounts' keys: what a gateway asks for, and what their master decides (product.md 5).

mod ask;
mod decide;
mod give_back;
mod set;
mod thresholds;

pub use ask::ask_for_transfer;
pub use decide::{ApproveTransfers, RefuseTransfers};
pub use give_back::give_back_transfer;
pub use set::ApprovalSet;
pub use thresholds::ChangeThresholds;
