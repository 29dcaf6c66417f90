//! Requests at fixed rates for a long time, each signed when it is due: GETs over every extra key in turn, and beside them orders
//! and withdrawals.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::gateway::{Key, cpu_seconds, every_key, named_key, signed, signed_get};
use crate::wire::Wire;

const CONNECTIONS: usize = 8;
/// Orders for each ten GETs.
const ORDERS: usize = 2;
/// Withdrawals a second: OKX lets an account have six.
const WITHDRAWALS: usize = 4;

/// What one connection saw.
#[derive(Default)]
struct Seen {
    micros: Vec<u32>,
    codes: BTreeMap<String, usize>,
    /// Those that took longest, and how many seconds after the beginning.
    late: Vec<(u32, u64)>,
}

/// Longer than this is late: a tenth of a second.
const LATE_MICROS: u32 = 100_000;

/// Requests of one kind.
struct Load<'k> {
    name: &'static str,
    keys: Vec<Key>,
    connections: usize,
    rate: usize,
    sign: &'k (dyn Fn(&Key, usize) -> Vec<u8> + Sync),
}

/// Sends `rate` GETs a second for so many seconds, and orders and withdrawals beside them; prints answers' codes and times, and
/// what the process took.
pub fn run(credentials: &str, url: &str, rate: usize, seconds: usize, process: &str) -> Result<(), String> {
    let named = |name: &str| named_key(credentials, name)?.ok_or(format!("there is no key {name}"));
    let load = |name, keys, connections, rate, sign| Load { name, keys, connections, rate, sign };
    let loads = [
        load("GETs", every_key(credentials)?, CONNECTIONS, rate, &signed_get),
        load("orders", vec![named("manage")?], 2, rate * ORDERS / 10, &order),
        load("withdrawals", vec![named("withdraw")?], 1, WITHDRAWALS, &withdrawal),
    ];
    let (before, began) = (cpu_seconds(process)?, Instant::now());
    let seen: Vec<Result<Seen, String>> = std::thread::scope(|scope| {
        let threads: Vec<_> = loads.iter().map(|load| scope.spawn(move || load.send(url, seconds))).collect();
        threads.into_iter().map(|thread| thread.join().map_err(|_| "a sender failed".to_owned())?).collect()
    });
    let (taken, mut sent) = (cpu_seconds(process)? - before, 0);
    for (load, seen) in loads.iter().zip(seen) {
        let seen = seen?;
        sent += seen.micros.len();
        println!("{}", load.summary(&seen, began.elapsed()));
    }
    println!("{:.1} µs of CPU a request", taken * 1e6 / sent.max(1) as f64);
    Ok(())
}

/// An order that ends at once, far from the market.
fn order(key: &Key, number: usize) -> Vec<u8> {
    let body = format!(
        r#"{{"instId":"BTC-USDT","tdMode":"cash","side":"buy","ordType":"ioc","px":"1000","sz":"0.001","clOrdId":"s{number}"}}"#
    );
    signed(key, "POST", "/api/v5/trade/order", &body)
}

fn withdrawal(key: &Key, number: usize) -> Vec<u8> {
    let body = format!(
        r#"{{"ccy":"BTC","amt":"0.0001","dest":"4","toAddr":"bc1qkeywardsandbox0000000000000000000000","fee":"0.0001","clientId":"s{number}"}}"#
    );
    signed(key, "POST", "/api/v5/asset/withdrawal", &body)
}

impl Load<'_> {
    fn send(&self, url: &str, seconds: usize) -> Result<Seen, String> {
        let pause = Duration::from_secs_f64(self.connections as f64 / self.rate.max(1) as f64);
        let seen: Vec<Result<Seen, String>> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..self.connections)
                .map(|at| scope.spawn(move || self.connection(url, at, pause, seconds)))
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().map_err(|_| "a sender failed".to_owned())?)
                .collect()
        });
        let mut all = Seen::default();
        for one in seen {
            let one = one?;
            all.micros.extend(one.micros);
            all.late.extend(one.late);
            for (code, times) in one.codes {
                *all.codes.entry(code).or_default() += times;
            }
        }
        all.micros.sort_unstable();
        Ok(all)
    }

    fn connection(&self, url: &str, at: usize, pause: Duration, seconds: usize) -> Result<Seen, String> {
        let mut wire = Wire::open(url)?;
        let (began, mut seen) = (Instant::now(), Seen::default());
        let until = Duration::from_secs(seconds as u64);
        for number in 0.. {
            let due = pause.mul_f64(number as f64);
            if due > until {
                break;
            }
            std::thread::sleep(due.saturating_sub(began.elapsed()));
            // Numbers of all connections differ, and with them the keys.
            let number = number * self.connections + at;
            let key = self.keys.get(number % self.keys.len()).ok_or("no keys")?;
            let request = (self.sign)(key, number);
            let sent = Instant::now();
            let code = wire.ask(&request)?;
            let micros = u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX);
            seen.micros.push(micros);
            if micros > LATE_MICROS {
                seen.late.push((micros / 1_000, began.elapsed().as_secs()));
            }
            *seen.codes.entry(code).or_default() += 1;
        }
        Ok(seen)
    }

    fn summary(&self, seen: &Seen, elapsed: Duration) -> String {
        let at = |share: f64| {
            seen.micros.get((seen.micros.len() as f64 * share) as usize).copied().unwrap_or_default()
        };
        let late: Vec<String> =
            seen.late.iter().take(20).map(|(ms, second)| format!("{ms} ms at {second} s")).collect();
        format!(
            "{} {} over {} keys in {:.0} s: p50 {} µs, p99 {} µs, p99.9 {} µs, longest {} µs; codes {:?}; late: {}",
            seen.micros.len(),
            self.name,
            self.keys.len(),
            elapsed.as_secs_f64(),
            at(0.5),
            at(0.99),
            at(0.999),
            seen.micros.last().copied().unwrap_or_default(),
            seen.codes,
            late.join(", "),
        )
    }
}
