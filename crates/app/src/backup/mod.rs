//! Backups: a folder with the store's files and a manifest that only this deployment's master key can make.

mod manifest;
mod staging;

pub use manifest::{MANIFEST_FILE, Manifest};
pub use staging::{Staging, holds_a_store, move_aside};
