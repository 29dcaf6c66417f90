//! A key with the name that the person confirmed: harm is never done to a key by its id alone.

use keyward_rules::grant::Actor;
use keyward_rules::id::KeyId;
use keyward_store::{KeyRecord, Tx};

use crate::{ActionError, Desk};

/// Which key, and what the person says it is called.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyNamed {
    /// Its id.
    pub id: KeyId,
    /// Its exact name; not asked at the host, where the command line asks in its own way.
    pub name: String,
}

impl KeyNamed {
    /// A key by its id alone, for the host and the system's duties.
    #[must_use]
    pub const fn at_the_host(id: KeyId) -> Self {
        Self { id, name: String::new() }
    }

    /// The key, when it is within reach and called that.
    pub(crate) async fn find(&self, desk: &Desk<'_>, tx: &mut Tx) -> Result<KeyRecord, ActionError> {
        let key = tx.key(self.id).await?.ok_or(ActionError::NoKey)?;
        let asked = match desk.actor {
            Actor::Holder(_) | Actor::Staff(_) | Actor::Visitor(_) => true,
            Actor::Host(_) | Actor::System(_) => false,
        };
        if asked && key.name.as_str() != self.name {
            return Err(ActionError::NotTheName);
        }
        Ok(key)
    }
}
