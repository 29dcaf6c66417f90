//! Requests at a fixed rate for a long time, over every extra key in turn, each signed when it is due.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::gateway::{Key, cpu_seconds, every_key, signed_get};
use crate::wire::Wire;

const CONNECTIONS: usize = 8;

/// What one connection saw.
#[derive(Default)]
struct Seen {
    micros: Vec<u32>,
    codes: BTreeMap<String, usize>,
}

/// Sends `rate` GETs a second for so many seconds; prints answers' codes and times, and what the process took.
pub fn run(credentials: &str, url: &str, rate: usize, seconds: usize, process: &str) -> Result<(), String> {
    let keys = every_key(credentials)?;
    let pause = Duration::from_secs_f64(CONNECTIONS as f64 / rate.max(1) as f64);
    let (before, began) = (cpu_seconds(process)?, Instant::now());
    let seen: Vec<Result<Seen, String>> = std::thread::scope(|scope| {
        let keys_of = |at: usize| keys.iter().skip(at).step_by(CONNECTIONS).cloned().collect::<Vec<Key>>();
        let threads: Vec<_> = (0..CONNECTIONS)
            .map(|at| {
                let keys = keys_of(at);
                scope.spawn(move || connection(url, &keys, pause, seconds))
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().map_err(|_| "a sender failed".to_owned())?).collect()
    });
    let mut all = Seen::default();
    for one in seen {
        let one = one?;
        all.micros.extend(one.micros);
        for (code, times) in one.codes {
            *all.codes.entry(code).or_default() += times;
        }
    }
    all.micros.sort_unstable();
    let at =
        |share: f64| all.micros.get((all.micros.len() as f64 * share) as usize).copied().unwrap_or_default();
    let taken = cpu_seconds(process)? - before;
    let sent = all.micros.len().max(1) as f64;
    println!(
        "{} GETs over {} keys in {:.0} s: p50 {} µs, p99 {} µs, p99.9 {} µs, longest {} µs; codes {:?}; {:.1} µs of CPU a request",
        all.micros.len(),
        keys.len(),
        began.elapsed().as_secs_f64(),
        at(0.5),
        at(0.99),
        at(0.999),
        all.micros.last().copied().unwrap_or_default(),
        all.codes,
        taken * 1e6 / sent
    );
    Ok(())
}

fn connection(url: &str, keys: &[Key], pause: Duration, seconds: usize) -> Result<Seen, String> {
    let mut wire = Wire::open(url)?;
    let (began, mut seen) = (Instant::now(), Seen::default());
    let until = Duration::from_secs(seconds as u64);
    for (number, key) in keys.iter().cycle().enumerate() {
        let due = pause.mul_f64(number as f64);
        if due > until {
            break;
        }
        std::thread::sleep(due.saturating_sub(began.elapsed()));
        let request = signed_get(key, number);
        let sent = Instant::now();
        let code = wire.ask(&request)?;
        seen.micros.push(u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX));
        *seen.codes.entry(code).or_default() += 1;
    }
    Ok(seen)
}
