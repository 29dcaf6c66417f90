//! Audit records for people: under days, in sentences, with facts in words.
//!
//! Owns: how a record reads. Leaves to others: which records there are, and whose names a reader may see (`authority`).

mod choice;
mod day;
mod deed;
mod fact;
mod line;

pub use choice::{Choice, actions, keys, kinds};
pub use day::{Day, by_day};
pub use line::{Audience, Line, line};
