//! What holders are told of requests: uses of their keys, and right credentials that came from elsewhere.

use std::net::IpAddr;

use keyward_rules::alert::{CanaryUse, KeyObservation};
use keyward_rules::denial::Denial;
use keyward_rules::key::{KeyFacts, Reach};
use keyward_rules::time::Moment;
use keyward_store::LastUse;
use tracing::warn;

use crate::context::RequestContext;

/// Notes that a key was used, and tells its holder of an unbound key's use from elsewhere.
pub fn used(context: &RequestContext, facts: &KeyFacts, source: IpAddr, at: Moment) {
    context.reports.uses.note(LastUse { key: facts.id, at, from: source });
    if matches!(facts.reach, Reach::Anywhere)
        && let Some(told) = context.view.memory.told(facts.slot)
    {
        context.reports.alarms.raise_of_key(KeyObservation::Unbound(facts.id, source), at, told);
    }
}

/// Tells the holder of right credentials from a wrong address, and the log once: who tries for an hour must not fill it.
/// Whether the refusal was one of these.
pub fn misplaced(context: &RequestContext, denial: &Denial, source: IpAddr, at: Moment) -> bool {
    if let Denial::AddressRefused(key, address) = *denial {
        if context.reports.alarms.raise(KeyObservation::WrongAddress(key, address), at) {
            warn!(%key, %address, "right credentials from a wrong address: treat the key as leaked");
        }
        true
    } else if let Denial::CanaryRefused(key, address) = *denial {
        if context.reports.alarms.raise(KeyObservation::Canary(key, address, CanaryUse::Signed), at) {
            warn!(%key, %address, "a canary was used with its right credentials");
        }
        true
    } else if let Denial::AppAddressRefused(key) = *denial {
        if context.reports.alarms.raise(KeyObservation::WrongAddress(key, source), at) {
            warn!(%key, "right credentials of an app key from an address outside its app");
        }
        true
    } else {
        false
    }
}
