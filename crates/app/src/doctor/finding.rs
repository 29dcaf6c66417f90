//! One finding.

use serde::Serialize;

/// How bad it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// As it should be.
    Ok,
    /// What cannot be seen from here, or is so by choice: to know, not to settle.
    Note,
    /// Somebody should look.
    Warning,
    /// Not safe to run like that.
    Refused,
}

/// What a check found.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// Its name, which stays.
    pub name: &'static str,
    /// How bad it is.
    pub level: Level,
    /// What it means.
    pub means: String,
    /// What to do; empty when all is well.
    pub advice: &'static str,
}

impl Finding {
    /// All is well.
    pub fn good(name: &'static str, means: impl Into<String>) -> Self {
        Self { name, level: Level::Ok, means: means.into(), advice: "" }
    }

    /// Something to know.
    pub fn note(name: &'static str, means: impl Into<String>, advice: &'static str) -> Self {
        Self { name, level: Level::Note, means: means.into(), advice }
    }

    /// Somebody should look.
    pub fn warning(name: &'static str, means: impl Into<String>, advice: &'static str) -> Self {
        Self { name, level: Level::Warning, means: means.into(), advice }
    }

    /// Not safe, or not working.
    pub fn refused(name: &'static str, means: impl Into<String>, advice: &'static str) -> Self {
        Self { name, level: Level::Refused, means: means.into(), advice }
    }
}
