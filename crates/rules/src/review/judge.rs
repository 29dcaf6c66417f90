//! From what is known of a key to what is found.

use super::evidence::{KeyEvidence, OBSERVED_DAYS, Powers, SeenSources, is_used, is_wide};
use super::finding::{Finding, FindingKind, NextStep};
use super::remedy::{Remedy, narrowed};
use super::words::{day, days, listed, networks_in_words};
use crate::address::{AddressSet, Binding, Network};
use crate::fence::Fences;
use crate::key::Environment;
use crate::limits::{DAY_MS, EXPIRY_SUGGESTED_DAYS, ROTATION_AGE_DAYS};
use crate::permission::Permission;
use crate::time::Moment;

/// A key that was not used for so long is dormant.
pub const DORMANT_DAYS: u64 = 30;

/// What is found of a key, each kind at most once, in the order of [`FindingKind::ALL`]. A demo key moves no funds, so only its
/// lack of use is found. A key that gateways refuse is found dormant or leaked, and nothing else. Nothing is found of a canary: that
/// nobody uses it is as it should be.
#[must_use]
pub fn findings(key: &KeyEvidence<'_>, now: Moment) -> Vec<Finding> {
    if *key.binding == Binding::Canary {
        return Vec::new();
    }
    let judge = Judge { key, now };
    let mut found: Vec<Finding> = [judge.leaked(), judge.dormant()].into_iter().flatten().collect();
    if key.environment == Environment::Live && key.powers > Powers::Nothing {
        found.extend(judge.unbound());
        found.extend(judge.two_networks());
        found.extend(judge.open_withdrawals());
        found.extend(judge.unused_permissions());
        found.extend(judge.addresses());
        found.extend(judge.no_limits());
        found.extend(judge.no_expiry());
        found.extend(judge.old());
    }
    found.sort_by_key(|finding| finding.kind);
    found
}

struct Judge<'j> {
    key: &'j KeyEvidence<'j>,
    now: Moment,
}

const fn found(kind: FindingKind, evidence: String, next: NextStep) -> Finding {
    Finding { kind, evidence, next }
}

impl Judge<'_> {
    /// For how many days its use is known.
    const fn observed_days(&self) -> u64 {
        self.now.ms_since(self.key.known.since) / DAY_MS
    }

    fn since(&self) -> String {
        format!("since {} ({})", day(self.key.known.since), days(self.observed_days()))
    }

    fn leaked(&self) -> Option<Finding> {
        let text = "You reported this key as leaked. It was not deleted.".to_owned();
        self.key.leaked.then(|| found(FindingKind::Leaked, text, NextStep::Apply(Remedy::Delete)))
    }

    fn dormant(&self) -> Option<Finding> {
        let quiet_since = self.key.last_used_at.unwrap_or(self.key.created_at);
        let quiet_days = self.now.ms_since(quiet_since) / DAY_MS;
        if quiet_days < DORMANT_DAYS {
            return None;
        }
        let text = match self.key.last_used_at {
            Some(at) => format!("Last used on {}, {} ago.", day(at), days(quiet_days)),
            None => {
                format!(
                    "Never used. It was created on {}, {} ago.",
                    day(self.key.created_at),
                    days(quiet_days)
                )
            }
        };
        Some(found(FindingKind::Dormant, text, NextStep::Apply(Remedy::Delete)))
    }

    /// What a program can do with it from everywhere.
    fn unbound(&self) -> Option<Finding> {
        if self.key.binding.is_bound() {
            return None;
        }
        let kind = if self.key.moves_funds() {
            FindingKind::UnboundFunds
        } else if self.key.may(Permission::Trade) {
            FindingKind::UnboundTrade
        } else {
            FindingKind::UnboundRead
        };
        let from = match &self.key.known.sources {
            SeenSources::All(sources) if !sources.is_empty() => {
                format!(" It was used from {}.", listed(sources.iter().map(|(address, _)| address)))
            }
            SeenSources::Many => " It was used from many addresses.".to_owned(),
            SeenSources::All(_) | SeenSources::Hidden => String::new(),
        };
        let bound = match self.key.binding {
            Binding::Addresses(_) => "Its ranges are so wide that they count as none.",
            Binding::Anywhere | Binding::App(_) | Binding::Canary => "It is bound to no address.",
        };
        Some(found(kind, format!("{bound}{from}"), self.narrow()))
    }

    fn narrow(&self) -> NextStep {
        narrowed(self.key, self.now).map_or(NextStep::Addresses, |to| NextStep::Apply(Remedy::Narrow(to)))
    }

    fn two_networks(&self) -> Option<Finding> {
        let at = self.key.known.two_networks_at?;
        let text = format!(
            "On {} it was used from two networks within five minutes, one of them new. If you did not start a second program, \
             somebody may have a copy.",
            day(at)
        );
        Some(found(FindingKind::TwoNetworks, text, NextStep::Rotate))
    }

    fn open_withdrawals(&self) -> Option<Finding> {
        if !self.key.may(Permission::Withdraw) {
            return None;
        }
        // The key's own limits and those of its account, which refuse; what only watches protects nothing.
        let enforced = self.enforced();
        let listed = enforced
            .iter()
            .any(|limits| limits.withdrawal.as_ref().is_some_and(|fence| !fence.destinations.is_empty()));
        let daily = enforced
            .iter()
            .any(|limits| limits.withdrawal.as_ref().is_some_and(|fence| !fence.daily.is_empty()));
        let text = match (listed, daily) {
            (true, true) => return None,
            (false, false) => "It may withdraw to any address, and any amount a day.",
            (false, true) => "It may withdraw to any address.",
            (true, false) => "It may withdraw any amount a day to its destinations.",
        };
        Some(found(FindingKind::OpenWithdrawals, text.to_owned(), NextStep::Limits))
    }

    fn enforced(&self) -> Vec<&Fences> {
        let layers = self.key.limits.map(Fences::layers).unwrap_or_default();
        layers.into_iter().filter(|layer| layer.enforced).map(|layer| layer.fences).collect()
    }

    /// Permissions that were never used, those that move funds apart. A key that was never used at all is dormant and nothing
    /// else.
    fn unused_permissions(&self) -> Vec<Finding> {
        let (Some(used), Some(_)) = (&self.key.known.permissions, self.key.last_used_at) else {
            return Vec::new();
        };
        if self.observed_days() < OBSERVED_DAYS {
            return Vec::new();
        }
        let unused =
            self.key.permissions.iter().filter(|right| self.key.may(*right) && !used.contains(right));
        let (safe, funds): (Vec<_>, Vec<_>) =
            unused.partition(|right| matches!(right, Permission::Read | Permission::Trade));
        let finding = |kind, rights: Vec<Permission>| {
            let text = format!(
                "{} {} not used {}.",
                listed(rights.iter().map(|right| right.word())),
                if rights.len() == 1 { "was" } else { "were" },
                self.since()
            );
            (!rights.is_empty()).then(|| found(kind, text, NextStep::Successor))
        };
        let funds = finding(FindingKind::UnusedFunds, funds);
        let safe = finding(FindingKind::UnusedPermission, safe);
        funds.into_iter().chain(safe).collect()
    }

    /// Entries that are wide, and entries that no request came from.
    fn addresses(&self) -> Vec<Finding> {
        let Binding::Addresses(set) = self.key.binding else { return Vec::new() };
        if !self.key.binding.is_bound() {
            return Vec::new();
        }
        let wide = self.wide_addresses(set);
        wide.into_iter().chain(self.unused_addresses(set)).collect()
    }

    fn wide_addresses(&self, set: &AddressSet) -> Option<Finding> {
        let wide: Vec<Network> = set.networks().iter().copied().filter(|entry| is_wide(*entry)).collect();
        if wide.is_empty() {
            return None;
        }
        let used = match &self.key.known.sources {
            SeenSources::All(sources) if !sources.is_empty() => {
                let count = sources.iter().filter(|(address, _)| set.contains(*address)).count();
                format!(" Requests came from {count} of their addresses.")
            }
            SeenSources::All(_) | SeenSources::Many | SeenSources::Hidden => String::new(),
        };
        let text = format!("It works from all of {}.{used}", networks_in_words(&wide));
        Some(found(FindingKind::WideAddresses, text, self.narrow()))
    }

    fn unused_addresses(&self, set: &AddressSet) -> Option<Finding> {
        let SeenSources::All(sources) = &self.key.known.sources else { return None };
        // Without any use at all it is dormant.
        if self.observed_days() < OBSERVED_DAYS || sources.is_empty() || self.key.last_used_at.is_none() {
            return None;
        }
        let unused: Vec<Network> =
            set.networks().iter().copied().filter(|entry| !is_used(*entry, sources)).collect();
        if unused.is_empty() {
            return None;
        }
        let text = format!("No request came from {} {}.", networks_in_words(&unused), self.since());
        Some(found(FindingKind::UnusedAddresses, text, self.narrow()))
    }

    fn no_limits(&self) -> Option<Finding> {
        let (trades, transfers) = (self.key.may(Permission::Trade), self.key.may(Permission::Funding));
        let enforced = self.enforced();
        let open_trade =
            trades && !enforced.iter().any(|limits| limits.trade != crate::fence::TradeFences::default());
        let open_transfer = transfers && !enforced.iter().any(|limits| limits.transfer.is_some());
        let what = match (open_trade, open_transfer) {
            (false, false) => return None,
            (true, false) => "Its orders have no limits: instruments, values and daily sums are open.",
            (false, true) => "Its transfers have no limits: destinations and amounts are open.",
            (true, true) => "Neither its orders nor its transfers have limits.",
        };
        Some(found(FindingKind::NoLimits, what.to_owned(), NextStep::Limits))
    }

    fn no_expiry(&self) -> Option<Finding> {
        if self.key.expires_at.is_some() {
            return None;
        }
        let text = "It works until somebody disables or deletes it.".to_owned();
        let next = NextStep::Apply(Remedy::Expire { days: EXPIRY_SUGGESTED_DAYS });
        Some(found(FindingKind::NoExpiry, text, next))
    }

    fn old(&self) -> Option<Finding> {
        let age = self.now.ms_since(self.key.created_at) / DAY_MS;
        let text = format!("It is {} old, and so is its secret.", days(age));
        (age >= ROTATION_AGE_DAYS).then(|| found(FindingKind::Old, text, NextStep::Rotate))
    }
}
