//! Why a configuration cannot be used: all mistakes at once.

use std::error::Error;
use std::fmt;

/// A configuration that cannot be used.
#[derive(Debug)]
pub struct ConfigError {
    mistakes: Vec<String>,
}

impl ConfigError {
    /// All that is wrong.
    pub const fn of(mistakes: Vec<String>) -> Self {
        Self { mistakes }
    }

    /// The one thing that is wrong.
    pub fn one(mistake: impl Into<String>) -> Self {
        Self { mistakes: vec![mistake.into()] }
    }

    /// What is wrong, one sentence each without its full stop.
    pub fn mistakes(&self) -> &[String] {
        &self.mistakes
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "the configuration cannot be used: {}", self.mistakes.join("; "))
    }
}

impl Error for ConfigError {}
