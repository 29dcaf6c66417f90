//! What must not compile, and the audit log's arithmetic against an independent implementation.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "a test stops at the first thing that is not as expected"
)]

mod fences_elsewhere;
mod log;
mod secrets_elsewhere;

/// The evidence cannot be made, cloned or skipped: each file in `evidence/` must not compile.
#[test]
fn evidence_cannot_be_forged() {
    trybuild::TestCases::new().compile_fail("tests/it/evidence/*.rs");
}
