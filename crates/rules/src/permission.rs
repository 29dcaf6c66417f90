//! What a key may do. An empty set grants nothing and cannot be made.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

/// One right of a key (product.md 3.1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Permission {
    /// See balances, orders, history.
    Read,
    /// Place, change and cancel orders, and whatever else OKX counts as trading.
    Trade,
    /// Send funds out.
    Withdraw,
    /// Move funds between own accounts.
    Funding,
    /// Administer sub-accounts and their keys; implied by nothing.
    Manage,
}

impl Permission {
    /// All of them, in the order of display.
    pub const ALL: [Self; 5] = [Self::Read, Self::Trade, Self::Withdraw, Self::Funding, Self::Manage];

    /// The word used by the console, the command line and the store.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Trade => "trade",
            Self::Withdraw => "withdraw",
            Self::Funding => "funding",
            Self::Manage => "manage",
        }
    }

    const fn bit(self) -> u8 {
        match self {
            Self::Read => 1,
            Self::Trade => 2,
            Self::Withdraw => 4,
            Self::Funding => 8,
            Self::Manage => 16,
        }
    }
}

/// A text that names no permission.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotPermissions {
    /// The list is empty, and an empty list grants nothing.
    #[error("at least one permission is needed: read, trade, withdraw, funding or manage")]
    Empty,
    /// A word is not one of the five, spelled exactly.
    #[error("unknown permission: the words are read, trade, withdraw, funding and manage")]
    Unknown,
}

impl FromStr for Permission {
    type Err = NotPermissions;

    fn from_str(word: &str) -> Result<Self, NotPermissions> {
        Self::ALL.into_iter().find(|right| right.word() == word).ok_or(NotPermissions::Unknown)
    }
}

/// A non-empty set of permissions; never changes during a key's life.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Permissions(u8);

impl Permissions {
    /// Reading alone.
    pub const READ: Self = Self(Permission::Read.bit());

    /// The set of `rights`.
    ///
    /// # Errors
    /// [`NotPermissions::Empty`] when there is none.
    pub fn new(rights: impl IntoIterator<Item = Permission>) -> Result<Self, NotPermissions> {
        Self::from_bits(rights.into_iter().fold(0, |bits, right| bits | right.bit()))
            .ok_or(NotPermissions::Empty)
    }

    /// Rebuilds a set from its stored bits; `None` when empty or with unknown bits.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Option<Self> {
        if bits == 0 || bits > 31 { None } else { Some(Self(bits)) }
    }

    /// The set as bits, stable in storage: read 1, trade 2, withdraw 4, funding 8, manage 16.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Whether the set holds `right`.
    #[must_use]
    pub const fn allows(self, right: Permission) -> bool {
        self.0 & right.bit() != 0
    }

    /// The members, in the order of display.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.into_iter().filter(move |right| self.allows(*right))
    }

    /// OKX's `perm` field: `read_only`, `trade`, `withdraw`, and nothing of the other two.
    #[must_use]
    pub const fn okx_words(self) -> &'static str {
        match self.0 & 0b111 {
            0 => "",
            1 => "read_only",
            2 => "trade",
            3 => "read_only,trade",
            4 => "withdraw",
            5 => "read_only,withdraw",
            6 => "trade,withdraw",
            _ => "read_only,trade,withdraw",
        }
    }
}

impl Permissions {
    /// Comma-separated words, as [`Permissions::from_str`] reads them; every forwarded request carries them.
    #[must_use]
    pub fn words(self) -> &'static str {
        static TEXTS: LazyLock<Vec<String>> = LazyLock::new(|| {
            let words = |bits| {
                let held = Permission::ALL.iter().filter(|right| bits & right.bit() != 0);
                held.map(|right| right.word()).collect::<Vec<_>>().join(",")
            };
            (0..32).map(words).collect()
        });
        TEXTS.get(usize::from(self.0)).map_or("", String::as_str)
    }
}

impl fmt::Display for Permissions {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.words())
    }
}

impl fmt::Debug for Permissions {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Permissions({self})")
    }
}

impl FromStr for Permissions {
    type Err = NotPermissions;

    fn from_str(text: &str) -> Result<Self, NotPermissions> {
        if text.is_empty() {
            return Err(NotPermissions::Empty);
        }
        let rights: Result<Vec<_>, _> = text.split(',').map(Permission::from_str).collect();
        Self::new(rights?)
    }
}

#[cfg(test)]
mod tests {
    use super::{Permission, Permissions};

    #[test]
    fn absence_grants_nothing() {
        assert!(Permissions::new([]).is_err());
        assert!("".parse::<Permissions>().is_err());
        assert!(",".parse::<Permissions>().is_err());
        assert!(Permissions::from_bits(0).is_none());
        assert!(Permissions::from_bits(32).is_none());
    }

    #[test]
    fn words_are_exact() {
        for text in
            ["Read", "READ", "read ", " read", "read,", "rea", "read\u{200b}", "withdrawal", "*", "all"]
        {
            assert!(text.parse::<Permissions>().is_err(), "{text}");
        }
    }

    #[test]
    fn print_then_parse_is_identity_for_all_sets() {
        for bits in 1..32 {
            let set = Permissions::from_bits(bits).unwrap();
            assert_eq!(set.to_string().parse::<Permissions>(), Ok(set));
            assert!(!set.okx_words().contains("manage"));
        }
    }

    #[test]
    fn manage_is_implied_by_nothing() {
        let rest = Permissions::new(Permission::ALL.into_iter().filter(|right| *right != Permission::Manage))
            .unwrap();
        assert!(!rest.allows(Permission::Manage));
    }
}
