//! A running sandbox, a client that signs, and an exchange that counts what reaches it.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use keyward_rules::key::HmacState;
use keyward_rules::okx::sign;
use keyward_rules::time::Moment;
use keyward_testkit::process::{KeyEntry, Running};
use socket2::{Domain, Socket, Type};

use crate::secure::Stream;

pub const ORDER: &str =
    r#"{"instId":"BTC-USDT","tdMode":"cash","side":"buy","ordType":"limit","px":"1000","sz":"0.0001"}"#;

/// A folder that goes away with the test.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("keyward-it-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn data(&self) -> PathBuf {
        self.0.join("data")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Reply {
    /// The envelope's code; empty when the body is no envelope.
    pub fn code(&self) -> String {
        let value: serde_json::Value = serde_json::from_str(&self.body).unwrap_or_default();
        value["code"].as_str().unwrap_or_default().to_owned()
    }
}

pub fn now_ms() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// Looks until it is so, for at most `patience_ms`.
pub fn until(what: &str, patience_ms: u64, mut done: impl FnMut() -> bool) {
    let deadline = now_ms() + patience_ms;
    while !done() {
        assert!(now_ms() < deadline, "not within {patience_ms} ms: {what}");
        // Another process does it, and needs the processor.
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A request that can be taken apart before it is sent.
#[derive(Clone)]
pub struct Signed {
    pub method: String,
    pub target: String,
    pub body: Vec<u8>,
    pub key: String,
    pub sign: String,
    pub timestamp: String,
    pub passphrase: String,
    pub more: String,
}

impl Signed {
    pub fn at(key: &KeyEntry, method: &str, target: &str, body: &str, at_ms: u64) -> Self {
        Self::stamped(key, (method, target, body), Moment::from_unix_ms(at_ms).to_string())
    }

    /// Signed with this text as its timestamp.
    pub fn stamped(key: &KeyEntry, (method, target, body): (&str, &str, &str), timestamp: String) -> Self {
        let state = HmacState::from_key(key.secret.as_bytes());
        let made = sign(&state, timestamp.as_bytes(), method.as_bytes(), target.as_bytes(), body.as_bytes());
        Self {
            method: method.to_owned(),
            target: target.to_owned(),
            body: body.as_bytes().to_vec(),
            key: key.api_key.clone(),
            sign: String::from_utf8(made.as_bytes().to_vec()).unwrap(),
            timestamp,
            passphrase: key.passphrase.clone(),
            more: String::new(),
        }
    }

    pub fn new(key: &KeyEntry, method: &str, target: &str, body: &str) -> Self {
        Self::at(key, method, target, body, now_ms())
    }

    pub fn head(&self) -> Vec<u8> {
        let length = if self.body.is_empty() {
            String::new()
        } else {
            format!("Content-Length: {}\r\n", self.body.len())
        };
        format!(
            "{} {} HTTP/1.1\r\nHost: keyward\r\nOK-ACCESS-KEY: {}\r\nOK-ACCESS-SIGN: {}\r\nOK-ACCESS-TIMESTAMP: {}\r\n\
             OK-ACCESS-PASSPHRASE: {}\r\nContent-Type: application/json\r\n{length}{}\r\n",
            self.method, self.target, self.key, self.sign, self.timestamp, self.passphrase, self.more
        )
        .into_bytes()
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.head();
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

/// One connection to a listener, and what came of answers that are not read yet.
pub struct Wire<S = TcpStream>(pub S, Vec<u8>);

impl Wire {
    pub fn open(address: &str) -> Self {
        let address = address.trim_start_matches("http://");
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(stream, Vec::new())
    }

    /// A connection from another loopback address.
    pub fn from(address: &str, source: [u8; 4]) -> Self {
        Self::between(source.into(), address.trim_start_matches("http://").parse().unwrap())
    }

    /// A connection from one of this network's own addresses.
    pub fn between(source: IpAddr, address: SocketAddr) -> Self {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from((source, 0)).into()).unwrap();
        socket.connect(&address.into()).unwrap();
        let stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(stream, Vec::new())
    }

    /// For a test that has some with TLS and some without.
    pub fn boxed(self) -> Wire<Box<dyn Stream>> {
        Wire(Box::new(self.0), self.1)
    }
}

impl<S: Stream> Wire<S> {
    pub const fn over(stream: S) -> Self {
        Self(stream, Vec::new())
    }

    pub fn write(&mut self, bytes: &[u8]) {
        // The gateway may have refused and closed already; the answer tells.
        let _ = self.0.write_all(bytes);
    }

    /// The next answer, or `None` when the gateway closed without one.
    pub fn read(&mut self) -> Option<Reply> {
        let end = loop {
            if let Some(at) = self.1.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            self.more()?;
        };
        let head = String::from_utf8_lossy(&self.1[..end]).to_ascii_lowercase();
        let status = head.split(' ').nth(1)?.parse().ok()?;
        let field = |name: &str| {
            head.lines().find_map(|line| line.strip_prefix(name)).map(|value| value.trim().to_owned())
        };
        let mut rest = self.1.split_off(end);
        self.1.clear();
        std::mem::swap(&mut self.1, &mut rest);
        if status == 100 {
            return self.read();
        }
        let body = match field("content-length:") {
            Some(length) => {
                let length: usize = length.parse().ok()?;
                while self.1.len() < length {
                    self.more()?;
                }
                let rest = self.1.split_off(length);
                std::mem::replace(&mut self.1, rest)
            }
            None => {
                while self.more().is_some() {}
                std::mem::take(&mut self.1)
            }
        };
        Some(Reply { status, head, body: String::from_utf8_lossy(&body).into_owned() })
    }

    fn more(&mut self) -> Option<()> {
        let mut buffer = [0; 65_536];
        let count = self.0.read(&mut buffer).ok().filter(|count| *count > 0)?;
        self.1.extend_from_slice(&buffer[..count]);
        Some(())
    }
}

/// Sends bytes on a connection of their own and gives the first answer.
pub fn exchange(address: &str, bytes: &[u8]) -> Option<Reply> {
    let mut wire = Wire::open(address);
    wire.write(bytes);
    wire.read()
}

/// Sends a signed request.
pub fn send(running: &Running, request: &Signed) -> Reply {
    exchange(running.address("gateway_url").unwrap(), &request.bytes()).expect("an answer")
}

/// How the counting exchange behaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Manner {
    Answer,
    Hang,
    BreakOff,
    Close,
    /// Exactly these bytes.
    Raw(&'static [u8]),
    /// Exactly these bytes, and the end of the connection.
    RawAndClose(&'static [u8]),
}

/// An exchange that keeps every request that it gets, byte for byte.
pub struct Upstream {
    pub url: String,
    requests: Arc<Mutex<Vec<Vec<u8>>>>,
    manner: Arc<Mutex<Manner>>,
}

impl Upstream {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::<Mutex<Vec<Vec<u8>>>>::default();
        let manner = Arc::new(Mutex::new(Manner::Answer));
        let (kept, asked) = (Arc::clone(&requests), Arc::clone(&manner));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (kept, asked) = (Arc::clone(&kept), Arc::clone(&asked));
                std::thread::spawn(move || serve(stream, &kept, &asked));
            }
        });
        Self { url, requests, manner }
    }

    pub fn behave(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }

    /// The requests so far, the newest last.
    pub fn requests(&self) -> Vec<Vec<u8>> {
        self.requests.lock().unwrap().clone()
    }
}

fn serve(mut stream: TcpStream, kept: &Mutex<Vec<Vec<u8>>>, manner: &Mutex<Manner>) {
    let mut gathered = Vec::new();
    let mut buffer = [0; 65_536];
    loop {
        let Ok(count) = stream.read(&mut buffer) else { return };
        if count == 0 {
            return;
        }
        gathered.extend_from_slice(&buffer[..count]);
        while let Some(end) = gathered.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&gathered[..end]).to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.map_or(0, |length| length.trim().parse().unwrap());
            if gathered.len() < end + 4 + length {
                break;
            }
            let rest = gathered.split_off(end + 4 + length);
            kept.lock().unwrap().push(std::mem::replace(&mut gathered, rest));
            let manner = *manner.lock().unwrap();
            let answer: &[u8] = match manner {
                Manner::Answer => b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 33\r\n\r\n{\"code\":\"0\",\"data\":[1],\"msg\":\"\"} ",
                Manner::BreakOff => b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 33\r\n\r\n{\"code\":\"0\"",
                Manner::Hang => b"",
                Manner::Close => return,
                Manner::Raw(bytes) | Manner::RawAndClose(bytes) => bytes,
            };
            let closes = matches!(manner, Manner::BreakOff | Manner::RawAndClose(_));
            if stream.write_all(answer).is_err() || closes {
                return;
            }
        }
    }
}

/// The built program on the command line; gives its standard output.
pub fn keyward(arguments: &[&str]) -> String {
    let program = keyward_testkit::process::program().unwrap();
    let output = std::process::Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Resident memory of a process, in KiB.
pub fn resident_kib(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse().unwrap()
}
