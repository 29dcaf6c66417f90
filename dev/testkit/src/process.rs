//! The built program as its users run it: `keyward sandbox` in a process of its own, with the credentials that it
//! wrote.
//!
//! Owns: starting on free ports, waiting until it is ready, signals, starting again on the same data. Nothing
//! here waits by sleeping: the program says that it is ready, and an ended process is waited for.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use serde_json::Value;

/// How long a start may take on a busy machine.
const START: Duration = Duration::from_secs(60);

/// Why there is no running program.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// Nothing built to run.
    #[error("there is no program {}: build it with `cargo build`, or set KEYWARD_BIN", .0.display())]
    Missing(PathBuf),
    /// A process could not be had or reached.
    #[error("cannot {what}")]
    System {
        /// What was tried.
        what: &'static str,
        /// Why not.
        #[source]
        error: std::io::Error,
    },
    /// It ended or stayed silent instead of getting ready.
    #[error("keyward did not get ready: {0}")]
    NotReady(String),
    /// The credentials lack something.
    #[error("the credentials have no {0}")]
    Lacking(String),
}

/// One entry of `keys` in the credentials file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyEntry {
    /// The public id.
    pub api_key: String,
    /// What signs.
    pub secret: String,
    /// What goes along in clear.
    pub passphrase: String,
    /// The code that a balance query from loopback gets.
    pub expect: String,
}

/// A running `keyward sandbox`; killed when dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    data: PathBuf,
    flags: Vec<OsString>,
    credentials: Value,
}

impl Running {
    /// Starts on free ports with its state in `data`.
    ///
    /// # Errors
    /// [`ProcessError`] when it does not get ready.
    pub fn start(data: &Path) -> Result<Self, ProcessError> {
        Self::start_with(data, [] as [&str; 0])
    }

    /// Starts with further flags; a listener among them, such as `--gateway`, takes the place of the free port on loopback.
    ///
    /// # Errors
    /// [`ProcessError`] when it does not get ready.
    pub fn start_with(
        data: &Path,
        flags: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> Result<Self, ProcessError> {
        let flags = flags.into_iter().map(|flag| flag.as_ref().to_owned()).collect();
        Self::launch(data.to_path_buf(), flags)
    }

    /// Everything that the program wrote about itself.
    #[must_use]
    pub const fn credentials(&self) -> &Value {
        &self.credentials
    }

    /// An address from the credentials, such as `gateway_url`.
    ///
    /// # Errors
    /// [`ProcessError::Lacking`] when it is not there, or `null`.
    pub fn address(&self, name: &str) -> Result<&str, ProcessError> {
        let address = self.credentials.get(name).and_then(Value::as_str);
        address.ok_or_else(|| ProcessError::Lacking(name.to_owned()))
    }

    /// A key from the credentials, such as `trade`.
    ///
    /// # Errors
    /// [`ProcessError::Lacking`] when it is not there or not whole.
    pub fn key(&self, name: &str) -> Result<KeyEntry, ProcessError> {
        let entry = self.credentials.get("keys").and_then(|keys| keys.get(name));
        let field = |field: &str| {
            let text = entry.and_then(|entry| entry.get(field)).and_then(Value::as_str);
            text.map(str::to_owned).ok_or_else(|| ProcessError::Lacking(format!("keys.{name}.{field}")))
        };
        Ok(KeyEntry {
            api_key: field("api_key")?,
            secret: field("secret")?,
            passphrase: field("passphrase")?,
            expect: field("expect")?,
        })
    }

    /// The process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by name, such as `TERM` or `STOP`.
    ///
    /// # Errors
    /// [`ProcessError::System`] when there is no such process any more.
    pub fn signal(&self, name: &str) -> Result<(), ProcessError> {
        let status = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(system("send a signal")(std::io::Error::other(status.to_string()))),
            Err(error) => Err(system("send a signal")(error)),
        }
    }

    /// Asks it to end, and waits until it has.
    ///
    /// # Errors
    /// [`ProcessError::System`].
    pub fn terminate(mut self) -> Result<ExitStatus, ProcessError> {
        self.signal("TERM")?;
        self.child.wait().map_err(system("wait for keyward"))
    }

    /// Ends it without a chance to tidy up, as a power cut would.
    ///
    /// # Errors
    /// [`ProcessError::System`].
    pub fn kill(mut self) -> Result<ExitStatus, ProcessError> {
        self.child.kill().map_err(system("kill keyward"))?;
        self.child.wait().map_err(system("wait for keyward"))
    }

    /// Kills it and starts again on the same data with the same flags.
    ///
    /// # Errors
    /// [`ProcessError`].
    pub fn crash_and_restart(mut self) -> Result<Self, ProcessError> {
        let (data, flags) = (self.data.clone(), std::mem::take(&mut self.flags));
        self.kill()?;
        Self::launch(data, flags)
    }

    /// Ends it in order and starts again on the same data with the same flags.
    ///
    /// # Errors
    /// [`ProcessError`], also when it does not end with 0.
    pub fn restart(mut self) -> Result<Self, ProcessError> {
        let (data, flags) = (self.data.clone(), std::mem::take(&mut self.flags));
        let status = self.terminate()?;
        if !status.success() {
            return Err(ProcessError::NotReady(format!("the run before ended with {status}")));
        }
        Self::launch(data, flags)
    }

    fn launch(data: PathBuf, flags: Vec<OsString>) -> Result<Self, ProcessError> {
        let file = data.with_extension("run.json");
        // A file of an earlier run would look like readiness.
        if file.exists() {
            fs::remove_file(&file).map_err(system("remove old credentials"))?;
        }
        let mut command = Command::new(program()?);
        command.arg("sandbox").arg("--data").arg(&data).arg("--credentials").arg(&file);
        for listener in ["--console", "--gateway", "--gateway-tls", "--metrics"] {
            if !flags.iter().any(|flag| flag == listener) {
                command.args([listener, "127.0.0.1:0"]);
            }
        }
        command.args(&flags).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(system("start keyward"))?;
        match await_ready(child.stdout.take(), file) {
            Ok(credentials) => Ok(Self { child, data, flags, credentials }),
            Err(error) => {
                // Already failed: whether the process was still there to end changes nothing.
                let _ = child.kill();
                let _ = child.wait();
                Err(error)
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only when the process has been waited for, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program under test: `KEYWARD_BIN`, else what lies beside the running test.
///
/// # Errors
/// [`ProcessError::Missing`].
pub fn program() -> Result<PathBuf, ProcessError> {
    let program = variable("KEYWARD_BIN").map_or_else(beside_the_test, PathBuf::from);
    if program.is_file() { Ok(program) } else { Err(ProcessError::Missing(program)) }
}

/// A variable of the environment, `None` when unset or empty.
#[expect(
    clippy::disallowed_methods,
    reason = "how tests are told where things are; the product reads none of it"
)]
pub(crate) fn variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

/// `target/debug/keyward` for a test that runs as `target/debug/deps/it-…`.
fn beside_the_test() -> PathBuf {
    let test = env::current_exe().unwrap_or_default();
    test.ancestors().nth(2).unwrap_or(Path::new(".")).join("keyward")
}

/// Reads what the program says until its credentials are there: the file is looked at after every line.
fn await_ready(stdout: Option<ChildStdout>, file: PathBuf) -> Result<Value, ProcessError> {
    let stdout = stdout.ok_or_else(|| ProcessError::NotReady("it has no standard output".to_owned()))?;
    let (ready, answer) = mpsc::channel();
    // Reads on after the start, or a full pipe would stop the program.
    thread::spawn(move || {
        for _line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if let Some(credentials) = read_json(&file) {
                // Later lines find nobody listening any more.
                let _ = ready.send(credentials);
            }
        }
    });
    answer.recv_timeout(START).map_err(|error| {
        ProcessError::NotReady(match error {
            RecvTimeoutError::Timeout => format!("no credentials within {START:?}"),
            RecvTimeoutError::Disconnected => "it ended".to_owned(),
        })
    })
}

fn read_json(file: &Path) -> Option<Value> {
    serde_json::from_slice(&fs::read(file).ok()?).ok()
}

fn system(what: &'static str) -> impl Fn(std::io::Error) -> ProcessError {
    move |error| ProcessError::System { what, error }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::{ProcessError, await_ready};

    fn shell(script: &str) -> std::process::Child {
        Command::new("/bin/sh").args(["-c", script]).stdout(Stdio::piped()).spawn().unwrap()
    }

    #[test]
    fn ready_is_when_the_credentials_are_whole() {
        let file = std::env::temp_dir().join(format!("keyward-ready-{}.json", std::process::id()));
        let path = file.display();
        let mut child = shell(&format!("echo starting; printf '{{\"a\":1}}' > {path}; echo ready"));
        let credentials = await_ready(child.stdout.take(), file.clone()).unwrap();
        assert_eq!(credentials, serde_json::json!({"a": 1}));
        child.wait().unwrap();
        std::fs::remove_file(file).unwrap();
    }

    #[test]
    fn a_program_that_ends_is_not_ready() {
        let mut child = shell("echo no");
        let verdict = await_ready(child.stdout.take(), "/nonexistent/credentials.json".into());
        assert!(matches!(verdict, Err(ProcessError::NotReady(_))), "{verdict:?}");
        child.wait().unwrap();
    }
}
