//! How things change: one file per action, called by the console, the API and the command line alike.
//!
//! Owns: the actions and the questions that people ask. Each action asks the rules, changes the store and
//! writes the audit event in one transaction.
//! Leaves to others: what is allowed (`rules`), how it is kept (`store`), how it is asked (`app`, `console`).

mod create_account;
mod create_sub_account;
mod delete_key;
mod disable_key;
mod enable_key;
mod error;
mod freeze_key;
mod issue_key;
pub mod questions;
mod sweep_keys;

pub use create_account::create_account;
pub use create_sub_account::create_sub_account;
pub use delete_key::delete_key;
pub use disable_key::disable_key;
pub use enable_key::enable_key;
pub use error::ActionError;
pub use freeze_key::freeze_key;
pub use issue_key::{Issued, KeyWish, issue_key};
pub use sweep_keys::{Swept, sweep_keys};

use keyward_rules::grant::Actor;
use keyward_rules::key::{KeyPolicy, PassphraseKey};
use keyward_rules::time::Moment;
use keyward_store::{Entropy, Writer};

/// What every action needs: who acts, when, and the capabilities.
pub struct Desk<'d> {
    /// The way to change things.
    pub writer: &'d Writer,
    /// The key under which passphrases are hashed.
    pub passphrases: &'d PassphraseKey,
    /// The source of randomness.
    pub entropy: &'d Entropy,
    /// The settings that bear on new keys.
    pub policy: KeyPolicy,
    /// Who acts.
    pub actor: Actor,
    /// When.
    pub now: Moment,
}

impl Desk<'_> {
    /// Random bytes.
    fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        (self.entropy)(&mut bytes);
        bytes
    }
}
