//! Passkeys (WebAuthn): a second factor, a way in without a password, the factor of a step-up.
//!
//! Owns: the questions that are put to authenticators, the check of their answers, adding, renaming and removing. A question is kept in
//! the store, sealed, for five minutes; it is bound to what its answer is good for, and the first answer takes it away.
//! Leaves to others: what a proof allows (`rules`), how rows are kept (`store`), the browser's part (`console`).
//!
//! Invariants: the holder was verified by the device (PIN or biometry), never merely present; a counter that goes back is
//! refused and its holder told; an answer to one question serves no other.

mod add;
mod ceremony;
mod check;
mod relying_party;
mod remove;
mod rename;
mod user_handle;

pub use add::{EnrolPasskey, offer_new_passkey, try_new_passkey};
pub use ceremony::{Offer, Purpose, offer_any_passkey, offer_passkey};
pub(crate) use check::prove_any_passkey;
pub use check::prove_passkey;
pub(crate) use relying_party::RelyingParty;
pub use remove::RemovePasskey;
pub use rename::RenamePasskey;
