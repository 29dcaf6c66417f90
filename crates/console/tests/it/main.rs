//! The console and its API from outside: requests in, answers out, mails read, the clock moved by hand.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests take the short way")]

mod activity;
mod app_pages;
mod apps;
mod apps_canary;
mod audit;
mod canary;
mod channel_pages;
mod channels;
mod cooling;
mod crowds;
mod delete_unused;
mod device;
mod doors;
mod ended;
mod forms;
mod frames;
mod freezes;
mod guessing;
mod keys;
mod maintenance;
mod new_address;
mod notes;
mod operators;
mod overview;
mod passkeys;
mod passkeys_framed;
mod passkeys_pages;
mod passkeys_reset;
mod passkeys_sign_in;
mod passkeys_tighten;
mod passphrases;
mod pasted;
mod person;
mod receiver;
mod reminders;
mod rotation;
mod routes;
mod step_up;
mod successors;
mod tab;
mod tenancy;
mod trail;
mod twice;
mod world;
