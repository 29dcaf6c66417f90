//! Leaks: what becomes of a secret or an API key that somebody found.
//!
//! A secret proves the leak, whoever sends it: the store's state of the secret is compared with the one that the found text
//! gives. A proven leak always stops the key, and tells its owner. An API key alone proves nothing: its owner is told, and the
//! key goes on working.

mod found;
mod stop;

pub use found::{LabelledFinding, take_found, take_report};
