//! Actions on alert channels, one file each.

mod add;
mod change;
mod remove;
mod send;

pub use add::{AddChannel, Added};
pub use change::ChangeChannel;
pub use remove::RemoveChannel;
pub use send::{SendAgain, TestChannel};

use keyward_rules::channel::{Choices, Digest, Which};

/// The choices in words, for approvals and pages.
#[must_use]
pub fn choices_in_words(choices: &Choices) -> String {
    let which = match choices.which {
        Which::Critical => return "Critical alerts only, at once".to_owned(),
        Which::All => "All alerts",
    };
    let digest = match choices.digest {
        Digest::AtOnce => "at once",
        Digest::Hourly => "others in one message every hour",
        Digest::Daily => "others in one message a day, at 08:00 UTC",
    };
    match choices.quiet.map(keyward_rules::channel::Quiet::words) {
        None => format!("{which}, {digest}"),
        Some((from, to)) => format!("{which}, {digest}; from {from} to {to} UTC only critical ones"),
    }
}

/// The facts of an audit record; nothing of the target.
fn facts(name: &str, choices: &Choices) -> [(&'static str, String); 2] {
    [("name", name.to_owned()), ("gets", choices_in_words(choices))]
}
