//! The log: to standard error, at a level that can change while the program runs.
//!
//! Leaves to `queue.rs`: the thread that writes it.

mod queue;

use std::io::IsTerminal as _;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};
use tracing::{info, warn};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::ambient;
use queue::Guard;

/// The variable that decides the level whatever the configuration says.
const VARIABLE: &str = "KEYWARD_LOG";

/// Puts another level in place; gives whether that worked.
type Change = Box<dyn Fn(EnvFilter) -> bool + Send + Sync>;
static CHANGE: OnceLock<Change> = OnceLock::new();

/// The log's settings.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogSettings {
    /// The least important lines that are written: `error`, `warn`, `info`, `debug`, `trace`, or such words for parts of the
    /// program, as in `info,keyward_gateway=debug`.
    pub level: String,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { level: "info".to_owned() }
    }
}

impl LogSettings {
    /// What cannot be used.
    pub fn mistakes(&self) -> Option<String> {
        // A word by itself that is no level would name a part of the program, and silence all others.
        let words = self.level.split(',').filter(|part| !part.contains('='));
        let odd = words.map(str::trim).find(|word| word.is_empty() || word.parse::<LevelFilter>().is_err());
        let wrong = EnvFilter::try_new(&self.level).err().map(|wrong| wrong.to_string());
        let wrong = odd.map(|word| format!("`{word}` is no level")).or(wrong)?;
        Some(format!("log.level cannot be used: {wrong}; it is error, warn, info, debug, trace or off"))
    }

    /// Has the log written at this level from now on, unless the environment names one.
    pub fn apply(&self) {
        if ambient::is_set(VARIABLE) {
            return;
        }
        let changed = EnvFilter::try_new(&self.level)
            .is_ok_and(|filter| CHANGE.get().is_some_and(|change| change(filter)));
        if changed {
            info!(level = self.level, "the log is written at this level");
        } else {
            warn!(level = self.level, "the log level was not changed");
        }
    }
}

/// Starts to log. A reader that stalls or has gone away holds nothing up: lines that find no room are dropped. What is left is
/// written when the guard is dropped.
pub fn start(json: bool) -> Guard {
    let filter = EnvFilter::try_from_env(VARIABLE).unwrap_or_else(|_| EnvFilter::new("info"));
    let (queue, guard) = queue::start(std::io::stderr());
    let colours = std::io::stderr().is_terminal() && ambient::colours();
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(colours)
        .with_writer(move || queue.clone());
    // The two forms are of different types.
    let change: Change = if json {
        let lines = lines.json().with_filter_reloading();
        let handle = lines.reload_handle();
        lines.init();
        Box::new(move |filter| handle.reload(filter).is_ok())
    } else {
        let lines = lines.with_target(false).with_filter_reloading();
        let handle = lines.reload_handle();
        lines.init();
        Box::new(move |filter| handle.reload(filter).is_ok())
    };
    let _ = CHANGE.set(change);
    guard
}

#[cfg(test)]
mod tests {
    use super::LogSettings;

    #[test]
    fn levels_are_words_and_a_slip_is_told() {
        let mistake = |level: &str| LogSettings { level: level.to_owned() }.mistakes();
        for level in ["info", "WARN", "off", "warn,keyward_gateway=debug", "error,keyward::log=info"] {
            assert_eq!(mistake(level), None, "{level}");
        }
        for level in ["", "inf", "loud and clear", "keyward=loud", "info,verbose", "2 much"] {
            assert!(mistake(level).is_some_and(|told| told.contains("log.level")), "{level}");
        }
    }
}
