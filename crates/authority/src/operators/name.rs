//! Question: how is an account called?

use keyward_rules::id::AccountId;
use keyward_store::AccountKind;

use crate::{ActionContext, ActionError};

/// How an account is called: its e-mail address, or the sub-account's name with its master's address.
///
/// # Errors
/// [`ActionError::NoAccount`].
#[crate::boxed]
pub async fn name_of(context: &ActionContext<'_>, account: AccountId) -> Result<String, ActionError> {
    let reader = &context.authority.access.reader;
    let record = reader.account(context.actor.scope(), account).await?.ok_or(ActionError::NoAccount)?;
    match record.kind {
        AccountKind::Master(email) => Ok(email.to_string()),
        AccountKind::Sub(master, name) => {
            let owner = reader.account(context.actor.scope(), master).await?.map(|owner| owner.kind);
            let of = match owner {
                Some(AccountKind::Master(email)) => email.to_string(),
                Some(AccountKind::Sub(..)) | None => master.to_string(),
            };
            Ok(format!("{}, sub-account of {of}", name.as_str()))
        }
    }
}
