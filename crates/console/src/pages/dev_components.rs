//! The sandbox's page of components: everything that pages are made of, in every state, with invented content. It asks the
//! store nothing, and a server has no such page.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use keyward_authority::questions::{ChartView, Piece, Range};
use keyward_rules::id::KeyId;
use keyward_rules::orders::read;
use keyward_rules::time::Moment;

use super::field::{Field, Kind};
use super::layout::{Frame, not_found, page};
use crate::orders::Outcome;
use crate::shell::Shell;
use crate::words::{Refuser, When, verdict};
use crate::{assets, chart};

/// A quarter of an hour.
const QUARTER_MS: u64 = 15 * 60 * 1_000;

/// Two orders, and what the exchange may answer to them.
const ORDERS: &[u8] =
    br#"[{"instId":"BTC-USDT","tdMode":"cash","side":"buy","ordType":"limit","px":"30000","sz":"0.001"},
    {"instId":"ETH-USDT","tdMode":"cash","side":"sell","ordType":"market","sz":"2"}]"#;
const ANSWERS: [&[u8]; 3] = [
    br#"{"code":"0","msg":"","data":[{"ordId":"1","sCode":"0","sMsg":""},{"ordId":"2","sCode":"0","sMsg":""}]}"#,
    br#"{"code":"2","msg":"","data":[{"ordId":"1","sCode":"0","sMsg":""},
        {"ordId":"","sCode":"51008","sMsg":"Insufficient balance"}]}"#,
    br#"{"code":"1","msg":"","data":[{"ordId":"","sCode":"51001","sMsg":"Instrument ID does not exist"},
        {"ordId":"","sCode":"51008","sMsg":"Insufficient balance"}]}"#,
];

/// The colours by role: the class of the swatch, the token, and what it is for.
const COLOURS: [(&str, &str, &str); 18] = [
    ("ground", "ground", "the page"),
    ("card", "card", "cards and the sidebar"),
    ("wash", "wash", "what is current or under the pointer"),
    ("line", "line", "lines between things"),
    ("strong-line", "strong-line", "frames of inputs"),
    ("text", "text", "text"),
    ("soft", "soft", "less important text"),
    ("brand-colour", "brand", "the logo and the primary action"),
    ("link-colour", "link", "links"),
    ("focus", "focus", "focus"),
    ("good", "good", "a state that is good"),
    ("data", "data", "requests that passed"),
    ("warn", "warn", "a risk, and what is held"),
    ("warn-wash", "warn-wash", "the ground of a warning"),
    ("bad", "bad", "errors and refusals"),
    ("bad-fill", "bad-fill", "the button that does harm"),
    ("bad-wash", "bad-wash", "the ground of an error"),
    ("note-wash", "note-wash", "the ground of a note"),
];

/// The sizes of type: the class, the token, and pixels.
const SIZES: [(&str, &str, u8); 6] = [
    ("type-small", "small", 12),
    ("type-less", "less", 13),
    ("type-normal", "normal", 14),
    ("type-large", "large", 16),
    ("type-title", "title", 20),
    ("type-figure", "figure", 28),
];

#[derive(Template)]
#[template(path = "dev_components.html")]
struct Page {
    frame: Frame,
    colours: Vec<(&'static str, &'static str, &'static str)>,
    sizes: Vec<(&'static str, &'static str, u8)>,
    icons: Vec<&'static str>,
    fields: Vec<String>,
    verdicts: Vec<String>,
    at: When,
    /// Charts with requests, and without.
    charts: Vec<String>,
    spark: String,
    idle_spark: String,
    shares: Vec<(&'static str, u64, String)>,
}

/// The page.
pub async fn show(State(shell): State<Shell>) -> Response {
    if shell.settings().mail.is_none() {
        return not_found().await;
    }
    let now = shell.now();
    let key = KeyId::from_entropy([7; 16]);
    let spark = |view: &ChartView| chart::spark(&counts(view));
    let (busy, quiet) = (busy(now), quiet(now));
    let shares = [("/api/v5/trade/order", 640), ("/api/v5/account/balance", 210), ("/api/v5/public/time", 9)];
    page(&Page {
        frame: Frame::bare("Components"),
        colours: COLOURS.to_vec(),
        sizes: SIZES.to_vec(),
        icons: assets::icon_names(),
        fields: fields(),
        verdicts: verdicts(key),
        at: When::of(now),
        charts: [&busy, &quiet].map(|view| chart::requests_and_latency(view, Range::Day, Some(2))).to_vec(),
        spark: spark(&busy),
        idle_spark: spark(&quiet),
        shares: shares.map(|(route, count)| (route, count, chart::share(count, 640))).to_vec(),
    })
}

/// Those of requests without orders, and of what the exchange may answer to orders.
fn verdicts(key: KeyId) -> Vec<String> {
    let own = ["0", "50110", "50114", "51008"].map(|code| verdict(code, key, Refuser::Gateway));
    let answered =
        |answer: &[u8]| Some(Outcome::of(&read("/api/v5/trade/batch-orders", ORDERS, answer)?)?.html());
    own.into_iter().chain(ANSWERS.into_iter().filter_map(answered)).collect()
}

/// A field of each kind, with a hint or an error.
fn fields() -> Vec<String> {
    let fields = [
        Field::new("plain", "A field", Kind::Text).value("Typed"),
        Field::new("hinted", "With a hint", Kind::Text).hint("A hint says what is expected."),
        Field::new("free", "Left to the person", Kind::Text).optional(),
        Field::new("wrong", "With an error", Kind::Text)
            .value("10.0.0.0/33")
            .error("This is not an address.")
            .hint("For example 203.0.113.7."),
        Field::new("secret", "A password", Kind::Password),
        Field::new("six", "Six digits", Kind::Six).value("123456"),
        Field::new("eight", "Eight digits", Kind::Eight),
        Field::new("area", "Several lines", Kind::Area).value("203.0.113.7, 2001:db8::1"),
        Field::new("moment", "A date and a time", Kind::Moment),
    ];
    fields.iter().map(Field::html).collect()
}

fn view(now: Moment, pieces: Vec<Piece>) -> ChartView {
    let since = Moment::from_unix_ms(now.unix_ms().saturating_sub(96 * QUARTER_MS));
    let (verdicts, routes, sources) = (Vec::new(), Vec::new(), Vec::new());
    ChartView { since, piece_ms: QUARTER_MS, pieces, verdicts, routes, sources }
}

/// A day with requests in waves, some of them refused.
fn busy(now: Moment) -> ChartView {
    let piece = |at: u64| Piece {
        passed: at * at % 37 * 40,
        refused: if at % 11 == 3 { at * 4 } else { 0 },
        half_ms: Some(5 + at % 7),
        most_ms: Some(50 + at * at % 400),
    };
    view(now, (0..96).map(piece).collect())
}

fn quiet(now: Moment) -> ChartView {
    view(now, vec![Piece::default(); 96])
}

fn counts(view: &ChartView) -> Vec<(u64, u64)> {
    view.pieces.iter().map(|piece| (piece.passed, piece.refused)).collect()
}
