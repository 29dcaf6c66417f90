//! Benchmarks: the decision by itself, the journal by itself, and the running gateway by the system's accounting.
//! `dev/bench/beside-nginx.sh` and `sockets-beside-nginx.sh` set the latter up beside nginx.
//!
//! Nothing here asserts a time.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "results and problems go to a terminal")]
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

mod apps;
mod decision;
mod fences;
mod gateway;
mod journal;
mod revocation;
mod soak;
mod sockets;
mod wire;

use std::process::ExitCode;

const USAGE: &str = "\
decision [ROUNDS]                            the decision beside the bare HMAC of the same bytes, in turn
fences [ROUNDS]                              judging an order by a key's limits
loop get|post|app-get|app6-get|hmac-get|hmac-post COUNT  one kind and nothing else, for an instruction counter
apps FOLDER KEYS                             a thousand apps of 1,000 ranges and their keys in memory; FOLDER must be empty
journal FOLDER BATCHES                       durable records of 1,000 a batch; FOLDER must be empty
gateway CREDENTIALS REQUESTS NAME,URL,PID…   CPU per request of running processes, in turn
latency CREDENTIALS RATE SECONDS NAME,URL,PID…  answers' times at a fixed rate
send CREDENTIALS URL public|get|post REQUESTS   one kind of request, for an instruction counter around the gateway
revocation DATA CREDENTIALS TIMES            change to last accept of a running sandbox, a key disabled
freeze DATA CREDENTIALS TIMES                the same, an app frozen
soak CREDENTIALS URL RATE SECONDS PID        GETs over every extra key in turn, orders and withdrawals, at fixed rates
sockets exchange ADDRESS SECONDS             the exchange behind the proxies of the three below, for so long at most
sockets memory CREDENTIALS SOCKETS NAME,URL,PID+PID…  KiB of each idle socket
sockets frames CREDENTIALS BYTES PAIRS NAME,URL,PID+PID NAME,URL,PID+PID  CPU per text to clients, two proxies in turn
sockets orders CREDENTIALS PAIRS NAME,URL,PID+PID NAME,URL,PID+PID  CPU per order and its answer, two proxies in turn";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("bench: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[&str]) -> Result<(), String> {
    match words {
        [] | ["decision"] => decision::compare(21),
        ["decision", rounds] => decision::compare(number(rounds)?),
        ["fences"] => fences::measure(21),
        ["fences", rounds] => fences::measure(number(rounds)?),
        ["loop", kind, count] => decision::repeat(kind, number(count)?),
        ["apps", folder, keys] => apps::measure(folder, number(keys)?),
        ["journal", folder, batches] => journal::measure(folder, number(batches)?),
        ["gateway", credentials, requests, targets @ ..] if !targets.is_empty() => {
            gateway::measure(credentials, requests, targets)
        }
        ["latency", credentials, rate, seconds, targets @ ..] if !targets.is_empty() => {
            gateway::latency(credentials, rate, seconds, targets)
        }
        ["send", credentials, url, kind, requests] => gateway::send(credentials, url, kind, requests),
        ["revocation", data, credentials, times] => {
            revocation::measure(revocation::Change::Key, data, credentials, number(times)?)
        }
        ["soak", credentials, url, rate, seconds, process] => {
            soak::run(credentials, url, number(rate)?, number(seconds)?, process)
        }
        ["sockets", rest @ ..] => of_sockets(rest),
        ["freeze", data, credentials, times] => {
            revocation::measure(revocation::Change::App, data, credentials, number(times)?)
        }
        _ => Err(usage()),
    }
}

fn of_sockets(words: &[&str]) -> Result<(), String> {
    match words {
        ["exchange", address, seconds] => sockets::serve(address, number(seconds)?),
        ["memory", credentials, count, proxies @ ..] if !proxies.is_empty() => {
            sockets::memory(credentials, number(count)?, proxies)
        }
        ["frames", credentials, bytes, pairs, one, other] => {
            sockets::frames(credentials, number(bytes)?, number(pairs)?, one, other)
        }
        ["orders", credentials, pairs, one, other] => {
            sockets::orders(credentials, number(pairs)?, one, other)
        }
        _ => Err(usage()),
    }
}

fn usage() -> String {
    format!("what to measure:\n{USAGE}")
}

fn number<N: std::str::FromStr>(text: &str) -> Result<N, String> {
    text.parse().map_err(|_| format!("`{text}` is no number"))
}
