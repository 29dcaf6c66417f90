//! A way to PostgreSQL that a test can clog or cut, as networks do.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

use crate::postgres::Postgres;

/// What the way does with bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Manner {
    /// Passes them on.
    Pass,
    /// Takes connections and bytes, and passes nothing on until that changes.
    Clog,
    /// Cuts every connection at once.
    Cut,
}

struct Shared {
    manner: Mutex<Manner>,
    changed: Condvar,
    server: PathBuf,
}

/// A listener on 127.0.0.1 before the socket of a server.
pub struct Relay {
    port: u16,
    shared: Arc<Shared>,
}

impl Relay {
    /// A way to `server`, open.
    ///
    /// # Errors
    /// When no port can be had.
    pub fn to(server: &Postgres) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let socket = server.folder().join(format!(".s.PGSQL.{}", server.port()));
        let shared =
            Arc::new(Shared { manner: Mutex::new(Manner::Pass), changed: Condvar::new(), server: socket });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let shared = Arc::clone(&accepting);
                thread::spawn(move || shared.carry(&client));
            }
        });
        Ok(Self { port, shared })
    }

    /// The URL of the database that `url` names, over this way.
    #[must_use]
    pub fn url(&self, url: &str) -> String {
        let name = url.split(['/', '?']).nth(3).unwrap_or_default();
        format!("postgres://postgres@127.0.0.1:{}/{name}?sslmode=disable", self.port)
    }

    /// Changes what it does, at once for all connections.
    pub fn behave(&self, manner: Manner) {
        *self.shared.manner.lock().unwrap_or_else(PoisonError::into_inner) = manner;
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn carry(self: &Arc<Self>, client: &TcpStream) {
        if self.wait() == Manner::Cut {
            return;
        }
        let Ok(server) = UnixStream::connect(&self.server) else { return };
        let (Ok(from_client), Ok(to_client)) = (client.try_clone(), client.try_clone()) else { return };
        let (Ok(from_server), Ok(to_server), Ok(watched)) =
            (server.try_clone(), server.try_clone(), client.try_clone())
        else {
            return;
        };
        let (out, back, cut) = (Arc::clone(self), Arc::clone(self), Arc::clone(self));
        thread::spawn(move || out.pump(from_client, to_server));
        thread::spawn(move || {
            let mut manner = cut.manner.lock().unwrap_or_else(PoisonError::into_inner);
            while *manner != Manner::Cut {
                manner = cut.changed.wait(manner).unwrap_or_else(PoisonError::into_inner);
            }
            let _ = watched.shutdown(Shutdown::Both);
            let _ = server.shutdown(Shutdown::Both);
        });
        back.pump(from_server, to_client);
    }

    /// Waits until bytes are passed on, or everything is cut.
    fn wait(&self) -> Manner {
        let mut manner = self.manner.lock().unwrap_or_else(PoisonError::into_inner);
        while *manner == Manner::Clog {
            manner = self.changed.wait(manner).unwrap_or_else(PoisonError::into_inner);
        }
        *manner
    }

    fn pump(&self, mut from: impl Read, mut to: impl Write) {
        let mut bytes = vec![0; 16 << 10];
        while let Ok(count) = from.read(&mut bytes) {
            let read = bytes.get(..count).unwrap_or_default();
            if read.is_empty() || self.wait() == Manner::Cut || to.write_all(read).is_err() {
                return;
            }
        }
    }
}
