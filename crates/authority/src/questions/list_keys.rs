//! Question: which keys does an account have?

use keyward_rules::account::Email;
use keyward_rules::time::Moment;
use keyward_store::Reader;

use super::show_key::KeyView;
use crate::ActionError;

/// The account's keys, oldest first, ended ones included; rows that do not verify are counted apart.
///
/// # Errors
/// [`ActionError::NoAccount`].
pub async fn list_keys(
    reader: &Reader,
    email: &Email,
    now: Moment,
) -> Result<(Vec<KeyView>, usize), ActionError> {
    let account = reader.account_by_email(email).await?.ok_or(ActionError::NoAccount)?;
    let rows = reader.keys_of(account.id).await?;
    let altered = rows.iter().filter(|row| row.is_err()).count();
    Ok((rows.into_iter().flatten().map(|key| KeyView::of(&key, now)).collect(), altered))
}
