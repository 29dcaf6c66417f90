//! Charts, drawn on the server as SVG, with their labels as HTML beside the drawing.
//!
//! Owns: how high and how wide things are drawn, and which labels the axes have. Leaves to others: the numbers (`authority`),
//! the sizes and colours (`assets/keyward.css`).

mod axis;
mod plot;
mod scores;
mod share;
mod spark;

pub use plot::{requests, requests_and_latency};
pub use scores::scores;
pub use share::share;
pub use spark::spark;
