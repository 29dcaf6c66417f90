//! What is left of the second factor once one is gone.

/// What is left of the second factor once one is gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Left {
    /// Another one.
    Another,
    /// None: every key is held.
    Nothing,
}

impl Left {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Another => "another",
            Self::Nothing => "nothing",
        }
    }

    pub(crate) const fn sentence(self) -> &'static str {
        match self {
            Self::Another => "Keys that may withdraw, move funds or manage are held for 24 hours.",
            Self::Nothing => "All your API keys are held until two-factor sign-in is on again.",
        }
    }
}
