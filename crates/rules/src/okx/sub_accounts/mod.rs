//! OKX's requests that administer sub-accounts and their keys (OKX contract section 5): which there are, what each says, and how
//! one is refused.
//!
//! Owns: strict reading of query and body into typed requests; the codes of refusals. Leaves to others: who may send one
//! ([`crate::decision`]), and what is done (`authority`).
//!
//! Invariants: nothing that two readers could take differently is read; an empty value is an absent one, except `ip` of a
//! modification, where it means something.

mod endpoint;
mod parameters;
mod refusal;
mod request;

pub use endpoint::Endpoint;
pub use refusal::EndpointRefusal;
pub use request::{KeyChange, KeyFilter, NewKey, SubAccountFilter, SubAccountRequest, read};
