//! What the program writes to the terminal and to pipes: data to standard output, everything else to standard error.
//!
//! Owns: every write to the two, except the log's (`log.rs`). Leaves to others: the texts, and the order of them.
//! Nothing here panics. A reader that has gone away ends no command, data that cannot be written is an error, and a note that
//! cannot be written is dropped.

use std::fmt::Display;
use std::io::{BufWriter, ErrorKind, Stdout, Write as _};
use std::ops::ControlFlow;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::sync::oneshot;
use tracing::warn;

/// How long a server waits for the reader of its standard output.
const PATIENCE: Duration = Duration::from_secs(1);

/// Writes data to standard output. The last line gets its end if the text lacks it.
///
/// # Errors
/// Data cannot be written, for example because the disk is full. A reader that has gone away is no error.
pub fn data(text: impl Display) -> Result<()> {
    settle(write(&text.to_string()))
}

/// Writes data that nobody can ask for again. The last line gets its end if the text lacks it.
///
/// # Errors
/// Data cannot be written. A reader that has gone away is an error too.
pub fn once(text: &str) -> Result<()> {
    written(write(text))
}

/// Judges a write to standard output.
///
/// # Errors
/// As of [`data`].
pub fn settle(outcome: std::io::Result<()>) -> Result<()> {
    match outcome {
        Err(problem) if problem.kind() == ErrorKind::BrokenPipe => Ok(()),
        outcome => written(outcome),
    }
}

/// Data in many pieces, gathered into larger writes.
pub struct Pieces(BufWriter<Stdout>);

impl Pieces {
    /// No piece yet.
    pub fn new() -> Self {
        Self(BufWriter::new(std::io::stdout()))
    }

    /// Adds a piece. Breaks when the reader has gone away, and whatever follows would be lost.
    ///
    /// # Errors
    /// As of [`data`].
    pub fn add(&mut self, piece: &str) -> Result<ControlFlow<()>> {
        match self.0.write_all(piece.as_bytes()) {
            Err(problem) if problem.kind() == ErrorKind::BrokenPipe => Ok(ControlFlow::Break(())),
            outcome => written(outcome).map(ControlFlow::Continue),
        }
    }

    /// Writes what is still gathered.
    ///
    /// # Errors
    /// As of [`data`].
    pub fn end(mut self) -> Result<()> {
        settle(self.0.flush())
    }
}

/// Writes a line to standard error, if that can be written.
pub fn note(text: impl Display) {
    progress(format_args!("{text}\n"));
}

/// Writes a part of a line to standard error, if that can be written.
pub fn progress(text: impl Display) {
    // Where nobody listens the exit code says what matters. One write, so that no other line comes between.
    let _ = std::io::stderr().write_all(text.to_string().as_bytes());
}

/// Asks the person at the terminal.
///
/// # Errors
/// The question cannot be written, so nobody can answer it.
pub fn ask(question: impl Display) -> Result<()> {
    std::io::stderr().write_all(question.to_string().as_bytes()).context("the question cannot be written")
}

/// Prints what a server says once, from a thread of its own: the server waits for a moment, and then goes on. If the text was
/// not printed by then, a warning in the log says so in the words of `lost`.
pub async fn announce(text: String, lost: &'static str) {
    let (printed, outcome) = oneshot::channel();
    let print = move || {
        // The server may have gone on.
        let _ = printed.send(once(&text));
    };
    // Without a thread the sender is dropped, and the outcome tells.
    let _ = std::thread::Builder::new().name("announcement".to_owned()).spawn(print);
    match tokio::time::timeout(PATIENCE, outcome).await {
        Ok(Ok(Ok(()))) => {}
        Ok(Ok(Err(problem))) => warn!("{lost}: {problem:#}"),
        Ok(Err(_)) => warn!("{lost}: no thread can be started"),
        Err(_) => warn!("{lost}: nobody reads the standard output"),
    }
}

fn write(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        out.write_all(b"\n")?;
    }
    out.flush()
}

fn written(outcome: std::io::Result<()>) -> Result<()> {
    outcome.context("the output cannot be written")
}

#[cfg(test)]
mod tests {
    use std::io::{Error, ErrorKind};

    use super::settle;

    #[test]
    fn only_a_reader_that_has_gone_away_is_no_error() {
        assert!(settle(Ok(())).is_ok());
        assert!(settle(Err(ErrorKind::BrokenPipe.into())).is_ok());
        for kind in [
            ErrorKind::StorageFull,
            ErrorKind::QuotaExceeded,
            ErrorKind::FileTooLarge,
            ErrorKind::WouldBlock,
            ErrorKind::WriteZero,
            ErrorKind::PermissionDenied,
            ErrorKind::ConnectionReset,
            ErrorKind::NotConnected,
            ErrorKind::ReadOnlyFilesystem,
            ErrorKind::StaleNetworkFileHandle,
            ErrorKind::Other,
        ] {
            let told = settle(Err(Error::from(kind))).unwrap_err();
            assert!(format!("{told:#}").starts_with("the output cannot be written: "), "{kind}: {told:#}");
        }
    }
}
