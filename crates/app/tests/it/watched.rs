//! A gateway whose journal is read row by row.

use std::path::PathBuf;

use keyward_testkit::process::{KeyEntry, Running};
use rusqlite::types::FromSql;

use crate::world::{Folder, Upstream, until};

/// A gateway before an exchange, and the rows that its journal had so far.
pub struct Watched {
    pub running: Running,
    pub upstream: Upstream,
    /// A key that reads and trades.
    pub key: KeyEntry,
    file: PathBuf,
    rows: i64,
    _folder: Folder,
}

impl Watched {
    pub fn start() -> Self {
        let (folder, upstream) = (Folder::new(), Upstream::start());
        let flags = ["--upstream", &upstream.url, "--raise-rates", "1000"];
        let running = Running::start_with(&folder.data(), flags).unwrap();
        let (key, file) = (running.key("trade").unwrap(), folder.data().join("activity.db"));
        let mut watched = Self { running, upstream, key, file, rows: 0, _folder: folder };
        watched.rows = watched.count();
        watched
    }

    fn journal(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(&self.file).unwrap()
    }

    fn count(&self) -> i64 {
        self.journal().query_row("SELECT COUNT(*) FROM activity", [], |row| row.get(0)).unwrap()
    }

    /// Verdict and another column of the one request that was recorded since.
    pub fn newest<T: FromSql>(&mut self, column: &str) -> (String, T) {
        until("the request is on record", 20_000, || self.count() > self.rows);
        self.rows += 1;
        assert_eq!(self.count(), self.rows, "one record for each request");
        let newest = format!("SELECT code, {column} FROM activity ORDER BY id DESC LIMIT 1");
        self.journal().query_row(&newest, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
    }
}
