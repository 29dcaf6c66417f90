//! The lanes of who tries: one counter for all strangers, and one of its own for each browser that an account knows.

use keyward_rules::person::Token;
use keyward_store::UserRecord;

use crate::{ActionContext, ActionError};

/// The counter that all strangers share.
pub(crate) const STRANGERS: &str = "strangers";

/// The counter that a try goes to: a known browser's own, or the one that all strangers share.
pub(crate) async fn lane(
    context: &ActionContext<'_>,
    person: Option<&UserRecord>,
    device: Option<&Token>,
) -> Result<String, ActionError> {
    if let (Some(person), Some(device)) = (person, device)
        && context.authority.access.door.knows_device(&device.hash(), person.account).await?
    {
        let hash = device.hash();
        return Ok(hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect());
    }
    Ok(STRANGERS.to_owned())
}
