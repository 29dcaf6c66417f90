//! The exchange behind the gateway: a pool of keep-alive connections per thread.
//!
//! Owns: connections, what goes out and what comes back byte by byte, waits. Leaves to `forward`: what is sent, and what an
//! answer means.
//!
//! Invariants: a request that certainly was not written goes out on another connection; anything that may have reached the
//! exchange is never sent twice. An answer that could be read in two ways is none.

mod answer;
pub mod framing;
pub mod head;
mod late;
mod line;
mod pool;
mod send;

pub use answer::AnswerBody;
pub use late::Deadlines;
pub use line::READ_AHEAD;
pub use pool::{Backend, Pool};
pub use send::Sent;
