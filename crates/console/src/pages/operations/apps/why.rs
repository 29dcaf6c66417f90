//! The reason that an operator gives for what they do about an app.

use crate::pages::field::{Field, Kind};

/// The reason's field, which the broker reads.
pub(super) fn why_field(why: &str, error: &str) -> String {
    let hint = "The broker reads it, and the audit log keeps it. Up to 200 characters.";
    Field::new("why", "Why", Kind::Text).hint(hint).error(error).value(why).html()
}
