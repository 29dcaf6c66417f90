//! Third-party apps (product.md 4): what a broker registers, which ranges are taken, and how both are reviewed.
//!
//! Invariants: a range set is never empty and holds no entry that the table of special-purpose blocks refuses; two apps
//! never have names that look alike; what only narrows is told apart from what widens by the sets themselves.

mod difference;
mod name;
mod ranges;
mod special;
mod standing;

pub use difference::{Difference, Size};
pub use name::{AppName, NotAnAppName};
pub use ranges::{Entry, NotARange, PrivateRanges, RangeSetError, read_entries};
pub use special::{BLOCKS, Block, Special};
pub use standing::{AppStanding, FrozenBy, VersionStanding};
