//! Benchmarks: the decision by itself, and the running gateway by the system's accounting.
//!
//! `decision [ROUNDS]` times the whole decision beside the bare HMAC over the same bytes, in turn, and prints
//! medians and ratios. `loop KIND COUNT` runs one kind and nothing else, for an instruction counter.
//! `send CREDENTIALS KIND REQUESTS` sends one kind of request, for an instruction counter around the gateway.
//! `gateway CREDENTIALS PID REQUESTS` sends pre-signed requests over 32 connections to a running sandbox and
//! divides the CPU time of process PID by their number.
//!
//! Nothing here asserts a time.

#![expect(clippy::print_stdout, reason = "results go to standard output")]
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

mod decision;
mod gateway;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        [] | ["decision"] => decision::compare(21),
        ["decision", rounds] => {
            rounds.parse().map_err(|_| "ROUNDS is a number".to_owned()).and_then(decision::compare)
        }
        ["loop", kind, count] => count
            .parse()
            .map_err(|_| "COUNT is a number".to_owned())
            .and_then(|count| decision::repeat(kind, count)),
        ["send", credentials, kind, requests] => gateway::send(credentials, kind, requests),
        ["gateway", credentials, process, requests] => gateway::measure(credentials, process, requests),
        _ => Err(
            "decision [ROUNDS] | loop get|post|hmac-get|hmac-post COUNT | send CREDENTIALS public|get|post REQUESTS | gateway CREDENTIALS PID REQUESTS"
                .to_owned(),
        ),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("bench: {problem}");
            ExitCode::FAILURE
        }
    }
}
