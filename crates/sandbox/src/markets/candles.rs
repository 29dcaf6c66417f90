//! Candles around the middle, a function of the time alone.

use serde_json::{Value, json};

use crate::amount::Amount;
use crate::markets::Pair;
use crate::parameters::{number, text};
use crate::refusal::Refusal;

const MINUTE_MS: u64 = 60_000;
const BARS: [(&str, u64); 13] = [
    ("1m", 1),
    ("3m", 3),
    ("5m", 5),
    ("15m", 15),
    ("30m", 30),
    ("1H", 60),
    ("2H", 120),
    ("4H", 240),
    ("6H", 360),
    ("12H", 720),
    ("1D", 1_440),
    ("1W", 10_080),
    ("1M", 43_200),
];
/// Candles in an answer at most (OKX).
const MOST: usize = 300;

/// Candles newest first, as `bar`, `after`, `before` and `limit` ask.
pub(crate) fn candles(pair: Pair, query: &Value, now_ms: u64) -> Result<Vec<Value>, Refusal> {
    let asked = text(query, "bar").unwrap_or_else(|| "1m".to_owned());
    let length = length_ms(&asked).ok_or(Refusal::Wrong("bar"))?;
    let (after, before) = (number(query, "after", u64::MAX), number(query, "before", 0));
    let limit = number(query, "limit", 100).clamp(1, MOST);
    let newest = (now_ms / length) * length;
    let first = newest.min((after.saturating_sub(1) / length) * length);
    let candle = |at: u64| {
        let opens = first.checked_sub(length.checked_mul(at)?)?;
        (opens > before).then(|| shape(pair, opens, length, opens < newest))
    };
    Ok((0..).map_while(candle).take(limit).collect())
}

/// Whether there are candles of this length.
pub(crate) fn is_bar(bar: &str) -> bool {
    length_ms(bar).is_some()
}

fn length_ms(bar: &str) -> Option<u64> {
    let bar = bar.trim_end_matches("utc");
    BARS.into_iter().find(|(name, _)| *name == bar).map(|(_, minutes)| minutes * MINUTE_MS)
}

fn shape(pair: Pair, opens: u64, length: u64, ended: bool) -> Value {
    let (open, close) = (price(pair, opens / length), price(pair, opens / length + 1));
    let volume = pair.least + pair.lot;
    json!([
        opens.to_string(),
        open.to_string(),
        (open.max(close) + pair.tick).to_string(),
        (open.min(close) - pair.tick).to_string(),
        close.to_string(),
        volume.to_string(),
        volume.to_string(),
        volume.to_string(),
        if ended { "1" } else { "0" }
    ])
}

/// The price at the beginning of the `index`-th bar: up to ten ticks beside the middle.
fn price(pair: Pair, index: u64) -> Amount {
    // A multiplicative hash (Knuth), of which the upper bits are well mixed.
    let mixed = index.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    let steps = i128::from(mixed % 21) - 10;
    pair.middle + pair.tick.times(Amount::new(steps, 0)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::candles;
    use crate::markets::Pair;
    use crate::refusal::Refusal;

    #[test]
    fn newest_first_joined_and_paged() {
        let pair = Pair::find("BTC-USDT").unwrap();
        let now_ms = 1_800_000_030_000;
        let all = candles(pair, &json!({"limit": "5"}), now_ms).unwrap();
        assert_eq!(all.len(), 5);
        assert_eq!((&all[0][0], &all[0][8]), (&json!("1800000000000"), &json!("0")));
        assert_eq!((&all[1][0], &all[1][8]), (&json!("1799999940000"), &json!("1")));
        assert!(all.windows(2).all(|two| two[1][4] == two[0][1]), "each opens where the last one closed");
        let older = candles(pair, &json!({"limit": 2, "after": "1799999940000"}), now_ms).unwrap();
        assert_eq!(older[0], all[2]);
        let newer = candles(pair, &json!({"before": "1799999940000"}), now_ms).unwrap();
        assert_eq!(newer, all[..1]);
        assert_eq!(candles(pair, &json!({"bar": "7m"}), now_ms), Err(Refusal::Wrong("bar")));
        assert!(candles(pair, &json!({"after": "0"}), now_ms).unwrap().is_empty());
    }
}
