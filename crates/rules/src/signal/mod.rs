//! Signals: what is unusual about how a key is used, held against what the key did before (product.md 7).
//!
//! [`Baseline`] is what was learned of a key: bounded, and kept as a text. [`Watched`] is one key that is watched: it takes in
//! every request whose signature was right, learns, and says what is unusual. [`SignalKind`] names what can be, and [`SignalChoices`]
//! what its holder wants to hear of. [`AtOnce`] counts the accounts that begin the same thing.

mod at_once;
mod baseline;
mod choices;
mod kind;
#[cfg(test)]
mod month;
mod watched;

pub use at_once::{AtOnce, BegunAtOnce, FirstUse};
pub use baseline::{Baseline, LEARNED_DAYS, NotABaseline, Usual};
pub use choices::{MOST_FROM, SignalChoices};
pub use kind::{NotASignal, Signal, SignalKind, SignalSet, Sizes};
pub use watched::{KeyReach, RequestOutcome, SeenRequest, Watched};
