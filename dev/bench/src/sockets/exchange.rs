//! An exchange that does as little as it can: it answers requests, and sends texts at a fixed rate to whom the path says so.
//!
//! Owns: the exchange's end of a socket. It takes frames of Keyward, which begin with a line of identity, and frames that
//! nginx passes on as the client sent them. The identity is not checked: its cost is the exchange's, and not measured here.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};
use tokio_tungstenite::accept_hdr_async_with_config;
use tokio_tungstenite::tungstenite::handshake::server::{Callback, ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

/// Bytes that are read at once. The library allocates them for every socket.
const READ_TOGETHER: usize = 4 << 10;
/// How the answer to a subscription begins.
pub const SUBSCRIBED: &str = r#"{"event":"subscribe""#;
/// How the answer to a login that holds begins.
pub const LOGGED_IN: &str = r#"{"event":"login","code":"0""#;
/// The answer to the text `ping`.
pub const PONG: &str = "pong";

/// Serves on `address`, for so many seconds at most.
pub fn serve(address: &str, seconds: u64) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|problem| problem.to_string())?;
    runtime.block_on(async {
        let listener = TcpListener::bind(address).await.map_err(|problem| format!("{address}: {problem}"))?;
        // The end of the time is the usual end.
        timeout(Duration::from_secs(seconds), accept_all(listener)).await.unwrap_or(Ok(()))
    })
}

async fn accept_all(listener: TcpListener) -> Result<(), String> {
    loop {
        let (stream, _) = listener.accept().await.map_err(|problem| problem.to_string())?;
        tokio::spawn(play(stream));
    }
}

/// What both ends of the measurement's sockets may take, and in how little memory.
pub fn config() -> WebSocketConfig {
    WebSocketConfig::default().read_buffer_size(READ_TOGETHER)
}

/// The path and query with which a client opens a socket to get texts of so many bytes.
pub fn path_for_texts(bytes: usize, every: Duration) -> String {
    format!("/ws/v5/public?bytes={bytes}&every_ms={}", every.as_millis())
}

/// Plays the exchange on one socket until that ends.
async fn play(stream: TcpStream) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut target = String::new();
    let accepted = accept_hdr_async_with_config(stream, KeepTarget(&mut target), Some(config())).await;
    let mut socket = accepted.ok()?;
    let texts = Texts::asked_for(&target);
    let mut beat = None;
    loop {
        let message = tokio::select! {
            biased;
            message = socket.next() => message?.ok()?,
            text = due(&mut beat, texts.as_ref()) => {
                socket.send(Message::Text(text)).await.ok()?;
                continue;
            }
        };
        // The library answers pings and the close by itself.
        let Message::Text(text) = message else { continue };
        let Some(reply) = answer(&text) else { continue };
        let begins = reply.starts_with(SUBSCRIBED);
        socket.send(Message::text(reply)).await.ok()?;
        if begins && let Some(texts) = &texts {
            beat = Some(texts.beat());
        }
    }
}

/// Keeps the target of the upgrade.
struct KeepTarget<'t>(&'t mut String);

impl Callback for KeepTarget<'_> {
    fn on_request(self, request: &Request, response: Response) -> Result<Response, ErrorResponse> {
        *self.0 = request.uri().to_string();
        Ok(response)
    }
}

/// The next text; never, as long as nobody has subscribed.
async fn due(beat: &mut Option<Interval>, texts: Option<&Texts>) -> Utf8Bytes {
    let (Some(beat), Some(texts)) = (beat, texts) else { return std::future::pending().await };
    beat.tick().await;
    texts.text.clone()
}

/// Texts that are sent again and again.
struct Texts {
    text: Utf8Bytes,
    every: Duration,
}

impl Texts {
    /// As the query says.
    fn asked_for(target: &str) -> Option<Self> {
        let (_, query) = target.split_once('?')?;
        let number = |name: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(other, _)| *other == name)?.1.parse::<u64>().ok()
        };
        let every = number("every_ms").filter(|every| *every > 0).map(Duration::from_millis)?;
        Some(Self { text: ticker(usize::try_from(number("bytes")?).ok()?), every })
    }

    /// A late text is left out, so that no two come together.
    fn beat(&self) -> Interval {
        let mut beat = interval(self.every);
        beat.set_missed_tick_behavior(MissedTickBehavior::Skip);
        beat
    }
}

/// A text of so many bytes that begins as a ticker does.
fn ticker(bytes: usize) -> Utf8Bytes {
    let begin = r#"{"arg":{"channel":"tickers","instId":"BTC-USDT"},"data":[{"instId":"BTC-USDT","last":"43999.9","more":""#;
    let end = r#""}]}"#;
    let more = "x".repeat(bytes.saturating_sub(begin.len() + end.len()));
    format!("{begin}{more}{end}").into()
}

/// What an exchange says to a text, if anything.
fn answer(text: &str) -> Option<String> {
    let (has_identity, request) = match text.split_once('\n') {
        Some((_, request)) => (true, request),
        None => (false, text),
    };
    if request == "ping" {
        return Some(PONG.to_owned());
    }
    let request: Value = serde_json::from_str(request).ok()?;
    let op = request.get("op")?.as_str()?;
    match op {
        // Keyward answers logins itself, and only says that there was one.
        "login" if has_identity => None,
        "login" => Some(format!(r#"{LOGGED_IN},"msg":"","connId":"00000000"}}"#)),
        "subscribe" => Some(json!({ "event": op, "arg": request.pointer("/args/0") }).to_string()),
        _ => {
            let data = json!([{ "ordId": "1", "sCode": "0", "sMsg": "" }]);
            let id = request.get("id");
            Some(json!({ "id": id, "op": op, "code": "0", "msg": "", "data": data }).to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{LOGGED_IN, PONG, SUBSCRIBED, Texts, answer, path_for_texts, ticker};

    #[test]
    fn texts_have_the_length_and_the_rate_that_the_path_asks_for() {
        for bytes in [200, 2_000] {
            let texts = Texts::asked_for(&path_for_texts(bytes, Duration::from_millis(10))).unwrap();
            assert_eq!((texts.text.len(), texts.every), (bytes, Duration::from_millis(10)));
            assert!(serde_json::from_str::<serde_json::Value>(&texts.text).is_ok());
        }
        assert!(ticker(0).len() < 200, "no ticker is longer than what is asked for");
        for target in ["/ws/v5/private", "/ws/v5/public?bytes=200", "/ws/v5/public?bytes=200&every_ms=0"] {
            assert!(Texts::asked_for(target).is_none(), "{target}");
        }
    }

    #[test]
    fn frames_are_answered_with_and_without_identity() {
        let identity = "{\"keyward-account\":\"1001\"}\n";
        let order = r#"{"id":"7","op":"order","args":[{"instId":"BTC-USDT"}]}"#;
        let subscribe = r#"{"op":"subscribe","args":[{"channel":"fills"}]}"#;
        for before in ["", identity] {
            let reply = answer(&format!("{before}{order}")).unwrap();
            assert!(reply.starts_with(r#"{"id":"7","op":"order","code":"0""#), "{reply}");
            let reply = answer(&format!("{before}{subscribe}")).unwrap();
            assert!(reply.starts_with(SUBSCRIBED) && reply.contains("fills"), "{reply}");
        }
        let login = r#"{"op":"login","args":[{}]}"#;
        assert!(answer(login).unwrap().starts_with(LOGGED_IN));
        assert_eq!(answer(&format!("{identity}{login}")), None);
        assert_eq!(answer("ping").as_deref(), Some(PONG));
    }
}
