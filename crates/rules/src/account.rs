//! Accounts: the e-mail address that names one, and the name of a sub-account.

use std::fmt;

use crate::limits::EMAIL_CHARS;

/// An e-mail address in one spelling: ASCII, lower case, one `@`, a domain with a dot.
///
/// Case is folded on parsing, because people do not tell addresses apart by case and neither may we.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Email(String);

/// A text that is no usable e-mail address.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not an e-mail address of the form name@example.com")]
pub struct NotAnEmail;

impl Email {
    /// Reads an address.
    ///
    /// # Errors
    /// [`NotAnEmail`]; quoted local parts and address literals are not taken.
    pub fn parse(text: &str) -> Result<Self, NotAnEmail> {
        let (local, domain) = text.split_once('@').ok_or(NotAnEmail)?;
        let local_good = !local.is_empty()
            && local.len() <= 64
            && local
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&byte))
            && !local.starts_with('.')
            && !local.ends_with('.')
            && !local.contains("..");
        let label_good = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let domain_good = domain.contains('.') && domain.split('.').all(label_good);
        if text.len() <= EMAIL_CHARS && local_good && domain_good {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(NotAnEmail)
        }
    }

    /// The address as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Email {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// A sub-account's name: 6 to 20 letters and digits (OKX contract 5.3).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SubAccountName(String);

/// A text that names no sub-account.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a sub-account's name has 6 to 20 letters and digits")]
pub struct NotASubAccountName;

impl SubAccountName {
    /// Reads a name.
    ///
    /// # Errors
    /// [`NotASubAccountName`].
    pub fn parse(text: &str) -> Result<Self, NotASubAccountName> {
        let good = (6..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if good { Ok(Self(text.to_owned())) } else { Err(NotASubAccountName) }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::Email;

    #[test]
    fn one_spelling() {
        assert_eq!(Email::parse("Trader@Example.COM").unwrap().as_str(), "trader@example.com");
        for text in [
            "", "a", "a@", "@b.c", "a@b", "a b@c.d", "a@b@c.d", "a@-b.c", "a..b@c.d", "a@b..c", "ä@b.c",
            "a@[::1]",
        ] {
            assert!(Email::parse(text).is_err(), "{text}");
        }
    }
}
