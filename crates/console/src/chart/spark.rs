//! The last day of a key as a small picture in a list.

use std::fmt::Write as _;

/// Heights are rounded to so many steps: fifty such pictures must stay small in a page.
const STEPS: u64 = 8;

/// Requests that passed and that were refused in each quarter of an hour, oldest first: one outline of what passed, and one of
/// what was refused on top of it. A day without requests is a word.
pub fn spark(counts: &[(u64, u64)]) -> String {
    let passed: u64 = counts.iter().map(|(passed, _)| passed).sum();
    let refused: u64 = counts.iter().map(|(_, refused)| refused).sum();
    if passed + refused == 0 {
        return r#"<span class="soft idle">none</span>"#.to_owned();
    }
    let largest = counts.iter().map(|(passed, refused)| passed + refused).max().unwrap_or(0).max(1);
    let bars: Vec<(u64, u64)> = counts.iter().map(|counts| heights(*counts, largest)).collect();
    let mut svg = format!(
        r#"<svg class="chart" viewBox="0 0 {} {STEPS}" role="img" preserveAspectRatio="none"><title>Last 24 hours: {passed} passed, {refused} refused</title>"#,
        bars.len()
    );
    for (class, path) in [("passed", outline(&bars)), ("refused", blocks(&bars))] {
        if !path.is_empty() {
            // Writing to a text cannot fail.
            let _ = write!(svg, r#"<path class="{class}" d="{path}"/>"#);
        }
    }
    svg.push_str("</svg>");
    svg
}

/// The steps of what passed and of what was refused. Whatever was there is at least one step high.
fn heights((passed, refused): (u64, u64), largest: u64) -> (u64, u64) {
    let steps = |count: u64| match count {
        0 => 0,
        _ => (count.saturating_mul(STEPS).saturating_add(largest / 2) / largest).clamp(1, STEPS),
    };
    let over = steps(refused).min(STEPS - u64::from(passed > 0));
    (steps(passed).min(STEPS - over), over)
}

/// Neighbouring bars of the same height as one: where it begins, how wide it is, how high.
fn runs(bars: &[(u64, u64)]) -> Vec<(usize, usize, (u64, u64))> {
    let mut runs: Vec<(usize, usize, (u64, u64))> = Vec::new();
    for (at, bar) in bars.iter().enumerate() {
        match runs.last_mut() {
            Some((_, wide, last)) if last == bar => *wide += 1,
            Some(_) | None => runs.push((at, 1, *bar)),
        }
    }
    runs
}

/// The sky line of what passed; empty when nothing did.
fn outline(bars: &[(u64, u64)]) -> String {
    if bars.iter().all(|(up, _)| *up == 0) {
        return String::new();
    }
    let mut path = format!("M0 {STEPS}");
    let tops: Vec<(u64, u64)> = bars.iter().map(|(up, _)| (*up, 0)).collect();
    for (_, wide, (up, _)) in runs(&tops) {
        // Writing to a text cannot fail.
        let _ = write!(path, "V{}h{wide}", STEPS - up);
    }
    let _ = write!(path, "V{STEPS}");
    path
}

/// A block for each run of what was refused.
fn blocks(bars: &[(u64, u64)]) -> String {
    let mut path = String::new();
    for (at, wide, (up, over)) in runs(bars) {
        if over > 0 {
            // Writing to a text cannot fail.
            let _ = write!(path, "M{at} {}h{wide}v-{over}h-{wide}", STEPS - up);
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::{heights, spark};

    #[test]
    fn a_day_without_requests_is_a_word() {
        assert!(!spark(&[(0, 0); 96]).contains("<svg") && !spark(&[]).contains("<svg"));
    }

    #[test]
    fn equal_neighbours_are_one_and_refusals_stand_on_top() {
        let mut counts = [(0, 0); 96];
        counts[90] = (4, 0);
        counts[91] = (4, 0);
        counts[95] = (4, 4);
        let svg = spark(&counts);
        assert!(svg.contains("12 passed, 4 refused"), "{svg}");
        assert!(svg.contains(r#"class="passed" d="M0 8V8h90V4h2V8h3V4h1V8""#), "{svg}");
        assert!(svg.contains(r#"class="refused" d="M95 4h1v-4h-1""#), "{svg}");
        let refused = spark(&[(0, 1), (0, 1)]);
        assert!(!refused.contains("\"passed\"") && refused.contains("M0 8h2v-8h-2"), "{refused}");
    }

    #[test]
    fn whatever_was_there_is_seen_and_fits() {
        for (passed, refused) in [(1, 1_000_000), (1_000_000, 1), (1, 0), (0, 1), (u64::MAX / 2, 5)] {
            let (up, over) = heights((passed, refused), passed + refused);
            assert!(up + over <= 8 && (up > 0) == (passed > 0) && (over > 0) == (refused > 0), "{up} {over}");
        }
        assert_eq!(heights((0, 0), 1), (0, 0));
    }
}
