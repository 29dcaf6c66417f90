//! A copy of SQLite's files that is taken while a server writes to them.
//!
//! Each file is copied as it stands when its copy begins, the main tables last, and nothing waits for it: whatever was
//! acknowledged before is in the copy, and its numbers say up to where.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use keyward_rules::id::Revision;
use keyward_rules::log::{Hash, Span, fold};
use rusqlite::{Connection, OpenFlags};

use crate::error::StoreError;
use crate::open::{ACTIVITY_FILE, ACTIVITY_PART, AUDIT_STEP, KNOWN_STEPS, MAIN_FILE, MAIN_PART};
use crate::writer::Seen;

/// The files of a copy, in the order in which they are taken.
pub const BACKUP_PARTS: [&str; 2] = [ACTIVITY_FILE, MAIN_FILE];

/// How long to wait for a file that is locked, as after a crash.
const BUSY: Duration = Duration::from_secs(30);
/// How often what a copy wrote is sent to the disk.
const WRITTEN_EVERY: Duration = Duration::from_millis(10);
/// Bytes that are hashed at a time.
const BLOCK: usize = 1 << 16;

/// How many schema steps were applied.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Steps {
    /// To the main tables.
    pub main: u64,
    /// To the journal.
    pub activity: u64,
}

/// One file of a copy.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Part {
    /// Its name in the folder.
    pub name: &'static str,
    /// Its length.
    pub bytes: u64,
    /// BLAKE3 of its bytes, in hexadecimal.
    pub blake3: String,
}

/// What a copy holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Copied {
    /// Its schema.
    pub steps: Steps,
    /// How far it goes.
    pub seen: Seen,
    /// The root over the audit log.
    pub root: Hash,
    /// Which master key opens it; empty for one from before there were root keys.
    pub master_key: String,
    /// Its files.
    pub parts: Vec<Part>,
}

/// The schema steps that this program knows.
#[must_use]
pub fn known_steps() -> Steps {
    let [main, activity] = KNOWN_STEPS.map(|steps| steps as u64);
    Steps { main, activity }
}

/// Copies the store in `folder` into the empty folder `to`, durably; blocks its thread. Changes and requests go on meanwhile.
///
/// # Errors
/// [`StoreError::File`] when there is no store or no room, [`StoreError::UnknownSchema`] when a newer program wrote
/// it, [`StoreError::Tampered`] when the copy is not whole.
pub fn copy(folder: &Path, to: &Path) -> Result<Copied, StoreError> {
    let (main, activity) = (folder.join(MAIN_FILE), folder.join(ACTIVITY_FILE));
    copy_file(&open(&activity)?, &to.join(ACTIVITY_FILE))?;
    copy_file(&open(&main)?, &to.join(MAIN_FILE))?;
    let copied = open(&to.join(MAIN_FILE))?;
    let [known_main, known_activity] = KNOWN_STEPS;
    let steps = Steps {
        main: steps(&copied, MAIN_PART, known_main)?,
        activity: steps(&open(&to.join(ACTIVITY_FILE))?, ACTIVITY_PART, known_activity)?,
    };
    if steps.main < AUDIT_STEP.cast_unsigned() {
        let found = i64::try_from(steps.main).unwrap_or(0);
        return Err(StoreError::UnknownSchema { found, known: AUDIT_STEP });
    }
    let (seen, root) = ends(&copied)?;
    let master_key = copied.query_row("SELECT master_key FROM root_key WHERE id = 1", [], |row| row.get(0));
    let master_key = master_key.unwrap_or_default();
    drop(copied);
    let parts: Result<Vec<Part>, StoreError> = BACKUP_PARTS
        .into_iter()
        .map(|name| {
            let (bytes, blake3) = fingerprint(&to.join(name))?;
            Ok(Part { name, bytes, blake3 })
        })
        .collect();
    Ok(Copied { steps, seen, root, master_key, parts: parts? })
}

/// Length and BLAKE3 of a file.
///
/// # Errors
/// [`StoreError::File`].
pub fn fingerprint(file: &Path) -> Result<(u64, String), StoreError> {
    let (mut file, mut hasher) = (File::open(file)?, blake3::Hasher::new());
    let (mut block, mut length) = (vec![0; BLOCK], 0);
    loop {
        let count = file.read(&mut block)?;
        let Some(read) = block.get(..count).filter(|read| !read.is_empty()) else { break };
        hasher.update(read);
        length += count as u64;
    }
    Ok((length, hasher.finalize().to_hex().to_string()))
}

/// A database that is there already.
fn open(file: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    if !file.is_file() {
        let missing = format!("{} is not there", file.display());
        return Err(StoreError::File(std::io::Error::new(std::io::ErrorKind::NotFound, missing)));
    }
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(BUSY)?;
    Ok(connection)
}

/// Copies one database into a new file: what was deleted stays behind.
fn copy_file(source: &Connection, to: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::OpenOptionsExt as _;
    // SQLite fills an empty file and leaves its mode alone.
    std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?;
    written_at_once(to, || source.execute("VACUUM INTO ?1", [to.to_string_lossy()]))??;
    let copied = open(to)?;
    let verdict: String = copied.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if verdict != "ok" {
        return Err(StoreError::tampered("copy of", to.file_name().unwrap_or_default().to_string_lossy()));
    }
    drop(copied);
    Ok(File::open(to)?.sync_all()?)
}

/// Does the work that fills a file, and has its bytes written to the disk meanwhile, a few at a time. A withdrawal waits for the
/// disk, and would wait behind all that a copy left for its end.
fn written_at_once<T>(file: &Path, work: impl FnOnce() -> T) -> Result<T, StoreError> {
    let file = File::open(file)?;
    let (done, told) = std::sync::mpsc::channel::<()>();
    let worked = std::thread::scope(|scope| {
        scope.spawn(move || {
            // Ends when the other end is dropped.
            while told.recv_timeout(WRITTEN_EVERY) == Err(RecvTimeoutError::Timeout) {
                // What fails here fails in the end as well.
                let _ = file.sync_data();
            }
        });
        let worked = work();
        drop(done);
        worked
    });
    Ok(worked)
}

fn steps(connection: &Connection, part: &str, known: usize) -> Result<u64, StoreError> {
    let found: i64 =
        connection.query_row("SELECT steps FROM schema_steps WHERE part = ?1", [part], |row| row.get(0))?;
    let known = i64::try_from(known).unwrap_or(i64::MAX);
    if found > known { Err(StoreError::UnknownSchema { found, known }) } else { Ok(found.cast_unsigned()) }
}

/// How far the copy goes, and the root over its log by the stored hashes.
fn ends(connection: &Connection) -> Result<(Seen, Hash), StoreError> {
    let (revision, audit): (i64, i64) =
        connection
            .query_row("SELECT n, audit FROM head WHERE id = 1", [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let number = |value| u64::try_from(value).map_err(|_| StoreError::tampered("head", "row"));
    let seen = Seen { revision: Revision(number(revision)?), audit: number(audit)? };
    let mut hash = connection.prepare("SELECT hash FROM audit_hashes WHERE i = ?1")?;
    let mut hashes = Vec::new();
    for index in Span::tree(seen.audit).stored() {
        let bytes: Vec<u8> = hash.query_row([index.cast_signed()], |row| row.get(0))?;
        let found = Hash::from_slice(&bytes);
        hashes.push(found.ok_or_else(|| StoreError::tampered("hash of the audit log", index))?);
    }
    Ok((seen, fold(&hashes)))
}
