//! Question: what is this key?

use keyward_rules::address::Binding;
use keyward_rules::id::KeyId;
use keyward_rules::key::{EndCause, Environment, Hold, HolderState, KeyName, idle_deadline};
use keyward_rules::permission::Permissions;
use keyward_rules::time::Moment;
use keyward_store::{KeyRecord, Reader};

use crate::ActionError;

/// A key as people see it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyView {
    /// The public API key.
    pub id: KeyId,
    /// Its name.
    pub name: KeyName,
    /// Its rights.
    pub permissions: Permissions,
    /// From where, in words.
    pub from: String,
    /// Live or demo.
    pub environment: Environment,
    /// `active`, `disabled`, `frozen`, `deleted`, `expired`.
    pub state: &'static str,
    /// When it was made.
    pub created_at: Moment,
    /// When it was last used.
    pub last_used_at: Option<Moment>,
    /// From where; empty for app keys.
    pub last_used_from: String,
    /// When it will end if nothing changes.
    pub ends_at: Option<Moment>,
}

impl KeyView {
    pub(crate) fn of(key: &KeyRecord, now: Moment) -> Self {
        let idle = idle_deadline(&key.binding, key.environment, key.life, key.created_at, key.last_used_at);
        let over = key.expires_at.is_some_and(|end| end <= now);
        let state = match key.life.state {
            HolderState::Deleted { .. } | HolderState::Expired { cause: EndCause::Deleted, .. } => "deleted",
            HolderState::Expired { cause: EndCause::Idle | EndCause::Date, .. } => "expired",
            HolderState::Active | HolderState::Disabled if over => "expired",
            HolderState::Active | HolderState::Disabled if key.life.holds.has(Hold::Frozen) => "frozen",
            HolderState::Active | HolderState::Disabled if key.life.holds.stops() => "held",
            HolderState::Active => "active",
            HolderState::Disabled => "disabled",
        };
        let from_app = matches!(key.binding, Binding::App(_));
        Self {
            id: key.id,
            name: key.name.clone(),
            permissions: key.permissions,
            from: reach_in_words(&key.binding),
            environment: key.environment,
            state,
            created_at: key.created_at,
            last_used_at: key.last_used_at,
            last_used_from: key.last_used_from.clone().filter(|_| !from_app).unwrap_or_default(),
            ends_at: [idle, key.expires_at].into_iter().flatten().min(),
        }
    }
}

/// `anywhere`, the addresses, or `the app's servers`: an app's ranges are confidential.
#[must_use]
pub fn reach_in_words(binding: &Binding) -> String {
    match binding {
        Binding::Anywhere => "anywhere".to_owned(),
        Binding::Addresses(set) => set.to_string(),
        Binding::App(_) => "the app's servers".to_owned(),
    }
}

/// One key.
///
/// # Errors
/// [`ActionError::NoKey`]; [`ActionError::Store`] when its row was altered.
pub async fn show_key(reader: &Reader, id: KeyId, now: Moment) -> Result<KeyView, ActionError> {
    reader.key(id).await?.map(|key| KeyView::of(&key, now)).ok_or(ActionError::NoKey)
}
