//! One socket: frames in, messages out, until somebody ends it.
//!
//! What is to be written is written before more is read, within a limit of time, so nothing piles up here.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::conversation::Conversation;
use super::pulse::{Beat, Pulse};

/// Bytes of a frame at most: what the gateway takes from a client, and the line of identity.
const FRAME_BYTES: usize = 256 << 10;
/// Bytes that are read together. Most frames are smaller, and every socket has that much.
const READ_BYTES: usize = 4 << 10;
/// Bytes that are written together.
const WRITE_BYTES: usize = 16 << 10;
/// Bytes that may wait to be written; the longest message is much shorter.
const WAITING_BYTES: usize = 1 << 20;
/// How long the gateway may take to read what it is sent.
const WRITE: Duration = Duration::from_secs(3);
/// How long the close handshake may take; together with the last write, no longer than a server takes to end.
const FAREWELL: Duration = Duration::from_secs(2);

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// Why a socket ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    /// A frame that is not the gateway's.
    NotAdmitted,
    /// More than [`FRAME_BYTES`].
    TooLong,
    /// It did not read what it was sent.
    Slow,
    /// The server ends.
    Away,
    /// The gateway closed it.
    Closed,
    /// There is nobody to say anything to.
    Gone,
}

impl End {
    /// The close code and its reason, for those who can still hear it.
    const fn farewell(self) -> Option<(u16, &'static str)> {
        match self {
            Self::NotAdmitted => Some((1_008, "The frame does not bear the gateway's verified identity")),
            Self::TooLong => Some((1_009, "The frame is too long")),
            Self::Slow => Some((4_005, "Buffer full")),
            Self::Away => Some((1_001, "The exchange is going away")),
            Self::Closed | Self::Gone => None,
        }
    }
}

/// Holds the conversation until something ends it, and closes the socket.
pub(super) async fn run(stream: Upgraded, mut conversation: Conversation, mut pulse: Pulse) {
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BYTES)
        .write_buffer_size(WRITE_BYTES)
        .max_write_buffer_size(WAITING_BYTES)
        .max_message_size(Some(FRAME_BYTES))
        .max_frame_size(Some(FRAME_BYTES));
    let mut socket = WebSocketStream::from_raw_socket(TokioIo::new(stream), Role::Server, Some(config)).await;
    let end = loop {
        let step = step(&mut socket, &mut conversation, &mut pulse).await;
        let sent = match step {
            Ok(messages) => send(&mut socket, messages).await,
            Err(end) => Err(end),
        };
        if let Err(end) = sent {
            break end;
        }
    };
    // One who does not read does not hear this either.
    let _ = timeout(FAREWELL, close(&mut socket, end)).await;
}

/// Waits for whatever comes next; gives what is to be sent for it.
async fn step(
    socket: &mut Socket,
    conversation: &mut Conversation,
    pulse: &mut Pulse,
) -> Result<Vec<String>, End> {
    tokio::select! {
        beat = pulse.next() => match beat {
            Beat::Second => Ok(conversation.second()),
            Beat::End => Err(End::Away),
        },
        news = conversation.news() => news.map(|news| conversation.tell(&news)).ok_or(End::Slow),
        message = socket.next() => match message {
            Some(Ok(Message::Text(text))) => conversation.take(&text).map_err(|_| End::NotAdmitted),
            // The library answers pings by itself.
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(Vec::new()),
            Some(Ok(Message::Binary(_) | Message::Frame(_))) => Err(End::NotAdmitted),
            Some(Ok(Message::Close(_))) => Err(End::Closed),
            Some(Err(Error::Capacity(_))) => Err(End::TooLong),
            Some(Err(_)) | None => Err(End::Gone),
        },
    }
}

/// Writes messages together.
async fn send(socket: &mut Socket, messages: Vec<String>) -> Result<(), End> {
    if messages.is_empty() {
        return Ok(());
    }
    let written = async {
        for message in messages {
            socket.feed(Message::text(message)).await?;
        }
        socket.flush().await
    };
    match timeout(WRITE, written).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(End::Gone),
        Err(_) => Err(End::Slow),
    }
}

/// Says the last word, and waits until the other side has answered it.
async fn close(socket: &mut Socket, end: End) {
    if let Some((code, reason)) = end.farewell() {
        let frame = CloseFrame { code: CloseCode::from(code), reason: reason.into() };
        if socket.close(Some(frame)).await.is_err() {
            return;
        }
    }
    while let Some(Ok(_)) = socket.next().await {}
}
