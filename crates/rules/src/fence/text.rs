//! The text of limits: a JSON object, for the store, the management API, the command line and pages alike.
//!
//! Invariants: one set of limits has one text; a member that nobody knows is refused, because it would limit nothing.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::decimal::Decimal;
use super::pattern::Pattern;
use super::repeated::Repeated;
use super::set::{Destination, Fences, TradeFences, TransferFence, WithdrawalFence};
use super::words::{InstrumentType, OrderType, TradeMode};
use crate::json::{Object, Value};
use crate::limits::{FENCE_ENTRIES, FENCES_TEXT_BYTES};
use crate::time::Moment;

/// Why a text is no set of limits.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotFences {
    /// It is no JSON object, or names a member twice.
    #[error("limits are one JSON object of at most {} KiB, no member twice", FENCES_TEXT_BYTES / 1024)]
    Form,
    /// No such limit.
    #[error("there is no limit `{0}`; docs/operating/limits.md lists them")]
    Unknown(String),
    /// Its value is wrong.
    #[error("`{0}` must be {1}")]
    Value(&'static str, &'static str),
}

const AMOUNT: &str = "an amount above 0 as plain digits in a string, such as \"500\" or \"0.25\"";
const PER_DAY: &str = "amounts by currency, such as {\"USDT\": \"1000\"}";

/// Reads limits. `null`, and members that are `null`, stand for no limit.
///
/// # Errors
/// [`NotFences`].
pub fn read(text: &str) -> Result<Fences, NotFences> {
    let Some(mut members) = Members::read(text, FENCES_TEXT_BYTES)? else { return Ok(Fences::default()) };
    let monitor = members.object(MONITOR)?;
    let fences = read_plain(members)?;
    let monitor = monitor.map(read_plain).transpose()?.filter(|monitor| !monitor.is_empty());
    Ok(Fences { monitor: monitor.map(Box::new), ..fences })
}

/// Reads what [`Fences::to_text`] wrote: limits, and beside them those of the account.
///
/// # Errors
/// [`NotFences`].
pub fn read_stored(text: &str) -> Result<Fences, NotFences> {
    let Some(mut members) = Members::read(text, STORED_BYTES)? else { return Ok(Fences::default()) };
    let (monitor, account) = (members.object(MONITOR)?, members.object(ACCOUNT)?);
    let nested = |mut members: Members<'_>| {
        let monitor = members.object(MONITOR)?.map(read_plain).transpose()?.map(Box::new);
        Ok(Arc::new(Fences { monitor, ..read_plain(members)? }))
    };
    let account = account.map(nested).transpose()?;
    let fences = read_plain(members)?;
    Ok(Fences { monitor: monitor.map(read_plain).transpose()?.map(Box::new), account, ..fences })
}

/// Bytes of a stored text: a key's limits and its account's, each with the times from which destinations can be used.
const STORED_BYTES: usize = 4 * FENCES_TEXT_BYTES;
/// The member with limits that only watch.
const MONITOR: &str = "monitor";
/// The member with the limits of the account, in the store only.
const ACCOUNT: &str = "account";

/// Reads limits that hold no others.
fn read_plain(mut members: Members<'_>) -> Result<Fences, NotFences> {
    let trade = TradeFences {
        instrument_types: members.words(
            "instrument_types",
            InstrumentType::from_word,
            "a list out of SPOT, MARGIN, SWAP, FUTURES, OPTION",
        )?,
        instruments: members.words(
            "instruments",
            Pattern::parse,
            "a list of instruments or patterns of whole parts, such as [\"BTC-USDT\", \"*-USDT-SWAP\"]",
        )?,
        order_types: members.words(
            "order_types",
            OrderType::from_word,
            "a list of order types as in `ordType`, such as [\"limit\", \"post_only\"]",
        )?,
        trade_modes: members.words(
            "trade_modes",
            TradeMode::from_word,
            "a list out of cash, cross, isolated, spot_isolated",
        )?,
        max_order_quantity: members.amounts(
            "max_order_quantity",
            Pattern::parse,
            "amounts by instrument or pattern, such as {\"BTC-USDT\": \"0.5\"}",
        )?,
        max_order_value: members.amount("max_order_value")?,
        price_collar: members.amount("price_collar")?,
        daily_value: members.amount("daily_value")?,
        daily_orders: members.count("daily_orders", 1_000_000)?,
        message_throttle: members
            .count("message_throttle", 1_000)?
            .and_then(|count| u16::try_from(count).ok()),
        repeated_execution: members.object("repeated_execution")?.map(read_repeated).transpose()?,
        reduce_only: members.flag("reduce_only")?,
        max_leverage: members.amount("max_leverage")?,
        whole_position: members.flag("whole_position")?,
    };
    let transfer = members.object("transfer")?.map(read_transfer).transpose()?;
    let withdrawal = members.object("withdrawal")?.map(read_withdrawal).transpose()?;
    members.end()?;
    Ok(Fences { trade, transfer, withdrawal, monitor: None, account: None })
}

fn read_repeated(mut members: Members<'_>) -> Result<Repeated, NotFences> {
    const FORM: NotFences = NotFences::Value(
        "repeated_execution",
        "{\"times\": 2 to 100, \"seconds\": 1 to 3600}, such as {\"times\": 10, \"seconds\": 60}",
    );
    let mut number = |name: &str, from: u16, to: u16| {
        let text = members.0.take(name).and_then(Value::text_or_number)?;
        text.parse::<u16>().ok().filter(|number| (from..=to).contains(number))
    };
    let times = number("times", 2, 100).and_then(|times| u8::try_from(times).ok());
    let repeated = times.zip(number("seconds", 1, 3_600));
    let repeated = repeated.map(|(times, seconds)| Repeated { times, seconds }).ok_or(FORM)?;
    members.end()?;
    Ok(repeated)
}

fn read_transfer(mut members: Members<'_>) -> Result<TransferFence, NotFences> {
    let place = |text: &str| is_place(text).then(|| Box::from(text));
    let destinations =
        members.words("destinations", place, "a list out of funding, trading, master and sub:NAME")?;
    let daily = members.amounts("daily", currency, PER_DAY)?;
    members.end()?;
    Ok(TransferFence { destinations, daily })
}

fn read_withdrawal(mut members: Members<'_>) -> Result<WithdrawalFence, NotFences> {
    const FORM: NotFences = NotFences::Value(
        "destinations",
        "a list of at least one {\"ccy\", \"chain\", \"address\"}; a tag stands behind the address and `:`",
    );
    let entries = members.0.take("destinations").and_then(Value::array).ok_or(FORM)?;
    if entries.is_empty() || entries.len() > FENCE_ENTRIES {
        return Err(FORM);
    }
    let destinations = entries.into_iter().map(|entry| destination(entry).ok_or(FORM));
    let mut destinations: Vec<Destination> = destinations.collect::<Result<_, _>>()?;
    destinations.sort();
    destinations.dedup_by(|one, other| {
        (&one.currency, &one.chain, &one.address) == (&other.currency, &other.chain, &other.address)
    });
    let daily = members.amounts("daily", currency, PER_DAY)?;
    members.end()?;
    Ok(WithdrawalFence { destinations, daily })
}

fn destination(entry: Value<'_>) -> Option<Destination> {
    let mut entry = entry.object()?;
    let mut take = |name: &str| entry.take(name)?.text();
    let (ccy, chain, address) = (take("ccy")?, take("chain")?, take("address")?);
    let usable_from = match take("usable_from_ms") {
        None => Moment::from_unix_ms(0),
        Some(text) => Moment::from_unix_ms(text.parse().ok().filter(|ms: &u64| ms.to_string() == *text)?),
    };
    let good = entry.is_empty() && is_visible(&chain) && is_visible(&address);
    good.then_some(Destination {
        currency: currency(&ccy)?,
        chain: (*chain).into(),
        address: (*address).into(),
        usable_from,
    })
}

/// What stands in an address or a chain: visible ASCII, at most 256 bytes.
fn is_visible(text: &str) -> bool {
    (1..=256).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn currency(text: &str) -> Option<Box<str>> {
    let good = (1..=20).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    good.then(|| text.into())
}

fn is_place(text: &str) -> bool {
    let sub_account =
        |name: &str| (1..=40).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    matches!(text, "funding" | "trading" | "master") || text.strip_prefix("sub:").is_some_and(sub_account)
}

/// The members that are not read yet.
struct Members<'t>(Object<'t>);

impl<'t> Members<'t> {
    /// Those of a text; `None` for `null`.
    fn read(text: &'t str, most: usize) -> Result<Option<Self>, NotFences> {
        if text.len() > most {
            return Err(NotFences::Form);
        }
        match Value::read(text) {
            Some(Value::Object(members)) => Ok(Some(Self(members))),
            Some(Value::Null) => Ok(None),
            Some(Value::Text(_) | Value::Number(_) | Value::Flag(_) | Value::Array(_)) | None => {
                Err(NotFences::Form)
            }
        }
    }

    fn take(&mut self, name: &str) -> Option<Value<'t>> {
        self.0.take(name).filter(|value| !matches!(value, Value::Null))
    }

    fn end(self) -> Result<(), NotFences> {
        match self.0.into_members().into_iter().next() {
            None => Ok(()),
            Some((name, _)) => Err(NotFences::Unknown(name.chars().take(40).collect())),
        }
    }

    fn object(&mut self, name: &'static str) -> Result<Option<Members<'t>>, NotFences> {
        let object = |value: Value<'t>| value.object().ok_or(NotFences::Value(name, "an object"));
        Ok(self.take(name).map(object).transpose()?.map(Members))
    }

    /// A list of texts, sorted, none twice.
    fn words<T: Ord>(
        &mut self,
        name: &'static str,
        read: impl Fn(&str) -> Option<T>,
        form: &'static str,
    ) -> Result<Option<Vec<T>>, NotFences> {
        let Some(value) = self.take(name) else { return Ok(None) };
        let wrong = NotFences::Value(name, form);
        let entries = value.array().filter(|entries| entries.len() <= FENCE_ENTRIES).ok_or(wrong.clone())?;
        let read = |entry: Value<'t>| entry.text().and_then(|text| read(&text)).ok_or(wrong.clone());
        let mut entries: Vec<T> = entries.into_iter().map(read).collect::<Result<_, _>>()?;
        entries.sort();
        entries.dedup();
        Ok(Some(entries))
    }

    /// Amounts by name.
    fn amounts<K: Ord>(
        &mut self,
        name: &'static str,
        read: impl Fn(&str) -> Option<K>,
        form: &'static str,
    ) -> Result<BTreeMap<K, Decimal>, NotFences> {
        let Some(value) = self.take(name) else { return Ok(BTreeMap::new()) };
        let wrong = NotFences::Value(name, form);
        let members = value.object().ok_or(wrong.clone())?.into_members();
        if members.len() > FENCE_ENTRIES {
            return Err(wrong);
        }
        let one = |(key, amount): (Cow<'t, str>, Value<'t>)| {
            let amount = amount.text_or_number().and_then(|text| Decimal::parse(&text));
            read(&key).zip(amount).ok_or(wrong.clone())
        };
        members.into_iter().map(one).collect()
    }

    fn amount(&mut self, name: &'static str) -> Result<Option<Decimal>, NotFences> {
        let Some(value) = self.take(name) else { return Ok(None) };
        let amount = value.text_or_number().and_then(|text| Decimal::parse(&text));
        amount.filter(|amount| !amount.is_zero()).map(Some).ok_or(NotFences::Value(name, AMOUNT))
    }

    fn count(&mut self, name: &'static str, most: u32) -> Result<Option<u32>, NotFences> {
        let Some(value) = self.take(name) else { return Ok(None) };
        let count = value.text_or_number().and_then(|text| text.parse::<u32>().ok());
        let count = count.filter(|count| (1..=most).contains(count));
        count
            .map(Some)
            .ok_or(NotFences::Value(name, "a whole number from 1, at most 1,000 a second or 1,000,000 a day"))
    }

    fn flag(&mut self, name: &'static str) -> Result<bool, NotFences> {
        match self.take(name) {
            None => Ok(false),
            Some(Value::Flag(flag)) => Ok(flag),
            Some(_) => Err(NotFences::Value(name, "true or false")),
        }
    }
}

impl Fences {
    /// The text that [`read_stored`] reads as the same: members in the order of [`Fences`], nothing that is absent, no blanks.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut all = self.to_json();
        if let (Some(account), Some(members)) = (&self.account, all.as_object_mut()) {
            members.insert(ACCOUNT.to_owned(), account.to_json());
        }
        all.to_string()
    }

    /// The same as JSON, without the limits of the account.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let mut all = serde_json::Map::new();
        let trade = &self.trade;
        let mut put = |name: &str, value: Option<serde_json::Value>| {
            if let Some(value) = value {
                all.insert(name.to_owned(), value);
            }
        };
        put("instrument_types", list(trade.instrument_types.as_deref(), |one| one.word()));
        put("instruments", list(trade.instruments.as_deref(), Pattern::as_str));
        put("order_types", list(trade.order_types.as_deref(), |one| one.word()));
        put("trade_modes", list(trade.trade_modes.as_deref(), |one| one.word()));
        put("max_order_quantity", amounts(&trade.max_order_quantity));
        put("max_order_value", trade.max_order_value.map(amount));
        put("price_collar", trade.price_collar.map(amount));
        put("daily_value", trade.daily_value.map(amount));
        put("daily_orders", trade.daily_orders.map(Into::into));
        put("message_throttle", trade.message_throttle.map(Into::into));
        put("repeated_execution", trade.repeated_execution.map(repeated));
        put("reduce_only", trade.reduce_only.then_some(true.into()));
        put("max_leverage", trade.max_leverage.map(amount));
        put("whole_position", trade.whole_position.then_some(true.into()));
        put("transfer", self.transfer.as_ref().map(TransferFence::to_json));
        put("withdrawal", self.withdrawal.as_ref().map(WithdrawalFence::to_json));
        put(MONITOR, self.monitor.as_ref().map(|monitor| monitor.to_json()));
        all.into()
    }
}

impl TransferFence {
    fn to_json(&self) -> serde_json::Value {
        let destinations = list(self.destinations.as_deref(), |one| one);
        object([("destinations", destinations), ("daily", amounts(&self.daily))])
    }
}

impl WithdrawalFence {
    fn to_json(&self) -> serde_json::Value {
        let one = |to: &Destination| {
            let from = to.usable_from.unix_ms();
            object([
                ("ccy", Some((*to.currency).into())),
                ("chain", Some((*to.chain).into())),
                ("address", Some((*to.address).into())),
                ("usable_from_ms", (from > 0).then(|| from.to_string().into())),
            ])
        };
        let destinations = self.destinations.iter().map(one).collect();
        object([("destinations", Some(destinations)), ("daily", amounts(&self.daily))])
    }
}

fn repeated(repeated: Repeated) -> serde_json::Value {
    object([("times", Some(repeated.times.into())), ("seconds", Some(repeated.seconds.into()))])
}

fn amount(amount: Decimal) -> serde_json::Value {
    amount.to_string().into()
}

fn list<T>(entries: Option<&[T]>, text: impl Fn(&T) -> &str) -> Option<serde_json::Value> {
    entries.map(|entries| entries.iter().map(text).collect())
}

fn amounts<K: ToString>(amounts: &BTreeMap<K, Decimal>) -> Option<serde_json::Value> {
    let one = |(key, most): (&K, &Decimal)| (key.to_string(), amount(*most));
    (!amounts.is_empty()).then(|| amounts.iter().map(one).collect())
}

fn object<const N: usize>(members: [(&str, Option<serde_json::Value>); N]) -> serde_json::Value {
    members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

#[cfg(test)]
mod tests {
    use super::{NotFences, read};

    #[test]
    fn all_of_them_are_read_and_written() {
        let text = r#"{
            "instrument_types":["SWAP","SPOT","SPOT"], "instruments":["BTC-USDT","*-USDT-SWAP"],
            "order_types":["limit"], "trade_modes":["cash","cross"],
            "max_order_quantity":{"BTC-USDT":"0.50"}, "max_order_value":"500.00", "price_collar":5,
            "daily_value":"5000", "daily_orders":200, "message_throttle":"5", "reduce_only":true,
            "max_leverage":"3", "whole_position":false, "repeated_execution":{"times":"10","seconds":60},
            "monitor":{"max_order_value":"100","withdrawal":{"destinations":[{"ccy":"BTC","chain":"BTC-Bitcoin","address":"b"}]}},
            "transfer":{"destinations":["trading","funding","sub:mini"],"daily":{"USDT":"10"}},
            "withdrawal":{"destinations":[
                {"ccy":"USDT","chain":"USDT-TRC20","address":"Tabc"},
                {"ccy":"XRP","chain":"XRP-Ripple","address":"rabc:12345","usable_from_ms":"1700000000000"},
                {"ccy":"USDT","chain":"USDT-TRC20","address":"Tabc"}],"daily":{"USDT":"1000"}}
        }"#;
        let fences = read(text).unwrap();
        let written = fences.to_text();
        assert_eq!(read(&written).unwrap(), fences);
        assert_eq!(read(&written).unwrap().to_text(), written);
        assert_eq!(fences.withdrawal.as_ref().unwrap().destinations.len(), 2);
        assert!(
            written.contains(r#""max_order_value":"500""#)
                && written.contains(r#""instrument_types":["SPOT","SWAP"]"#)
        );
        for nothing in ["{}", "null", r#"{"max_order_value":null}"#] {
            assert!(read(nothing).unwrap().is_empty(), "{nothing}");
        }
        assert_eq!(read("{}").unwrap().to_text(), "{}");
    }

    #[test]
    fn what_would_limit_nothing_is_refused() {
        for text in [
            "",
            "[]",
            "5",
            "{",
            r#"{"max_order_value":"1","max_order_value":"2"}"#,
            r#"{"max_order_vale":"1"}"#,
            r#"{"max_order_value":"0"}"#,
            r#"{"max_order_value":"-1"}"#,
            r#"{"max_order_value":"1e3"}"#,
            r#"{"max_order_value":1e3}"#,
            r#"{"max_order_value":true}"#,
            r#"{"max_order_value":""}"#,
            r#"{"instruments":"BTC-USDT"}"#,
            r#"{"instruments":["btc-usdt"]}"#,
            r#"{"instruments":[null]}"#,
            r#"{"instrument_types":["spot"]}"#,
            r#"{"order_types":["Limit"]}"#,
            r#"{"daily_orders":0}"#,
            r#"{"daily_orders":1.5}"#,
            r#"{"message_throttle":70000}"#,
            r#"{"reduce_only":"true"}"#,
            r#"{"reduce_only":1}"#,
            r#"{"transfer":{"to":["funding"]}}"#,
            r#"{"transfer":{"destinations":["Funding"]}}"#,
            r#"{"transfer":[]}"#,
            r#"{"withdrawal":{}}"#,
            r#"{"withdrawal":{"destinations":[]}}"#,
            r#"{"withdrawal":{"destinations":[{"ccy":"USDT","chain":"","address":"T"}]}}"#,
            r#"{"withdrawal":{"destinations":[{"ccy":"USDT","chain":"c","address":"T T"}]}}"#,
            r#"{"withdrawal":{"destinations":[{"ccy":"USDT","chain":"c","address":"T","tag":"1"}]}}"#,
            r#"{"withdrawal":{"destinations":[{"ccy":"USDT","chain":"c","address":"T","usable_from_ms":"01"}]}}"#,
            r#"{"withdrawal":{"destinations":[{"ccy":"USDT","chain":"c","address":"T"}],"daily":{"USDT":-1}}}"#,
        ] {
            assert!(read(text).is_err(), "{text}");
        }
        assert_eq!(read(r#"{"max_ordr":1}"#), Err(NotFences::Unknown("max_ordr".to_owned())));
        let many: Vec<String> = (0..101).map(|at| format!("\"A{at}-B\"")).collect();
        assert!(read(&format!("{{\"instruments\":[{}]}}", many.join(","))).is_err());
    }
}
