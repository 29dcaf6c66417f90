//! PgBouncer before a PostgreSQL of a test.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Stdio};
use std::{fs, io, thread};

use crate::postgres::{Postgres, quiet, server_user};

/// A pooler on 127.0.0.1; it ends with this value, or with the thread that started it.
#[derive(Debug)]
pub struct Pooler {
    child: Child,
    port: u16,
}

impl Pooler {
    /// Starts one whose clients share three connections by `mode`: `transaction`, `session` or `statement`.
    ///
    /// # Errors
    /// When it cannot be started, or does not listen.
    pub fn start(server: &Postgres, mode: &str) -> io::Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let settings = format!(
            "[databases]\n* = host={folder} port={server_port} user=postgres\n\
             [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n\
             pool_mode = {mode}\ndefault_pool_size = 3\nmax_client_conn = 200\n\
             log_connections = 0\nlog_disconnections = 0\n",
            folder = server.folder().display(),
            server_port = server.port(),
        );
        let file = server.folder().join(format!("pooler-{port}.ini"));
        fs::write(&file, settings)?;
        let user = server_user().map_err(io::Error::other)?;
        let mut command = quiet(Path::new("setpriv"), user);
        command
            .args(["--pdeathsig", "KILL", "pgbouncer"])
            .arg(&file)
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let said = child.stderr.take().map(BufReader::new).map(BufRead::lines);
        let pooler = Self { child, port };
        let mut said = said.into_iter().flatten().map_while(Result::ok);
        if !said.any(|line| line.contains("process up")) {
            return Err(io::Error::other("PgBouncer ended before it listened"));
        }
        // It may say more, and must not wait for a reader.
        thread::spawn(move || said.for_each(drop));
        Ok(pooler)
    }

    /// The URL of the database that `url` names, through it.
    #[must_use]
    pub fn url(&self, url: &str) -> String {
        let name = url.split(['/', '?']).nth(3).unwrap_or_default();
        format!("postgres://postgres@127.0.0.1:{}/{name}?sslmode=disable", self.port)
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
