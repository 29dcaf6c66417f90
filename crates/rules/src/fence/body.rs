//! The members of one order, transfer or withdrawal, read so strictly that no other reader can take them otherwise.

use std::borrow::Cow;

use super::decimal::Decimal;
use super::refused::Reason;
use crate::json::{Object, Value};

/// An element's members that are not read yet.
pub(crate) struct Element<'t>(Object<'t>);

impl<'t> Element<'t> {
    /// Takes an element, which is an object.
    pub(crate) fn of(value: Value<'t>) -> Result<Self, Reason> {
        value.object().map(Self).ok_or(Reason::Unreadable("an element of the body"))
    }

    /// A member as it was written; absent where it is `null` or empty (OKX contract 1.4).
    fn take(&mut self, name: &str) -> Option<Value<'t>> {
        let is_absent = |value: &Value<'t>| {
            matches!(value, Value::Null) || matches!(value, Value::Text(text) if text.is_empty())
        };
        self.0.take(name).filter(|value| !is_absent(value))
    }

    /// A string of visible ASCII.
    pub(crate) fn text(&mut self, name: &'static str) -> Result<Option<Cow<'t, str>>, Reason> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Text(text)) if text.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(Some(text)),
            Some(_) => Err(Reason::Unreadable(name)),
        }
    }

    /// A whole number, or a string of one, such as the number of an account.
    pub(crate) fn code(&mut self, name: &'static str) -> Result<Option<Cow<'t, str>>, Reason> {
        let Some(value) = self.take(name) else { return Ok(None) };
        let text = value.text_or_number().filter(|text| is_code(text));
        text.map(Some).ok_or(Reason::Unreadable(name))
    }

    /// A string or number of plain digits.
    pub(crate) fn decimal(&mut self, name: &'static str) -> Result<Option<Decimal>, Reason> {
        let Some(value) = self.take(name) else { return Ok(None) };
        let number = value.text_or_number().and_then(|text| Decimal::parse(&text));
        number.map(Some).ok_or(Reason::Unreadable(name))
    }

    /// The same, or `-1`, by which algo orders ask for the market's price: that gives none.
    pub(crate) fn price(&mut self, name: &'static str) -> Result<Option<Decimal>, Reason> {
        let Some(value) = self.take(name) else { return Ok(None) };
        let text = value.text_or_number().ok_or(Reason::Unreadable(name))?;
        if text == "-1" {
            return Ok(None);
        }
        Decimal::parse(&text).map(Some).ok_or(Reason::Unreadable(name))
    }

    /// One of the words that are known.
    pub(crate) fn word<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Reason> {
        match self.text(name)? {
            None => Ok(None),
            Some(text) => read(&text).map(Some).ok_or(Reason::Unreadable(name)),
        }
    }

    /// `true` or `false`, also as a string; absent is false.
    pub(crate) fn flag(&mut self, name: &'static str) -> Result<bool, Reason> {
        match self.take(name) {
            None => Ok(false),
            Some(Value::Flag(flag)) => Ok(flag),
            Some(Value::Text(text)) if text == "true" => Ok(true),
            Some(Value::Text(text)) if text == "false" => Ok(false),
            Some(_) => Err(Reason::Unreadable(name)),
        }
    }

    /// A list of elements; absent is empty.
    pub(crate) fn list(&mut self, name: &'static str) -> Result<Vec<Value<'t>>, Reason> {
        match self.take(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(elements)) => Ok(elements),
            Some(_) => Err(Reason::Unreadable(name)),
        }
    }

    /// Takes an object of texts and numbers whose members do not matter here; absent is none.
    pub(crate) fn object(&mut self, name: &'static str) -> Result<(), Reason> {
        let is_plain =
            |(_, value): &(Cow<'t, str>, Value<'t>)| !matches!(value, Value::Array(_) | Value::Object(_));
        let Some(value) = self.take(name) else { return Ok(()) };
        let is_plain = value.object().is_some_and(|members| members.into_members().iter().all(is_plain));
        if is_plain { Ok(()) } else { Err(Reason::Unreadable(name)) }
    }

    /// The end: what is left may only be among `harmless`, names that change nothing of what an order is or does, and it is no
    /// object and no list.
    pub(crate) fn end(self, harmless: &[&str]) -> Result<(), Reason> {
        let is_harmless = |(name, value): &(Cow<'t, str>, Value<'t>)| {
            harmless.contains(&&**name) && !matches!(value, Value::Array(_) | Value::Object(_))
        };
        if self.0.into_members().iter().all(is_harmless) {
            Ok(())
        } else {
            Err(Reason::Unreadable("a member that the limits do not know"))
        }
    }
}

/// Whether it is a whole number.
fn is_code(text: &str) -> bool {
    let leading_zero = text.len() > 1 && text.starts_with('0');
    text.len() <= 20 && !leading_zero && text.bytes().all(|byte| byte.is_ascii_digit())
}
