//! The two databases meet here: connections, values, rows, errors. Outside this folder and `bulk` no file knows which
//! database it talks to.
//!
//! Owns: how a statement reaches SQLite or PostgreSQL, pools, transactions, notifications, and why something failed.
//! Leaves to the other files: the statements themselves, and what their rows mean.
//!
//! Invariant: a connection never goes back to its pool with an open transaction.

mod database;
mod error;
mod listen;
pub(crate) mod postgres;
mod row;
pub(crate) mod sqlite;
pub(crate) mod statement;
mod tls;
mod url;
mod value;

pub(crate) use database::{Database, Transact};
pub use error::DatabaseError;
pub(crate) use listen::Listener;
pub(crate) use row::Row;
pub use url::UrlError;
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

/// Every statement of the store by file; a test prepares each on both databases.
pub const STATEMENTS: &[(&str, &[(&str, &str)])] = &[
    ("accounts", crate::accounts::STATEMENTS),
    ("activity", crate::activity::STATEMENTS),
    ("alerts", crate::alerts::STATEMENTS),
    ("app_keys", crate::app_keys::STATEMENTS),
    ("apps", crate::apps::STATEMENTS),
    ("brokers", crate::brokers::STATEMENTS),
    ("ranges", crate::ranges::STATEMENTS),
    ("channels", crate::channels::STATEMENTS),
    ("charts", crate::charts::STATEMENTS),
    ("deliveries", crate::deliveries::STATEMENTS),
    ("door", crate::door::STATEMENTS),
    ("feed", crate::feed::STATEMENTS),
    ("journal", crate::journal::STATEMENTS),
    ("keys", crate::keys::STATEMENTS),
    ("log", crate::log::STATEMENTS),
    ("rows", crate::log::rows::STATEMENTS),
    ("node", crate::node::STATEMENTS),
    ("notes", crate::notes::STATEMENTS),
    ("outbox", crate::outbox::STATEMENTS),
    ("overseen", crate::overseen::STATEMENTS),
    ("passkeys", crate::passkeys::STATEMENTS),
    ("people", crate::people::STATEMENTS),
    ("policies", crate::policies::STATEMENTS),
    ("proposals", crate::proposals::STATEMENTS),
    ("retention", crate::retention::STATEMENTS),
    ("root", crate::seal::ROOT_STATEMENTS),
    ("seal", crate::seal::STATEMENTS),
    ("sessions", crate::sessions::STATEMENTS),
    ("spool", crate::spool::STATEMENTS),
    ("staff", crate::staff::STATEMENTS),
    ("usage", crate::usage::STATEMENTS),
    ("writer", crate::writer::STATEMENTS),
];
