//! What a request says of itself: in its headers, or in the first line of a socket's frame.
//!
//! Owns: the two forms, and that no value is there twice. Leaves to [`caller`](mod@crate::caller): what is believed.

use std::fmt;

use http::HeaderMap;
use keyward_rules::identity::{self, is_identity_header};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

use crate::refusal::Refusal;

/// All identity headers there are. One of another name never comes from the gateway.
const KNOWN: [&str; 12] = [
    identity::ACCOUNT,
    identity::SUB_ACCOUNT,
    identity::KEY,
    identity::LABEL,
    identity::ADDRESSES,
    identity::PERMISSIONS,
    identity::ENVIRONMENT,
    identity::ROUTE,
    identity::REQUEST_ID,
    identity::DEADLINE,
    identity::CLIENT_ADDRESS,
    identity::IDENTITY,
];

/// Where an identity is read from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Claims<'a> {
    /// A request's headers, among which there are others.
    Headers(&'a HeaderMap),
    /// A frame's first line, in which there is nothing else.
    Line(&'a Line),
}

impl<'a> Claims<'a> {
    /// Whether the gateway sends identities with these names only.
    pub(crate) fn are_known(self) -> bool {
        match self {
            Self::Headers(headers) => headers
                .keys()
                .all(|name| !is_identity_header(name.as_str()) || KNOWN.contains(&name.as_str())),
            Self::Line(line) => line.0.iter().all(|(name, _)| KNOWN.contains(&name.as_str())),
        }
    }

    /// A value that is there once, or not at all.
    pub(crate) fn once(self, name: &str) -> Result<Option<&'a str>, Refusal> {
        match self {
            Self::Headers(headers) => only(headers.get_all(name).iter().map(|value| value.to_str().ok())),
            Self::Line(line) => {
                only(line.0.iter().filter(|(known, _)| known == name).map(|(_, value)| Some(value.as_str())))
            }
        }
    }

    /// A value that must be there.
    pub(crate) fn needed(self, name: &str) -> Result<&'a str, Refusal> {
        self.once(name)?.ok_or(Refusal::NotFromGateway)
    }

    /// A header that no identity covers; a line has none.
    pub(crate) fn beside(self, name: &str) -> Option<&'a str> {
        match self {
            Self::Headers(headers) => headers.get(name)?.to_str().ok(),
            Self::Line(_) => None,
        }
    }
}

/// The only one of some values, of which one that is no text is `None`.
fn only<'a>(mut values: impl Iterator<Item = Option<&'a str>>) -> Result<Option<&'a str>, Refusal> {
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(Some(value)), None) => Ok(Some(value)),
        (Some(_), _) => Err(Refusal::NotFromGateway),
    }
}

/// The first line of a frame: a JSON object of strings. Its members are kept as they stand there, so that a name which
/// is there twice is noticed.
#[derive(Debug)]
pub(crate) struct Line(Vec<(String, String)>);

impl Line {
    /// Reads the line; `None` for anything but one object of strings.
    pub(crate) fn read(line: &str) -> Option<Self> {
        serde_json::from_str(line).ok()
    }
}

impl<'de> Deserialize<'de> for Line {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Line;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an object of strings")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Line, A::Error> {
                let mut members = Vec::with_capacity(KNOWN.len());
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Line(members))
            }
        }

        from.deserialize_map(Members)
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};
    use keyward_rules::identity::{ACCOUNT, KEY};

    use super::{Claims, Line};
    use crate::refusal::Refusal;

    #[test]
    fn a_line_is_one_object_of_strings() {
        for text in ["{}", r#"{"keyward-account":"1"}"#, r#" { "keyward-account" : "\u0031" } "#] {
            assert!(Line::read(text).is_some(), "{text}");
        }
        for text in
            ["", "[]", "\"a\"", "{} {}", r#"{"a":1}"#, r#"{"a":null}"#, r#"{"a":["b"]}"#, r#"{"a":"b""#]
        {
            assert!(Line::read(text).is_none(), "{text}");
        }
    }

    #[test]
    fn headers_and_lines_are_read_alike() {
        let mut headers = HeaderMap::new();
        headers.insert(ACCOUNT, HeaderValue::from_static("1"));
        headers.append(KEY, HeaderValue::from_static("a"));
        headers.append(KEY, HeaderValue::from_static("a"));
        let line = Line::read(r#"{"keyward-account":"1","keyward-key":"a","keyward-key":"a"}"#).unwrap();
        for claims in [Claims::Headers(&headers), Claims::Line(&line)] {
            assert!(claims.are_known());
            assert_eq!(claims.once(ACCOUNT), Ok(Some("1")));
            assert_eq!(claims.once(KEY), Err(Refusal::NotFromGateway), "{claims:?}");
            assert_eq!(claims.once("keyward-sub-account"), Ok(None));
            assert_eq!(claims.needed("keyward-sub-account"), Err(Refusal::NotFromGateway));
        }
    }

    #[test]
    fn other_names_belong_among_headers_only() {
        let mut headers = HeaderMap::new();
        headers.insert("exptime", HeaderValue::from_static("5"));
        assert!(Claims::Headers(&headers).are_known());
        assert_eq!(Claims::Headers(&headers).beside("exptime"), Some("5"));
        let line = Line::read(r#"{"exptime":"5"}"#).unwrap();
        assert!(!Claims::Line(&line).are_known());
        assert_eq!(Claims::Line(&line).beside("exptime"), None);
        headers.insert("keyward-role", HeaderValue::from_static("operator"));
        assert!(!Claims::Headers(&headers).are_known());
    }
}
