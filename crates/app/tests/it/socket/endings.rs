//! Thousands of open sockets of an app's keys, each logged in, subscribed and receiving: a freeze of the app ends all of them
//! within a second, and no other one (threat M9).
//!
//! The gateway is a process of its own. The exchange and the clients are tasks of the test.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use keyward_rules::address::Binding;
use keyward_store::AppState;
use keyward_testkit::process::{KeyEntry, Running};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Semaphore;

use super::accept::accept_value;
use super::wire::{CLOSE, Frame, Heard, Login, PONG, field, subscribe, take_frame, upgrade};
use crate::beside::Beside;
use crate::world::{Folder, Signed, keyward, now_ms, send, until};

/// Sockets, if the machine has descriptors for their four ends and some more.
const SOCKETS: usize = 4_000;
/// Clients come from so many addresses.
const SOURCES: usize = 40;
/// Sockets that are opened at the same time.
const AT_ONCE: usize = 32;
/// How often the exchange sends something to each.
const EVERY: Duration = Duration::from_secs(2);
/// How often a client gives a sign of life.
const SIGN_OF_LIFE: Duration = Duration::from_secs(10);
/// How long a change may take to every socket (product.md 6.4).
const BOUND_MS: u64 = 1_000;

/// One client, as the test sees it.
#[derive(Default)]
struct Client {
    received: AtomicU64,
    /// The code of the close frame, and when it came.
    end: Mutex<Option<(Option<u16>, u64)>>,
}

impl Client {
    fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    fn end(&self) -> Option<(Option<u16>, u64)> {
        *self.end.lock().unwrap()
    }
}

/// Raises the limit of descriptors to what the machine allows; gives it.
fn descriptors() -> usize {
    let most = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: most, maximum: most }).unwrap();
    most.map_or(usize::MAX, |most| usize::try_from(most).unwrap())
}

/// A WebSocket connection of a task.
struct Line {
    stream: TcpStream,
    came: Vec<u8>,
}

impl Line {
    /// A client's, from this source; tries again while the gateway has no place for one more.
    async fn open(address: SocketAddr, source: [u8; 4]) -> Self {
        loop {
            let socket = TcpSocket::new_v4().unwrap();
            socket.bind(SocketAddr::from((source, 0))).unwrap();
            let stream = socket.connect(address).await.unwrap();
            stream.set_nodelay(true).unwrap();
            let mut line = Self { stream, came: Vec::new() };
            line.write(upgrade("/ws/v5/private", "").as_bytes()).await;
            if line.head().await.is_some_and(|head| head.starts_with("HTTP/1.1 101 ")) {
                return line;
            }
            // Three new sockets a second are a source's.
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn write(&mut self, bytes: &[u8]) {
        // The other end may be gone; what is heard next tells.
        let _ = self.stream.write_all(bytes).await;
    }

    async fn say(&mut self, text: &str) {
        self.write(&Frame::text(text).bytes()).await;
    }

    /// Reads what is there; whether the connection goes on.
    async fn more(&mut self) -> bool {
        let mut buffer = [0; 1_024];
        match self.stream.read(&mut buffer).await {
            Ok(0) | Err(_) => false,
            Ok(count) => {
                self.came.extend_from_slice(&buffer[..count]);
                true
            }
        }
    }

    async fn head(&mut self) -> Option<String> {
        loop {
            if let Some(at) = self.came.windows(4).position(|four| four == b"\r\n\r\n") {
                let head = self.came.drain(..at + 4).collect();
                return String::from_utf8(head).ok();
            }
            if !self.more().await {
                return None;
            }
        }
    }

    async fn hear(&mut self) -> Heard {
        loop {
            if let Some(frame) = take_frame(&mut self.came) {
                return Heard::of(frame);
            }
            if !self.more().await {
                return Heard::Gone;
            }
        }
    }

    async fn text(&mut self) -> String {
        match self.hear().await {
            Heard::Text(text) => text,
            other => panic!("{other:?} instead of a text"),
        }
    }
}

/// A client from its first byte to the end of its socket.
async fn live(
    client: Arc<Client>,
    key: KeyEntry,
    (address, source): (SocketAddr, [u8; 4]),
    room: Arc<Semaphore>,
) {
    let place = room.acquire().await.unwrap();
    let mut line = Line::open(address, source).await;
    line.say(&Login::of(&key).text()).await;
    assert!(line.text().await.starts_with(r#"{"event":"login","code":"0""#));
    line.say(&subscribe("fills")).await;
    assert!(line.text().await.starts_with(r#"{"event":"subscribe""#));
    drop(place);
    let mut signed = Instant::now();
    loop {
        match line.hear().await {
            Heard::Text(text) if text == "pong" => {}
            Heard::Text(_) => {
                client.received.fetch_add(1, Ordering::Relaxed);
            }
            Heard::Close(code, _) => {
                *client.end.lock().unwrap() = Some((code, now_ms()));
                line.write(&Frame::close(1_000, "").bytes()).await;
                return;
            }
            Heard::Gone => {
                *client.end.lock().unwrap() = Some((None, now_ms()));
                return;
            }
            other => panic!("{other:?}"),
        }
        if signed.elapsed() >= SIGN_OF_LIFE {
            line.say("ping").await;
            signed = Instant::now();
        }
    }
}

/// The exchange's end of a socket: it accepts, answers the subscription, and sends something again and again.
async fn push(stream: TcpStream, open: Arc<AtomicUsize>) {
    stream.set_nodelay(true).unwrap();
    let mut line = Line { stream, came: Vec::new() };
    let Some(head) = line.head().await else { return };
    let proof = accept_value(field(&head, "sec-websocket-key").unwrap());
    let accepts = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {proof}\r\n\r\n"
    );
    line.write(accepts.as_bytes()).await;
    if !matches!(line.hear().await, Heard::Text(_)) {
        return;
    }
    open.fetch_add(1, Ordering::Relaxed);
    let answer = r#"{"event":"subscribe","arg":{"channel":"fills"}}"#;
    line.write(&Frame::text(answer).unmasked().bytes()).await;
    let news = Frame::text(r#"{"arg":{"channel":"fills"},"data":[{"fillSz":"1"}]}"#).unmasked().bytes();
    let mut beat = tokio::time::interval(EVERY);
    loop {
        // What is half read when the beat comes stays in the line.
        let heard = tokio::select! {
            _ = beat.tick() => {
                line.write(&news).await;
                continue;
            }
            heard = line.hear() => heard,
        };
        match heard {
            Heard::Ping(payload) => line.write(&Frame::new(PONG, payload).unmasked().bytes()).await,
            Heard::Close(..) | Heard::Gone => break,
            _ => {}
        }
    }
    line.write(&Frame::new(CLOSE, "").unmasked().bytes()).await;
    open.fetch_sub(1, Ordering::Relaxed);
}

async fn exchange(listener: TcpListener, open: Arc<AtomicUsize>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        tokio::spawn(push(stream, Arc::clone(&open)));
    }
}

/// Checks that all of them have ended with their key, and how long after `committed`, in milliseconds, shortest first.
fn ended(clients: &[&Arc<Client>], committed: u64) -> Vec<u64> {
    until("all of them have ended", 20_000, || clients.iter().all(|client| client.end().is_some()));
    let ends = clients.iter().map(|client| client.end().unwrap());
    let mut late: Vec<u64> = ends
        .map(|(code, at)| {
            assert_eq!(code, Some(4_007));
            at.saturating_sub(committed)
        })
        .collect();
    late.sort_unstable();
    late
}

/// Waits until each has received more than it had.
fn go_on(clients: &[&Arc<Client>]) {
    let before: Vec<u64> = clients.iter().map(|client| client.received()).collect();
    until("the others go on receiving", 20_000, || {
        clients.iter().zip(&before).all(|(client, before)| client.received() > *before)
    });
    assert!(clients.iter().all(|client| client.end().is_none()), "one of the others has ended");
}

#[test]
fn thousands_of_sockets_end_with_their_app_and_all_others_go_on() {
    let count = SOCKETS.min(descriptors() / 5);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let open = Arc::new(AtomicUsize::new(0));
    runtime.spawn(exchange(listener, Arc::clone(&open)));
    let folder = Folder::new();
    let running = Running::start_with(&folder.data(), ["--upstream", &url]).unwrap();
    let gateway = running.address("gateway_url").unwrap().trim_start_matches("http://").parse().unwrap();
    let beside = Beside::open(&folder.data());
    let mut app = beside.app("An App That Is Frozen", "127.0.0.0/16");
    let other = beside.app("An App Beside It", "127.0.0.0/16");
    let keys = [&app, &other].map(|app| beside.keys(&Binding::App(app.id), 1));
    until("the keys are known", 5_000, || {
        let nowhere = Signed::new(keys[1].last().unwrap(), "GET", "/api/v5/no-such-route", "");
        send(&running, &nowhere).code() == "50005"
    });

    let began = Instant::now();
    let room = Arc::new(Semaphore::new(AT_ONCE));
    let clients: Vec<Arc<Client>> = (0..count).map(|_| Arc::default()).collect();
    let of_app = count * 3 / 4;
    let key_of = |number: usize| &keys[usize::from(number >= of_app)][number % keys[0].len()];
    for (number, client) in clients.iter().enumerate() {
        let source = [127, 0, 1, u8::try_from(number % SOURCES + 1).unwrap()];
        runtime.spawn(live(Arc::clone(client), key_of(number).clone(), (gateway, source), Arc::clone(&room)));
    }
    until("all receive", 60_000, || clients.iter().all(|client| client.received() > 0));
    let opened = began.elapsed();
    let (first, rest): (Vec<_>, Vec<_>) =
        clients.iter().enumerate().partition(|(number, _)| *number < of_app);
    let first: Vec<&Arc<Client>> = first.into_iter().map(|(_, client)| client).collect();

    let committed = beside.change(&mut app, |app| app.state = AppState::Frozen);
    let late = ended(&first, committed);
    let (middle, last) = (late[late.len() / 2], late[late.len() - 1]);
    assert!(last <= BOUND_MS, "the last socket ended {last} ms after the freeze");
    go_on(&rest.iter().map(|(_, client)| *client).collect::<Vec<_>>());

    // One key of the other app.
    let key = key_of(of_app);
    let (its_own, others): (Vec<_>, Vec<_>) =
        rest.into_iter().partition(|(number, _)| key_of(*number).api_key == key.api_key);
    let [its_own, others] =
        [its_own, others].map(|part| part.into_iter().map(|(_, client)| client).collect::<Vec<_>>());
    keyward(&["key", "disable", "--data", &folder.data().display().to_string(), &key.api_key]);
    let of_key = ended(&its_own, now_ms());
    assert!(of_key[of_key.len() - 1] <= BOUND_MS, "the last one of the key ended late: {of_key:?}");
    go_on(&others);
    // The exchange's ends went with them.
    until("the exchange has the others alone", 10_000, || open.load(Ordering::Relaxed) == others.len());
    println!(
        "sockets: {count} opened in {opened:?}; {of_app} of a frozen app ended {middle} ms (half) and {last} ms (all) after the \
         freeze, {} of a disabled key {} ms after the command; {} went on",
        of_key.len(),
        of_key[of_key.len() - 1],
        others.len()
    );
    runtime.shutdown_background();
}
