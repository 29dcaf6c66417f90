//! How people are told: from the outbox to mail, and from the store to alert channels; and how checkpoints of the audit
//! log leave over HTTP.
//!
//! Owns: the words and looks of mails, SMTP, the sandbox's mailbox, [`channel`] with its HTTP client, the workers with
//! their retries.
//! Leaves to others: what is told and to whom (`authority`), that it is kept until it is delivered (`store`).
//!
//! Invariants: a mail is delivered at least once and gets one `Message-ID` however often it is tried; it holds no
//! link but the one that can only brake; a delivered mail is kept nowhere but in the sandbox's mailbox.

pub mod channel;
mod exchange;
mod mailbox;
mod post;
mod render;
mod smtp;
mod worker;

pub use exchange::{ExchangeClient, NoAnswer, NotAnExchange};
pub use mailbox::{Kept, Mailbox};
pub use post::{NotAnAddress, Post, PostError};
pub use render::{Mail, render, test_mail};
pub use smtp::{Security, Smtp, SmtpSettings, is_full_name};
pub use worker::{MailWorker, Transport, pause_before_try};
