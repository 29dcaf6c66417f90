//! The evidence cannot be made, cloned or skipped: each file in `evidence/` must not compile.

#[test]
fn evidence_cannot_be_forged() {
    trybuild::TestCases::new().compile_fail("tests/it/evidence/*.rs");
}
