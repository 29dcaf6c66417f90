//! The part of a form that says what a channel gets and when.

use askama::Template;
use keyward_rules::channel::Which;

use crate::requests::{ChannelRequest, FieldErrors};

#[derive(Template)]
#[template(path = "channel_choices.html")]
struct Part<'p> {
    critical: bool,
    digest: &'static str,
    quiet_from: &'p str,
    quiet_to: &'p str,
    quiet_error: String,
    /// Whether the quiet hours are the first field that is wrong, and so ready for typing.
    focus: bool,
}

/// Its HTML.
pub fn choices_html(channel: &ChannelRequest<'_>, errors: &FieldErrors) -> String {
    let quiet = channel.quiet.as_ref().map(|(from, to)| (from.as_str(), to.as_str()));
    let (quiet_from, quiet_to) = quiet.unwrap_or_default();
    let part = Part {
        critical: channel.which == Which::Critical,
        digest: channel.digest.word(),
        quiet_from,
        quiet_to,
        quiet_error: errors.text("quiet_from"),
        focus: !["name", "url", "token", "chat"].iter().any(|before| errors.has(before)),
    };
    part.render().unwrap_or_default()
}
