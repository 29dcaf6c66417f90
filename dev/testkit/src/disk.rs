//! Disks that fail: a small file system of one's own, to be filled, which needs root as network namespaces do; and
//! programs for which a disk becomes read-only, full or slow while they run.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::atomic::{AtomicU32, Ordering};

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

/// How a disk is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Condition {
    /// As it should be.
    Sound,
    /// As after an error that made the system mount it so.
    ReadOnly,
    /// Without room.
    Full,
    /// Every flush takes so many milliseconds.
    Slow(i32),
}

/// A disk that fails, for programs that are started with its [`FaultyDisk::environment`].
#[derive(Debug)]
pub struct FaultyDisk {
    folder: PathBuf,
    about: String,
}

impl FaultyDisk {
    /// A sound disk that holds the files whose paths contain `about`.
    ///
    /// # Errors
    /// Where there is no C compiler, and what the system says.
    pub fn of(about: &str) -> std::io::Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("keyward-disk-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        // A database runs as another user.
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755))?;
        let disk = Self { folder, about: about.to_owned() };
        let source = disk.folder.join("disk.c");
        std::fs::write(&source, include_str!("faulty_disk.c"))?;
        let flags = ["-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o"];
        done(Command::new("cc").args(flags).arg(disk.library()).arg(&source).arg("-ldl").status()?)?;
        disk.turn(Condition::Sound)?;
        Ok(disk)
    }

    /// What programs are started with.
    #[must_use]
    pub fn environment(&self) -> [(String, String); 3] {
        [
            ("LD_PRELOAD", self.library().display().to_string()),
            ("KEYWARD_FAULTY_STATE", self.state().display().to_string()),
            ("KEYWARD_FAULTY_PATH", self.about.clone()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
    }

    /// Changes its condition, for programs that run and for those that start.
    ///
    /// # Errors
    /// What the system says.
    pub fn turn(&self, condition: Condition) -> std::io::Result<()> {
        let number: i32 = match condition {
            Condition::Sound => 0,
            Condition::ReadOnly => -1,
            Condition::Full => -2,
            Condition::Slow(ms) => ms,
        };
        let mut options = std::fs::OpenOptions::new();
        let file = options.write(true).create(true).truncate(false).open(self.state())?;
        std::os::unix::fs::FileExt::write_all_at(&file, &number.to_ne_bytes(), 0)
    }

    fn library(&self) -> PathBuf {
        self.folder.join("disk.so")
    }

    fn state(&self) -> PathBuf {
        self.folder.join("state")
    }
}

impl Drop for FaultyDisk {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
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
