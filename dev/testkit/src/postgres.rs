//! A PostgreSQL server of this process's own, for tests: made once, reached over a Unix socket, gone afterwards.
//!
//! Owns: finding the programs, starting and stopping. Leaves to others: every statement but `CREATE DATABASE`.
//! The server runs under a small shell that waits for a pipe from us to close, so that it also ends, and its
//! folder goes, when this process is killed.

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::process::variable;

/// A folder that every user can enter; a socket's path must also stay below 108 bytes.
const SCRATCH: &str = "/tmp";
/// The port of a server that listens on its socket only.
const PORT: u16 = 5432;
/// How long a start may take on a busy machine.
const START: Duration = Duration::from_secs(60);
/// `$1` is the program, `$2` the folder; the rest are the server's options.
const SUPERVISOR: &str = r#"
program=$1; folder=$2; shift 2
"$program" "$@" &
server=$!
read -r _
kill -QUIT "$server"
wait "$server"
cd / && rm -rf "$folder"
"#;

/// Why there is no server or no database.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// No folder holds the programs.
    #[error(
        "PostgreSQL's server programs are missing: install postgresql, or set KEYWARD_PG_BIN to their folder"
    )]
    Missing,
    /// A file or process could not be had.
    #[error("cannot {what}")]
    System {
        /// What was tried.
        what: &'static str,
        /// Why not.
        #[source]
        error: std::io::Error,
    },
    /// A program ended without success, or did not get ready.
    #[error("{program} failed: {output}")]
    Program {
        /// Which one.
        program: &'static str,
        /// The end of what it said.
        output: String,
    },
}

/// What a server has that the shared one has not: everybody may use that one, over its socket only.
#[derive(Clone, Copy, Debug)]
pub struct Setup<'s> {
    /// The lines of `pg_hba.conf`.
    pub access: &'s str,
    /// Settings as `name=value`.
    pub settings: &'s [&'s str],
    /// Files in its data folder, with their texts.
    pub files: &'s [(&'s str, &'s str)],
    /// Variables of its environment.
    pub environment: &'s [(String, String)],
}

/// Settings, and variables of the environment.
type Given<'g> = (&'g [&'g str], &'g [(String, String)]);

/// A running server.
#[derive(Debug)]
pub struct Postgres {
    programs: PathBuf,
    folder: PathBuf,
    port: u16,
    /// Closing it stops the server.
    leash: Option<ChildStdin>,
    supervisor: Child,
}

impl Postgres {
    /// The server of this process, started on first use.
    ///
    /// # Errors
    /// [`PostgresError`] when it cannot be had; asking again gives the same answer.
    pub fn shared() -> Result<&'static Self, &'static PostgresError> {
        static SHARED: OnceLock<Result<Postgres, PostgresError>> = OnceLock::new();
        SHARED.get_or_init(Self::start).as_ref()
    }

    /// Starts a server in a new folder.
    ///
    /// # Errors
    /// [`PostgresError`].
    pub fn start() -> Result<Self, PostgresError> {
        Self::launched(PORT, (&["listen_addresses="], &[]), |_, _| Ok(()))
    }

    /// Starts a server in a new folder that also listens on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// [`PostgresError`].
    pub fn start_with(setup: &Setup<'_>) -> Result<Self, PostgresError> {
        let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let port = free.map_err(system("find a free port"))?.port();
        let settings = [setup.settings, &["listen_addresses=127.0.0.1"]].concat();
        Self::launched(port, (&settings, setup.environment), |data, user| {
            put(&data.join("pg_hba.conf"), setup.access, user)?;
            setup.files.iter().try_for_each(|(name, text)| put(&data.join(name), text, user))
        })
    }

    /// The port of its socket, and on 127.0.0.1 if it listens there.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The folder of its socket.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn launched(
        port: u16,
        given: Given<'_>,
        prepare: impl FnOnce(&Path, User) -> Result<(), PostgresError>,
    ) -> Result<Self, PostgresError> {
        let programs = programs().ok_or(PostgresError::Missing)?;
        let user = server_user()?;
        let folder = new_folder(user)?;
        let started = init(&programs, &folder, user)
            .and_then(|()| prepare(&folder.join("data"), user))
            .and_then(|()| launch(&programs, &folder, user, (port, given)));
        match started {
            Ok((supervisor, leash)) => Ok(Self { programs, folder, port, leash: Some(leash), supervisor }),
            Err(error) => {
                // The reason for the failure is worth more than one for not tidying up.
                let _ = fs::remove_dir_all(&folder);
                Err(error)
            }
        }
    }

    /// Makes an empty database and returns its URL.
    ///
    /// # Errors
    /// [`PostgresError::Program`] with what the server said.
    pub fn fresh_database(&self) -> Result<String, PostgresError> {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        self.create(&name, "template1")
    }

    /// Makes a copy of the database behind `url`, which nobody may be connected to, and returns its URL.
    ///
    /// # Errors
    /// [`PostgresError::Program`] with what the server said.
    pub fn copy_of(&self, url: &str) -> Result<String, PostgresError> {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let template = url.split(['/', '?']).nth(3).unwrap_or_default();
        let name = format!("{template}_copy_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        self.create(&name, template)
    }

    /// Runs a statement as the owner of everything, in the database `name`; `postgres` is always there.
    ///
    /// # Errors
    /// [`PostgresError::Program`] with what the server said.
    pub fn psql(&self, name: &str, statement: &str) -> Result<(), PostgresError> {
        let mut command = quiet(&self.programs.join("psql"), None);
        command.arg("--host").arg(&self.folder).arg("--port").arg(self.port.to_string());
        command.args(["--username", "postgres", "--no-password", "--no-psqlrc", "--quiet", "--dbname", name]);
        command.args(["--set", "ON_ERROR_STOP=1", "--command", statement]);
        run("psql", &mut command)
    }

    fn create(&self, name: &str, template: &str) -> Result<String, PostgresError> {
        let mut command = quiet(&self.programs.join("createdb"), None);
        command.arg("--host").arg(&self.folder).arg("--port").arg(self.port.to_string());
        command.args(["--username", "postgres", "--no-password"]);
        command.args(["--template", template, name]);
        run("createdb", &mut command)?;
        let port = if self.port == PORT { String::new() } else { format!("&port={}", self.port) };
        Ok(format!("postgres://postgres@localhost/{name}?host={}{port}", self.folder.display()))
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.leash.take();
        // The supervisor removes the folder and ends; how it ended changes nothing any more.
        let _ = self.supervisor.wait();
    }
}

/// The user to run as; `None` for the one that runs us.
pub(crate) type User = Option<(u32, u32)>;

/// PostgreSQL refuses to run as root, so root becomes `postgres`, or `nobody` where there is no such user.
pub(crate) fn server_user() -> Result<User, PostgresError> {
    let own = fs::metadata("/proc/self").map_err(system("find out who runs this"))?;
    if own.uid() != 0 {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd").map_err(system("read /etc/passwd"))?;
    Ok(lookup(&users, "postgres").or_else(|| lookup(&users, "nobody")).or(Some((65_534, 65_534))))
}

/// User and group number of a name in the text of `/etc/passwd`.
fn lookup(users: &str, name: &str) -> User {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let found = fields.next() == Some(name);
        let (uid, gid) = (fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?);
        found.then_some((uid, gid))
    })
}

/// The folder with the programs: `KEYWARD_PG_BIN`, the search path, or where Debian keeps them, newest first.
fn programs() -> Option<PathBuf> {
    let complete =
        |folder: &PathBuf| ["initdb", "postgres", "createdb"].iter().all(|name| folder.join(name).is_file());
    if let Some(folder) = variable("KEYWARD_PG_BIN") {
        return Some(PathBuf::from(folder)).filter(complete);
    }
    let path = variable("PATH").unwrap_or_default();
    // A link on the path leads to the folder that also holds the rest.
    let behind = |folder: PathBuf| Some(folder.join("initdb").canonicalize().ok()?.parent()?.to_path_buf());
    if let Some(folder) = std::env::split_paths(&path).filter_map(behind).find(complete) {
        return Some(folder);
    }
    let version = |folder: &PathBuf| folder.file_name()?.to_str()?.parse::<u32>().ok();
    let mut found: Vec<PathBuf> =
        fs::read_dir("/usr/lib/postgresql").ok()?.flatten().map(|entry| entry.path()).collect();
    found.sort_by_key(version);
    found.into_iter().rev().map(|folder| folder.join("bin")).find(complete)
}

fn new_folder(user: User) -> Result<PathBuf, PostgresError> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = Path::new(SCRATCH).join(format!("keyward-pg-{}-{number}", std::process::id()));
        match fs::create_dir(&folder) {
            Ok(()) => {
                let mode = fs::Permissions::from_mode(0o755);
                fs::set_permissions(&folder, mode).map_err(system("open the folder to others"))?;
                if let Some((uid, gid)) = user {
                    chown(&folder, Some(uid), Some(gid)).map_err(system("give the folder away"))?;
                }
                return Ok(folder);
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(system("make a folder")(error)),
        }
    }
}

/// Copies the files of an empty server: making them takes a second of a processor, copying them a twentieth.
fn init(programs: &Path, folder: &Path, user: User) -> Result<(), PostgresError> {
    copy(&template(programs, user)?, &folder.join("data"))
}

/// The files of an empty server of these programs, made once for all test processes. They lie beside the tests' programs
/// and go with the build folder.
fn template(programs: &Path, user: User) -> Result<PathBuf, PostgresError> {
    let program = fs::metadata(programs.join("initdb")).map_err(system("look at initdb"))?;
    let name = format!("postgres-{}-{}-{}", program.len(), program.mtime(), user.map_or(0, |(uid, _)| uid));
    let test = std::env::current_exe().map_err(system("find out where this test is"))?;
    let kept = test.with_file_name(name);
    if kept.is_dir() {
        return Ok(kept);
    }
    // The server's user may write only there.
    let scratch = new_folder(user)?;
    let mut command = quiet(&programs.join("initdb"), user);
    command.arg("--pgdata").arg(scratch.join("data")).current_dir(&scratch);
    command.args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"]);
    command.arg("--wal-segsize=1");
    let unfinished = kept.with_extension(std::process::id().to_string());
    let made = run("initdb", &mut command).and_then(|()| copy(&scratch.join("data"), &unfinished));
    let _ = fs::remove_dir_all(&scratch);
    made?;
    match fs::rename(&unfinished, &kept) {
        Ok(()) => Ok(kept),
        // Another process was faster.
        Err(_) if kept.is_dir() => fs::remove_dir_all(&unfinished).map(|()| kept).map_err(system("tidy up")),
        Err(error) => Err(system("put the files of an empty server in place")(error)),
    }
}

/// Copies a folder with its owners and modes.
fn copy(from: &Path, to: &Path) -> Result<(), PostgresError> {
    run(
        "cp",
        Command::new("cp").args(["--archive", "--reflink=auto", "--no-target-directory"]).arg(from).arg(to),
    )
}

/// A file that only the server's user can read: it refuses keys that others can.
fn put(file: &Path, text: &str, user: User) -> Result<(), PostgresError> {
    let written = fs::write(file, text)
        .and_then(|()| fs::set_permissions(file, fs::Permissions::from_mode(0o600)))
        .and_then(|()| user.map_or(Ok(()), |(uid, gid)| chown(file, Some(uid), Some(gid))));
    written.map_err(system("put a file into the server's folder"))
}

/// Starts the server and returns once it takes connections.
fn launch(
    programs: &Path,
    folder: &Path,
    user: User,
    (port, (settings, environment)): (u16, Given<'_>),
) -> Result<(Child, ChildStdin), PostgresError> {
    let mut command = quiet(Path::new("/bin/sh"), user);
    command.args(["-c", SUPERVISOR, "postgres"]).arg(programs.join("postgres")).arg(folder);
    command.arg("-D").arg(folder.join("data")).arg("-k").arg(folder).arg("-p").arg(port.to_string());
    // Nothing here has to outlive a power cut.
    for setting in ["fsync=off", "full_page_writes=off", "max_connections=200"].iter().chain(settings) {
        command.arg("-c").arg(setting);
    }
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    // A group of its own: a signal to ours must not end the shell before it has tidied up.
    command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(system("start a shell"))?;
    let (leash, log) = match (child.stdin.take(), child.stderr.take()) {
        (Some(leash), Some(log)) => (leash, log),
        (_, _) => return Err(system("take the shell's pipes")(ErrorKind::BrokenPipe.into())),
    };
    let (ready, answer) = mpsc::channel();
    // Reads on after the start, or a full pipe would stop the server.
    thread::spawn(move || {
        let mut said = String::new();
        let mut ready = Some(ready);
        for line in BufReader::new(log).lines().map_while(Result::ok) {
            if line.contains("ready to accept connections") {
                ready.take().map(|ready| ready.send(Ok(())));
            } else if ready.is_some() {
                said = said + &line + "\n";
            }
        }
        ready.take().map(|ready| ready.send(Err(said)));
    });
    let output = match answer.recv_timeout(START) {
        Ok(Ok(())) => return Ok((child, leash)),
        Ok(Err(said)) => said,
        Err(_) => format!("not ready within {START:?}"),
    };
    drop(leash);
    let _ = child.wait();
    Err(PostgresError::Program { program: "postgres", output })
}

/// A command that inherits neither our settings for PostgreSQL nor our language.
/// A program that gets nothing of our environment.
pub(crate) fn quiet(program: &Path, user: User) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C").current_dir("/");
    if let Some((uid, gid)) = user {
        command.uid(uid).gid(gid);
    }
    command
}

fn run(name: &'static str, command: &mut Command) -> Result<(), PostgresError> {
    let output = command.stdin(Stdio::null()).output().map_err(system("start a program of PostgreSQL"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(PostgresError::Program { program: name, output: said })
}

fn system(what: &'static str) -> impl Fn(std::io::Error) -> PostgresError {
    move |error| PostgresError::System { what, error }
}

#[cfg(test)]
mod tests {
    use super::{Postgres, lookup};

    #[test]
    fn users_are_found_by_their_whole_name() {
        let users =
            "root:x:0:0:root:/root:/bin/sh\npostgres2:x:9:9::/:\npostgres:x:104:106:PG,,,:/var:/bin/sh\n";
        assert_eq!(lookup(users, "postgres"), Some((104, 106)));
        assert_eq!(lookup(users, "nobody"), None);
    }

    #[test]
    fn gives_out_databases_and_leaves_nothing_behind() {
        let server = Postgres::start().unwrap();
        let folder = server.folder.clone();
        let first = server.fresh_database().unwrap();
        let second = server.fresh_database().unwrap();
        assert_ne!(first, second);
        assert!(first.starts_with("postgres://postgres@localhost/test_"), "{first}");
        assert!(server.copy_of(&first).unwrap().contains("_copy_"));
        assert!(folder.join("data").is_dir());
        drop(server);
        assert!(!folder.exists());
    }
}
