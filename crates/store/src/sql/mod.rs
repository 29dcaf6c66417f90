//! The two databases meet here: connections, values, rows, errors. Outside this folder and `bulk` no file knows which
//! database it talks to.
//!
//! Owns: how a statement reaches SQLite or PostgreSQL, pools, transactions, notifications, and why something failed.
//! Leaves to the other files: the statements themselves, and what their rows mean.
//!
//! Invariant: a connection never goes back to its pool with an open transaction.

mod connect;
mod database;
mod error;
mod listen;
pub(crate) mod postgres;
mod row;
pub(crate) mod sqlite;
pub(crate) mod statement;
mod tls;
mod url;
mod url_error;
mod value;

pub(crate) use database::{Database, Transact};
pub use error::DatabaseError;
pub(crate) use listen::Listener;
pub(crate) use row::{Row, moment};
pub use url_error::UrlError;
pub(crate) use value::Value;

/// Declares the statements of a file and lists them for the test that prepares all of them.
macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $text:expr;)+) => {
        $($(#[$doc])* pub(crate) const $name: &str = $text;)+
        /// The statements of this file by name.
        pub(crate) const STATEMENTS: &[(&str, &str)] = &[$((stringify!($name), $name)),+];
    };
}
pub(crate) use statements;
