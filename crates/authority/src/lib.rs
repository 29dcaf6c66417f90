//! How things change: one file per action, called by the console, the API and the command line alike.
//!
//! Owns: the actions, the questions that people ask, the proofs that people give, what holders are told. Each
//! action asks the rules, changes the store, writes the audit event and the alert in one transaction.
//! Leaves to others: what is allowed (`rules`), how it is kept (`store`), how it is asked (`app`, `console`).

pub mod accounts;
mod action;
pub mod approvals;
pub mod apps;
mod ceremony;
pub mod channels;
mod context;
mod delegated;
pub mod duties;
mod error;
mod hashing;
pub mod keys;
pub mod leaks;
pub mod operators;
pub mod passkeys;
mod prove;
pub mod questions;
pub mod reviews;
mod searches;
pub mod sign_in;
mod step_up;
mod strength;
pub mod sub_accounts;
mod tell;
mod totp;
mod work;

// An action or question is compiled here, once. An `async fn` that is not boxed is compiled again in each crate that
// calls it: the console, the command line and every test.
pub(crate) use async_recursion::async_recursion as boxed;

pub use action::{Action, PendingAction};
pub use ceremony::{MissingProof, ProofStep, ceremony_of, prove_action};
pub use context::{Access, ActionContext, Authority, MarketData, Secrets, Settings};
pub use delegated::{Delegated, Delegation, delegate, inherited};
pub use error::{ActionError, ErrorKind};
pub use hashing::{HashPriority, Hasher};
pub use prove::{prove, prove_any};
pub use searches::{Searches, Searching};
pub use step_up::{Shown, begin_step_up, finish_step_up};
pub use strength::{Strength, strength};
pub use totp::Authenticator;
pub use work::{Pool, PoolLimits};

// What comes through the door, for shells that have no way to the store.
pub use keyward_store::{
    AppKeyCounts, AppProfile, AuditFilter, Found, Names, Place, RequestFilter, ReviewRecord, SessionKind,
    SessionRecord, Stage,
};
