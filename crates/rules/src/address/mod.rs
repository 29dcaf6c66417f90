//! Where a key may be used from: entries, canonical sets, and the binding that holds one.
//!
//! Invariants: a set is never empty; "from anywhere" is a variant of its own and not a set; one meaning has
//! one canonical text; an IPv4 address has one form, also when it arrives mapped into IPv6.

mod binding;
mod entry;
mod set;
mod source;
mod table;

pub use binding::Binding;
pub use entry::{HostBits, Network, NotANetwork, canonical};
pub use set::{AddressSet, NotASet, Width};
pub use source::Source;
pub use table::RangeTable;
