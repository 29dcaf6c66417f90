//! Question: what can the keys of an account do from an address or a range? Answered key by key by the code that the gateway
//! enforces, so that a page can say what falls with a server.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use keyward_rules::address::{Binding, Network};
use keyward_rules::decision::Standing;
use keyward_rules::id::{AccountId, AppId, KeyId};
use keyward_rules::key::{AppReach, Environment, KeyName, Life, Reach};
use keyward_rules::permission::Permissions;
use keyward_rules::route::{Route, RouteTable};
use keyward_store::{AppState, KeyRecord};

use super::outlook::RequestKind;
use crate::{ActionContext, ActionError};

/// A key that the gateway would let act, and what it could do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyReach {
    /// Which key.
    pub id: KeyId,
    /// Its name.
    pub name: KeyName,
    /// Whether it is a demo key.
    pub demo: bool,
    /// Whether it works from every address.
    pub anywhere: bool,
    /// The name of the app whose servers it works from; empty for a key of one's own software.
    pub app: String,
    /// What it could do, from what harms least.
    pub can: Vec<RequestKind>,
}

/// One key as the gateway judges it.
struct LivingKey {
    id: KeyId,
    name: KeyName,
    demo: bool,
    life: Life,
    permissions: Permissions,
    master: Option<AccountId>,
    reach: Reach,
    /// The app's name, for an app's key. The app's ranges are nobody's to probe: such a key is judged as from its servers.
    app: Option<String>,
}

impl LivingKey {
    fn of(key: KeyRecord, apps: &BTreeMap<AppId, (String, AppState)>) -> Self {
        let (reach, app) = match key.binding {
            Binding::Anywhere => (Reach::Anywhere, None),
            Binding::Addresses(set) => (Reach::Set(Arc::new(set)), None),
            Binding::Canary => (Reach::Canary, None),
            Binding::App(id) => match apps.get(&id) {
                Some((name, AppState::Active)) => (Reach::Anywhere, Some(name.clone())),
                Some((name, AppState::Frozen)) => (Reach::App(id, AppReach::Frozen), Some(name.clone())),
                None => (Reach::App(id, AppReach::Nowhere), Some(format!("app {id}"))),
            },
        };
        Self {
            id: key.id,
            name: key.name,
            demo: key.environment == Environment::Demo,
            life: key.life,
            permissions: key.permissions,
            master: key.master,
            reach,
            app,
        }
    }

    /// What the gateway would let pass from an address.
    fn usable_at(&self, source: IpAddr, kinds: &[(RequestKind, &Route)]) -> Option<KeyReach> {
        let Self { id, life, permissions, master, .. } = *self;
        let standing = Standing { id, life, reach: &self.reach, permissions, master };
        let passes =
            |(kind, route): &(RequestKind, &Route)| standing.outlook(source, route).is_ok().then_some(*kind);
        let can: Vec<RequestKind> = kinds.iter().filter_map(passes).collect();
        let found = KeyReach {
            id,
            name: self.name.clone(),
            demo: self.demo,
            anywhere: self.is_anywhere(),
            app: self.app.clone().unwrap_or_default(),
            can,
        };
        (!found.can.is_empty()).then_some(found)
    }

    /// The same from anywhere within a range. A range and a network of a key lie apart, or one of them holds the other: so if
    /// the key works from some address in the range, it works from the first of the range or from the first of such a network.
    fn usable_within(&self, range: Network, kinds: &[(RequestKind, &Route)]) -> Option<KeyReach> {
        let within: Vec<&Network> = match &self.reach {
            Reach::Set(set) => set.networks().iter().filter(|network| range.covers(**network)).collect(),
            Reach::Anywhere | Reach::Few(_) | Reach::App(..) | Reach::Canary => Vec::new(),
        };
        let mut points =
            std::iter::once(first(range)).chain(within.into_iter().map(|network| first(*network)));
        points.find_map(|point| self.usable_at(point, kinds))
    }

    /// Whether it is a key of one's own software that works from everywhere.
    const fn is_anywhere(&self) -> bool {
        self.app.is_none() && matches!(self.reach, Reach::Anywhere)
    }
}

/// The keys of an account that have not ended, to be asked what they can do.
pub struct LivingKeys {
    keys: Vec<LivingKey>,
}

impl LivingKeys {
    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The addresses and ranges that keys are bound to, each once, in ascending order.
    #[must_use]
    pub fn ranges(&self) -> Vec<Network> {
        let mut all: Vec<Network> = self
            .keys
            .iter()
            .flat_map(|key| match &key.reach {
                Reach::Set(set) => set.networks().to_vec(),
                Reach::Anywhere | Reach::Few(_) | Reach::App(..) | Reach::Canary => Vec::new(),
            })
            .collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The keys that the gateway lets act from some address in `range`, with those that work from everywhere. Keys of apps
    /// are not among them: where an app's servers are is confidential.
    #[must_use]
    pub fn usable_within(&self, routes: &RouteTable, range: Network) -> Vec<KeyReach> {
        let kinds = kinds(routes);
        let own = self.keys.iter().filter(|key| key.app.is_none());
        own.filter_map(|key| key.usable_within(range, &kinds)).collect()
    }

    /// The keys that the gateway lets act from everywhere.
    #[must_use]
    pub fn usable_everywhere(&self, routes: &RouteTable) -> Vec<KeyReach> {
        let (kinds, address) = (kinds(routes), IpAddr::V6(Ipv6Addr::UNSPECIFIED));
        let keys = self.keys.iter().filter(|key| key.is_anywhere());
        keys.filter_map(|key| key.usable_at(address, &kinds)).collect()
    }

    /// The keys that the gateway lets act from the servers of their apps.
    #[must_use]
    pub fn usable_by_apps(&self, routes: &RouteTable) -> Vec<KeyReach> {
        let (kinds, address) = (kinds(routes), IpAddr::V6(Ipv6Addr::UNSPECIFIED));
        let keys = self.keys.iter().filter(|key| key.app.is_some());
        keys.filter_map(|key| key.usable_at(address, &kinds)).collect()
    }
}

/// The kinds of requests with their routes.
fn kinds(routes: &RouteTable) -> Vec<(RequestKind, &Route)> {
    RequestKind::ALL.into_iter().filter_map(|kind| Some((kind, kind.find(routes)?))).collect()
}

/// The first address of a range.
const fn first(range: Network) -> IpAddr {
    match range {
        Network::V4(base, _) => IpAddr::V4(Ipv4Addr::from_bits(base)),
        Network::V6(base, _) => IpAddr::V6(Ipv6Addr::from_bits(base)),
    }
}

/// The living keys of an account within the actor's scope. Rows that were altered are left out: the gateway refuses them.
///
/// # Errors
/// [`ActionError::Store`]. An account beyond the actor's scope has no keys.
#[crate::boxed]
pub async fn living_keys(context: &ActionContext<'_>, account: AccountId) -> Result<LivingKeys, ActionError> {
    let (reader, scope) = (&context.authority.access.reader, context.actor.scope());
    let apps = reader.apps_of(scope, account).await?;
    let apps: BTreeMap<AppId, (String, AppState)> =
        apps.into_iter().map(|app| (app.id, (app.name, app.state))).collect();
    let keys = reader.keys_of(scope, account).await?.into_iter().flatten();
    let living = keys.filter(|key| key.lives(context.now));
    Ok(LivingKeys { keys: living.map(|key| LivingKey::of(key, &apps)).collect() })
}
