//! The chart of requests, and below it that of the time that they took, with their axes, as HTML.
//!
//! The drawing is stretched to the width of its page, so it has no text. The labels stand around it in `templates/chart.html`,
//! at places that `.graph` in the style sheet fixes: its heights are those of this file.

use std::fmt::Write as _;

use askama::Template;
use keyward_authority::questions::{ChartView, Piece, Range};

use super::axis::{Decades, Steps};
use crate::words::{When, grouped};

/// Units of the drawing for one piece of the chart.
const PIECE: u32 = 10;
/// Units of a bar; the rest of its piece is a gap.
const BAR: u32 = 9;
/// Pixels of the chart of requests.
const REQUESTS: u32 = 120;
/// Pixels between the two charts.
const SPACE: u32 = 44;
/// Pixels of the chart of latency.
const LATENCY: u32 = 96;
/// An answer that takes so many milliseconds is slow.
const SLOW_MS: u64 = 1_000;

/// A label of the axis of time.
struct Tick {
    at: When,
    text: String,
}

#[derive(Template)]
#[template(path = "chart.html")]
struct Page {
    range: &'static str,
    passed: String,
    refused: String,
    /// What the key's own rate cap admits in one piece, in words; empty without a cap.
    cap: String,
    /// Whether the cap is low enough to be drawn.
    cap_drawn: bool,
    svg: String,
    counts: Vec<String>,
    /// Labels of the axis of latency; empty without that chart.
    latencies: Vec<&'static str>,
    slow_drawn: bool,
    ticks: Vec<Tick>,
    /// The attribute that makes a script write the labels of time in the reader's zone.
    zoned: &'static str,
}

/// The chart of requests alone.
pub fn requests(view: &ChartView, range: Range) -> String {
    drawn(view, range, None, None)
}

/// The charts of requests and of latency. `rate_cap` is how many requests a second the key itself may send.
pub fn requests_and_latency(view: &ChartView, range: Range, rate_cap: Option<u16>) -> String {
    drawn(view, range, rate_cap, Some(Decades::up_to(slowest(view))))
}

fn drawn(view: &ChartView, range: Range, rate_cap: Option<u16>, latency: Option<Decades>) -> String {
    let (passed, refused) = view.sums();
    let largest = view.pieces.iter().map(|piece| piece.passed + piece.refused).max().unwrap_or(0);
    let cap = rate_cap.map(|cap| u64::from(cap) * view.piece_ms / 1_000);
    // A cap far above all bars would make them too low to be read.
    let cap_drawn = cap.filter(|cap| *cap <= largest.saturating_mul(2));
    let steps = Steps::up_to(largest.max(cap_drawn.unwrap_or(0)));
    let page = Page {
        range: range.word(),
        passed: grouped(passed),
        refused: grouped(refused),
        cap: cap.map(|cap| format!("{} in {}", grouped(cap), piece_in_words(range))).unwrap_or_default(),
        cap_drawn: cap_drawn.is_some(),
        svg: Drawing { view, range, steps, cap: cap_drawn, latency }.svg(),
        counts: steps.labels(),
        latencies: latency.map(Decades::labels).unwrap_or_default(),
        slow_drawn: latency.is_some_and(|axis| axis.shows(SLOW_MS)),
        ticks: ticks(view, range),
        zoned: match range {
            Range::Hour | Range::Day => "data-local=\"clock\"",
            Range::Week => "data-tick=\"week\"",
            Range::Month => "data-tick=\"month\"",
        },
    };
    page.render().unwrap_or_default()
}

fn slowest(view: &ChartView) -> u64 {
    view.pieces.iter().filter_map(|piece| piece.most_ms).max().unwrap_or(0)
}

const fn piece_in_words(range: Range) -> &'static str {
    match range {
        Range::Hour => "a minute",
        Range::Day => "15 minutes",
        Range::Week => "an hour",
        Range::Month => "6 hours",
    }
}

/// How the axis of time is divided: pieces of a column, and columns. The last column ends at "now".
const fn columns(range: Range) -> (u32, u32) {
    match range {
        Range::Hour => (15, 4),
        Range::Day => (24, 4),
        Range::Week => (24, 7),
        Range::Month => (28, 5),
    }
}

fn ticks(view: &ChartView, range: Range) -> Vec<Tick> {
    let (pieces, columns) = columns(range);
    let tick = |column: u32| {
        let at = When::of(view.since.plus_ms(u64::from(column * pieces) * view.piece_ms));
        let part = match range {
            Range::Hour | Range::Day => at.iso.get(11..16),
            Range::Week | Range::Month => at.iso.get(5..10),
        };
        Tick { text: part.unwrap_or_default().to_owned(), at }
    };
    // The last column ends at "now". Where it is wide enough, its beginning has a label too.
    let labelled = match range {
        Range::Hour | Range::Day => columns,
        Range::Week | Range::Month => columns - 1,
    };
    (0..labelled).map(tick).collect()
}

/// What the SVG is drawn from.
struct Drawing<'d> {
    view: &'d ChartView,
    range: Range,
    steps: Steps,
    cap: Option<u64>,
    latency: Option<Decades>,
}

// Writing to a text cannot fail.
impl Drawing<'_> {
    fn svg(&self) -> String {
        let (width, height) = (self.width(), self.height());
        let mut svg = String::with_capacity(16_384);
        let _ = write!(
            svg,
            r#"<svg class="chart" viewBox="0 0 {width} {height}" width="720" height="{height}" role="img" preserveAspectRatio="none"><title>{}</title>"#,
            self.title()
        );
        self.draw_grid(&mut svg);
        self.draw_bars(&mut svg);
        if let Some(axis) = self.latency {
            self.draw_lines(&mut svg, axis);
        }
        self.draw_columns(&mut svg);
        svg.push_str("</svg>");
        svg
    }

    fn width(&self) -> u32 {
        PIECE * u32::try_from(self.view.pieces.len()).unwrap_or(1).max(1)
    }

    const fn height(&self) -> u32 {
        if self.latency.is_some() { REQUESTS + SPACE + LATENCY } else { REQUESTS }
    }

    fn title(&self) -> String {
        let (passed, refused) = self.view.sums();
        let title = format!("Requests in the last {}: {passed} passed, {refused} refused", self.range.word());
        match self.latency {
            Some(_) => format!("{title}; p99 at most {} ms", slowest(self.view)),
            None => title,
        }
    }

    /// A line for each label, and the thresholds.
    fn draw_grid(&self, svg: &mut String) {
        let (width, mut path) = (self.width(), String::new());
        let mut across = |y: u32| {
            let _ = write!(path, "M0 {y}H{width}");
        };
        for step in 0..=self.steps.count() {
            across(REQUESTS * step / self.steps.count());
        }
        if let Some(axis) = self.latency {
            for step in 0..=axis.count() {
                across(REQUESTS + SPACE + LATENCY * step / axis.count());
            }
        }
        let (pieces, columns) = columns(self.range);
        for x in (1..columns).map(|column| column * pieces * PIECE) {
            let _ = write!(path, "M{x} 0V{REQUESTS}");
            if self.latency.is_some() {
                let _ = write!(path, "M{x} {}V{}", REQUESTS + SPACE, self.height());
            }
        }
        stroke(svg, "axis", &path);
        if let Some(cap) = self.cap {
            let y = REQUESTS - self.steps.height(cap, REQUESTS);
            stroke(svg, "limit", &format!("M0 {y}H{width}"));
        }
        if let Some(axis) = self.latency.filter(|axis| axis.shows(SLOW_MS)) {
            let y = f64::from(self.height()) - axis.height(SLOW_MS, LATENCY);
            stroke(svg, "limit", &format!("M0 {y:.0}H{width}"));
        }
    }

    /// What passed, and on it what was refused.
    fn draw_bars(&self, svg: &mut String) {
        let (mut passed, mut refused) = (String::new(), String::new());
        for (at, piece) in (0_u32..).zip(&self.view.pieces) {
            let left = at * PIECE;
            let up = self.steps.height(piece.passed, REQUESTS);
            let over = self.steps.height(piece.refused, REQUESTS);
            if up > 0 {
                let _ = write!(passed, "M{left} {REQUESTS}v-{up}h{BAR}v{up}z");
            }
            if over > 0 {
                let _ = write!(refused, "M{left} {}v-{over}h{BAR}v{over}z", REQUESTS.saturating_sub(up));
            }
        }
        for (class, path) in [("passed", passed), ("refused", refused)] {
            if !path.is_empty() {
                let _ = write!(svg, r#"<path class="{class}" d="{path}"/>"#);
            }
        }
    }

    /// Within how many milliseconds half of the requests were answered, and 99 of 100.
    fn draw_lines(&self, svg: &mut String, axis: Decades) {
        for (class, lone, of) in [
            ("most", "most lone", (|piece| piece.most_ms) as fn(&Piece) -> Option<u64>),
            ("half", "half lone", |piece| piece.half_ms),
        ] {
            for (class, path) in [(class, self.line(axis, of)), (lone, self.dots(axis, of))] {
                if !path.is_empty() {
                    stroke(svg, class, &path);
                }
            }
        }
    }

    /// A line from piece to piece, with a gap where nothing was.
    fn line(&self, axis: Decades, of: fn(&Piece) -> Option<u64>) -> String {
        let (mut path, mut goes_on) = (String::new(), false);
        for (at, piece) in (0_u32..).zip(&self.view.pieces) {
            let value = of(piece);
            if let Some(ms) = value {
                let (x, y) = self.point(axis, at, ms);
                // It begins with a dot, which stays if the next piece has no value.
                let _ = if goes_on { write!(path, "L{x} {y:.0}") } else { write!(path, "M{x} {y:.0}h1") };
            }
            goes_on = value.is_some();
        }
        path
    }

    /// A larger dot for each piece whose neighbours have no value: the line is too thin to be seen there.
    fn dots(&self, axis: Decades, of: fn(&Piece) -> Option<u64>) -> String {
        let inside = self.view.pieces.iter().map(of);
        let values: Vec<Option<u64>> = std::iter::once(None).chain(inside).chain([None]).collect();
        let mut path = String::new();
        for (at, around) in (0_u32..).zip(values.windows(3)) {
            if let [None, Some(ms), None] = *around {
                let (x, y) = self.point(axis, at, ms);
                let _ = write!(path, "M{x} {y:.0}h.1");
            }
        }
        path
    }

    /// Where the value of a piece is drawn.
    fn point(&self, axis: Decades, at: u32, ms: u64) -> (u32, f64) {
        (at * PIECE + PIECE / 2, f64::from(self.height()) - axis.height(ms, LATENCY))
    }

    /// The values of each piece in which something was, shown wherever in its column the pointer is.
    fn draw_columns(&self, svg: &mut String) {
        let height = self.height();
        svg.push_str(r#"<g class="hits">"#);
        for (at, piece) in (0_u32..).zip(&self.view.pieces) {
            if *piece == Piece::default() {
                continue;
            }
            let when = When::of(self.view.since.plus_ms(u64::from(at) * self.view.piece_ms));
            let time = match self.range {
                Range::Hour | Range::Day => when.clock(),
                Range::Week | Range::Month => when.utc.as_str(),
            };
            let (x, passed, refused) = (at * PIECE, piece.passed, piece.refused);
            let _ = write!(
                svg,
                r#"<rect x="{x}" width="{PIECE}" height="{height}"><title>{time}: {passed} passed, {refused} refused"#
            );
            if let (Some(half), Some(most)) = (piece.half_ms, piece.most_ms) {
                let _ = write!(svg, ", p50 {half} ms, p99 {most} ms");
            }
            svg.push_str("</title></rect>");
        }
        svg.push_str("</g>");
    }
}

/// A line that is as thin however far the drawing is stretched.
fn stroke(svg: &mut String, class: &str, path: &str) {
    let _ = write!(svg, r#"<path class="{class}" d="{path}" vector-effect="non-scaling-stroke"/>"#);
}

#[cfg(test)]
mod tests {
    use super::{requests, requests_and_latency};
    use keyward_authority::questions::{ChartView, Piece, Range};
    use keyward_rules::time::Moment;

    fn view(pieces: Vec<Piece>, piece_ms: u64) -> ChartView {
        let (verdicts, routes, sources) = (Vec::new(), Vec::new(), Vec::new());
        // 2027-01-15, 08:00 UTC.
        let since = Moment::from_unix_ms(1_800_000_000_000);
        ChartView { since, piece_ms, pieces, verdicts, routes, sources }
    }

    /// An hour in which these pieces are the first.
    fn hour(first: &[Piece]) -> ChartView {
        let mut pieces = vec![Piece::default(); 60];
        pieces[..first.len()].copy_from_slice(first);
        view(pieces, 60_000)
    }

    fn piece(passed: u64, refused: u64, half: u64, most: u64) -> Piece {
        Piece { passed, refused, half_ms: Some(half), most_ms: Some(most) }
    }

    #[test]
    fn axes_have_round_labels_and_moments() {
        let html = requests_and_latency(&hour(&[piece(9, 1, 2, 50)]), Range::Hour, None);
        for label in ["<span>10</span><span>5</span><span>0</span>", "<span>100 ms</span><span>10 ms</span>"]
        {
            assert!(html.contains(label), "{label}: {html}");
        }
        let at = "data-local=\"clock\" datetime=\"2027-01-15T08:15:00.000Z\" title=\"2027-01-15 08:15 UTC\">08:15<";
        assert!(html.contains(at) && html.contains("<span>now</span>"), "{html}");
        assert_eq!(html.matches("<time ").count(), 4, "each of four columns has a label");
        let month =
            requests_and_latency(&view(vec![Piece::default(); 124], 6 * 3_600_000), Range::Month, None);
        assert!(month.contains("data-tick=\"month\"") && month.contains(">01-22<"), "{month}");
        assert!(!html.contains(" style=") && !html.contains("<text"));
    }

    #[test]
    fn bars_stand_on_each_other_and_every_column_tells_its_values() {
        let html = requests_and_latency(&hour(&[piece(5, 5, 2, 50), Piece::default()]), Range::Hour, None);
        assert!(html.contains(r#"<path class="passed" d="M0 120v-60h9v60z"/>"#), "{html}");
        assert!(html.contains(r#"<path class="refused" d="M0 60v-60h9v60z"/>"#), "{html}");
        let told = r#"<rect x="0" width="10" height="260"><title>08:00 UTC: 5 passed, 5 refused, p50 2 ms, p99 50 ms</title></rect>"#;
        assert!(html.contains(told), "{html}");
        assert_eq!(html.matches("<rect").count(), 1, "nothing is told of empty pieces");
        let alone = requests(&hour(&[piece(5, 5, 2, 50)]), Range::Hour);
        assert!(
            alone.contains(r#"height="120"><title>08:00"#) && !alone.contains("class=\"most\""),
            "{alone}"
        );
        assert!(!alone.contains("p50</p>") && !alone.contains("legend"), "{alone}");
    }

    #[test]
    fn lines_have_gaps_where_nothing_was() {
        let (fast, none) = (piece(1, 0, 1, 10), Piece::default());
        let html = requests_and_latency(&hour(&[fast, fast, none, fast]), Range::Hour, None);
        assert!(html.contains(r#"<path class="half" d="M5 260h1L15 260M35 260h1""#), "{html}");
        assert!(html.contains(r#"<path class="most" d="M5 164h1L15 164M35 164h1""#), "{html}");
        assert!(html.contains(r#"<path class="half lone" d="M35 260h.1""#), "alone between gaps: {html}");
        let quiet = requests_and_latency(&hour(&[]), Range::Hour, None);
        assert!(!quiet.contains("class=\"half\"") && !quiet.contains("NaN") && quiet.contains("0 passed"));
    }

    #[test]
    fn thresholds_are_drawn_where_they_fit_and_told_where_they_do_not() {
        let slow = requests_and_latency(&hour(&[piece(1, 0, 20, 2_000)]), Range::Hour, None);
        assert!(slow.contains("class=\"limit\"") && slow.contains("slow, from 1 s"), "{slow}");
        let fast = requests_and_latency(&hour(&[piece(1, 0, 1, 5)]), Range::Hour, None);
        assert!(!fast.contains("class=\"limit\"") && !fast.contains("slow"), "{fast}");
        // One request a second is 60 in a piece of a minute.
        let near = requests_and_latency(&hour(&[piece(80, 0, 1, 5)]), Range::Hour, Some(1));
        assert!(near.contains("rate cap: 60 in a minute") && near.contains("d=\"M0 48H600\""), "{near}");
        let far = requests_and_latency(&hour(&[piece(5, 0, 1, 5)]), Range::Hour, Some(100));
        assert!(far.contains("rate cap: 6,000 in a minute, above this chart"), "{far}");
        assert!(!far.contains("class=\"limit\""), "{far}");
    }
}
