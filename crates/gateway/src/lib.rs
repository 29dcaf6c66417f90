//! One signed request, checked and forwarded: the data plane.
//!
//! Owns: the wire, the memory of facts, local rates and replay marks, the journal's queue, and the path of a
//! request in `admit.rs`, which reads top to bottom.
//! Leaves to others: what is allowed (`rules`), how things change (`authority`), where they are kept (`store`).
//!
//! Invariants: what goes upstream on a private route is a [`keyward_rules::decision::Permit`]; nothing is
//! sent twice; verdicts are never cached.

mod admit;
pub mod alarms;
mod approvals;
mod body;
mod clock;
mod clock_error;
mod context;
mod counts;
pub mod day_sums;
mod endpoints;
pub mod follow;
mod forward;
mod fragment;
mod framing;
pub mod health;
mod lease;
mod listen;
pub mod market;
pub mod memory;
mod observe;
mod own_config;
mod price;
pub mod rates;
pub mod recorder;
pub mod repeats;
pub mod replay_cache;
pub mod reply;
mod serve;
mod settings;
mod shards;
mod socket;
pub mod sources;
pub mod strangers;
mod taken_sums;
mod upstream;
pub mod uses;
pub mod watch;
mod wording;

pub use clock::Clock;
pub use context::{Counters, Keys, Reports, RequestContext, View};
pub use framing::may_pass;
pub use lease::Lease;
pub use listen::{Gateway, Listener, Running};
pub use settings::Limits;
pub use socket::{Registry, SocketLimits};
pub use upstream::Backend;
