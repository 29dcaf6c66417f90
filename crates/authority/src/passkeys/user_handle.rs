//! How authenticators know an account.

use keyward_rules::id::AccountId;
use webauthn_rs::prelude::Uuid;

use crate::ActionContext;

/// What an authenticator is told of the account: a keyed hash, which says nothing to a person who finds the device.
pub(super) fn user_handle(context: &ActionContext<'_>, account: AccountId) -> Uuid {
    let tag = context.authority.secrets.codes.tag("passkey holder", &account.to_string(), &[]);
    let mut bytes = [0; 16];
    for (byte, from) in bytes.iter_mut().zip(tag.as_bytes()) {
        *byte = *from;
    }
    Uuid::from_bytes(bytes)
}
