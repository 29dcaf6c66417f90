//! Real money or demo trading.

use std::fmt;
use std::str::FromStr;

/// Which ledger a key trades on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Environment {
    /// Real money.
    Live,
    /// Demo trading, `x-simulated-trading: 1` (OKX contract 10).
    Demo,
}

/// A word that is neither `live` nor `demo`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the environment is `live` or `demo`")]
pub struct NotAnEnvironment;

impl Environment {
    /// `live` or `demo`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Demo => "demo",
        }
    }
}

impl FromStr for Environment {
    type Err = NotAnEnvironment;

    fn from_str(word: &str) -> Result<Self, NotAnEnvironment> {
        match word {
            "live" => Ok(Self::Live),
            "demo" => Ok(Self::Demo),
            _ => Err(NotAnEnvironment),
        }
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.word())
    }
}
