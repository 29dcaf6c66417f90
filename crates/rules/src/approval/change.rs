//! A change of sub-accounts and their keys that a key asks for and a person approves (product.md 5).

use std::fmt::{self, Write as _};
use std::net::IpAddr;

use super::hash::ApprovalHash;
use crate::id::{AccountId, KeyId, RequestId};
use crate::key::Environment;
use crate::time::Moment;

/// A change, as its approval keeps it: what it is bound to, and what people read. It contains no secret: the hash is keyed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WantedChange {
    /// The word of the action.
    pub action: Box<str>,
    /// The keyed hash of the exact parameters.
    pub hash: ApprovalHash,
    /// A lead and one line for each fact.
    pub words: Vec<String>,
}

impl WantedChange {
    /// Reads the text that it displays as.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut lines = text.split('\n');
        let mut head = lines.next()?.split(' ');
        let (Some("change"), Some(action), Some(hash), None) =
            (head.next(), head.next(), head.next(), head.next())
        else {
            return None;
        };
        let hash = ApprovalHash::parse(hash)?;
        let words: Vec<String> = lines.map(str::to_owned).collect();
        let read = Self { action: action.into(), hash, words };
        (!read.words.is_empty() && read.to_string() == text).then_some(read)
    }

    /// All in one line.
    #[must_use]
    pub fn in_words(&self) -> String {
        self.words.join("; ")
    }
}

impl fmt::Display for WantedChange {
    /// One text for one change. A line end in a word, which would begin another line, is written as a blank.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "change {} {}", self.action, self.hash)?;
        for line in &self.words {
            out.write_char('\n')?;
            out.write_str(&line.replace('\n', " "))?;
        }
        Ok(())
    }
}

/// A change that a key asks for and that waits for a person.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AskedChange {
    /// The request.
    pub request: RequestId,
    /// The master account's key that signed it.
    pub key: KeyId,
    /// The sub-account that it is about.
    pub account: AccountId,
    /// The master account.
    pub master: AccountId,
    /// Live or demo.
    pub environment: Environment,
    /// Where it came from.
    pub source: IpAddr,
    /// What would change.
    pub change: WantedChange,
    /// When it was asked for.
    pub at: Moment,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::WantedChange;
    use crate::approval::{ApprovalHash, Transfer};

    proptest! {
        #[test]
        fn a_text_names_one_change(action in "[a-z_.]{1,20}", hash: [u8; 32], words in prop::collection::vec("[ -~é“]{0,60}", 1..6)) {
            let change = WantedChange { action: action.into(), hash: ApprovalHash::from_bytes(hash), words };
            let text = change.to_string();
            prop_assert!(Transfer::parse(&text).is_none(), "a change is no transfer");
            prop_assert_eq!(WantedChange::parse(&text), Some(change));
        }

        #[test]
        fn odd_texts_are_no_changes(text in "(change )?[a-z. ]{0,12}[ 0-9a-f]{0,70}\n?[a-z]{0,4}") {
            if let Some(read) = WantedChange::parse(&text) {
                prop_assert_eq!(read.to_string(), text);
            }
        }
    }

    #[test]
    fn a_line_end_begins_no_line() {
        let change = WantedChange {
            action: "key.issue".into(),
            hash: ApprovalHash::from_bytes([7; 32]),
            words: vec!["one\ntwo".to_owned()],
        };
        let read = WantedChange::parse(&change.to_string()).unwrap();
        assert_eq!(read.words, ["one two"]);
    }
}
