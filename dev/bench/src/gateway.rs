//! The running gateway: CPU per request from the system's accounting, every answer's code counted.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{SystemTime, UNIX_EPOCH};

use keyward_hmac_state::HmacState;
use keyward_rules::okx::sign;
use keyward_rules::time::Moment;
use serde_json::Value;

use crate::decision::spread;

const CONNECTIONS: usize = 32;
const ROUNDS: usize = 5;
/// Clock ticks of the kernel's accounting in a second; fixed on Linux.
const TICKS: f64 = 100.0;

type Key = (String, String, String);

/// Measures public, GET and POST requests in turn.
pub fn measure(credentials: &str, process: &str, requests: &str) -> Result<(), String> {
    let (address, keys) = read_credentials(credentials)?;
    let count: usize = requests.parse().map_err(|_| "REQUESTS is a number")?;
    let kinds = ["public", "get", "post"];
    let mut figures: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    let mut codes: BTreeMap<String, usize> = BTreeMap::new();
    for round in 0..ROUNDS {
        for kind in kinds {
            let batches = (0..CONNECTIONS)
                .map(|at| batch(&keys, kind, (round, at), count / CONNECTIONS))
                .collect::<Vec<_>>();
            let before = cpu_seconds(process)?;
            let came = drive(&address, &batches)?;
            let spent = cpu_seconds(process)? - before;
            for (code, times) in came {
                *codes.entry(format!("{kind} {code}")).or_default() += times;
            }
            let sent = (count / CONNECTIONS * CONNECTIONS) as f64;
            figures.entry(kind).or_default().push(spent * 1e6 / sent);
        }
    }
    for (kind, values) in figures {
        println!("{kind}: {} µs of CPU a request", spread(values));
    }
    println!("codes: {codes:?}");
    Ok(())
}

/// Sends requests of one kind and nothing else, for an instruction counter around the gateway.
pub fn send(credentials: &str, kind: &str, requests: &str) -> Result<(), String> {
    let (address, keys) = read_credentials(credentials)?;
    let count: usize = requests.parse().map_err(|_| "REQUESTS is a number")?;
    let codes = load(&address, &keys, kind, 0, count)?;
    println!("codes: {codes:?}");
    Ok(())
}

/// The gateway's address and the keys to sign with.
fn read_credentials(credentials: &str) -> Result<(String, Vec<Key>), String> {
    let text = std::fs::read_to_string(credentials).map_err(|problem| format!("{credentials}: {problem}"))?;
    let document: Value = serde_json::from_str(&text).map_err(|problem| problem.to_string())?;
    let url = document.get("gateway_url").and_then(Value::as_str).ok_or("no gateway_url")?;
    Ok((url.trim_start_matches("http://").to_owned(), keys(&document, credentials)?))
}

/// One round of one kind over all connections; gives how often each code came.
fn load(
    address: &str,
    keys: &[Key],
    kind: &str,
    round: usize,
    count: usize,
) -> Result<BTreeMap<String, usize>, String> {
    let batches =
        (0..CONNECTIONS).map(|at| batch(keys, kind, (round, at), count / CONNECTIONS)).collect::<Vec<_>>();
    drive(address, &batches)
}

/// Sends one batch over each connection.
fn drive(address: &str, batches: &[Vec<Vec<u8>>]) -> Result<BTreeMap<String, usize>, String> {
    let answers: Vec<Result<Vec<String>, String>> = std::thread::scope(|scope| {
        let threads: Vec<_> = batches.iter().map(|batch| scope.spawn(|| exchange(address, batch))).collect();
        threads.into_iter().map(|thread| thread.join().map_err(|_| "a sender failed".to_owned())?).collect()
    });
    let mut codes = BTreeMap::new();
    for code in answers.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten() {
        *codes.entry(code).or_default() += 1;
    }
    Ok(codes)
}

/// The extra keys, so that load is spread over accounts; else the trade key.
fn keys(document: &Value, credentials: &str) -> Result<Vec<Key>, String> {
    let read = |value: &Value| -> Option<Key> {
        let text = |name: &str| value.get(name)?.as_str().map(str::to_owned);
        Some((text("api_key")?, text("secret")?, text("passphrase")?))
    };
    let extra = std::fs::read_to_string(format!("{credentials}.extra.jsonl")).unwrap_or_default();
    let spread = extra.lines().step_by(50).take(20_000);
    let mut keys: Vec<Key> = spread.filter_map(|line| read(&serde_json::from_str(line).ok()?)).collect();
    keys.extend(document.get("keys").and_then(|keys| keys.get("trade")).and_then(read));
    if keys.is_empty() { Err("the credentials have no keys".to_owned()) } else { Ok(keys) }
}

/// One connection's requests, signed beforehand.
fn batch(keys: &[Key], kind: &str, (round, connection): (usize, usize), count: usize) -> Vec<Vec<u8>> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let stamp = Moment::from_unix_ms(u64::try_from(now).unwrap_or_default()).to_string();
    let order = format!("{{\"instId\":\"BTC-USDT\",\"note\":\"{}\"}}", "x".repeat(265));
    let make = |at: usize| {
        let (method, target, body) = match kind {
            "public" => ("GET", format!("/api/v5/public/time?n={at}"), ""),
            "get" => ("GET", format!("/api/v5/trade/fills?limit=1&n={at}"), ""),
            _ => ("POST", format!("/api/v5/trade/order?n={round}-{connection}-{at}"), order.as_str()),
        };
        let length =
            if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
        let mut head = format!(
            "{method} {target} HTTP/1.1\r\nHost: keyward\r\nContent-Type: application/json\r\n{length}"
        );
        if kind != "public"
            && let Some((key, secret, phrase)) = keys.get((at * CONNECTIONS + connection) % keys.len())
        {
            let state = HmacState::from_key(secret.as_bytes());
            let made = sign(&state, stamp.as_bytes(), method.as_bytes(), target.as_bytes(), body.as_bytes());
            let made = String::from_utf8_lossy(made.as_bytes()).into_owned();
            head.push_str(&format!(
                "OK-ACCESS-KEY: {key}\r\nOK-ACCESS-SIGN: {made}\r\nOK-ACCESS-TIMESTAMP: {stamp}\r\nOK-ACCESS-PASSPHRASE: {phrase}\r\n"
            ));
        }
        head.push_str("\r\n");
        head.push_str(body);
        head.into_bytes()
    };
    (0..count).map(make).collect()
}

/// Sends in a closed loop; gives the codes.
fn exchange(address: &str, batch: &[Vec<u8>]) -> Result<Vec<String>, String> {
    let mut stream = TcpStream::connect(address).map_err(|problem| problem.to_string())?;
    stream.set_nodelay(true).map_err(|problem| problem.to_string())?;
    let (mut codes, mut gathered, mut buffer) =
        (Vec::with_capacity(batch.len()), Vec::new(), vec![0; 65_536]);
    for request in batch {
        stream.write_all(request).map_err(|problem| problem.to_string())?;
        let body = loop {
            if let Some(body) = whole_answer(&mut gathered) {
                break body;
            }
            let count = stream.read(&mut buffer).map_err(|problem| problem.to_string())?;
            if count == 0 {
                return Err("the gateway closed a connection".to_owned());
            }
            gathered.extend_from_slice(buffer.get(..count).unwrap_or_default());
        };
        let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
        codes.push(answer.get("code").and_then(Value::as_str).unwrap_or("none").to_owned());
    }
    Ok(codes)
}

fn whole_answer(gathered: &mut Vec<u8>) -> Option<Vec<u8>> {
    let end = gathered.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(gathered.get(..end)?).to_ascii_lowercase();
    let length: usize =
        head.lines().find_map(|line| line.strip_prefix("content-length:"))?.trim().parse().ok()?;
    if gathered.len() < end + length {
        return None;
    }
    let rest = gathered.split_off(end + length);
    let body = gathered.split_off(end);
    *gathered = rest;
    Some(body)
}

/// User and system time of a process.
fn cpu_seconds(process: &str) -> Result<f64, String> {
    let stat =
        std::fs::read_to_string(format!("/proc/{process}/stat")).map_err(|problem| problem.to_string())?;
    let after = stat.rsplit(") ").next().unwrap_or_default();
    let field =
        |at: usize| after.split(' ').nth(at).and_then(|text| text.parse::<f64>().ok()).unwrap_or_default();
    Ok((field(11) + field(12)) / TICKS)
}
