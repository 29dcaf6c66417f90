//! The memory of facts: order of arrival, torn reads, unknown keys, altered rows; and what ends a socket.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "a test stops at the first thing that is not as expected"
)]

mod memory;
mod recorder;
mod sockets;
