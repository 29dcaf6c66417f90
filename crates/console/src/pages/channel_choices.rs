//! The part of a form that says what a channel gets and when.

use askama::Template;
use keyward_authority::ActionError;
use keyward_rules::channel::{Choices, Digest, NotQuietHours, Quiet, Which};

use super::field::FieldError;
use super::layout::sentence;
use crate::fields::Fields;

/// What stands in it.
#[derive(Clone, Default)]
pub struct Typed {
    critical: bool,
    digest: String,
    quiet_from: String,
    quiet_to: String,
    quiet_error: String,
}

#[derive(Template)]
#[template(path = "channel_choices.html")]
struct Part<'p> {
    typed: &'p Typed,
}

impl Typed {
    /// What was chosen before.
    pub fn of(choices: &Choices) -> Self {
        let (quiet_from, quiet_to) = choices.quiet.map(Quiet::words).unwrap_or_default();
        Self {
            critical: choices.which == Which::Critical,
            digest: choices.digest.word().to_owned(),
            quiet_from,
            quiet_to,
            quiet_error: String::new(),
        }
    }

    /// What was typed.
    pub fn from(fields: &Fields) -> Self {
        Self {
            critical: fields.get("which") == Which::Critical.word(),
            digest: fields.get("digest").to_owned(),
            quiet_from: fields.get("quiet_from").to_owned(),
            quiet_to: fields.get("quiet_to").to_owned(),
            quiet_error: String::new(),
        }
    }

    /// With what is wrong of the quiet hours.
    pub fn wrong(self, wrong: NotQuietHours) -> Self {
        Self { quiet_error: sentence(&ActionError::from(wrong)), ..self }
    }

    /// What is wrong, for the summary of the form.
    pub fn slip(&self) -> Option<FieldError> {
        FieldError::new("quiet-from", "Quiet hours", &self.quiet_error)
    }

    /// The HTML.
    pub fn html(&self) -> String {
        Part { typed: self }.render().unwrap_or_default()
    }
}

/// Reads the part; what is none of the offered words is the most careful one: all, at once.
pub fn parse(fields: &Fields) -> Result<Choices, NotQuietHours> {
    let quiet = match (fields.get("quiet_from"), fields.get("quiet_to")) {
        ("", "") => None,
        (from, to) => Some(Quiet::parse(from, to)?),
    };
    Ok(Choices {
        which: Which::from_word(fields.get("which")).unwrap_or(Which::All),
        quiet,
        digest: Digest::from_word(fields.get("digest")).unwrap_or(Digest::AtOnce),
    })
}
