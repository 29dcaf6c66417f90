//! The clients: sockets that log in as OKX's clients do, and count what comes.
//!
//! Owns: what each client sends and awaits. Leaves to the caller: what is measured meanwhile.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures_util::{SinkExt as _, StreamExt as _};
use keyward_hmac_state::HmacState;
use keyward_rules::okx::sign;
use serde_json::json;
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::exchange::{LOGGED_IN, PONG, SUBSCRIBED, config, path_for_texts};
use crate::gateway::Key;

/// Loopback addresses that clients come from, because one source may have 1,024 connections.
const SOURCES: usize = 16;
/// Sockets that are opened at the same time.
const AT_ONCE: usize = 32;
/// How long all sockets of a measurement may take to open, and to close.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often it is looked whether they have.
const LOOK: Duration = Duration::from_millis(20);
/// How often a client says `ping`: one that is silent for 30 s is closed.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);
/// How long a client waits until its socket has closed.
const FAREWELL: Duration = Duration::from_secs(5);
/// Time between two texts to one client.
const TEXT_EVERY: Duration = Duration::from_millis(10);
/// Time between two orders of one client.
const ORDER_EVERY: Duration = Duration::from_millis(40);

/// What the sockets of a measurement are for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Work {
    /// They subscribe, and get nothing.
    Idle,
    /// They subscribe, and get texts of so many bytes.
    Receive(usize),
    /// They place orders, and get an answer to each before the next.
    Order,
}

impl Work {
    /// What is counted.
    pub fn counted(self) -> String {
        match self {
            Self::Idle => "nothing".to_owned(),
            Self::Receive(bytes) => format!("texts of {bytes} bytes"),
            Self::Order => "orders".to_owned(),
        }
    }

    /// Time between two of these on one socket.
    pub const fn every(self) -> Duration {
        match self {
            Self::Idle => Duration::MAX,
            Self::Receive(_) => TEXT_EVERY,
            Self::Order => ORDER_EVERY,
        }
    }

    fn target(self) -> String {
        match self {
            Self::Idle | Self::Order => "/ws/v5/private".to_owned(),
            Self::Receive(bytes) => path_for_texts(bytes, TEXT_EVERY),
        }
    }

    const fn subscription(self) -> Option<&'static str> {
        match self {
            Self::Idle => Some(r#"{"op":"subscribe","args":[{"channel":"fills"}]}"#),
            Self::Receive(_) => {
                Some(r#"{"op":"subscribe","args":[{"channel":"tickers","instId":"BTC-USDT"}]}"#)
            }
            Self::Order => None,
        }
    }
}

/// Open sockets of one measurement. They are cut when this is dropped.
pub struct Fleet<'k> {
    keys: &'k [Key],
    most: usize,
    plan: Arc<Plan>,
    tasks: JoinSet<Result<(), String>>,
    stop: watch::Sender<bool>,
}

/// What all sockets share.
struct Plan {
    address: SocketAddr,
    work: Work,
    room: Semaphore,
    /// Sockets that are open, logged in and subscribed.
    ready: AtomicUsize,
    counted: AtomicU64,
}

impl<'k> Fleet<'k> {
    /// No socket yet, and `most` later. The keys are spread over them, so that many accounts take part.
    pub fn new(address: SocketAddr, work: Work, keys: &'k [Key], most: usize) -> Self {
        let room = Semaphore::new(AT_ONCE);
        let (ready, counted) = (AtomicUsize::new(0), AtomicU64::new(0));
        let plan = Arc::new(Plan { address, work, room, ready, counted });
        Self { keys, most, plan, tasks: JoinSet::new(), stop: watch::Sender::new(false) }
    }

    /// Opens more sockets, up to `count`; returns when all are ready.
    pub async fn grow_to(&mut self, count: usize) -> Result<(), String> {
        for number in self.tasks.len()..count {
            let at = number * self.keys.len() / self.most.max(1);
            let key = self.keys.get(at).ok_or("there are too few keys")?.clone();
            let source = Ipv4Addr::new(127, 0, 1, u8::try_from(number % SOURCES + 1).unwrap_or(1));
            self.tasks.spawn(live(Arc::clone(&self.plan), key, source, self.stop.subscribe()));
        }
        let began = Instant::now();
        while self.plan.ready.load(Ordering::Relaxed) < count {
            self.check()?;
            if began.elapsed() > PATIENCE {
                let ready = self.plan.ready.load(Ordering::Relaxed);
                return Err(format!("only {ready} of {count} sockets opened in {PATIENCE:?}"));
            }
            sleep(LOOK).await;
        }
        Ok(())
    }

    /// What has come so far, on all sockets.
    pub fn counted(&self) -> u64 {
        self.plan.counted.load(Ordering::Relaxed)
    }

    /// Whether all are open still: a measurement with fewer sockets would be another one.
    pub fn check(&mut self) -> Result<(), String> {
        match self.tasks.try_join_next() {
            None => Ok(()),
            Some(Ok(Err(problem))) => Err(problem),
            Some(Ok(Ok(()))) => Err("a socket ended early".to_owned()),
            Some(Err(problem)) => Err(problem.to_string()),
        }
    }

    /// Closes all.
    pub async fn close(mut self) -> Result<(), String> {
        self.stop.send_replace(true);
        let closing = async {
            while let Some(ended) = self.tasks.join_next().await {
                ended.map_err(|problem| problem.to_string())??;
            }
            Ok::<(), String>(())
        };
        let closed = timeout(PATIENCE, closing).await;
        closed.map_err(|_| format!("the sockets did not close in {PATIENCE:?}"))?
    }
}

type Socket = WebSocketStream<TcpStream>;

/// One client, from its first byte until it is told to stop.
async fn live(
    plan: Arc<Plan>,
    key: Key,
    source: Ipv4Addr,
    mut stop: watch::Receiver<bool>,
) -> Result<(), String> {
    let mut socket = plan.enter(&key, source).await?;
    plan.ready.fetch_add(1, Ordering::Relaxed);
    let (mut alive, mut turn) = (interval(SIGN_OF_LIFE), interval(ORDER_EVERY));
    turn.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let (mut orders, mut waits) = (0_u64, false);
    loop {
        tokio::select! {
            biased;
            text = next_text(&mut socket) => {
                if plan.count(&text?)? {
                    waits = false;
                }
            }
            _ = stop.changed() => break,
            _ = alive.tick() => say(&mut socket, "ping".to_owned()).await?,
            _ = turn.tick(), if plan.work == Work::Order && !waits => {
                (orders, waits) = (orders + 1, true);
                say(&mut socket, order(orders)).await?;
            }
        }
    }
    // The other end may be gone already, which is as good.
    let _ = socket.close(None).await;
    let _ = timeout(FAREWELL, async { while let Some(Ok(_)) = socket.next().await {} }).await;
    Ok(())
}

impl Plan {
    /// Opens a socket, logs in and subscribes.
    async fn enter(&self, key: &Key, source: Ipv4Addr) -> Result<Socket, String> {
        let _place = self.room.acquire().await.map_err(|problem| problem.to_string())?;
        let stream = connect(self.address, source).await.map_err(|problem| problem.to_string())?;
        let request = format!("ws://{}{}", self.address, self.work.target());
        let opened = client_async_with_config(request, stream, Some(config())).await;
        let (mut socket, _) = opened.map_err(|problem| problem.to_string())?;
        ask(&mut socket, login(key), LOGGED_IN).await?;
        if let Some(subscription) = self.work.subscription() {
            ask(&mut socket, subscription.to_owned(), SUBSCRIBED).await?;
        }
        Ok(socket)
    }

    /// Counts a text, and says whether it counts.
    fn count(&self, text: &str) -> Result<bool, String> {
        if text == PONG {
            return Ok(false);
        }
        match self.work {
            Work::Idle => return Err(format!("an idle socket got {text}")),
            Work::Order if !text.contains(r#""code":"0""#) => {
                return Err(format!("an order was refused: {text}"));
            }
            Work::Order | Work::Receive(_) => {}
        }
        self.counted.fetch_add(1, Ordering::Relaxed);
        Ok(true)
    }
}

async fn connect(address: SocketAddr, source: Ipv4Addr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((source, 0)))?;
    let stream = socket.connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn say(socket: &mut Socket, text: String) -> Result<(), String> {
    socket.send(Message::text(text)).await.map_err(|problem| problem.to_string())
}

/// Says something; the next text must begin like this.
async fn ask(socket: &mut Socket, text: String, reply: &str) -> Result<(), String> {
    say(socket, text).await?;
    let came = next_text(socket).await?;
    if came.starts_with(reply) { Ok(()) } else { Err(format!("{came} instead of {reply}")) }
}

async fn next_text(socket: &mut Socket) -> Result<Utf8Bytes, String> {
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => return Ok(text),
            Some(Ok(Message::Close(frame))) => return Err(format!("a socket was closed: {frame:?}")),
            // The library answers pings by itself.
            Some(Ok(Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
            Some(Err(problem)) => return Err(problem.to_string()),
            None => return Err("a socket ended without a close frame".to_owned()),
        }
    }
}

/// A login that is signed now (OKX contract 3.1).
fn login((key, secret, phrase): &Key) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let stamp = now.as_secs().to_string();
    let state = HmacState::from_key(secret.as_bytes());
    let made = sign(&state, stamp.as_bytes(), b"GET", b"/users/self/verify", b"");
    let made = String::from_utf8_lossy(made.as_bytes());
    let account = json!({ "apiKey": key, "passphrase": phrase, "timestamp": stamp, "sign": made });
    json!({ "op": "login", "args": [account] }).to_string()
}

fn order(number: u64) -> String {
    format!(
        r#"{{"id":"{number}","op":"order","args":[{{"instId":"BTC-USDT","tdMode":"cash","side":"buy","ordType":"limit","px":"1000","sz":"0.0001"}}]}}"#
    )
}
