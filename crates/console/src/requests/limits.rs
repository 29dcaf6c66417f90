//! The limits of a key: as JSON, and as the fields of `limits.html`.

use keyward_rules::fence::{self, Decimal, Fences, InstrumentType, NotFences};
use serde_json::{Map, Value};

use super::binding::entries;
use super::field_errors::Cause;
use crate::fields::Fields;

/// Reads the `limits` of a body; none where it is left out.
///
/// # Errors
/// The first thing that is wrong.
pub fn read_limits(limits: Option<&Value>) -> Result<Fences, Cause> {
    let Some(limits) = limits else { return Ok(Fences::default()) };
    let fences = fence::read(&limits.to_string()).map_err(|wrong| Cause::rule("bad_limits", wrong))?;
    // When a destination can be used is not the caller's to say.
    Ok(fences.usable_now())
}

/// The fields of `limits.html` as they stand. What they have no field for stands in one of them as JSON.
#[derive(Default)]
pub struct LimitsForm {
    /// Instruments and patterns.
    pub instruments: String,
    /// The types that are ticked.
    pub types: Vec<String>,
    /// In the order of [`NUMBERS`].
    pub numbers: [String; NUMBERS.len()],
    /// A withdrawal's destinations, one a line: currency, chain, address.
    pub to: String,
    /// Amounts a day: `1000 USDT, 0.5 BTC`.
    pub to_day: String,
    /// The rest.
    pub more: String,
}

/// A number of the form: its field, the member that it stands for, its label, an example.
pub struct Number {
    /// The field.
    pub field: &'static str,
    member: &'static str,
    /// The label.
    pub label: &'static str,
    /// What somebody may type.
    pub example: &'static str,
}

const fn number(
    field: &'static str,
    member: &'static str,
    label: &'static str,
    example: &'static str,
) -> Number {
    Number { field, member, label, example }
}

/// All of them, in the order of the form.
pub const NUMBERS: [Number; 5] = [
    number("limit_order", "max_order_value", "Most per order (USD)", "500"),
    number("limit_day", "daily_value", "Most per day (USD)", "5000"),
    number("limit_orders", "daily_orders", "Most orders per day", "200"),
    number("limit_second", "message_throttle", "Most orders per second", "5"),
    number("limit_collar", "price_collar", "Price within (% of the market)", "5"),
];

/// What is wrong with a form, and at which of its fields; at none where it is about the whole.
pub struct FormFault {
    /// The field.
    pub field: &'static str,
    /// Why.
    pub cause: Cause,
}

impl FormFault {
    fn at(field: &'static str, why: impl std::fmt::Display) -> Self {
        Self { field, cause: Cause::rule("bad_limits", why) }
    }
}

impl LimitsForm {
    /// The fields as they were sent.
    pub fn of(fields: &Fields) -> Self {
        let text = |name: &str| fields.get(name).trim().to_owned();
        Self {
            instruments: text("limit_instruments"),
            types: fields.all("limit_type").map(str::to_owned).collect(),
            numbers: NUMBERS.map(|number| text(number.field)),
            to: text("limit_to"),
            to_day: text("limit_to_day"),
            more: text("limit_more"),
        }
    }

    /// The fields for limits that a key has.
    pub fn showing(fences: &Fences) -> Self {
        let Value::Object(mut members) = fences.to_json() else { return Self::default() };
        let mut take = |name: &str| members.remove(name).unwrap_or_default();
        let text = |value: Value| match value {
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => String::new(),
        };
        let list = |value: Value| {
            let entries = if let Value::Array(entries) = value { entries } else { Vec::new() };
            entries.into_iter().map(text).collect()
        };
        let instruments: Vec<String> = list(take("instruments"));
        let mut form = Self {
            instruments: instruments.join(", "),
            types: list(take("instrument_types")),
            numbers: NUMBERS.map(|number| text(take(number.member))),
            ..Self::default()
        };
        take("withdrawal");
        if let Some(fence) = &fences.withdrawal {
            let lines =
                fence.destinations.iter().map(|to| format!("{} {} {}", to.currency, to.chain, to.address));
            form.to = lines.collect::<Vec<_>>().join("\n");
            let amounts = fence.daily.iter().map(|(currency, most)| format!("{most} {currency}"));
            form.to_day = amounts.collect::<Vec<_>>().join(", ");
        }
        if !members.is_empty() {
            form.more = Value::Object(members).to_string();
        }
        form
    }

    /// The same as fields of a form.
    pub fn into_fields(self) -> Vec<(&'static str, String)> {
        let mut all: Vec<(&'static str, String)> =
            self.types.into_iter().map(|word| ("limit_type", word)).collect();
        all.extend(NUMBERS.iter().map(|number| number.field).zip(self.numbers));
        all.extend([
            ("limit_instruments", self.instruments),
            ("limit_to", self.to),
            ("limit_to_day", self.to_day),
            ("limit_more", self.more),
        ]);
        all
    }

    /// Whether something is typed.
    pub fn is_empty(&self) -> bool {
        let texts = [&self.instruments, &self.to, &self.to_day, &self.more];
        self.types.is_empty() && texts.into_iter().chain(&self.numbers).all(String::is_empty)
    }

    /// The types that can be ticked, each with its name, and whether it is.
    pub fn choices(&self) -> Vec<(&'static str, &'static str, bool)> {
        let name = |kind: InstrumentType| match kind {
            InstrumentType::Spot => "Spot",
            InstrumentType::Margin => "Margin",
            InstrumentType::Swap => "Perpetual swaps",
            InstrumentType::Futures => "Futures",
            InstrumentType::Option => "Options",
        };
        let one = |kind: &InstrumentType| {
            (kind.word(), name(*kind), self.types.iter().any(|word| word == kind.word()))
        };
        InstrumentType::ALL.iter().map(one).collect()
    }
}

/// Reads the fields of `limits.html`.
///
/// # Errors
/// The first thing that is wrong.
pub fn limits_of_form(fields: &Fields) -> Result<Fences, FormFault> {
    let form = LimitsForm::of(fields);
    let mut members: Map<String, Value> = match form.more.as_str() {
        "" => Map::new(),
        more => serde_json::from_str(more).map_err(|_| {
            FormFault::at("limit_more", "write one JSON object, such as {\"reduce_only\": true}")
        })?,
    };
    let mut put = |field: &'static str, name: &str, value: Value| {
        // Each by itself first, so that its own field says what is wrong.
        let alone = Value::Object([(name.to_owned(), value.clone())].into_iter().collect());
        fence::read(&alone.to_string()).map_err(|wrong| FormFault::at(field, plain(field, &wrong)))?;
        match members.insert(name.to_owned(), value) {
            None => Ok(()),
            Some(_) => Err(FormFault::at(
                "limit_more",
                format!("`{name}` has a field of its own: leave it out here"),
            )),
        }
    };
    if !form.instruments.is_empty() {
        put("limit_instruments", "instruments", entries(&form.instruments).collect())?;
    }
    if !form.types.is_empty() {
        put("", "instrument_types", form.types.iter().map(String::as_str).collect())?;
    }
    for (number, typed) in NUMBERS.iter().zip(&form.numbers) {
        if !typed.is_empty() {
            put(number.field, number.member, typed.as_str().into())?;
        }
    }
    if !(form.to.is_empty() && form.to_day.is_empty()) {
        put("limit_to", "withdrawal", withdrawal(&form)?)?;
    }
    read_limits(Some(&Value::Object(members))).map_err(|cause| FormFault { field: "limit_more", cause })
}

/// What is wrong with a field, in the form's words.
fn plain(field: &str, wrong: &NotFences) -> String {
    match field {
        "limit_instruments" => "write names such as BTC-USDT or *-USDT-SWAP, in upper case".to_owned(),
        "limit_orders" | "limit_second" => {
            "enter a whole number from 1, at most 1,000 a second or 1,000,000 a day, without commas"
                .to_owned()
        }
        "limit_order" | "limit_day" | "limit_collar" => {
            "enter a number above 0 without commas, such as 500 or 0.25".to_owned()
        }
        _ => wrong.to_string(),
    }
}

fn withdrawal(form: &LimitsForm) -> Result<Value, FormFault> {
    let mut places = Vec::new();
    for line in form.to.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [ccy, chain, address] = words.as_slice() else {
            return Err(FormFault::at(
                "limit_to",
                "write currency, chain and address in each line, with spaces between",
            ));
        };
        places.push(serde_json::json!({"ccy": ccy, "chain": chain, "address": address}));
    }
    if places.is_empty() {
        return Err(FormFault::at("limit_to", "enter the destinations too"));
    }
    let wrong = || {
        FormFault::at("limit_to_day", "write each amount and its currency once, such as 1000 USDT, 0.5 BTC")
    };
    let mut daily = Map::new();
    for entry in form.to_day.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
        let (amount, currency) = entry.split_once(' ').ok_or_else(wrong)?;
        let good = Decimal::parse(amount).is_some();
        if !good || daily.insert(currency.trim().to_owned(), amount.into()).is_some() {
            return Err(wrong());
        }
    }
    Ok(serde_json::json!({"destinations": places, "daily": daily}))
}

#[cfg(test)]
mod tests {
    use keyward_rules::fence;

    use super::{LimitsForm, limits_of_form};
    use crate::fields::Fields;

    fn fields(pairs: &[(&str, &str)]) -> Fields {
        Fields(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    fn read(pairs: &[(&str, &str)]) -> Option<String> {
        limits_of_form(&fields(pairs)).ok().map(|fences| fences.to_text())
    }

    #[test]
    fn a_form_says_what_json_says() {
        assert_eq!(read(&[]).unwrap(), "{}");
        let text = read(&[
            ("limit_instruments", "BTC-USDT, *-USDT-SWAP"),
            ("limit_type", "SPOT"),
            ("limit_type", "SWAP"),
            ("limit_order", " 500 "),
            ("limit_day", "5000"),
            ("limit_orders", "200"),
            ("limit_collar", "5"),
            ("limit_second", "3"),
            ("limit_to", "USDT USDT-TRC20 Tabc\n\nXRP XRP-Ripple rabc:77"),
            ("limit_to_day", "1000 USDT, 0.5 XRP"),
            ("limit_more", "{\"reduce_only\": true}"),
        ])
        .unwrap();
        let fences = fence::read(&text).unwrap();
        assert_eq!(fences.withdrawal.as_ref().unwrap().destinations.len(), 2);
        assert!(fences.trade.reduce_only && fences.trade.instruments.as_ref().unwrap().len() == 2);
        let form = LimitsForm::showing(&fences);
        assert_eq!(form.numbers, ["500", "5000", "200", "3", "5"]);
        assert_eq!(form.to, "USDT USDT-TRC20 Tabc\nXRP XRP-Ripple rabc:77");
        assert_eq!(form.more, r#"{"reduce_only":true}"#);
    }

    #[test]
    fn what_is_unclear_is_refused() {
        for pairs in [
            &[("limit_order", "5,000")] as &[_],
            &[("limit_order", "x")],
            &[("limit_orders", "1.5")],
            &[("limit_instruments", "BTC")],
            &[("limit_type", "spot")],
            &[("limit_to", "USDT Tabc")],
            &[("limit_to", "USDT USDT-TRC20 Tabc 77")],
            &[("limit_to_day", "1000 USDT")],
            &[("limit_to", "USDT USDT-TRC20 Tabc"), ("limit_to_day", "1000")],
            &[("limit_more", "[]")],
            &[("limit_more", "{\"max_order_value\":\"1\"}"), ("limit_order", "2")],
        ] {
            assert!(read(pairs).is_none(), "{pairs:?}");
        }
    }
}
