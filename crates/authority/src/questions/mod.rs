//! What people ask. Answers carry no secret and, for app keys, no address.

mod list_keys;
mod show_key;

pub use list_keys::list_keys;
pub use show_key::{KeyView, reach_in_words, show_key};
