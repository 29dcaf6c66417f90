//! The sandbox's mailbox: what would have been sent, newest first, in memory and bounded.

use std::collections::VecDeque;
use std::sync::Arc;

use keyward_rules::time::Moment;
use parking_lot::Mutex;

use crate::render::Mail;

/// Mails that are kept; older ones go.
const KEPT: usize = 500;

/// A mail as it would have arrived.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Kept {
    /// The mail.
    pub mail: Mail,
    /// When it was delivered.
    pub at: Moment,
}

/// The mailbox; clones share it.
#[derive(Clone, Default)]
pub struct Mailbox {
    mails: Arc<Mutex<VecDeque<Kept>>>,
}

impl Mailbox {
    /// Takes a mail in.
    pub fn put(&self, mail: Mail, at: Moment) {
        let mut mails = self.mails.lock();
        mails.push_front(Kept { mail, at });
        mails.truncate(KEPT);
    }

    /// All mails, newest first.
    #[must_use]
    pub fn newest_first(&self) -> Vec<Kept> {
        self.mails.lock().iter().cloned().collect()
    }
}
