//! Orders, transfers and withdrawals of requests: in words for pages, and member by member for programs and files.
//!
//! Owns: how what was asked and what was answered reads. Leaves to others: what is read of a request and of its answer
//! (`keyward_rules::orders`), and who may see it (`authority`).

mod listed;
mod outcome;
mod sentence;

pub use listed::{MEMBERS, Order, listed};
pub use outcome::Outcome;
pub use sentence::{AnswersOf, sentence, summary};
