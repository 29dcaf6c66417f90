//! Checkpoints of the audit log: signed once a minute, kept in a folder and sent to an address, so that a rewrite of
//! the log shows from outside.
//!
//! Where they go is set in the file alone: no API and no page reaches it.

mod folder;
mod notary;
mod settings;

pub use folder::{Folder, read_note};
pub use notary::{Notary, run};
pub use settings::AuditSettings;
