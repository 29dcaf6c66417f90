//! An exchange whose part each test plays: WebSocket after an upgrade, and plain answers to other requests. It keeps what it is
//! told.

use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::accept::accept_value;
use super::wire::{CLOSE, Frame, Heard, PONG, field, hear, take_head};

/// A text frame of Keyward: the line of identity, and the client's request.
#[derive(Clone, Debug)]
pub struct Told {
    pub identity: Value,
    pub request: String,
}

/// What came over all connections.
#[derive(Default)]
struct Kept {
    upgrades: Mutex<Vec<String>>,
    told: Mutex<Vec<Told>>,
    requests: Mutex<Vec<String>>,
}

/// The exchange.
pub struct Exchange {
    pub url: String,
    kept: Arc<Kept>,
}

impl Exchange {
    /// Plays `part` on every socket that is asked for. Its first argument is what the client's path says of the part, as in
    /// `/ws/v5/public?part=flood`.
    pub fn start(part: impl Fn(&str, &mut Link) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (kept, part) = (Arc::<Kept>::default(), Arc::new(part));
        let all = Arc::clone(&kept);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (kept, part) = (Arc::clone(&all), Arc::clone(&part));
                std::thread::spawn(move || serve(stream, kept, &*part));
            }
        });
        Self { url, kept }
    }

    /// Answers everything as an exchange does.
    pub fn answering() -> Self {
        Self::start(|_, link| link.answer_all())
    }

    /// The heads of the upgrades so far.
    pub fn upgrades(&self) -> Vec<String> {
        self.kept.upgrades.lock().unwrap().clone()
    }

    /// The text frames so far.
    pub fn told(&self) -> Vec<Told> {
        self.kept.told.lock().unwrap().clone()
    }

    /// The heads of other requests so far.
    pub fn requests(&self) -> Vec<String> {
        self.kept.requests.lock().unwrap().clone()
    }
}

fn serve(mut stream: TcpStream, kept: Arc<Kept>, part: &dyn Fn(&str, &mut Link)) {
    stream.set_nodelay(true).unwrap();
    let mut came = Vec::new();
    while let Some(head) = take_head(&mut stream, &mut came) {
        if field(&head, "upgrade").is_some() {
            kept.upgrades.lock().unwrap().push(head.clone());
            let mut link = Link { stream, came, head, kept };
            let name = link.part();
            part(&name, &mut link);
            return;
        }
        let length = field(&head, "content-length").map_or(0, |length| length.parse().unwrap());
        while came.len() < length {
            let mut buffer = [0; 4_096];
            match std::io::Read::read(&mut stream, &mut buffer) {
                Ok(count) if count > 0 => came.extend_from_slice(&buffer[..count]),
                _ => return,
            }
        }
        came.drain(..length);
        kept.requests.lock().unwrap().push(head);
        let body = r#"{"code":"0","data":[],"msg":""}"#;
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// The exchange's end of a socket.
pub struct Link {
    stream: TcpStream,
    came: Vec<u8>,
    head: String,
    kept: Arc<Kept>,
}

impl Link {
    fn part(&self) -> String {
        let target = self.head.split(' ').nth(1).unwrap();
        let query = target.split_once('?').map_or("", |(_, query)| query);
        query.split('&').find_map(|pair| pair.strip_prefix("part=")).unwrap_or_default().to_owned()
    }

    /// The answer that opens the socket.
    pub fn acceptance(&self) -> String {
        let key = field(&self.head, "sec-websocket-key").unwrap();
        let proof = accept_value(key);
        format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {proof}\r\n\r\n"
        )
    }

    pub fn accept(&mut self) {
        let acceptance = self.acceptance();
        self.write(acceptance.as_bytes());
    }

    /// Whether the bytes could be written.
    pub fn write(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// Sends a text as servers do; whether it could be written.
    pub fn say(&mut self, text: &str) -> bool {
        self.write(&Frame::text(text).unmasked().bytes())
    }

    /// What comes next; of a text, the client's request.
    pub fn hear(&mut self) -> Heard {
        match hear(&mut self.stream, &mut self.came, true) {
            Heard::Text(text) => {
                let (line, request) = text.split_once('\n').expect("a line of identity, and a request");
                let identity = serde_json::from_str(line).expect("an identity in JSON");
                let request = request.to_owned();
                self.kept.told.lock().unwrap().push(Told { identity, request: request.clone() });
                Heard::Text(request)
            }
            other => other,
        }
    }

    /// A second handle of the connection, for a thread that reads while this one writes.
    pub fn reader(&self) -> Self {
        let stream = self.stream.try_clone().unwrap();
        let (head, kept) = (self.head.clone(), Arc::clone(&self.kept));
        Self { stream, came: Vec::new(), head, kept }
    }

    /// Ends the exchange's direction of the connection.
    pub fn half_close(&mut self) {
        self.stream.shutdown(std::net::Shutdown::Write).unwrap();
    }

    /// Reads until the other end is gone.
    pub fn read_out(&mut self) {
        while self.hear() != Heard::Gone {}
    }

    /// Answers everything until the socket ends.
    pub fn answer_all(&mut self) {
        self.accept();
        while self.answer_next() {}
    }

    /// Answers what comes next; whether the socket goes on.
    pub fn answer_next(&mut self) -> bool {
        match self.hear() {
            Heard::Text(request) => answers(&request).iter().all(|answer| self.say(answer)),
            Heard::Ping(payload) => self.write(&Frame::new(PONG, payload).unmasked().bytes()),
            Heard::Close(..) => {
                self.write(&Frame::new(CLOSE, "").unmasked().bytes());
                false
            }
            Heard::Gone => false,
            Heard::Pong(_) | Heard::Binary(_) | Heard::Silence => true,
        }
    }
}

/// What an exchange says to a request.
fn answers(request: &str) -> Vec<String> {
    let request: Value = serde_json::from_str(request).unwrap();
    let with_id = |mut reply: Value| {
        if let Some(id) = request.get("id") {
            reply["id"] = id.clone();
        }
        reply.to_string()
    };
    let op = request["op"].as_str().unwrap();
    match op {
        // Keyward's word of a login has no answer.
        "login" => Vec::new(),
        "subscribe" | "unsubscribe" => {
            let args = request["args"].as_array().unwrap().iter();
            args.map(|arg| with_id(serde_json::json!({ "event": op, "arg": arg }))).collect()
        }
        _ => {
            let data = serde_json::json!([{ "ordId": "1", "sCode": "0", "sMsg": "" }]);
            vec![with_id(serde_json::json!({ "op": op, "code": "0", "msg": "", "data": data }))]
        }
    }
}
