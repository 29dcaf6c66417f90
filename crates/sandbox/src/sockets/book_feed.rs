//! A book as it is followed: the whole of it first, then what changed, each with a checksum over the first levels.

use serde_json::{Value, json};

use crate::amount::Amount;
use crate::markets::{Level, Pair, Side, row, sequence, shown};

/// Levels of each side that the checksum covers (OKX).
const CHECKED: usize = 25;

/// What somebody who follows a book was told last.
#[derive(Debug)]
pub(super) struct BookFeed {
    pair: Pair,
    told: Option<Told>,
}

#[derive(Debug)]
struct Told {
    sequence: u64,
    asks: Vec<Level>,
    bids: Vec<Level>,
}

impl BookFeed {
    pub(super) const fn new(pair: Pair) -> Self {
        Self { pair, told: None }
    }

    /// The next message's `action` and its row; none when nothing changed.
    pub(super) fn next(&mut self, now_ms: u64) -> Option<(&'static str, Value)> {
        let now = Told {
            sequence: sequence(now_ms),
            asks: shown(self.pair, Side::Buy, now_ms).collect(),
            bids: shown(self.pair, Side::Sell, now_ms).collect(),
        };
        let message = match &self.told {
            None => ("snapshot", now.message(&now.asks, &now.bids, None, now_ms)),
            Some(told) => {
                let asks = changes(&told.asks, &now.asks, Side::Buy);
                let bids = changes(&told.bids, &now.bids, Side::Sell);
                if asks.is_empty() && bids.is_empty() {
                    return None;
                }
                ("update", now.message(&asks, &bids, Some(told.sequence), now_ms))
            }
        };
        self.told = Some(now);
        Some(message)
    }
}

impl Told {
    fn message(&self, asks: &[Level], bids: &[Level], before: Option<u64>, now_ms: u64) -> Value {
        let rows = |levels: &[Level]| -> Vec<Value> { levels.iter().copied().map(row).collect() };
        json!({
            "asks": rows(asks), "bids": rows(bids), "ts": now_ms.to_string(),
            "checksum": checksum(&self.asks, &self.bids),
            // OKX's sign that there is nothing before.
            "prevSeqId": before.map_or(Value::from(-1), Value::from), "seqId": self.sequence
        })
    }
}

/// The levels that are new, of another size, or gone, which then have no size; best first.
fn changes(before: &[Level], after: &[Level], side: Side) -> Vec<Level> {
    let gone = before.iter().filter(|old| after.iter().all(|new| new.price != old.price));
    let gone = gone.map(|old| Level { size: Amount::ZERO, ..*old });
    let mut all: Vec<Level> = after.iter().filter(|new| !before.contains(new)).copied().chain(gone).collect();
    all.sort_by_key(|level| level.price);
    match side {
        Side::Buy => {}
        Side::Sell => all.reverse(),
    }
    all
}

/// CRC32 of `bid:size:ask:size:…`, in turns while both sides have levels; as a number with a sign, as OKX writes it.
fn checksum(asks: &[Level], bids: &[Level]) -> i32 {
    let mut words = Vec::with_capacity(CHECKED * 4);
    for at in 0..CHECKED {
        for level in [bids.get(at), asks.get(at)].into_iter().flatten() {
            words.extend([level.price.to_string(), level.size.to_string()]);
        }
    }
    crc32fast::hash(words.join(":").as_bytes()).cast_signed()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{BookFeed, CHECKED, Level, checksum};
    use crate::amount::Amount;
    use crate::markets::{Pair, book};

    const NOW_MS: u64 = 1_800_000_000_000;

    fn level(price: &str, size: &str) -> Level {
        Level { price: Amount::parse(price).unwrap(), size: Amount::parse(size).unwrap() }
    }

    /// CRC32 bit by bit, to have it from elsewhere than the library.
    fn crc32(text: &str) -> u32 {
        let step = |crc: u32| if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
        !text.bytes().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(byte), |crc, _| step(crc)))
    }

    #[test]
    fn the_checksum_takes_bids_and_asks_in_turns() {
        let bids = [level("3366.1", "7"), level("3366", "6")];
        let asks = [level("3366.8", "9"), level("3368", "8"), level("3372", "8")];
        let text = "3366.1:7:3366.8:9:3366:6:3368:8:3372:8";
        assert_eq!(checksum(&asks, &bids), crc32(text).cast_signed());
        assert_eq!(crc32("123456789"), 0xCBF4_3926, "the check value of CRC-32");
        let many: Vec<Level> = (1..40).map(|at| level(&at.to_string(), "1")).collect();
        assert_eq!(checksum(&many, &[]), checksum(&many[..CHECKED], &[]));
        assert_ne!(checksum(&many, &[]), checksum(&many[..CHECKED - 1], &[]));
    }

    /// A book as a client keeps it: price and size as they came.
    #[derive(Default)]
    struct Kept {
        asks: Vec<(String, String)>,
        bids: Vec<(String, String)>,
    }

    fn apply(side: &mut Vec<(String, String)>, rows: &Value) {
        for row in rows.as_array().unwrap() {
            let (price, size) = (row[0].as_str().unwrap().to_owned(), row[1].as_str().unwrap().to_owned());
            side.retain(|(known, _)| *known != price);
            if size != "0" {
                side.push((price, size));
            }
        }
        side.sort_by_key(|(price, _)| Amount::parse(price).unwrap());
    }

    impl Kept {
        fn take(&mut self, row: &Value) {
            apply(&mut self.asks, &row["asks"]);
            apply(&mut self.bids, &row["bids"]);
            let best_bids = self.bids.iter().rev();
            let mut words = Vec::new();
            for (bid, ask) in best_bids.zip(&self.asks).take(CHECKED) {
                words.extend([&bid.0, &bid.1, &ask.0, &ask.1].map(String::as_str));
            }
            assert_eq!(row["checksum"], crc32(&words.join(":")).cast_signed());
        }

        fn side(kept: &[(String, String)]) -> Value {
            kept.iter().map(|(price, size)| json!([price, size, "0", "1"])).collect()
        }
    }

    #[test]
    fn a_client_that_applies_the_updates_has_the_book_of_the_moment() {
        for pair in Pair::all() {
            let (mut feed, mut kept) = (BookFeed::new(pair), Kept::default());
            let (action, row) = feed.next(NOW_MS).unwrap();
            assert_eq!((action, &row["prevSeqId"]), ("snapshot", &json!(-1)));
            kept.take(&row);
            let mut before = row["seqId"].clone();
            // A socket may miss seconds.
            for second in [1, 2, 3, 5, 9, 40] {
                let now_ms = NOW_MS + second * 1_000;
                let (action, row) = feed.next(now_ms).unwrap();
                assert_eq!((action, &row["prevSeqId"]), ("update", &before));
                before = row["seqId"].clone();
                kept.take(&row);
                let whole = book(pair, usize::MAX, now_ms);
                assert_eq!(whole["seqId"], before);
                assert_eq!(whole["asks"], Kept::side(&kept.asks));
                kept.bids.reverse();
                assert_eq!(whole["bids"], Kept::side(&kept.bids));
                kept.bids.reverse();
                assert!(row["asks"].as_array().unwrap().len() < 21, "only what changed");
            }
            assert!(feed.next(NOW_MS + 40_999).is_none(), "nothing changes within a second");
        }
    }
}
