//! What tests stand on: ephemeral servers, networks, the built program in a process of its own.
//!
//! Owns: starting and stopping what a test needs around it. Leaves to others: what is tested.

pub mod disk;
pub mod network;
pub mod pooler;
pub mod postgres;
pub mod process;
pub mod relay;
