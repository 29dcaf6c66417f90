//! The journal by itself: durable records a second, and the CPU that one takes.

use std::sync::Arc;
use std::time::Instant;

use keyward_rules::id::{AccountId, KeyId, RequestId};
use keyward_rules::orders;
use keyward_rules::time::Moment;
use keyward_store::{Entropy, Location, MasterKey, Record, Store};

use crate::decision::spread;
use crate::gateway::cpu_seconds;

const ROUNDS: usize = 7;
const BATCH: usize = 1_000;
const ORDER: &str = "/api/v5/trade/order";
const BODY: &[u8] = br#"{"instId":"BTC-USDT","tdMode":"cash","clOrdId":"b15","side":"buy","ordType":"limit","px":"30000.1","sz":"0.001"}"#;
const REPLY: &[u8] = br#"{"code":"0","msg":"","data":[{"clOrdId":"b15","ordId":"312269865356374016","tag":"","ts":"1695190491421","sCode":"0","sMsg":""}],"inTime":"1695190491421339","outTime":"1695190491423240"}"#;

/// Appends batches of 1,000 orders to a journal in `folder`, which must be empty; each batch is on disk before the next. What each
/// asked and what was answered is read first, as the gateway's journal thread does.
pub fn measure(folder: &str, batches: usize) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime
        .map_err(|problem| problem.to_string())?
        .block_on(append(folder, batches))
        .map_err(|problem| problem.to_string())
}

async fn append(folder: &str, batches: usize) -> Result<(), Box<dyn std::error::Error>> {
    let entropy: Entropy = std::sync::Arc::new(|bytes: &mut [u8]| bytes.fill(7));
    let location = Location::parse(folder)?;
    let now = Moment::from_unix_ms(1_800_000_000_000);
    let store = Store::open(&location, &MasterKey::new([9; 32]), entropy, now).await?;
    let mut writer = store.journal().writer()?;
    let (mut rates, mut costs, mut made) = (Vec::new(), Vec::new(), 0);
    for _ in 0..ROUNDS {
        let (began, before) = (Instant::now(), cpu_seconds("self")?);
        for _ in 0..batches {
            let records: Vec<Record> = (made..made + BATCH).map(|number| record(number as u64)).collect();
            made += BATCH;
            writer.append(&[], &[], &records).await?;
        }
        let records = (batches * BATCH) as f64;
        rates.push(records / began.elapsed().as_secs_f64());
        costs.push((cpu_seconds("self")? - before) * 1e6 / records);
    }
    println!("{} durable records a second", spread(rates));
    println!("{} µs of CPU a record, user and system", spread(costs));
    store.close().await;
    Ok(())
}

fn record(number: u64) -> Record {
    Record {
        at: Moment::from_unix_ms(1_800_000_000_000 + number / 20),
        request: RequestId(u128::from(number)),
        key: Some(KeyId::from_entropy((u128::from(number) * 0x9e37_79b9_7f4a_7c15).to_be_bytes())),
        account: AccountId::from_u64(100_000_000_000_000_000 + number % 1_000),
        source: [203, 0, 113, 7].into(),
        method: "POST",
        route: ORDER,
        code: "0",
        upstream_status: Some(200),
        bytes_in: 300,
        bytes_out: 0,
        micros: 250,
        orders: orders::read(ORDER, BODY, REPLY).map(|orders| Arc::from(orders.to_text())),
    }
}
