//! A folder in which a backup, or what is to be put back, becomes whole before it gets its name.

use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use keyward_store::BACKUP_PARTS;

/// What SQLite may keep beside a file.
const BESIDE: [&str; 3] = ["", "-wal", "-shm"];

/// The folder; removed with all that is in it when dropped.
pub struct Staging(PathBuf);

impl Staging {
    /// A new folder of mode 0700; what an earlier try left there goes.
    pub fn new(path: PathBuf) -> Result<Self> {
        if path.exists() {
            fs::remove_dir_all(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
        DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Copies the parts of a backup into it, durably, for the owner alone.
    pub fn fill(&self, backup: &Path) -> Result<()> {
        for name in BACKUP_PARTS {
            let (from, to) = (backup.join(name), self.0.join(name));
            fs::copy(&from, &to).with_context(|| format!("cannot copy {}", from.display()))?;
            owners_alone(&to)?;
            File::open(&to)?.sync_all()?;
        }
        Ok(())
    }

    /// Gives the whole folder its name; whoever has that name already keeps it.
    pub fn become_folder(self, to: &Path) -> Result<()> {
        sync(&self.0)?;
        fs::rename(&self.0, to).with_context(|| format!("{} cannot be created", to.display()))?;
        sync(parent(to))
    }

    /// Moves the store's files into `folder`, the main tables last.
    pub fn move_into(&self, folder: &Path) -> Result<()> {
        move_store(&self.0, folder)?;
        sync(folder)
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // Gone already when it became the backup.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Whether a store's files are in a folder.
pub fn holds_a_store(folder: &Path) -> bool {
    files().any(|name| folder.join(name).exists())
}

/// Moves a store's files into a new folder inside its own, so that the parent need not be writable.
pub fn move_aside(folder: &Path, name: &str) -> Result<PathBuf> {
    let aside = folder.join(name);
    DirBuilder::new()
        .mode(0o700)
        .create(&aside)
        .with_context(|| format!("cannot make {}", aside.display()))?;
    move_store(folder, &aside)?;
    sync(folder)?;
    Ok(aside)
}

fn files() -> impl Iterator<Item = String> {
    BACKUP_PARTS.into_iter().flat_map(|name| BESIDE.map(|ending| format!("{name}{ending}")))
}

fn move_store(from: &Path, to: &Path) -> Result<()> {
    for name in files() {
        let file = from.join(&name);
        if file.exists() {
            fs::rename(&file, to.join(&name)).with_context(|| format!("cannot move {}", file.display()))?;
        }
    }
    Ok(())
}

fn owners_alone(file: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(fs::set_permissions(file, fs::Permissions::from_mode(0o600))?)
}

/// The folder that a path lies in.
fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Names in a folder are on disk when this returns.
fn sync(folder: &Path) -> Result<()> {
    Ok(File::open(folder)?.sync_all()?)
}
