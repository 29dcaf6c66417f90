//! The review of an account's keys: the action that finishes one. What it finds is a question (`questions::review`).

mod change;
mod finish;

pub use finish::{FinishReview, Finished, KeyAnswer};
