//! Folders and files that only their owner may read, and where the master key must not be.

use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::config::ConfigError;
use crate::master_key_source::MasterKeySource;

/// Makes a folder that is the owner's alone, if it is not there.
pub fn private_folder(folder: &Path) -> Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .with_context(|| format!("cannot make {}", folder.display()))
}

/// Writes a file that only its owner may read, whole or not at all.
pub fn write_private(file: &Path, text: &str) -> Result<()> {
    let partial = file.with_extension("partial");
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut open = options.open(&partial).with_context(|| format!("cannot write {}", file.display()))?;
    open.write_all(text.as_bytes())?;
    open.sync_all()?;
    std::fs::rename(&partial, file).with_context(|| format!("cannot write {}", file.display()))
}

/// A thief of the data folder must not get the key with it.
pub fn refuse_key_inside(folder: &Path, key: &MasterKeySource) -> Result<(), ConfigError> {
    let Some(key) = key.own_file() else { return Ok(()) };
    let inside = match (folder.canonicalize(), key.canonicalize()) {
        (Ok(folder), Ok(key)) => key.starts_with(folder),
        (_, _) => key.starts_with(folder),
    };
    if inside {
        return Err(ConfigError::one(
            "doctor.master_key.inside_data: store.master_key_file lies inside the data folder; keep it elsewhere",
        ));
    }
    Ok(())
}
