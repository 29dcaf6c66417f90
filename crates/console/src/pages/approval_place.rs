//! A place in the list of transfers, as links and cursors name it.

use keyward_rules::id::ApprovalId;
use keyward_rules::time::Moment;

/// The text of a place.
pub fn text_of((at, id): (Moment, ApprovalId)) -> String {
    format!("{}-{id}", at.unix_ms())
}

/// The place that a text names.
pub fn place(text: &str) -> Option<(Moment, ApprovalId)> {
    let (at, id) = text.split_once('-')?;
    let at: u64 = at.parse().ok()?;
    let id: ApprovalId = id.parse().ok()?;
    (text == text_of((Moment::from_unix_ms(at), id))).then_some((Moment::from_unix_ms(at), id))
}
