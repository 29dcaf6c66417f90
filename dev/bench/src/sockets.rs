//! Sockets through a proxy, by the system's accounting: memory of idle ones, CPU of a frame and of an order.
//! `dev/bench/sockets-beside-nginx.sh` sets the proxies and the exchange up.
//!
//! Tables go to stderr. Each measurement prints one line of JSON to stdout.

mod exchange;
mod load;
mod proxy;

use std::time::Duration;

use serde_json::{Value, json};

use crate::decision::spread;
use crate::gateway::{Key, every_key};
use load::{Fleet, Work};
use proxy::Proxy;

pub use exchange::serve;

/// Sockets that take part while frames are counted.
const SOCKETS: usize = 200;
/// Time in which frames and CPU are counted.
const WINDOW: Duration = Duration::from_secs(10);
/// Time for all that happens once after sockets have opened, before frames are counted.
const WARM_UP: Duration = Duration::from_secs(2);
/// The same before memory is read: allocators give memory back late.
const SETTLE: Duration = Duration::from_secs(10);

/// Memory of each proxy before there are sockets, with half of them, and with all: logged in, subscribed and idle.
pub fn memory(credentials: &str, sockets: usize, proxies: &[&str]) -> Result<(), String> {
    let keys = every_key(credentials)?;
    let proxies = proxies.iter().map(|text| Proxy::parse(text)).collect::<Result<Vec<_>, _>>()?;
    for proxy in &proxies {
        let [none, half, all] = block_on(resident(proxy, &keys, sockets))?;
        let each = (all - none) / sockets as f64;
        let later = (all - half) / (sockets - sockets / 2) as f64;
        eprintln!(
            "{:10} {none:.0} KiB without sockets, {all:.0} with {sockets}: {each:.2} KiB each, {later:.2} of the second half",
            proxy.name
        );
        let line = json!({
            "what": "memory", "proxy": proxy.name, "sockets": sockets, "kib": [none, half, all],
            "kib_each": rounded(each), "kib_each_of_second_half": rounded(later),
        });
        println!("{line}");
    }
    Ok(())
}

/// Resident KiB without sockets, with half of them, and with all.
async fn resident(proxy: &Proxy, keys: &[Key], sockets: usize) -> Result<[f64; 3], String> {
    let none = proxy.resident_kib()?;
    let mut fleet = Fleet::new(proxy.address, Work::Idle, keys, sockets);
    let half = grown(&mut fleet, proxy, sockets / 2).await?;
    let all = grown(&mut fleet, proxy, sockets).await?;
    fleet.close().await?;
    Ok([none, half, all])
}

async fn grown(fleet: &mut Fleet<'_>, proxy: &Proxy, sockets: usize) -> Result<f64, String> {
    fleet.grow_to(sockets).await?;
    tokio::time::sleep(SETTLE).await;
    fleet.check()?;
    proxy.resident_kib()
}

/// CPU per text of so many bytes from the exchange to a client, of two proxies in turn.
pub fn frames(credentials: &str, bytes: usize, pairs: usize, one: &str, other: &str) -> Result<(), String> {
    compare(credentials, Work::Receive(bytes), pairs, [Proxy::parse(one)?, Proxy::parse(other)?])
}

/// CPU per order from a client to the exchange and back, of two proxies in turn.
pub fn orders(credentials: &str, pairs: usize, one: &str, other: &str) -> Result<(), String> {
    compare(credentials, Work::Order, pairs, [Proxy::parse(one)?, Proxy::parse(other)?])
}

/// What one measurement gave.
#[derive(Clone, Copy)]
struct Cost {
    /// Microseconds of CPU for each that came.
    micros: f64,
    /// How many of those that were due came, in percent.
    came: f64,
}

fn compare(credentials: &str, work: Work, pairs: usize, proxies: [Proxy; 2]) -> Result<(), String> {
    let keys = every_key(credentials)?;
    let counted = work.counted();
    let mut shown = Vec::new();
    for proxy in &proxies {
        let ms = block_on(background(proxy))?;
        eprintln!("{counted}: {:10} {ms:.2} ms of CPU a second without sockets", proxy.name);
        shown.push(ms);
    }
    let costs = block_on(in_turn(&proxies, &keys, work, pairs))?;
    let (one, other): (Vec<Cost>, Vec<Cost>) = costs.iter().map(|[one, other]| (*one, *other)).unzip();
    let both = [one, other];
    let each = proxies.iter().zip(&both).zip(shown);
    let rows = each.map(|((proxy, costs), background_ms)| row(proxy, costs, &counted, background_ms));
    let rows: Vec<Value> = rows.collect();
    let ratios: Vec<f64> = costs.iter().map(|[one, other]| one.micros / other.micros).collect();
    eprintln!("{counted}: ratio, pair by pair: {}", spread(ratios.clone()));
    let line = json!({
        "what": counted, "sockets": SOCKETS, "every_ms": work.every().as_secs_f64() * 1e3,
        "seconds": WINDOW.as_secs(), "proxies": rows, "ratio": median(&ratios), "ratios": all_rounded(&ratios),
    });
    println!("{line}");
    Ok(())
}

/// Prints what a proxy took; gives the same in JSON.
fn row(proxy: &Proxy, costs: &[Cost], counted: &str, background_ms: f64) -> Value {
    let micros: Vec<f64> = costs.iter().map(|cost| cost.micros).collect();
    let came: Vec<f64> = costs.iter().map(|cost| cost.came).collect();
    let (cost, share) = (spread(micros.clone()), spread(came.clone()));
    eprintln!("{counted}: {:10} {cost} µs of CPU each; {share} % of those due came", proxy.name);
    json!({
        "proxy": proxy.name, "background_ms_per_second": rounded(background_ms), "micros": median(&micros),
        "all_micros": all_rounded(&micros), "came_percent": all_rounded(&came),
    })
}

/// The costs of both proxies, pair by pair.
async fn in_turn(
    [one, other]: &[Proxy; 2],
    keys: &[Key],
    work: Work,
    pairs: usize,
) -> Result<Vec<[Cost; 2]>, String> {
    let mut costs = Vec::with_capacity(pairs);
    for pair in 0..pairs {
        // Each is the first of every other pair, so that what drifts meets both.
        costs.push(if pair.is_multiple_of(2) {
            let first = cost(one, keys, work).await?;
            [first, cost(other, keys, work).await?]
        } else {
            let first = cost(other, keys, work).await?;
            [cost(one, keys, work).await?, first]
        });
    }
    Ok(costs)
}

/// Opens the sockets, and counts for a while what comes and what that takes.
async fn cost(proxy: &Proxy, keys: &[Key], work: Work) -> Result<Cost, String> {
    let mut fleet = Fleet::new(proxy.address, work, keys, SOCKETS);
    fleet.grow_to(SOCKETS).await?;
    tokio::time::sleep(WARM_UP).await;
    let (cpu, before) = (proxy.cpu_seconds()?, fleet.counted());
    tokio::time::sleep(WINDOW).await;
    let (cpu, came) = (proxy.cpu_seconds()? - cpu, (fleet.counted() - before) as f64);
    fleet.check()?;
    fleet.close().await?;
    if came < 1.0 {
        return Err(format!("{}: none of the {} came", proxy.name, work.counted()));
    }
    let due = SOCKETS as f64 * WINDOW.as_secs_f64() / work.every().as_secs_f64();
    let cost = Cost { micros: cpu * 1e6 / came, came: came / due * 100.0 };
    eprintln!("{}: {:10} {:.2} µs", work.counted(), proxy.name, cost.micros);
    Ok(cost)
}

/// Milliseconds of CPU a second that the proxy takes without sockets.
async fn background(proxy: &Proxy) -> Result<f64, String> {
    let before = proxy.cpu_seconds()?;
    tokio::time::sleep(WINDOW).await;
    Ok((proxy.cpu_seconds()? - before) * 1e3 / WINDOW.as_secs_f64())
}

fn block_on<T>(work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|problem| problem.to_string())?.block_on(work)
}

fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    rounded(values.get(values.len() / 2).copied().unwrap_or_default())
}

fn all_rounded(values: &[f64]) -> Vec<f64> {
    values.iter().copied().map(rounded).collect()
}

/// To three digits behind the point.
fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}
