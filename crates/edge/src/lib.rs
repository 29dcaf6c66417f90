//! Who connects: the client behind a connection or a request, and how many connections each source has.
//!
//! Owns: the list of trusted proxies, the PROXY protocol, forwarded headers, the connection limiter, deadlines for
//! peers that do not read.
//! Leaves to others: what a client may do. No other crate reads an address from a socket or a header.
//!
//! Invariants: a header is believed from a trusted proxy only; what a trusted proxy says is either clear or refused; a
//! proxy is never taken for its clients.

mod complaints;
mod connections;
mod forwarded;
mod heard;
mod proxies;
mod proxy_protocol;
mod replay;
mod shares;
mod until_done;

pub use complaints::Complaints;
pub use connections::{Activity, Connection, ConnectionLimits, Connections, MustClose, Request};
pub use forwarded::ClientAddressError;
pub use heard::{HearsBytes, TrackedStream};
pub use proxies::{ClientAddressForm, NotProxies, Peer, Proxies};
pub use proxy_protocol::ProxyHeaderError;
pub use replay::RewindStream;
pub use shares::{Held, Shares};
pub use until_done::{KEEP_ALIVE, keeps_what_is_announced, until_done};
