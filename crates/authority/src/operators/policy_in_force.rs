//! Question: which policies are in force, and where did each come from?

use keyward_rules::id::AccountId;
use keyward_rules::policy::{Policy, Setting};
use keyward_rules::time::Moment;
use keyward_store::{PolicyRecord, Tx};

use crate::{ActionContext, ActionError};

/// Where a policy came from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PolicySource {
    /// Nobody said anything.
    Default,
    /// The configuration file.
    File,
    /// An operator, in the console.
    Console(Moment, AccountId),
}

/// All policies with where each came from, in the order of [`Setting::NAMES`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InForce {
    /// The policies.
    pub policy: Policy,
    /// Each, with its origin.
    pub settings: [(Setting, PolicySource); Setting::NAMES.len()],
}

fn merge(context: &ActionContext<'_>, records: &[PolicyRecord]) -> InForce {
    let settings = &context.authority.settings;
    let mut policy = settings.policy;
    records.iter().for_each(|record| record.setting.apply(&mut policy));
    let with_source = |setting: Setting| {
        let set = records.iter().find(|record| record.setting.name() == setting.name());
        let source = match set {
            Some(record) => PolicySource::Console(record.set_at, record.set_by),
            None if settings.named.contains(&setting.name()) => PolicySource::File,
            None => PolicySource::Default,
        };
        (setting, source)
    };
    InForce { policy, settings: Setting::all(&policy).map(with_source) }
}

/// The policies in force.
///
/// # Errors
/// [`ActionError::Store`] when a stored one was altered.
#[crate::boxed]
pub async fn policy_in_force(context: &ActionContext<'_>) -> Result<InForce, ActionError> {
    Ok(merge(context, &context.authority.access.reader.policies().await?))
}

/// The same, inside a transaction.
pub(crate) async fn policy_now(context: &ActionContext<'_>, tx: &mut Tx) -> Result<Policy, ActionError> {
    Ok(merge(context, &tx.policies().await?).policy)
}
