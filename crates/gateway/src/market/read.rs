//! Reads what the exchange answers about instruments and prices. What an entry leaves out, or writes in another way, leaves the
//! entry out: a limit that needs it refuses.

use keyward_rules::fence::{Contract, Decimal, Instrument, Kind};
use serde::Deserialize;

use super::{Instruments, PriceList};

/// OKX's envelope.
#[derive(Deserialize)]
struct Envelope<T> {
    code: String,
    data: Vec<T>,
}

/// The data of an answer of the exchange, if it is one that holds.
fn data<T: for<'d> Deserialize<'d>>(body: &[u8]) -> Option<Vec<T>> {
    let envelope: Envelope<T> = serde_json::from_slice(body).ok()?;
    (envelope.code == "0").then_some(envelope.data)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Listed {
    inst_type: String,
    inst_id: String,
    inst_id_code: serde_json::Value,
    quote_ccy: String,
    settle_ccy: String,
    uly: String,
    ct_val: String,
    ct_mult: String,
    ct_type: String,
    ct_val_ccy: String,
}

impl Listed {
    fn instrument(&self) -> Option<Instrument> {
        let units = || {
            let multiplier =
                if self.ct_mult.is_empty() { Some(Decimal::ONE) } else { Decimal::parse(&self.ct_mult) };
            Decimal::parse(&self.ct_val)?.times(multiplier?).filter(|units| !units.is_zero())
        };
        let contract = || match self.ct_type.as_str() {
            "linear" => Some(Contract::Linear(units()?)),
            // An inverse contract is so many US dollars; one of anything else has a value that nobody here knows.
            "inverse" if self.ct_val_ccy == "USD" => Some(Contract::Inverse(units()?)),
            _ => None,
        };
        let kind = match self.inst_type.as_str() {
            "SPOT" | "MARGIN" => Kind::Pair,
            "SWAP" => Kind::Swap(contract()?),
            "FUTURES" => Kind::Futures(contract()?),
            "OPTION" => Kind::Option { underlying: self.uly.as_str().into(), units: units()? },
            _ => return None,
        };
        // A linear contract's price is in what it settles in.
        let quote = if matches!(kind, Kind::Pair) { &self.quote_ccy } else { &self.settle_ccy };
        let named = !self.inst_id.is_empty() && !quote.is_empty();
        named.then(|| Instrument { id: self.inst_id.as_str().into(), kind, quote: quote.as_str().into() })
    }

    /// A number, or a string of one.
    fn code(&self) -> Option<Box<str>> {
        let number = self.inst_id_code.as_u64().map(|code| code.to_string());
        let code = number.or_else(|| self.inst_id_code.as_str().map(str::to_owned));
        code.filter(|code| !code.is_empty()).map(Into::into)
    }
}

impl Instruments {
    /// Adds what an answer lists; whether it was one.
    pub(super) fn add(&mut self, body: &[u8]) -> bool {
        let Some(listed) = data::<Listed>(body) else { return false };
        for one in listed {
            let Some(instrument) = one.instrument() else { continue };
            if self.by_id.contains_key(&instrument.id) {
                continue;
            }
            let at = self.all.len();
            self.by_id.insert(instrument.id.clone(), at);
            if let Some(code) = one.code() {
                self.by_code.insert(code, at);
            }
            self.all.push(instrument);
        }
        true
    }
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Priced {
    inst_id: String,
    mark_px: String,
    idx_px: String,
    bid_px: String,
    ask_px: String,
}

/// Adds the prices of an answer; whether it was one. `price` picks the one that counts.
fn add(to: &mut PriceList, body: &[u8], asked_ms: u64, price: impl Fn(&Priced) -> Option<Decimal>) -> bool {
    let Some(all) = data::<Priced>(body) else { return false };
    for one in all {
        if let Some(price) = price(&one) {
            to.insert(one.inst_id.as_str().into(), (price, asked_ms));
        }
    }
    true
}

/// Adds mark prices.
pub(super) fn marks(to: &mut PriceList, body: &[u8], asked_ms: u64) -> bool {
    add(to, body, asked_ms, |one| Decimal::parse(&one.mark_px))
}

/// Adds index prices.
pub(super) fn indexes(to: &mut PriceList, body: &[u8], asked_ms: u64) -> bool {
    add(to, body, asked_ms, |one| Decimal::parse(&one.idx_px))
}

/// Adds the middle of bid and offer, for pairs that have no mark price.
pub(super) fn middles(to: &mut PriceList, body: &[u8], asked_ms: u64) -> bool {
    const HALF: Decimal = Decimal::of(50);
    add(to, body, asked_ms, |one| {
        let (bid, ask) = (Decimal::parse(&one.bid_px)?, Decimal::parse(&one.ask_px)?);
        (!bid.is_zero() && bid <= ask).then_some(())?;
        bid.plus(ask)?.per_cent(HALF)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use keyward_rules::fence::{Contract, Decimal, Kind};

    use super::{Instruments, marks, middles};

    fn of(text: &str) -> Decimal {
        Decimal::parse(text).unwrap()
    }

    #[test]
    fn instruments_are_read_and_what_is_unclear_is_left_out() {
        let body = br#"{"code":"0","msg":"","data":[
            {"instType":"SPOT","instId":"BTC-USDT","instIdCode":1,"baseCcy":"BTC","quoteCcy":"USDT","extra":[1]},
            {"instType":"SWAP","instId":"BTC-USDT-SWAP","instIdCode":"101","ctVal":"0.01","ctMult":"1","ctType":"linear","ctValCcy":"BTC","settleCcy":"USDT"},
            {"instType":"SWAP","instId":"BTC-USD-SWAP","ctVal":"100","ctMult":"1","ctType":"inverse","ctValCcy":"USD","settleCcy":"BTC"},
            {"instType":"SWAP","instId":"ODD-SWAP","ctVal":"1e2","ctMult":"1","ctType":"linear","settleCcy":"USDT"},
            {"instType":"EVENTS","instId":"E-1"}]}"#;
        let mut all = Instruments::default();
        assert!(all.add(body));
        let kinds: Vec<_> = all.all.iter().map(|one| (&*one.id, one.kind.clone())).collect();
        assert_eq!(
            kinds,
            [
                ("BTC-USDT", Kind::Pair),
                ("BTC-USDT-SWAP", Kind::Swap(Contract::Linear(of("0.01")))),
                ("BTC-USD-SWAP", Kind::Swap(Contract::Inverse(of("100")))),
            ]
        );
        assert_eq!(
            (all.by_code.get("1"), all.by_code.get("101"), all.by_code.len()),
            (Some(&0), Some(&1), 2)
        );
        for no_answer in ["", "<html>", r#"{"code":"50011","data":[]}"#, r#"{"code":"0"}"#] {
            assert!(!all.add(no_answer.as_bytes()), "{no_answer}");
        }
    }

    #[test]
    fn prices_are_marks_or_the_middle() {
        let mut prices = HashMap::new();
        assert!(marks(
            &mut prices,
            br#"{"code":"0","data":[{"instId":"A-B","markPx":"2.5"},{"instId":"C-D","markPx":""}]}"#,
            7
        ));
        assert_eq!(prices.get("A-B"), Some(&(of("2.5"), 7)));
        assert!(middles(
            &mut prices,
            br#"{"code":"0","data":[{"instId":"C-D","bidPx":"1","askPx":"2"},{"instId":"E-F","bidPx":"3","askPx":"2"},{"instId":"G-H","bidPx":"","askPx":"2"}]}"#,
            8
        ));
        assert_eq!((prices.get("C-D"), prices.len()), (Some(&(of("1.5"), 8)), 2));
    }
}
