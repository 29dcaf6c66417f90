//! The three paths at which sockets are opened (OKX contract 3.1).

/// Where a socket was opened.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Endpoint {
    /// Market data.
    Public,
    /// The account and its orders.
    Private,
    /// Candles, algo orders, grids, spreads, block trades, funding.
    Business,
}

impl Endpoint {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Public, Self::Private, Self::Business];

    /// The path, without a query.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::Public => "/ws/v5/public",
            Self::Private => "/ws/v5/private",
            Self::Business => "/ws/v5/business",
        }
    }

    /// The word for lists and logs.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Private => "private",
            Self::Business => "business",
        }
    }

    /// Reads a path, byte for byte; `path` is what stands before any `?`.
    #[must_use]
    pub fn of_path(path: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|endpoint| endpoint.path().as_bytes() == path)
    }

    /// Reads the word.
    pub(super) fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|endpoint| endpoint.word() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::Endpoint;

    #[test]
    fn only_the_three_paths_are_endpoints() {
        for endpoint in Endpoint::ALL {
            assert_eq!(Endpoint::of_path(endpoint.path().as_bytes()), Some(endpoint));
            assert_eq!(Endpoint::of_word(endpoint.word()), Some(endpoint));
            assert_eq!(endpoint.path(), format!("/ws/v5/{}", endpoint.word()));
        }
        for path in [
            "",
            "/",
            "/ws/v5",
            "/ws/v5/",
            "/ws/v5/public/",
            "//ws/v5/public",
            "/ws/v5/Public",
            "/ws/v5/publi",
            "/ws/v5/publics",
            "/ws/v5/public?brokerId=9999",
            "/ws/v5/publi%63",
            "/ws/v5/./public",
            "/ws/v6/public",
            "ws/v5/public",
            "/ws/v5/public ",
            "/ws/v5/public\0",
        ] {
            assert_eq!(Endpoint::of_path(path.as_bytes()), None, "{path:?}");
        }
    }
}
