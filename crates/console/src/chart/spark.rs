//! The last day of a key as bars without labels, for lists and small cards.

use std::fmt::Write as _;

/// Requests that passed and that were refused in each quarter of an hour, oldest first.
pub fn day(counts: &[(u64, u64)], width: u32, height: u32, label: &str) -> String {
    let tallest = counts.iter().map(|(passed, refused)| passed + refused).max().unwrap_or(0).max(1);
    let passed: u64 = counts.iter().map(|(passed, _)| passed).sum();
    let refused: u64 = counts.iter().map(|(_, refused)| refused).sum();
    let bars = u32::try_from(counts.len()).unwrap_or(1).max(1);
    let mut svg = String::with_capacity(4_096);
    // Writing to a text cannot fail.
    let _ = write!(
        svg,
        r#"<svg class="chart{idle}" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" preserveAspectRatio="none"><title>{label}: {passed} passed, {refused} refused in the last 24 hours</title><path class="axis" d="M0 {base}H{width}"/>"#,
        idle = if passed + refused == 0 { " idle" } else { "" },
        base = f64::from(height) - 0.5,
    );
    let room = f64::from(height - 2);
    #[expect(clippy::cast_precision_loss, reason = "a bar's height needs no more than 52 bits")]
    let scaled = |count: u64| if count == 0 { 0.0 } else { (count as f64 / tallest as f64 * room).max(1.5) };
    for (at, (passed, refused)) in (0_u32..).zip(counts) {
        if passed + refused == 0 {
            continue;
        }
        let (left, step) =
            (f64::from(width) * f64::from(at) / f64::from(bars), f64::from(width) / f64::from(bars));
        let (up, over) = (scaled(*passed), scaled(*refused));
        for (class, bottom, tall) in [("passed", 0.0, up), ("refused", up, over)] {
            if tall > 0.0 {
                let top = (f64::from(height) - 1.0 - bottom - tall).max(0.0);
                let _ = write!(
                    svg,
                    r#"<rect class="{class}" x="{left:.1}" y="{top:.1}" width="{wide:.1}" height="{tall:.1}"/>"#,
                    wide = (step - 0.4).max(0.6)
                );
            }
        }
    }
    svg.push_str("</svg>");
    svg
}

#[cfg(test)]
mod tests {
    use super::day;

    #[test]
    fn a_quiet_day_is_an_empty_chart_and_numbers_are_in_the_title() {
        let quiet = day(&[(0, 0); 96], 96, 24, "bot");
        assert!(quiet.contains("0 passed, 0 refused") && !quiet.contains("<rect"));
        let mut counts = [(0, 0); 96];
        counts[95] = (3, 1);
        let busy = day(&counts, 96, 24, "bot");
        assert!(busy.contains("3 passed, 1 refused"));
        assert_eq!(busy.matches("<rect").count(), 2);
    }
}
