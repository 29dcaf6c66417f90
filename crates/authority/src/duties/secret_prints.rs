//! Duty: give keys from before there were secret prints theirs, so that a leaked secret finds them without its API key.

use crate::{ActionContext, ActionError};

/// Gives prints to all living keys that have none, a batch in each transaction.
///
/// # Errors
/// [`ActionError::Store`]; batches that were written before stay.
#[crate::boxed]
pub async fn fill_secret_prints(context: &ActionContext<'_>) -> Result<(), ActionError> {
    let mut after = None;
    loop {
        match context.authority.access.secret_prints.fill(after).await? {
            Some(last) => after = Some(last),
            None => return Ok(()),
        }
    }
}
