//! What is known of a key when it is reviewed.

use std::net::IpAddr;

use crate::address::{Binding, Network};
use crate::fence::Fences;
use crate::key::Environment;
use crate::permission::{Permission, Permissions};
use crate::time::Moment;

/// For so long a key must be known before "never used" is held against a permission or an address.
pub const OBSERVED_DAYS: u64 = 14;

/// What gateways let a key do now.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Powers {
    /// Nothing: it is disabled or held.
    Nothing,
    /// Only reading.
    Reads,
    /// Only reading and cancelling.
    Cancels,
    /// All that its permissions say.
    All,
}

/// From which addresses a key was used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SeenSources {
    /// From these, freshest first, each with its last use.
    All(Vec<(IpAddr, Moment)>),
    /// From more than are read.
    Many,
    /// An app's servers, which are confidential.
    Hidden,
}

/// What is known of how a key was used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KnownUse {
    /// From when on its use is known: since it was made, or as far back as is remembered.
    pub since: Moment,
    /// What it was used for since then; `None` where that is not known.
    pub permissions: Option<Vec<Permission>>,
    /// From where.
    pub sources: SeenSources,
    /// When it was last told that the key is used from two networks at once.
    pub two_networks_at: Option<Moment>,
}

/// A key as it is reviewed.
#[derive(Clone, Debug)]
pub struct KeyEvidence<'k> {
    /// Its rights.
    pub permissions: Permissions,
    /// From where it works.
    pub binding: &'k Binding,
    /// Live or demo.
    pub environment: Environment,
    /// What gateways let it do now.
    pub powers: Powers,
    /// Whether its holder reported it as leaked.
    pub leaked: bool,
    /// When it was made.
    pub created_at: Moment,
    /// When it was last used.
    pub last_used_at: Option<Moment>,
    /// When it ends by its date.
    pub expires_at: Option<Moment>,
    /// Its limits, those of its account included.
    pub limits: Option<&'k Fences>,
    /// How it was used.
    pub known: &'k KnownUse,
}

impl KeyEvidence<'_> {
    /// Whether gateways let it act on a permission.
    pub(super) fn may(&self, right: Permission) -> bool {
        self.permissions.allows(right)
            && match self.powers {
                Powers::All => true,
                Powers::Reads | Powers::Cancels => right == Permission::Read,
                Powers::Nothing => false,
            }
    }

    /// Whether it may send funds anywhere, or give others the right to.
    pub(super) fn moves_funds(&self) -> bool {
        [Permission::Withdraw, Permission::Funding, Permission::Manage]
            .into_iter()
            .any(|right| self.may(right))
    }
}

/// Whether an entry is wider than the network that an address stands for.
pub(super) const fn is_wide(network: Network) -> bool {
    match network {
        Network::V4(_, prefix) => prefix < 24,
        Network::V6(_, prefix) => prefix < 48,
    }
}

/// Whether one of the addresses lies in a network.
pub(super) fn is_used(network: Network, sources: &[(IpAddr, Moment)]) -> bool {
    sources.iter().any(|(address, _)| network.covers(Network::single(*address)))
}
