//! The parameters of a request, from its query or its body, each at most once.

use std::borrow::Cow;

use super::refusal::EndpointRefusal;
use crate::json::{Object, Value};
use crate::limits::ENDPOINT_PARAMETERS;

/// Parameters by name. Those that nobody asks for are ignored, as OKX ignores them: clients add `tag` and others of their own.
pub(super) struct Parameters<'r>(Vec<(Cow<'r, str>, Parameter<'r>)>);

/// A parameter's value.
enum Parameter<'r> {
    /// A text, or a number as it was written.
    Text(Cow<'r, str>),
    /// `true` or `false`.
    Flag(bool),
    /// `null`.
    Null,
    /// An array or an object, which no parameter is.
    Other,
}

impl<'r> Parameters<'r> {
    /// The parameters of a GET, from its target's query.
    ///
    /// # Errors
    /// 51000 for a query that is no list of names and values in UTF-8, or has a name twice.
    pub(super) fn of_query(target: &'r [u8]) -> Result<Self, EndpointRefusal> {
        let target = std::str::from_utf8(target).map_err(|_| EndpointRefusal::wrong("query"))?;
        let query = target.split_once('?').map_or("", |(_, query)| query);
        let mut all = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = decoded(name).zip(decoded(value)).ok_or(EndpointRefusal::wrong("query"))?;
            let known = all.iter().any(|(other, _)| *other == name);
            if known || all.len() == ENDPOINT_PARAMETERS {
                return Err(EndpointRefusal::wrong("query"));
            }
            all.push((name, Parameter::Text(value)));
        }
        Ok(Self(all))
    }

    /// The parameters of a POST, from its body: one JSON object.
    ///
    /// # Errors
    /// 50000 for an empty body, 50002 for one that is not read in one way only.
    pub(super) fn of_body(body: &'r [u8]) -> Result<Self, EndpointRefusal> {
        if body.is_empty() {
            return Err(EndpointRefusal::BodyEmpty);
        }
        let text = std::str::from_utf8(body).map_err(|_| EndpointRefusal::BadJson)?;
        let object = Object::read(text).ok_or(EndpointRefusal::BadJson)?;
        let members = object.into_members().into_iter();
        Ok(Self(members.map(|(name, value)| (name, Parameter::of(value))).collect()))
    }

    /// A parameter that was sent, even an empty one; `null` counts as absent.
    ///
    /// # Errors
    /// 51000 when it is neither a text nor a number.
    pub(super) fn sent(&self, name: &'static str) -> Result<Option<&str>, EndpointRefusal> {
        match self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value) {
            None | Some(Parameter::Null) => Ok(None),
            Some(Parameter::Text(text)) => Ok(Some(text)),
            Some(Parameter::Flag(_) | Parameter::Other) => Err(EndpointRefusal::wrong(name)),
        }
    }

    /// A parameter that says something: an empty one counts as absent.
    ///
    /// # Errors
    /// As [`Parameters::sent`].
    pub(super) fn text(&self, name: &'static str) -> Result<Option<&str>, EndpointRefusal> {
        Ok(self.sent(name)?.filter(|text| !text.is_empty()))
    }

    /// A parameter that is asked for.
    ///
    /// # Errors
    /// 50014 without it, and as [`Parameters::sent`].
    pub(super) fn needed(&self, name: &'static str) -> Result<&str, EndpointRefusal> {
        self.text(name)?.ok_or(EndpointRefusal::Missing(name))
    }

    /// A Boolean, which some clients send as text, Python's in its own spelling.
    ///
    /// # Errors
    /// 51000 for anything else.
    pub(super) fn flag(&self, name: &'static str) -> Result<Option<bool>, EndpointRefusal> {
        if let Some((_, Parameter::Flag(flag))) = self.0.iter().find(|(known, _)| known == name) {
            return Ok(Some(*flag));
        }
        match self.text(name)? {
            None => Ok(None),
            Some("true" | "True") => Ok(Some(true)),
            Some("false" | "False") => Ok(Some(false)),
            Some(_) => Err(EndpointRefusal::wrong(name)),
        }
    }
}

impl<'r> Parameter<'r> {
    fn of(value: Value<'r>) -> Self {
        match value {
            Value::Text(text) => Self::Text(text),
            Value::Number(written) => Self::Text(Cow::Borrowed(written)),
            Value::Flag(flag) => Self::Flag(flag),
            Value::Null => Self::Null,
            Value::Array(_) | Value::Object(_) => Self::Other,
        }
    }
}

/// Undoes percent-encoding (RFC 3986, 2.1). A plus sign is itself: these parameters have no blanks.
fn decoded(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('%') {
        return Some(Cow::Borrowed(text));
    }
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some((first, more)) = rest.split_first() {
        rest = more;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let (digits, more) = rest.split_at_checked(2)?;
        let both_hex = digits.iter().all(u8::is_ascii_hexdigit);
        let digits = std::str::from_utf8(digits).ok().filter(|_| both_hex)?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = more;
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::{EndpointRefusal, Parameters, decoded};

    #[test]
    fn percent_encoding_is_undone_or_refused() {
        assert_eq!(decoded("a%2Cb%c3%a9").as_deref(), Some("a,bé"));
        for odd in ["%", "%2", "%zz", "%+1", "%ff", "a%2"] {
            assert_eq!(decoded(odd), None, "{odd}");
        }
    }

    #[test]
    fn a_query_names_each_parameter_once() {
        let of = |target: &'static str| Parameters::of_query(target.as_bytes());
        let read = of("/a?subAcct=probeSub01&apiKey=&x=1").unwrap();
        assert_eq!(read.needed("subAcct"), Ok("probeSub01"));
        assert_eq!(read.text("apiKey"), Ok(None));
        assert_eq!(read.needed("apiKey"), Err(EndpointRefusal::Missing("apiKey")));
        assert!(of("/a?a=1&a=2").is_err() && of("/a?%61=1&a=2").is_err());
        assert!(of("/a").is_ok() && of("/a?").is_ok() && of("/a?&&a=1").is_ok());
        let many: String = (0..40).map(|n| format!("&p{n}=1")).collect();
        assert!(Parameters::of_query(format!("/a?{many}").as_bytes()).is_err());
    }

    #[test]
    fn a_body_is_one_object() {
        let of = |body: &'static str| Parameters::of_body(body.as_bytes());
        let read = of(r#"{"a":"x","b":7,"c":null,"d":"","e":true,"f":"False","g":[1],"tag":"CLI"}"#).unwrap();
        assert_eq!((read.needed("a"), read.needed("b")), (Ok("x"), Ok("7")));
        assert_eq!((read.sent("c"), read.sent("d"), read.text("d")), (Ok(None), Ok(Some("")), Ok(None)));
        assert_eq!(
            (read.flag("e"), read.flag("f"), read.flag("h")),
            (Ok(Some(true)), Ok(Some(false)), Ok(None))
        );
        assert!(read.text("g").is_err() && read.text("e").is_err() && read.flag("a").is_err());
        assert!(matches!(of(""), Err(EndpointRefusal::BodyEmpty)));
        for odd in ["{", "[]", "null", r#"{"a":1,"a":2}"#, r#"{"a":1,"\u0061":2}"#, "{}{}"] {
            assert!(matches!(of(odd), Err(EndpointRefusal::BadJson)), "{odd}");
        }
    }
}
