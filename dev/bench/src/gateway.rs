//! The running gateway: CPU per request from the system's accounting, every answer's code counted.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use keyward_hmac_state::HmacState;
use keyward_rules::okx::sign;
use keyward_rules::time::Moment;
use serde_json::Value;

use crate::decision::spread;
use crate::wire::Wire;

const CONNECTIONS: usize = 32;
const ROUNDS: usize = 5;
/// Clock ticks of the kernel's accounting in a second; fixed on Linux.
const TICKS: f64 = 100.0;
/// What is sent, in turn.
const KINDS: [&str; 3] = ["public", "get", "post"];

/// Id, secret and passphrase.
pub type Key = (String, String, String);
type Codes = BTreeMap<String, usize>;

/// A process under measurement: its name, where it listens, and whose CPU time counts.
struct Target<'a> {
    name: &'a str,
    url: &'a str,
    process: &'a str,
}

fn target(text: &str) -> Result<Target<'_>, String> {
    let mut parts = text.split(',');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(name), Some(url), Some(process), None) => Ok(Target { name, url, process }),
        _ => Err(format!("`{text}` is not NAME,URL,PID")),
    }
}

/// CPU per request of each target, round by round in turn, and the first target's ratio to each other.
pub fn measure(credentials: &str, requests: &str, targets: &[&str]) -> Result<(), String> {
    let keys = keys(credentials)?;
    let count = number(requests)?;
    let targets = targets.iter().map(|text| target(text)).collect::<Result<Vec<_>, _>>()?;
    for kind in KINDS {
        let mut figures: Vec<Vec<f64>> = targets.iter().map(|_| Vec::new()).collect();
        let mut codes: Vec<Codes> = targets.iter().map(|_| Codes::new()).collect();
        for round in 0..ROUNDS {
            for ((target, figures), codes) in targets.iter().zip(&mut figures).zip(&mut codes) {
                let batches = batches(&keys, kind, round, count);
                let before = cpu_seconds(target.process)?;
                for (code, times) in drive(target.url, &batches)? {
                    *codes.entry(code).or_default() += times;
                }
                let sent = (count / CONNECTIONS * CONNECTIONS) as f64;
                figures.push((cpu_seconds(target.process)? - before) * 1e6 / sent);
            }
        }
        for ((target, figures), codes) in targets.iter().zip(&figures).zip(&codes) {
            println!(
                "{kind:6} {:10} {} µs of CPU a request; codes {codes:?}",
                target.name,
                spread(figures.clone())
            );
        }
        if let Some((first, others)) = figures.split_first() {
            for (target, other) in targets.iter().skip(1).zip(others) {
                let ratios = first.iter().zip(other).map(|(one, other)| one / other).collect();
                println!("{kind:6} ratio to {}: {}", target.name, spread(ratios));
            }
        }
    }
    Ok(())
}

/// Time from request to answer at a fixed rate over all connections, for each target in turn.
pub fn latency(credentials: &str, rate: &str, seconds: &str, targets: &[&str]) -> Result<(), String> {
    let keys = keys(credentials)?;
    let (rate, seconds) = (number(rate)?, number(seconds)?);
    let targets = targets.iter().map(|text| target(text)).collect::<Result<Vec<_>, _>>()?;
    for round in 0..ROUNDS {
        for target in &targets {
            let batches = batches(&keys, "get", round, rate * seconds);
            let pause = Duration::from_secs_f64(CONNECTIONS as f64 / rate as f64);
            let mut micros: Vec<f64> = Vec::new();
            let measured: Vec<Result<Vec<f64>, String>> = std::thread::scope(|scope| {
                let threads: Vec<_> = batches
                    .iter()
                    .map(|batch| scope.spawn(move || paced(target.url, batch, pause)))
                    .collect();
                threads
                    .into_iter()
                    .map(|thread| thread.join().map_err(|_| "a sender failed".to_owned())?)
                    .collect()
            });
            for some in measured {
                micros.extend(some?);
            }
            micros.sort_by(f64::total_cmp);
            let at =
                |share: f64| micros.get((micros.len() as f64 * share) as usize).copied().unwrap_or_default();
            println!("{:10} p50 {:.0} µs, p99 {:.0} µs, of {}", target.name, at(0.5), at(0.99), micros.len());
        }
    }
    Ok(())
}

/// Sends on schedule, whatever the answers take; gives each answer's time in microseconds since it was due.
fn paced(url: &str, batch: &[Vec<u8>], pause: Duration) -> Result<Vec<f64>, String> {
    let mut wire = Wire::open(url)?;
    let began = Instant::now();
    let mut micros = Vec::with_capacity(batch.len());
    for (at, request) in batch.iter().enumerate() {
        let due = pause.mul_f64(at as f64);
        while began.elapsed() < due {
            // Sleeping overshoots by tens of microseconds: sleep short of the moment, then yield.
            let left = due.saturating_sub(began.elapsed());
            if left > Duration::from_micros(200) {
                std::thread::sleep(left - Duration::from_micros(150));
            } else {
                std::thread::yield_now();
            }
        }
        let sent = Instant::now();
        wire.ask(request)?;
        micros.push(sent.elapsed().as_secs_f64() * 1e6);
    }
    Ok(micros)
}

/// Sends requests of one kind and nothing else, for an instruction counter around the gateway.
pub fn send(credentials: &str, url: &str, kind: &str, requests: &str) -> Result<(), String> {
    let codes = drive(url, &batches(&keys(credentials)?, kind, 0, number(requests)?))?;
    println!("codes: {codes:?}");
    Ok(())
}

fn number(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| format!("`{text}` is no number"))
}

/// Sends one batch over each connection; gives how often each code came.
fn drive(url: &str, batches: &[Vec<Vec<u8>>]) -> Result<Codes, String> {
    let answers: Vec<Result<Codes, String>> = std::thread::scope(|scope| {
        let threads: Vec<_> = batches.iter().map(|batch| scope.spawn(|| exchange(url, batch))).collect();
        threads.into_iter().map(|thread| thread.join().map_err(|_| "a sender failed".to_owned())?).collect()
    });
    let mut codes = Codes::new();
    for (code, times) in answers.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten() {
        *codes.entry(code).or_default() += times;
    }
    Ok(codes)
}

/// Sends in a closed loop; gives the codes.
fn exchange(url: &str, batch: &[Vec<u8>]) -> Result<Codes, String> {
    let mut wire = Wire::open(url)?;
    let mut codes = Codes::new();
    for request in batch {
        *codes.entry(wire.ask(request)?).or_default() += 1;
    }
    Ok(codes)
}

/// Some of the extra keys, so that load is spread over accounts; else the trade key.
fn keys(credentials: &str) -> Result<Vec<Key>, String> {
    let mut keys: Vec<Key> = extra_keys(credentials).step_by(50).take(20_000).collect();
    keys.extend(trade_key(credentials)?);
    if keys.is_empty() { Err("the credentials have no keys".to_owned()) } else { Ok(keys) }
}

/// All extra keys.
pub fn every_key(credentials: &str) -> Result<Vec<Key>, String> {
    let keys: Vec<Key> = extra_keys(credentials).collect();
    if keys.is_empty() { Err("the credentials have no extra keys".to_owned()) } else { Ok(keys) }
}

fn read(value: &Value) -> Option<Key> {
    let text = |name: &str| value.get(name)?.as_str().map(str::to_owned);
    Some((text("api_key")?, text("secret")?, text("passphrase")?))
}

fn extra_keys(credentials: &str) -> impl Iterator<Item = Key> {
    let lines = std::fs::read_to_string(format!("{credentials}.extra.jsonl")).unwrap_or_default();
    let lines: Vec<String> = lines.lines().map(str::to_owned).collect();
    lines.into_iter().filter_map(|line| read(&serde_json::from_str(&line).ok()?))
}

fn trade_key(credentials: &str) -> Result<Option<Key>, String> {
    named_key(credentials, "trade")
}

/// One of the sandbox's own keys.
pub fn named_key(credentials: &str, name: &str) -> Result<Option<Key>, String> {
    let text = std::fs::read_to_string(credentials).map_err(|problem| format!("{credentials}: {problem}"))?;
    let document: Value = serde_json::from_str(&text).map_err(|problem| problem.to_string())?;
    Ok(document.get("keys").and_then(|keys| keys.get(name)).and_then(read))
}

/// A GET that is signed now.
pub fn signed_get(key: &Key, number: usize) -> Vec<u8> {
    signed(key, "GET", &format!("/api/v5/trade/fills?limit=1&n={number}"), "")
}

/// A request that is signed now.
pub fn signed((key, secret, phrase): &Key, method: &str, target: &str, body: &str) -> Vec<u8> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let stamp = Moment::from_unix_ms(u64::try_from(now).unwrap_or_default()).to_string();
    let (state, target_bytes) = (HmacState::from_key(secret.as_bytes()), target.as_bytes());
    let made = sign(&state, stamp.as_bytes(), method.as_bytes(), target_bytes, body.as_bytes());
    let made = String::from_utf8_lossy(made.as_bytes()).into_owned();
    let of_body = match body.len() {
        0 => String::new(),
        length => format!("Content-Type: application/json\r\nContent-Length: {length}\r\n"),
    };
    format!(
        "{method} {target} HTTP/1.1\r\nHost: keyward\r\n{of_body}OK-ACCESS-KEY: {key}\r\nOK-ACCESS-SIGN: {made}\r\n\
         OK-ACCESS-TIMESTAMP: {stamp}\r\nOK-ACCESS-PASSPHRASE: {phrase}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// Every connection's requests, signed beforehand.
fn batches(keys: &[Key], kind: &str, round: usize, count: usize) -> Vec<Vec<Vec<u8>>> {
    (0..CONNECTIONS).map(|at| batch(keys, kind, (round, at), count / CONNECTIONS)).collect()
}

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

/// User and system time of a process.
pub fn cpu_seconds(process: &str) -> Result<f64, String> {
    let stat =
        std::fs::read_to_string(format!("/proc/{process}/stat")).map_err(|problem| problem.to_string())?;
    let after = stat.rsplit(") ").next().unwrap_or_default();
    let field =
        |at: usize| after.split(' ').nth(at).and_then(|text| text.parse::<f64>().ok()).unwrap_or_default();
    Ok((field(11) + field(12)) / TICKS)
}
