//! Leaks: what a found text holds that could be ours, what scanners report, and whether a report is signed.
//!
//! Owns: [`Candidates`], the secrets and API keys in a text; [`Finding`], one line of a report; [`Reporters`], whose reports
//! are believed. Leaves to `authority`: whether a secret is a key's, and what becomes of the key.
//!
//! The scheme is that of public secret-scanning programmes: a JSON array of findings, signed as a whole with ECDSA over
//! P-256 and SHA-256, by the key that a header names.

mod candidates;
mod report;
mod reporter;

pub use candidates::Candidates;
pub use report::{Finding, NotAReport, Place, read_report, report_hash, token_hash};
pub use reporter::{NotAReporter, NotSigned, Reporter, Reporters};
