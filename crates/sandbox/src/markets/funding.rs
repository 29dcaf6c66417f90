//! Funding rates of the perpetual swaps: always the same, due every eight hours.

use serde_json::{Value, json};

use crate::markets::is_derivative;

const EIGHT_HOURS_MS: u64 = 8 * 3_600_000;

/// OKX's funding rate of a swap; `None` for what is no swap.
pub(crate) fn funding_rate(id: &str, now_ms: u64) -> Option<Value> {
    if !matches!(is_derivative(id), Some(("SWAP", _))) {
        return None;
    }
    let next = (now_ms / EIGHT_HOURS_MS + 1) * EIGHT_HOURS_MS;
    Some(json!({
        "instType": "SWAP", "instId": id, "method": "current_period", "formulaType": "withRate", "fundingRate": "0.0001",
        "nextFundingRate": "", "fundingTime": next.to_string(), "nextFundingTime": (next + EIGHT_HOURS_MS).to_string(),
        "minFundingRate": "-0.00375", "maxFundingRate": "0.00375", "interestRate": "0.0001", "impactValue": "20000",
        "premium": "0", "settState": "settled", "settFundingRate": "0.0001", "prevFundingTime": (next - EIGHT_HOURS_MS).to_string(),
        "ts": now_ms.to_string()
    }))
}

#[cfg(test)]
mod tests {
    use super::{EIGHT_HOURS_MS, funding_rate};

    #[test]
    fn due_next_for_swaps_only() {
        let at = |now_ms| funding_rate("BTC-USDT-SWAP", now_ms).unwrap()["fundingTime"].clone();
        assert_eq!(at(0), EIGHT_HOURS_MS.to_string());
        assert_eq!(at(EIGHT_HOURS_MS - 1), EIGHT_HOURS_MS.to_string());
        assert_eq!(at(EIGHT_HOURS_MS), (2 * EIGHT_HOURS_MS).to_string());
        for id in ["BTC-USDT", "BTC-USDT-301227", "NO-SUCH"] {
            assert!(funding_rate(id, 0).is_none(), "{id}");
        }
    }
}
