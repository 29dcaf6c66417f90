//! Actions on keys, one file each.

mod addresses;
mod close_sockets;
mod delete;
mod delete_keys;
mod delete_unused;
mod disable;
mod disable_all;
mod disable_keys;
mod edit;
mod enable;
mod enable_keys;
mod issue;
mod key_set;
mod leaked;
mod named;
mod overlap;
mod place;
mod rotate;

pub use addresses::ChangeAddresses;
pub use close_sockets::{CloseSockets, WhichSockets};
pub use delete::DeleteKey;
pub use delete_keys::DeleteKeys;
pub use delete_unused::DeleteUnusedKeys;
pub use disable::DisableKey;
pub use disable_all::{DisableAllKeys, brake};
pub use disable_keys::DisableKeys;
pub use edit::{EditKey, parse_tags};
pub use enable::EnableKey;
pub use enable_keys::EnableKeys;
pub use issue::{IssueKey, Issued, Outcome, made_before};
pub use key_set::KeySet;
pub use leaked::ReportLeak;
pub use named::KeyNamed;
pub use overlap::EndOverlap;
pub(crate) use place::{place_among, place_in, place_of};
pub use rotate::{DISABLED_SUCCEEDED, RotateKey, suggest_name};
