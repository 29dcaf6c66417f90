//! Question: how is an account secured?

use keyward_rules::account::Email;
use keyward_rules::grant::TwoFactor;
use keyward_rules::id::AccountId;
use keyward_rules::time::Moment;
use keyward_store::AccountKind;

use crate::accounts::Left;
use crate::{ActionContext, ActionError};

/// An account as its holder sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccountView {
    /// Its id; OKX's `uid`.
    pub id: AccountId,
    /// Its address.
    pub email: Email,
    /// The phrase that marks our mails.
    pub phrase: String,
    /// Whether there is a second factor.
    pub two_factor: TwoFactor,
    /// Whether one of them is an authenticator.
    pub authenticator: bool,
    /// How many passkeys there are.
    pub passkeys: usize,
    /// Recovery codes that are left.
    pub recovery_codes_left: i64,
    /// Until when keys that move funds rest.
    pub cooling_until: Option<Moment>,
    /// When the holder registered.
    pub registered_at: Moment,
}

impl AccountView {
    /// What is left of the second factor without one of the passkeys.
    #[must_use]
    pub const fn without_a_passkey(&self) -> Left {
        if self.authenticator || self.passkeys > 1 { Left::Another } else { Left::Nothing }
    }

    /// What is left of it without the authenticator.
    #[must_use]
    pub const fn without_the_authenticator(&self) -> Left {
        if self.passkeys > 0 { Left::Another } else { Left::Nothing }
    }
}

/// The account, within the actor's scope.
///
/// # Errors
/// [`ActionError::NoAccount`] when nobody has registered behind it.
#[crate::boxed]
pub async fn show_account(context: &ActionContext<'_>, id: AccountId) -> Result<AccountView, ActionError> {
    let access = &context.authority.access;
    let record = access.reader.account(context.actor.scope(), id).await?.ok_or(ActionError::NoAccount)?;
    let AccountKind::Master(email) = record.kind else { return Err(ActionError::NoAccount) };
    let person = access.door.person(id).await?.ok_or(ActionError::NoAccount)?;
    Ok(AccountView {
        id,
        email,
        two_factor: person.two_factor(),
        authenticator: person.totp.is_some(),
        passkeys: person.passkeys,
        recovery_codes_left: access.door.recovery_codes_left(id).await?,
        cooling_until: person.cooling_until.filter(|until| context.now < *until),
        registered_at: person.registered_at,
        phrase: person.phrase,
    })
}
