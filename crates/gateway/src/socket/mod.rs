//! Sockets: from a request that asks for one to its last frame.
//!
//! Owns: the upgrade, what a client's frames mean, the exchange's end of the socket, which sockets are open and when they end.
//! Leaves to others: frames (the library), what is allowed (`rules`), the path of a permitted request (`admit`).
//!
//! Invariants: nothing goes to the exchange without evidence of the rules; every request is judged on fresh facts; a socket
//! whose key no longer admits it ends; everything that grows has a limit.

mod identity_line;
mod limits;
mod metered;
mod registry;
mod relay;
mod session;
mod side;
mod state;
mod upgrade;
mod upstream;

pub use limits::SocketLimits;
pub use registry::Registry;
pub use relay::run;
pub use upgrade::{Upgrades, open};
