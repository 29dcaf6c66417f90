//! A chart with its lists and its table, as a page shows them.

use keyward_authority::questions::{ChartView, Piece, Range};

use crate::chart;
use crate::words::{When, verdict_name};

/// A line of a list with its bar.
pub struct Line {
    /// The code, route or address.
    pub word: String,
    /// The word for people.
    pub name: String,
    /// How often.
    pub count: u64,
    /// The bar, as HTML.
    pub bar: String,
}

fn lines(list: &[(String, u64)], name: fn(&str) -> String) -> Vec<Line> {
    let largest = list.first().map_or(0, |(_, count)| *count);
    let line = |(word, count): &(String, u64)| Line {
        word: word.clone(),
        name: name(word),
        count: *count,
        bar: chart::share(*count, largest),
    };
    list.iter().map(line).collect()
}

/// A chart as a page shows it.
pub struct Drawn {
    /// How far it reaches back.
    pub range: &'static str,
    /// Requests and latency, as HTML.
    pub chart: String,
    /// Requests by code.
    pub verdicts: Vec<Line>,
    /// By route.
    pub routes: Vec<Line>,
    /// By address.
    pub sources: Vec<Line>,
    /// The pieces in which something was.
    pub table: Vec<(When, Piece)>,
}

/// Draws a chart; `rate_cap` is how many requests a second the key itself may send.
pub fn drawn(view: &ChartView, range: Range, rate_cap: Option<u16>) -> Drawn {
    let at = |index: u64| When::of(view.since.plus_ms(index * view.piece_ms));
    let busy = (0_u64..).zip(&view.pieces).filter(|(_, piece)| piece.passed + piece.refused > 0);
    Drawn {
        range: range.word(),
        chart: chart::requests_and_latency(view, range, rate_cap),
        verdicts: lines(&view.verdicts, verdict_name),
        routes: lines(&view.routes, str::to_owned),
        sources: lines(&view.sources, str::to_owned),
        table: busy.map(|(index, piece)| (at(index), *piece)).collect(),
    }
}
