//! The control plane over HTTP: pages for people, and the management API for programs.
//!
//! Owns: sessions as cookies and bearer tokens, the guard against requests from other sites, forms, templates,
//! assets, problem documents, the OpenAPI document.
//! Leaves to others: every rule and every change (`authority`); it has no way to the store.
//!
//! Invariants: a page and its API twin call the same action; a cookie is never taken for a bearer token; a form of a
//! signed-in person is read only behind `pages::person::Posted`, which checks session, origin and token; no browser or
//! proxy caches an answer, and the console keeps those of forms for seconds (`once`); no page holds inline code or style.

mod actions;
pub mod api;
mod assets;
mod chart;
mod client;
mod compress;
mod fields;
mod guard;
mod handler;
pub mod okx;
mod once;
mod orders;
mod pages;
mod records;
mod requests;
mod route;
mod server;
mod shell;
mod who;
mod words;

pub use route::{Access, Declared, Forms};
pub use server::{Console, Running};
pub use shell::{DevMail, DevMessage, SettingShown, Settings, Shell};

/// Every route of the pages, for the tests that walk them; the API's stand in its document.
#[must_use]
pub fn page_routes() -> Vec<Declared> {
    pages::routes().into_parts().1
}
