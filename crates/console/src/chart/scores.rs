//! The security score over time: a bar for each review that was finished, and one for now, as HTML.

use std::fmt::Write as _;

use askama::Template;
use keyward_authority::ReviewRecord;
use keyward_rules::time::Moment;

use crate::words::When;

/// Units of the drawing for one bar with its gap, and the bar's.
const PIECE: u32 = 10;
const BAR: u32 = 7;
/// Pixels of 100 points.
const HEIGHT: u32 = 120;
/// Reviews that are drawn: a year of them.
const REVIEWS: usize = 12;

#[derive(Template)]
#[template(path = "scores.html")]
struct Page {
    svg: String,
}

/// The newest reviews, given newest first, and the score of now. Empty before the first review.
pub fn scores(past: &[ReviewRecord], (now, points): (Moment, u8)) -> String {
    let mut all: Vec<(Moment, u8)> = past.iter().take(REVIEWS).map(|one| (one.at, one.score)).collect();
    if all.is_empty() {
        return String::new();
    }
    all.reverse();
    all.push((now, points));
    Page { svg: drawn(&all) }.render().unwrap_or_default()
}

/// The bars stand at the right, where "now" is: writing to a text cannot fail.
fn drawn(all: &[(Moment, u8)]) -> String {
    let pieces = u32::try_from(REVIEWS + 1).unwrap_or(1);
    let (width, first) = (PIECE * pieces, pieces.saturating_sub(u32::try_from(all.len()).unwrap_or(pieces)));
    let listed: Vec<String> = all.iter().map(|(_, points)| points.to_string()).collect();
    let mut svg = format!(
        r#"<svg class="chart" viewBox="0 0 {width} {HEIGHT}" width="720" height="{HEIGHT}" role="img" preserveAspectRatio="none"><title>Security score, oldest first: {}</title>"#,
        listed.join(", ")
    );
    let half = HEIGHT / 2;
    let _ = write!(
        svg,
        r#"<path class="axis" d="M0 0H{width}M0 {half}H{width}M0 {HEIGHT}H{width}" vector-effect="non-scaling-stroke"/>"#
    );
    let mut bars = String::new();
    for (at, (_, points)) in (first..).zip(all) {
        let up = HEIGHT * u32::from(*points) / 100;
        if up > 0 {
            let left = at * PIECE;
            let _ = write!(bars, "M{left} {HEIGHT}v-{up}h{BAR}v{up}z");
        }
    }
    if !bars.is_empty() {
        let _ = write!(svg, r#"<path class="passed" d="{bars}"/>"#);
    }
    svg.push_str(r#"<g class="hits">"#);
    for (at, (moment, points)) in (first..).zip(all) {
        let (x, when) = (at * PIECE, When::of(*moment));
        let day = when.date();
        let _ = write!(
            svg,
            r#"<rect x="{x}" width="{PIECE}" height="{HEIGHT}"><title>{day}: {points} of 100</title></rect>"#
        );
    }
    svg.push_str("</g></svg>");
    svg
}

#[cfg(test)]
mod tests {
    use super::scores;
    use keyward_authority::ReviewRecord;
    use keyward_rules::id::AccountId;
    use keyward_rules::time::Moment;

    #[test]
    fn each_review_has_a_bar_and_now_is_the_last() {
        let record = |day: u64, score| ReviewRecord {
            account: AccountId::from_u64(1).unwrap(),
            at: Moment::from_unix_ms(day * 86_400_000),
            score,
            keys: 1,
            answers: Vec::new(),
            reviewer: "account:1".to_owned(),
        };
        let now = (Moment::from_unix_ms(90 * 86_400_000), 100);
        assert_eq!(scores(&[], now), "", "before the first review there is no trend");
        let html = scores(&[record(60, 75), record(30, 50)], now);
        assert!(html.contains("oldest first: 50, 75, 100"), "{html}");
        assert!(html.contains("M100 120v-60h7v60zM110 120v-90h7v90zM120 120v-120h7v120z"), "{html}");
        assert_eq!(html.matches("<rect").count(), 3);
        assert!(html.contains("1970-03-02: 75 of 100") && html.contains("now"), "{html}");
        let many: Vec<ReviewRecord> = (0..60).rev().map(|day| record(day, 90)).collect();
        assert_eq!(scores(&many, now).matches("<rect").count(), 13);
    }
}
