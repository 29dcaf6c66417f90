//! For whom a signed-in user acts.

use crate::id::AccountId;

/// By which right somebody acts for a sub-account.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ActingAs {
    /// It belongs to their own account.
    Master,
    /// Its master made them a member.
    Member,
}

/// For which sub-account somebody acts. Whoever makes the value has checked the right; every change checks it again in its
/// transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Acting {
    /// The sub-account.
    pub sub_account: AccountId,
    /// By which right.
    pub by: ActingAs,
}
