//! Ten thousand frames with one byte changed: none of them logs in, and none of them reaches the exchange.
//!
//! A login is changed anywhere, because all of it is signed or decides whose it is. An operation carries no signature of its
//! own: with another price it is another order that the socket may place. So of operations only those bytes are changed that
//! say what the frame is: braces, quotation marks, names, `op`. Its id and the inside of its order are left alone.

use keyward_testkit::process::{KeyEntry, Running};

use super::exchange::Exchange;
use super::keys::{logged_in, quick};
use super::wire::{End, Frame, Login, Socket, TEXT};
use crate::world::Folder;

const FRAMES: usize = 10_000;
/// One in so many frames is not changed, so that it is seen that the others were refused for their change.
const UNCHANGED: usize = 100;
/// One in so many changed logins has another value, which ends its socket; in the others it is the form that is wrong.
const VALUES: usize = 15;
/// The operations go to these sockets one after the other, so that no socket gets a flood of frames.
const SOCKETS: usize = 16;

const PRIVATE: &str = "/ws/v5/private";

/// A small generator with a fixed seed; every run alters the same places.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % most
    }

    /// The text with another ASCII character in one of these places, blanks and control characters among them.
    fn alter(&mut self, text: &str, places: &[usize]) -> String {
        let mut bytes = text.as_bytes().to_vec();
        let at = places[self.below(places.len())];
        loop {
            let byte = u8::try_from(self.below(0x80)).unwrap();
            if byte != bytes[at] {
                bytes[at] = byte;
                return String::from_utf8(bytes).unwrap();
            }
        }
    }
}

/// The places of `text` that are inside one of `parts`, and those that are not.
fn split(text: &str, parts: &[&str]) -> (Vec<usize>, Vec<usize>) {
    let found = parts.iter().map(|part| {
        let begin = text.find(part).unwrap();
        begin..begin + part.len()
    });
    let inside: Vec<usize> = found.flatten().collect();
    let outside = (0..text.len()).filter(|at| !inside.contains(at)).collect();
    (inside, outside)
}

#[test]
fn one_changed_byte_logs_nobody_in_and_reaches_no_exchange() {
    let (folder, exchange) = (Folder::new(), Exchange::answering());
    let running = quick(&folder, &exchange);
    let key = running.key("trade").unwrap();
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let logins = log_in_wrongly(&running, &key, &mut numbers);
    assert!(exchange.upgrades().is_empty() && exchange.told().is_empty(), "the exchange heard of a login");
    let placed = operate_wrongly(&running, &key, &mut numbers);
    let told: Vec<String> = exchange.told().into_iter().map(|told| told.request).collect();
    assert_eq!(told, placed);
    println!("changed logins took {logins} sockets");
}

/// Sends half of the frames; gives how many sockets that took.
fn log_in_wrongly(running: &Running, key: &KeyEntry, numbers: &mut Numbers) -> usize {
    let (mut socket, mut sockets) = (Socket::open(running, PRIVATE), 1);
    for count in 0..FRAMES / 2 {
        let login = if count.is_multiple_of(3) { Login::of(key) } else { Login::of(key).with_number() };
        let text = login.text();
        if count % UNCHANGED == UNCHANGED - 1 {
            assert_eq!(Socket::open(running, PRIVATE).ask(&text)["event"], "login", "{text}");
            continue;
        }
        let values = [login.key.as_str(), &login.passphrase, login.timestamp.trim_matches('"'), &login.sign];
        let (inside, outside) = split(&text, &values);
        let changed = numbers.alter(&text, if count.is_multiple_of(VALUES) { &inside } else { &outside });
        let reply = socket.ask(&changed);
        assert_eq!(reply["event"], "error", "{changed}: {reply}");
        let code = reply["code"].as_str().unwrap();
        let judged = match code {
            // No such request.
            "60012" | "60019" => false,
            // A member that is not there, or not right.
            "60027" | "60004" | "60005" | "60006" | "60007" | "60024" => true,
            other => panic!("{other} for {changed}"),
        };
        if judged {
            assert!(matches!(socket.end(), End::Closed(Some(4_001), _)), "{changed}");
            (socket, sockets) = (Socket::open(running, PRIVATE), sockets + 1);
        }
    }
    sockets
}

/// Sends the other half; gives the operations that were not changed.
fn operate_wrongly(running: &Running, key: &KeyEntry, numbers: &mut Numbers) -> Vec<String> {
    let mut sockets: Vec<Socket> = (0..SOCKETS).map(|_| logged_in(running, PRIVATE, key)).collect();
    let mut placed = Vec::new();
    let kinds = [
        (
            "order",
            r#""instId":"BTC-USDT","tdMode":"cash","side":"buy","ordType":"limit","px":"1000","sz":"1""#,
        ),
        ("batch-orders", r#""instId":"BTC-USDT","tdMode":"cash","side":"sell","ordType":"market","sz":"1""#),
        ("amend-order", r#""instId":"BTC-USDT","ordId":"1","newSz":"2""#),
        ("cancel-order", r#""instId":"BTC-USDT","ordId":"1""#),
        ("mass-cancel", r#""instType":"OPTION","instFamily":"BTC-USD""#),
    ];
    for count in 0..FRAMES / 2 {
        let socket = &mut sockets[count % SOCKETS];
        let (op, order) = kinds[count / 7 % kinds.len()];
        let id = format!("n{count}x");
        let text = format!(r#"{{"id":"{id}","op":"{op}","args":[{{{order}}}]}}"#);
        if count % UNCHANGED == UNCHANGED - 1 {
            assert_eq!(socket.ask(&text)["code"], "0", "{text}");
            placed.push(text);
            continue;
        }
        let (_, outside) = split(&text, &[id.as_str(), order]);
        let changed = numbers.alter(&text, &outside);
        let reply = socket.ask(&changed);
        let code = reply["code"].as_str().unwrap();
        assert!(["60012", "60013", "60019"].contains(&code), "{changed}: {reply}");
    }
    // A byte that is no UTF-8 ends the socket, wherever it stands.
    for (at, mut socket) in sockets.into_iter().enumerate() {
        let mut bytes = r#"{"id":"1","op":"cancel-order","args":[{"ordId":"1"}]}"#.as_bytes().to_vec();
        bytes[at * 3] = 0x80 + u8::try_from(at).unwrap();
        socket.send(&Frame::new(TEXT, bytes));
        assert_eq!(socket.code_at_end(), 1_007, "{at}");
    }
    placed
}
