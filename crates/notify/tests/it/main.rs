//! The client for alert channels against receivers on loopback, reached only because a test allows or redirects them.

#![expect(clippy::unwrap_used, reason = "tests take the short way")]

mod client;
mod exchange;
mod receiver;
