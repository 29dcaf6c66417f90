//! Charts, drawn on the server: bars of requests and steps of latency, with the numbers in their titles.

use std::fmt::Write as _;

use keyward_authority::questions::Piece;

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

/// Bars of a chart of any range.
pub fn bars(pieces: &[Piece], range: &str) -> String {
    let counts: Vec<(u64, u64)> = pieces.iter().map(|piece| (piece.passed, piece.refused)).collect();
    day(&counts, 720, 120, "Requests").replacen("in the last 24 hours", &format!("in the last {range}"), 1)
}

/// Latency over time: within how many milliseconds half of the requests were answered, and 99 of 100.
pub fn latency(pieces: &[Piece], range: &str) -> String {
    let (width, height) = (720.0, 120.0);
    let slowest = pieces.iter().filter_map(|piece| piece.most_ms).max().unwrap_or(0);
    let mut svg = format!(
        r#"<svg class="chart" viewBox="0 0 720 120" width="720" height="120" role="img" preserveAspectRatio="none"><title>Latency in the last {range}: p99 is at most {slowest} ms</title><path class="axis" d="M0 119.5H720"/>"#
    );
    // Bounds grow by factors, so the scale is logarithmic.
    #[expect(clippy::cast_precision_loss, reason = "bounds are at most 2,000")]
    let scaled =
        |ms: u64| height - 1.0 - (ms as f64 + 1.0).ln() / (slowest.max(1) as f64 + 1.0).ln() * (height - 4.0);
    let step = width / f64::from(u32::try_from(pieces.len()).unwrap_or(1).max(1));
    for (class, of) in
        [("most", (|piece| piece.most_ms) as fn(&Piece) -> Option<u64>), ("half", |piece| piece.half_ms)]
    {
        let mut path = String::new();
        for (at, piece) in (0_u32..).zip(pieces) {
            if let Some(ms) = of(piece) {
                let (left, top) = (f64::from(at) * step, scaled(ms));
                // Writing to a text cannot fail.
                let _ = write!(path, "M{left:.1} {top:.1}h{step:.1}");
            }
        }
        if !path.is_empty() {
            let _ = write!(svg, r#"<path class="{class}" d="{path}" vector-effect="non-scaling-stroke"/>"#);
        }
    }
    svg.push_str("</svg>");
    svg
}

/// One bar of a list: its share of the largest, 0 to 100.
pub fn share(count: u64, largest: u64) -> String {
    let wide = count * 100 / largest.max(1);
    format!(
        r#"<svg class="share" viewBox="0 0 100 8" width="100" height="8" aria-hidden="true" preserveAspectRatio="none"><rect width="{}" height="8"/></svg>"#,
        wide.max(1)
    )
}

#[cfg(test)]
mod tests {
    use super::{bars, day, latency};
    use keyward_authority::questions::Piece;

    #[test]
    fn every_piece_with_a_latency_is_a_step() {
        let piece = Piece { passed: 1, refused: 0, half_ms: Some(1), most_ms: Some(5) };
        let svg = latency(&[piece, Piece::default(), piece], "hour");
        assert_eq!(svg.matches("M0.0 ").count(), 2, "{svg}");
        assert!(svg.contains("at most 5 ms") && svg.contains("class=\"half\"") && !svg.contains("NaN"));
        assert!(!latency(&[Piece::default()], "hour").contains("class=\"half\""));
        assert!(bars(&[piece], "month").contains("1 passed, 0 refused in the last month"));
    }

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
