//! Instruments in OKX's full shape: spot is traded here, derivatives are listed only.

use serde_json::{Value, json};

use crate::markets::Pair;
use crate::parameters::wants;

/// The types that OKX lists.
pub(crate) const KINDS: [&str; 6] = ["SPOT", "MARGIN", "SWAP", "FUTURES", "OPTION", "EVENTS"];
/// 27 December 2030, 08:00 UTC: the delivery of everything that expires.
const EXPIRY_MS: &str = "1924588800000";

/// A listed derivative.
struct Derivative {
    kind: &'static str,
    id: &'static str,
    /// The underlying, and the instrument family, which are the same here.
    family: &'static str,
    settle: &'static str,
    /// One contract, in units of the underlying's first currency.
    contract: &'static str,
    /// Of an option: call or put, and the strike.
    option: Option<(&'static str, &'static str)>,
}

const fn linear(
    kind: &'static str,
    id: &'static str,
    family: &'static str,
    contract: &'static str,
) -> Derivative {
    Derivative { kind, id, family, settle: "USDT", contract, option: None }
}

const fn option(
    id: &'static str,
    family: &'static str,
    settle: &'static str,
    right: &'static str,
    strike: &'static str,
) -> Derivative {
    Derivative { kind: "OPTION", id, family, settle, contract: "1", option: Some((right, strike)) }
}

const DERIVATIVES: [Derivative; 7] = [
    linear("SWAP", "BTC-USDT-SWAP", "BTC-USDT", "0.01"),
    linear("SWAP", "ETH-USDT-SWAP", "ETH-USDT", "0.1"),
    linear("FUTURES", "BTC-USDT-301227", "BTC-USDT", "0.01"),
    option("BTC-USD-301227-60000-C", "BTC-USD", "BTC", "C", "60000"),
    option("BTC-USD-301227-60000-P", "BTC-USD", "BTC", "P", "60000"),
    option("ETH-USD-301227-3000-C", "ETH-USD", "ETH", "C", "3000"),
    option("ETH-USD-301227-3000-P", "ETH-USD", "ETH", "P", "3000"),
];

/// The code of the first derivative; pairs are numbered from one.
const DERIVATIVE_CODES: usize = 101;

/// Which instruments are asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) kind: &'a str,
    pub(crate) query: &'a Value,
}

/// The instruments of a type, of the underlying, family and id that the query names.
pub(crate) fn instruments(wanted: Wanted<'_>) -> Vec<Value> {
    let named = |id: &str, family: &str| {
        let query = wanted.query;
        wants(query, "instId", id) && wants(query, "uly", family) && wants(query, "instFamily", family)
    };
    let pairs = Pair::all().enumerate();
    let spot = pairs
        .filter(|(_, pair)| wanted.kind == "SPOT" && named(pair.id, ""))
        .map(|(at, pair)| spot(pair, at + 1));
    let derivatives = DERIVATIVES
        .iter()
        .enumerate()
        .filter(|(_, one)| one.kind == wanted.kind && named(one.id, one.family))
        .map(|(at, one)| derivative(one, at + DERIVATIVE_CODES));
    spot.chain(derivatives).collect()
}

/// The id of the instrument that a code (OKX's `instIdCode`) stands for.
pub(crate) fn by_code(code: &str) -> Option<&'static str> {
    let code: usize = code.parse().ok()?;
    let pairs = Pair::all().enumerate().map(|(at, pair)| (at + 1, pair.id));
    let derivatives = DERIVATIVES.iter().enumerate().map(|(at, one)| (at + DERIVATIVE_CODES, one.id));
    pairs.chain(derivatives).find(|(known, _)| *known == code).map(|(_, id)| id)
}

/// Whether an instrument has this id.
pub(crate) fn is_listed(id: &str) -> bool {
    Pair::find(id).is_some() || is_derivative(id).is_some()
}

/// The derivatives of a type, each with its pair.
pub(crate) fn derivatives(kind: &str) -> impl Iterator<Item = (&'static str, Pair)> {
    let of_kind = DERIVATIVES.iter().filter(move |one| one.kind == kind);
    of_kind.filter_map(|one| is_derivative(one.id).map(|(_, pair)| (one.id, pair)))
}

/// The derivative's type and its pair, if `id` is one.
pub(crate) fn is_derivative(id: &str) -> Option<(&'static str, Pair)> {
    let found = DERIVATIVES.iter().find(|one| one.id == id)?;
    let settled_in_dollars = found.family.replace("-USD", "-USDT");
    let pair = Pair::find(found.family).or_else(|| Pair::find(&settled_in_dollars))?;
    Some((found.kind, pair))
}

/// The type under which an instrument's mark price is listed, its id and its pair; pairs are listed under margin, as with
/// OKX.
pub(crate) fn marked(id: &str) -> Option<(&'static str, &'static str, Pair)> {
    let derivative = DERIVATIVES.iter().find(|one| one.id == id);
    match derivative {
        Some(one) => is_derivative(id).map(|(kind, pair)| (kind, one.id, pair)),
        None => Pair::find(id).map(|pair| ("MARGIN", pair.id, pair)),
    }
}

/// OKX's members in full, those that differ filled in from `own`.
fn shape(own: Value) -> Value {
    let mut whole = json!({
        "instType": "", "instId": "", "instIdCode": 0, "uly": "", "instFamily": "", "category": "1", "groupId": "1",
        "baseCcy": "", "quoteCcy": "", "settleCcy": "", "tradeQuoteCcyList": [], "ctVal": "", "ctMult": "",
        "ctValCcy": "", "ctType": "", "optType": "", "stk": "", "listTime": "1548133413000", "expTime": "",
        "auctionEndTime": "", "contTdSwTime": "", "preMktSwTime": "", "openType": "fix_price", "lever": "",
        "tickSz": "", "lotSz": "", "minSz": "", "maxLmtSz": "9999999999", "maxMktSz": "1000000",
        "maxLmtAmt": "20000000", "maxMktAmt": "1000000", "maxTwapSz": "9999999999", "maxIcebergSz": "9999999999",
        "maxTriggerSz": "9999999999", "maxStopSz": "1000000", "maxPlatOILmt": "", "posLmtAmt": "", "posLmtPct": "",
        "alias": "", "state": "live", "ruleType": "normal", "futureSettlement": false, "upcChg": []
    });
    if let (Some(whole), Value::Object(own)) = (whole.as_object_mut(), own) {
        whole.extend(own);
    }
    whole
}

fn spot(pair: Pair, code: usize) -> Value {
    shape(json!({
        "instType": "SPOT", "instId": pair.id, "instIdCode": code, "baseCcy": pair.base.id(), "quoteCcy": pair.quote.id(),
        "tradeQuoteCcyList": [pair.quote.id()], "tickSz": pair.tick.to_string(), "lotSz": pair.lot.to_string(),
        "minSz": pair.least.to_string(), "lever": ""
    }))
}

fn derivative(one: &Derivative, code: usize) -> Value {
    let underlying = one.family.split('-').next().unwrap_or_default();
    let expires = if one.kind == "SWAP" { "" } else { EXPIRY_MS };
    let (right, strike) = one.option.unwrap_or_default();
    let dated = one.kind == "FUTURES";
    shape(json!({
        "instType": one.kind, "instId": one.id, "instIdCode": code, "uly": one.family, "instFamily": one.family,
        "settleCcy": one.settle, "ctVal": one.contract, "ctMult": "1", "ctValCcy": underlying,
        "ctType": if one.option.is_some() { "" } else { "linear" }, "optType": right, "stk": strike, "expTime": expires,
        "lever": if one.option.is_some() { "" } else { "100" }, "alias": if dated { "this_five_years" } else { "" },
        "tickSz": if one.option.is_some() { "0.0001" } else { "0.1" }, "lotSz": if one.option.is_some() { "1" } else { "0.01" },
        "minSz": if one.option.is_some() { "1" } else { "0.01" }
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{KINDS, Wanted, by_code, instruments, is_derivative, is_listed, marked};

    #[test]
    fn every_instrument_has_every_member() {
        let none = json!({});
        let all: Vec<Value> =
            KINDS.into_iter().flat_map(|kind| instruments(Wanted { kind, query: &none })).collect();
        assert_eq!(all.len(), 13);
        let members = all[0].as_object().unwrap().len();
        assert!(all.iter().all(|one| one.as_object().unwrap().len() == members));
        assert!(all.iter().all(|one| one["tickSz"] != "" && one["lotSz"] != "" && one["minSz"] != ""));
    }

    #[test]
    fn a_code_stands_for_one_instrument() {
        let none = json!({});
        let all: Vec<Value> =
            KINDS.into_iter().flat_map(|kind| instruments(Wanted { kind, query: &none })).collect();
        for one in &all {
            let id = one["instId"].as_str().unwrap();
            assert_eq!(by_code(&one["instIdCode"].to_string()), Some(id));
            assert!(is_listed(id));
        }
        for code in ["0", "7", "100", "108", "-1", "BTC-USDT", "", "1.0"] {
            assert_eq!(by_code(code), None, "{code}");
        }
        assert_eq!(marked("BTC-USDT").map(|(kind, id, _)| (kind, id)), Some(("MARGIN", "BTC-USDT")));
        assert_eq!(
            marked("ETH-USDT-SWAP").map(|(kind, _, pair)| (kind, pair.id)),
            Some(("SWAP", "ETH-USDT"))
        );
        assert!(marked("NO-SUCH").is_none() && !is_listed("NO-SUCH"));
    }

    #[test]
    fn narrowed_by_underlying_family_and_id() {
        let found = |kind, query: Value| instruments(Wanted { kind, query: &query }).len();
        assert_eq!(found("OPTION", json!({"uly": "BTC-USD"})), 2);
        assert_eq!(found("OPTION", json!({"instFamily": "ETH-USD", "instId": "ETH-USD-301227-3000-P"})), 1);
        assert_eq!(found("SPOT", json!({"instId": "BTC-USDT"})), 1);
        assert_eq!(found("SPOT", json!({"instId": "BTC-USDT-SWAP"})), 0);
        assert_eq!(found("MARGIN", json!({})), 0);
    }

    #[test]
    fn derivatives_know_their_pair() {
        assert_eq!(is_derivative("BTC-USD-301227-60000-C").map(|(_, pair)| pair.id), Some("BTC-USDT"));
        assert_eq!(
            is_derivative("ETH-USDT-SWAP").map(|(kind, pair)| (kind, pair.id)),
            Some(("SWAP", "ETH-USDT"))
        );
        assert!(is_derivative("BTC-USDT").is_none());
    }
}
