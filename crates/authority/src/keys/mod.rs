//! Actions on keys, one file each.

mod addresses;
mod delete;
mod disable;
mod disable_all;
mod edit;
mod enable;
mod issue;
mod leaked;
mod named;
mod overlap;
mod place;
mod rotate;

pub use addresses::{AddressChange, change_addresses, plan_addresses};
pub use delete::{delete_key, delete_matter};
pub use disable::{disable_key, disable_matter};
pub use disable_all::{brake, disable_all_keys, disable_all_matter};
pub use edit::{edit_key, parse_tags};
pub use enable::{enable_key, plan_enable};
pub use issue::{Issued, KeyWish, Outcome, check_wish, issue_key, made_before, wish_matter};
pub use leaked::{leak_matter, report_leak};
pub use named::KeyNamed;
pub use overlap::{end_overlap, overlap_matter};
pub(crate) use place::{place_among, place_in, place_of};
pub use rotate::{
    DISABLED_SUCCEEDED, RotationPlan, RotationWish, check_rotation, rotate_key, rotation_matter, suggest_name,
};
