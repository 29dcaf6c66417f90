//! When a review is due, and when its holder is reminded.

use crate::limits::{DAY_MS, REVIEW_EVERY_DAYS, REVIEW_REMINDER_DAYS};
use crate::time::Moment;

/// When the next review is due: 30 days after the last one, or after the oldest key was made, whichever is later. `None` without a
/// key.
#[must_use]
pub fn due_at(oldest_key: Option<Moment>, last_review: Option<Moment>) -> Option<Moment> {
    let from = oldest_key?.max(last_review.unwrap_or(Moment::from_unix_ms(0)));
    Some(from.plus_ms(REVIEW_EVERY_DAYS * DAY_MS))
}

/// The reminder that stands at `now`: how many days after the due date it is told. Only the latest one counts, so that who was not
/// told for a while is not told three times.
#[must_use]
pub fn reminder_days(due: Moment, now: Moment) -> Option<u64> {
    let reached = |days: &&u64| now >= due.plus_ms(**days * DAY_MS);
    REVIEW_REMINDER_DAYS.iter().rev().find(reached).copied()
}

#[cfg(test)]
mod tests {
    use super::{due_at, reminder_days};
    use crate::limits::DAY_MS;
    use crate::time::Moment;

    fn day(number: u64) -> Moment {
        Moment::from_unix_ms(number * DAY_MS)
    }

    #[test]
    fn a_review_is_due_every_thirty_days() {
        assert_eq!(due_at(None, None), None);
        assert_eq!(due_at(None, Some(day(3))), None, "there is nothing to review");
        assert_eq!(due_at(Some(day(10)), None), Some(day(40)));
        assert_eq!(due_at(Some(day(10)), Some(day(50))), Some(day(80)));
        assert_eq!(
            due_at(Some(day(90)), Some(day(50))),
            Some(day(120)),
            "all keys are newer than the review"
        );
    }

    #[test]
    fn reminders_have_three_steps() {
        let at = |number| reminder_days(day(40), Moment::from_unix_ms(number));
        assert_eq!(at(40 * DAY_MS - 1), None);
        let steps = [40, 46, 47, 53, 54, 400].map(|number| reminder_days(day(40), day(number)));
        assert_eq!(steps, [Some(0), Some(0), Some(7), Some(7), Some(14), Some(14)]);
    }
}
