//! A small file system of one's own, to be filled. Needs root, as network namespaces do.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

/// A mounted file system; it is unmounted when this is dropped.
pub struct SmallDisk {
    folder: PathBuf,
}

impl SmallDisk {
    /// Mounts one of so many MiB on a folder that is there.
    ///
    /// # Errors
    /// What the system says.
    pub fn on(folder: &Path, mib: u32) -> std::io::Result<Self> {
        let size = format!("size={mib}m,mode=0700");
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder).status()?;
        done(mounted)?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// Fills it to the last byte.
    ///
    /// # Errors
    /// What the system says, but for that it is full.
    pub fn fill(&self) -> std::io::Result<()> {
        let mut file = std::fs::File::create(self.filler())?;
        let piece = vec![0_u8; 64 << 10];
        loop {
            match std::io::Write::write_all(&mut file, &piece) {
                Ok(()) => {}
                Err(error) if error.kind() == std::io::ErrorKind::StorageFull => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    /// Makes room again.
    ///
    /// # Errors
    /// What the system says.
    pub fn free(&self) -> std::io::Result<()> {
        std::fs::remove_file(self.filler())
    }

    fn filler(&self) -> PathBuf {
        self.folder.join("filler")
    }
}

fn done(status: ExitStatus) -> std::io::Result<()> {
    if status.success() { Ok(()) } else { Err(std::io::Error::other(status.to_string())) }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.folder).status();
    }
}
