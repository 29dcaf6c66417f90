//! Permissions in OKX's words (OKX contract 5.1, 5.4).

use crate::permission::{Permission, Permissions};

/// The permissions that OKX knows, with commas between them: `read_only,trade`. OKX has no words for moving funds, which its
/// `trade` includes, and for administering sub-accounts.
#[must_use]
pub fn words_of(permissions: Permissions) -> String {
    let word = |right| match right {
        Permission::Read => Some("read_only"),
        Permission::Trade => Some("trade"),
        Permission::Withdraw => Some("withdraw"),
        Permission::Funding | Permission::Manage => None,
    };
    permissions.iter().filter_map(word).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::words_of;
    use crate::permission::{Permission, Permissions};

    #[test]
    fn okx_has_three_words() {
        assert_eq!(words_of(Permissions::READ), "read_only");
        assert_eq!(words_of(Permissions::new(Permission::ALL).unwrap()), "read_only,trade,withdraw");
    }
}
