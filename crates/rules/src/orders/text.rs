//! The text that a record keeps of its orders: JSON with short names, without what is absent.

use std::borrow::Cow;

use super::kept::is_kept;
use super::line::{Answered, OrderAction, OrderLine, Orders, Side};
use crate::json::{Object, Value};
use crate::limits::{ORDER_LINES, ORDERS_TEXT_BYTES};

/// The names of a line's texts, in the order of [`texts`].
const NAMES: [&str; 10] = ["inst", "code", "type", "px", "sz", "ccy", "amt", "to", "cl", "id"];
/// Bytes of a line beside its texts at most: names, signs and words.
const LINE_BYTES: usize = 160;
/// Bytes in JSON of a byte of text at most (`\u0000`).
const ESCAPED_BYTES: usize = 6;
/// To how many bytes texts are limited one after the other, until all orders fit.
const SHORTER_BYTES: [usize; 6] = [64, 32, 16, 8, 4, 0];

impl Orders {
    /// The text for a record, of at most 8 KiB.
    #[must_use]
    pub fn to_text(&self) -> String {
        let text = written(&self.lines);
        let fits = self.lines.len() <= ORDER_LINES && text.len() <= ORDERS_TEXT_BYTES;
        if fits { text } else { written(&self.clone().fitted().lines) }
    }

    /// Reads the text of a record; `None` where it is none that [`Self::to_text`] gave.
    #[must_use]
    pub fn of_text(text: &str) -> Option<Self> {
        if text.len() > ORDERS_TEXT_BYTES {
            return None;
        }
        let elements = Value::read(text)?.array()?;
        if !(1..=ORDER_LINES).contains(&elements.len()) {
            return None;
        }
        let lines = elements.into_iter().map(|element| read_line(element.object()?));
        Some(Self { lines: lines.collect::<Option<_>>()? })
    }

    /// The same orders, with as much of them as a record keeps: the exchange's sentences go first, then the longest texts.
    pub(super) fn fitted(mut self) -> Self {
        self.lines.truncate(ORDER_LINES);
        if self.fits() {
            return self;
        }
        for answered in self.lines.iter_mut().filter_map(|line| line.result.as_mut()) {
            answered.text.clear();
        }
        for most in SHORTER_BYTES {
            if self.fits() {
                break;
            }
            for line in &mut self.lines {
                shorten(line, most);
            }
        }
        self
    }

    fn fits(&self) -> bool {
        // The first is quick, and says yes to nearly all.
        self.most_bytes() <= ORDERS_TEXT_BYTES || written(&self.lines).len() <= ORDERS_TEXT_BYTES
    }

    /// Bytes that the text may have, whatever its texts are.
    fn most_bytes(&self) -> usize {
        let of_line = |line: &OrderLine| {
            let answered = line.result.as_ref().map_or(0, |it| it.code.len() + it.text.len());
            let asked: usize = texts(line).into_iter().flatten().map(str::len).sum();
            LINE_BYTES + ESCAPED_BYTES * (asked + answered)
        };
        self.lines.iter().map(of_line).sum()
    }
}

fn texts(line: &OrderLine) -> [Option<&str>; 10] {
    [
        line.instrument.as_deref(),
        line.instrument_code.as_deref(),
        line.kind.as_deref(),
        line.price.as_deref(),
        line.size.as_deref(),
        line.currency.as_deref(),
        line.amount.as_deref(),
        line.destination.as_deref(),
        line.client_id.as_deref(),
        line.exchange_id.as_deref(),
    ]
}

/// The places of the same texts.
fn places(line: &mut OrderLine) -> [&mut Option<String>; 10] {
    [
        &mut line.instrument,
        &mut line.instrument_code,
        &mut line.kind,
        &mut line.price,
        &mut line.size,
        &mut line.currency,
        &mut line.amount,
        &mut line.destination,
        &mut line.client_id,
        &mut line.exchange_id,
    ]
}

/// Leaves out what is longer; an answer whose code is longer is none.
fn shorten(line: &mut OrderLine, most_bytes: usize) {
    for place in places(line) {
        place.take_if(|text| text.len() > most_bytes);
    }
    line.result.take_if(|answered| answered.code.len() > most_bytes);
}

fn written(lines: &[OrderLine]) -> String {
    let mut text = String::with_capacity(lines.len() * 2 * LINE_BYTES);
    text.push('[');
    for (at, line) in lines.iter().enumerate() {
        if at > 0 {
            text.push(',');
        }
        text.push_str("{\"do\":\"");
        text.push_str(line.action.word());
        text.push('"');
        if let Some(side) = line.side {
            push(&mut text, "side", side.word());
        }
        for (name, written) in NAMES.into_iter().zip(texts(line)) {
            if let Some(written) = written {
                push(&mut text, name, written);
            }
        }
        if let Some(answered) = &line.result {
            push(&mut text, "res", &answered.code);
            if !answered.text.is_empty() {
                push(&mut text, "msg", &answered.text);
            }
        }
        text.push('}');
    }
    text.push(']');
    text
}

/// Appends a member.
fn push(text: &mut String, name: &str, value: &str) {
    text.push_str(",\"");
    text.push_str(name);
    text.push_str("\":");
    // Nearly no text has anything to escape.
    if value.bytes().any(|byte| matches!(byte, b'"' | b'\\' | ..=0x1f)) {
        text.push_str(&serde_json::Value::from(value).to_string());
    } else {
        text.push('"');
        text.push_str(value);
        text.push('"');
    }
}

fn read_line(mut members: Object<'_>) -> Option<OrderLine> {
    let mut line = OrderLine::new(OrderAction::from_word(&members.take("do")?.text()?)?);
    if let Some(side) = members.take("side") {
        line.side = Some(Side::from_word(&side.text()?)?);
    }
    for (name, place) in NAMES.into_iter().zip(places(&mut line)) {
        if let Some(value) = members.take(name) {
            *place = Some(kept(value)?);
        }
    }
    line.result = match (members.take("res"), members.take("msg")) {
        (None, None) => None,
        (None, Some(_)) => return None,
        (Some(code), None) => Some(Answered { code: kept(code)?, text: String::new() }),
        (Some(code), Some(text)) => Some(Answered { code: kept(code)?, text: kept(text)? }),
    };
    members.is_empty().then_some(line)
}

fn kept(value: Value<'_>) -> Option<String> {
    value.text().filter(|text| is_kept(text)).map(Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::line::{Answered, OrderAction, OrderLine, Orders, Side};
    use super::written;
    use crate::limits::ORDERS_TEXT_BYTES;

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    fn full(text: &str) -> OrderLine {
        OrderLine {
            action: OrderAction::CancelWithdrawal,
            instrument: some(text),
            instrument_code: some(text),
            side: Some(Side::Sell),
            kind: some(text),
            price: some(text),
            size: some(text),
            currency: some(text),
            amount: some(text),
            destination: some(text),
            client_id: some(text),
            exchange_id: some(text),
            result: Some(Answered { code: text.to_owned(), text: text.to_owned() }),
        }
    }

    #[test]
    fn the_text_is_short_and_read_again() {
        let order = OrderLine {
            instrument: some("BTC-USDT"),
            side: Some(Side::Buy),
            kind: some("limit"),
            price: some("30000"),
            size: some("0.001"),
            client_id: some("b\"15\\"),
            exchange_id: some("1234"),
            result: Some(Answered { code: "0".to_owned(), text: String::new() }),
            ..OrderLine::new(OrderAction::Place)
        };
        let transfer = OrderLine {
            currency: some("USDT"),
            amount: some("25"),
            destination: some("funding→trading"),
            result: Some(Answered { code: "58207".to_owned(), text: "not listed".to_owned() }),
            ..OrderLine::new(OrderAction::Transfer)
        };
        let orders = Orders { lines: vec![order, transfer, OrderLine::new(OrderAction::CancelAll)] };
        let text = r#"[{"do":"place","side":"buy","inst":"BTC-USDT","type":"limit","px":"30000","sz":"0.001","cl":"b\"15\\","id":"1234","res":"0"},{"do":"transfer","ccy":"USDT","amt":"25","to":"funding→trading","res":"58207","msg":"not listed"},{"do":"cancel_all"}]"#;
        assert_eq!(orders.to_text(), text);
        assert_eq!(Orders::of_text(text), Some(orders));
        let every = Orders { lines: vec![full("x"); 20] };
        assert_eq!(Orders::of_text(&every.to_text()), Some(every));
    }

    #[test]
    fn what_to_text_does_not_give_is_not_read() {
        let good = r#"[{"do":"place","side":"buy","px":"1","res":"0","msg":"x"}]"#;
        assert!(Orders::of_text(good).is_some());
        for text in [
            String::new(),
            "[]".to_owned(),
            "{}".to_owned(),
            "null".to_owned(),
            "[{}]".to_owned(),
            "[1]".to_owned(),
            format!("{good}{good}"),
            good.replacen("place", "placed", 1),
            good.replacen("\"place\"", "1", 1),
            good.replacen("buy", "long", 1),
            good.replacen("\"1\"", "1", 1),
            good.replacen("\"1\"", "\"\"", 1),
            good.replacen("\"1\"", "\"\\n\"", 1),
            good.replacen("\"1\"", &format!("\"{}\"", "1".repeat(129)), 1),
            good.replacen("\"px\"", "\"price\"", 1),
            good.replacen("\"px\"", "\"do\"", 1),
            good.replacen("\"res\":\"0\",", "", 1),
            good.replacen("\"x\"", "\"\"", 1),
            format!("[{}]", vec![r#"{"do":"place"}"#; 21].join(",")),
            format!("{good}{}", " ".repeat(ORDERS_TEXT_BYTES)),
        ] {
            assert_eq!(Orders::of_text(&text), None, "{text}");
        }
    }

    #[test]
    fn the_longest_go_first() {
        let long = "x".repeat(128);
        let mut line = full("y");
        line.price = some("30000");
        line.destination = some(&long);
        line.result = Some(Answered { code: "51008".to_owned(), text: long.clone() });
        let orders = Orders { lines: vec![line.clone(); 18] };
        assert_eq!(orders.clone().fitted(), orders, "it fits as it is");

        line.instrument = some(&long);
        line.client_id = some(&long);
        let silent = OrderLine {
            result: Some(Answered { code: "51008".to_owned(), text: String::new() }),
            ..line.clone()
        };
        let fitted = Orders { lines: vec![line.clone(); 15] }.fitted();
        assert_eq!(fitted, Orders { lines: vec![silent.clone(); 15] }, "without the sentences it fits");

        let without = OrderLine { instrument: None, client_id: None, destination: None, ..silent };
        let fitted = Orders { lines: vec![line; 20] }.fitted();
        assert_eq!(fitted, Orders { lines: vec![without; 20] });
    }

    fn any_text() -> impl Strategy<Value = Option<String>> {
        prop_oneof![
            2 => Just(None),
            3 => "[A-Za-z0-9.-]{1,40}".prop_map(Some),
            1 => "\\PC{1,128}".prop_map(Some),
            1 => any::<String>().prop_map(Some),
            1 => "[\"\\\\\\x00-\\x1f]{0,400}".prop_map(Some),
        ]
    }

    fn any_line() -> impl Strategy<Value = OrderLine> {
        let action = prop::sample::select(OrderAction::ALL.to_vec());
        let side = prop::option::of(prop::sample::select(Side::ALL.to_vec()));
        let texts = prop::collection::vec(any_text(), 12);
        (action, side, texts).prop_map(|(action, side, texts)| {
            let mut texts = texts.into_iter();
            let mut text = || texts.next().flatten();
            OrderLine {
                action,
                side,
                instrument: text(),
                instrument_code: text(),
                kind: text(),
                price: text(),
                size: text(),
                currency: text(),
                amount: text(),
                destination: text(),
                client_id: text(),
                exchange_id: text(),
                result: text().map(|code| Answered { code, text: text().unwrap_or_default() }),
            }
        })
    }

    proptest! {
        #[test]
        fn any_orders_have_a_text_that_fits(lines in prop::collection::vec(any_line(), 1..24)) {
            let orders = Orders { lines };
            prop_assert!(written(&orders.lines).len() <= orders.most_bytes());
            let text = orders.to_text();
            prop_assert!(text.len() <= ORDERS_TEXT_BYTES);
            let plain: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(plain.len(), orders.lines.len().min(20));
            let fitted = orders.clone().fitted();
            prop_assert!(fitted.fits() && fitted.clone().fitted() == fitted);
        }
    }
}
