//! The request to submit ranges of an app, or to judge them only.

use keyward_authority::ActionContext;
use keyward_authority::apps::RangeSubmission;
use keyward_rules::app::RangeSetError;
use keyward_rules::id::AppId;

use super::field_errors::Cause;
use crate::fields::Fields;

/// What came in, as a form or as one of three bodies.
pub struct RangesRequest<'r> {
    /// The ranges, as typed.
    pub ranges: &'r str,
    /// A note to the reviewers. Browsers end its lines in two characters, of which JSON must leave out the first.
    pub note: String,
    /// How long the ranges before stay in force, in hours. What is no number in a form counts as too long.
    pub overlap_hours: u64,
}

impl<'r> RangesRequest<'r> {
    /// Reads the fields of `apps/ranges.html`.
    pub fn of_form(fields: &'r Fields) -> Self {
        Self {
            ranges: fields.get("ranges"),
            note: fields.get("note").replace("\r\n", "\n"),
            overlap_hours: match fields.get("overlap").trim() {
                "" => 0,
                hours => hours.parse().unwrap_or(u64::MAX),
            },
        }
    }

    /// Reads the ranges. Note and overlap are judged by the authority.
    ///
    /// # Errors
    /// [`RangeSetError`]; no other field can be wrong here.
    pub fn read(self, context: &ActionContext<'_>, app: AppId) -> Result<RangeSubmission, RangeSetError> {
        let ranges = RangeSetError::read(self.ranges, context.authority.settings.private_ranges)?;
        let overlap_ms = self.overlap_hours.saturating_mul(3_600_000);
        Ok(RangeSubmission { app, ranges, note: self.note, overlap_ms })
    }
}

/// How pages and the API report the error.
pub fn bad_ranges(wrong: RangeSetError) -> Cause {
    Cause::rule("bad_ranges", wrong)
}
