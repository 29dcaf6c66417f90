//! Alert channels beside mail (product.md 7): where alerts go, which, when, and what a receiver must be.
//!
//! Owns: the form of a channel, the strict reading of its target, the addresses that must never be reached, when an
//! alert is due, how long to wait between tries, the signature of a webhook.
//! Leaves to others: keeping (`store`), sending (`notify`), who may (`grant`).
//!
//! Invariants: a target's secret part has no `Display` and no `Debug`; an address is public only if a rule says so; a
//! critical alert never waits.

mod choices;
mod id;
mod message;
mod outcome;
mod pace;
mod policy;
mod reach;
mod signature;
mod target;
mod url;

pub use choices::{Choices, Digest, Due, NotQuietHours, Quiet, Which};
pub(crate) use id::random_id;
pub use id::{ChannelId, MessageId};
pub use message::{Message, Subject};
pub use outcome::Outcome;
pub use pace::{gives_up, pause_ms};
pub use policy::{Base, ChannelPolicy, Endpoint, NotAdmitted, NotAnEndpoint};
pub use reach::{Unreachable, check_address};
pub use signature::WebhookSecret;
pub use target::{ChannelKind, NotATarget, SlackHost, Target, TargetInput};
pub use url::{Host, NotAUrl, Receiver, Scheme};
