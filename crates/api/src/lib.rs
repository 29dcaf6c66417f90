//! The contracts on the wire: OKX's envelope for now.
//!
//! Owns: how a refusal looks. Leaves to others: which refusal it is (`rules`).

pub mod okx;
