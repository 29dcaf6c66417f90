//! What keys ask for and their master account decides (product.md 5).

mod ask;
mod decide;
mod give_back;
mod set;
mod thresholds;

pub use ask::ask_for_transfer;
pub(crate) use ask::keep_waiting;
pub use decide::{ApproveRequests, RefuseRequests};
pub use give_back::give_back_transfer;
pub use set::ApprovalSet;
pub use thresholds::ChangeThresholds;
