//! Lines of the log on their way to standard error, which a thread of its own writes.
//!
//! A reader that stalls or has gone away holds nothing up: a line that finds no room is dropped, and so is one that cannot be
//! written. Nothing here writes anywhere else, so nothing here depends on another reader.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, channel, sync_channel};
use std::time::Duration;

/// Lines that may wait for their reader; more are dropped.
const LINES: usize = 16_384;
/// How long the end of the program waits for lines that are not written yet.
const PATIENCE: Duration = Duration::from_secs(1);

/// Where lines wait.
#[derive(Clone)]
pub struct Queue(SyncSender<Vec<u8>>);

impl Write for Queue {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        // No room: the reader stalls, and the line is lost.
        let _ = self.0.try_send(line.to_vec());
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// When it is dropped, lines that wait are written, for as long as the patience lasts.
#[must_use]
pub struct Guard {
    queue: Queue,
    ending: Arc<AtomicBool>,
    /// Disconnected once everything is written.
    written: Receiver<()>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::Release);
        // An empty line wakes a thread that waits. Without room for one, the thread has lines and does not wait.
        let _ = self.queue.0.try_send(Vec::new());
        let _ = self.written.recv_timeout(PATIENCE);
    }
}

/// Has a thread write lines to `out`. Without a thread there is no log.
pub fn start(out: impl Write + Send + 'static) -> (Queue, Guard) {
    let (queue, lines) = sync_channel(LINES);
    let (done, written) = channel();
    let ending = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&ending);
    let write = move || {
        write_lines(&lines, &seen, out);
        drop(done);
    };
    let _ = std::thread::Builder::new().name("log".to_owned()).spawn(write);
    let queue = Queue(queue);
    (queue.clone(), Guard { queue, ending, written })
}

/// Writes line after line, until none is left at the end of the program.
fn write_lines(lines: &Receiver<Vec<u8>>, ending: &AtomicBool, mut out: impl Write) {
    loop {
        let line = match lines.try_recv() {
            Ok(line) => Some(line),
            Err(TryRecvError::Empty) if !ending.load(Ordering::Acquire) => lines.recv().ok(),
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => None,
        };
        let Some(line) = line else { return };
        // The next line is tried all the same: the disk may have room again.
        let _ = out.write_all(&line);
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Error, ErrorKind, Result, Write};
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::{LINES, start};

    /// Passes on what is written; a line that begins with `!` cannot be written.
    struct Lines(Sender<String>);

    impl Write for Lines {
        fn write(&mut self, line: &[u8]) -> Result<usize> {
            let text = String::from_utf8_lossy(line).into_owned();
            if text.starts_with('!') {
                return Err(Error::from(ErrorKind::StorageFull));
            }
            self.0.send(text).map_err(|_| Error::from(ErrorKind::BrokenPipe))?;
            Ok(line.len())
        }

        fn flush(&mut self) -> Result<()> {
            Ok(())
        }
    }

    /// Takes nothing until the other end is dropped.
    struct Stalled(Receiver<()>);

    impl Write for Stalled {
        fn write(&mut self, line: &[u8]) -> Result<usize> {
            let _ = self.0.recv();
            Ok(line.len())
        }

        fn flush(&mut self) -> Result<()> {
            Ok(())
        }
    }

    #[test]
    fn the_end_waits_for_every_line() {
        let (into, out) = channel();
        let (mut queue, guard) = start(Lines(into));
        for number in 0..1_000 {
            writeln!(queue, "{number}").unwrap();
        }
        drop(guard);
        let text: String = out.try_iter().collect();
        let numbers: Vec<u32> = text.lines().map(|line| line.parse().unwrap()).collect();
        assert_eq!(numbers, Vec::from_iter(0..1_000));
    }

    #[test]
    fn a_line_that_cannot_be_written_takes_no_other_with_it() {
        let (into, out) = channel();
        let (mut queue, guard) = start(Lines(into));
        for line in ["a\n", "!\n", "!\n", "b\n", "!\n", "c\n"] {
            queue.write_all(line.as_bytes()).unwrap();
        }
        drop(guard);
        assert_eq!(out.try_iter().collect::<String>(), "a\nb\nc\n");
    }

    #[test]
    fn a_reader_that_has_gone_away_holds_nothing_up() {
        let (into, out) = channel();
        drop(out);
        let (mut queue, guard) = start(Lines(into));
        for _ in 0..2 * LINES {
            queue.write_all(b"line\n").unwrap();
        }
        drop(guard);
        queue.write_all(b"after the end\n").unwrap();
    }

    #[test]
    fn a_reader_that_stalls_holds_nothing_up() {
        let (release, held) = channel();
        let (mut queue, guard) = start(Stalled(held));
        for _ in 0..2 * LINES {
            queue.write_all(b"line\n").unwrap();
        }
        drop(guard);
        queue.write_all(b"after the end\n").unwrap();
        drop(release);
    }
}
