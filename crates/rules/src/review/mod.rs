//! The monthly review of an account's keys (product.md 3.2): what is found of each key, with its evidence, what can be done about
//! it, and the security score.
//!
//! [`KeyEvidence`] is what is known of a key. [`findings`] judges it, [`questions`] puts the same evidence in words, [`offers`]
//! says what a review can do at once. [`Score`] adds up the findings of all keys by an open table. All of it is pure: the same
//! evidence gives the same findings and the same score.

mod answer;
mod due;
mod evidence;
mod finding;
mod judge;
mod remedy;
mod score;
#[cfg(test)]
mod tests;
mod words;

pub use answer::{NotAnswers, ReviewAnswer, answers_text, read_answers};
pub use due::{due_at, reminder_days};
pub use evidence::{KeyEvidence, KnownUse, OBSERVED_DAYS, Powers, SeenSources};
pub use finding::{Finding, FindingKind, NextStep, Severity};
pub use judge::{DORMANT_DAYS, findings};
pub use remedy::{NotARemedy, Remedy, RemedyRefused, check, offers};
pub use score::{Deduction, Score};
pub use words::{Question, questions};
