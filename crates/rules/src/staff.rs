//! Who works for the deployment: operators, who act, and auditors, who look (product.md 5, 8).

use std::fmt;
use std::str::FromStr;

/// What somebody may do beside holding an account. A person has one role at most.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Role {
    /// Freezes and thaws, grants roles, sets policies; never sees a secret.
    Operator,
    /// Reads accounts, keys, proposals, settings and the audit log; changes nothing.
    Auditor,
}

/// A text that names no role.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a role is `operator` or `auditor`, in exactly these letters")]
pub struct NotARole;

impl Role {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Operator, Self::Auditor];

    /// The word that is stored and shown.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Auditor => "auditor",
        }
    }
}

impl FromStr for Role {
    type Err = NotARole;

    /// Byte for byte: no other case, no look-alike letter, no space is a role.
    fn from_str(text: &str) -> Result<Self, NotARole> {
        Self::ALL.into_iter().find(|role| role.word() == text).ok_or(NotARole)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::{NotARole, Role};

    #[test]
    fn a_role_has_one_spelling() {
        for role in Role::ALL {
            assert_eq!(role.word().parse(), Ok(role));
        }
        let others = [
            "",
            "Operator",
            "OPERATOR",
            "operator ",
            " operator",
            "operator\n",
            "operаtor",
            "ｏperator",
            "root",
            "admin",
            "*",
            "oper%",
            "operator\0",
            "auditor,operator",
        ];
        for text in others {
            assert_eq!(text.parse::<Role>(), Err(NotARole), "{text:?}");
        }
    }
}
