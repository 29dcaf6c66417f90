//! What a socket may ask for: the table of channels and operations, and the strict reader of requests.
//!
//! A request is read by exact bytes, or not at all: no guesses, no second spelling, no member that nobody knows. What the
//! table lacks is refused. Leaves to `decision`: whether the key behind a socket may.

mod endpoint;
mod request;
mod table;

pub use endpoint::Endpoint;
pub use request::{ChannelArg, LoginArgs, OperationRequest, Request, Subscription, Unreadable, read};
pub use table::{
    BadSocketTable, Channel, ChannelAccess, FoundChannel, FoundOperation, Operation, SocketTable,
};
