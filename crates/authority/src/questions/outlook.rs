//! Question: what can this key do, from where? Answered by the code that the gateway enforces.

use std::net::IpAddr;
use std::sync::Arc;

use keyward_rules::address::Binding;
use keyward_rules::decision::Standing;
use keyward_rules::id::KeyId;
use keyward_rules::key::Reach;
use keyward_rules::permission::Permission;
use keyward_rules::route::{Found, Method, Route, RouteTable};

use crate::{ActionContext, ActionError};

/// What a well-signed request of one kind would get.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outlook {
    /// In words: `see balances and orders`.
    pub what: &'static str,
    /// The route that stands for the kind.
    pub route: &'static str,
    /// `0`, or the code of the refusal.
    pub code: &'static str,
    /// The refusal's text; empty when it passes.
    pub text: String,
    /// The key's limits that such a request must keep, in words; empty where it is refused anyway.
    pub limits: Vec<String>,
}

/// A kind of request that people ask about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RequestKind {
    /// In words: `see balances and orders`.
    pub what: &'static str,
    /// The permission that it needs.
    pub needs: Permission,
    /// The route that stands for it.
    route: (Method, &'static str),
}

impl RequestKind {
    /// All of them, from what harms least.
    pub const ALL: [Self; 6] = [
        Self::new("see balances and orders", Permission::Read, Method::Get, "/api/v5/account/balance"),
        Self::new("place orders", Permission::Trade, Method::Post, "/api/v5/trade/order"),
        Self::new("cancel orders", Permission::Trade, Method::Post, "/api/v5/trade/cancel-order"),
        Self::new(
            "move funds between own accounts",
            Permission::Funding,
            Method::Post,
            "/api/v5/asset/transfer",
        ),
        Self::new("withdraw funds", Permission::Withdraw, Method::Post, "/api/v5/asset/withdrawal"),
        Self::new(
            "administer sub-accounts",
            Permission::Manage,
            Method::Post,
            "/api/v5/users/subaccount/apikey",
        ),
    ];

    const fn new(what: &'static str, needs: Permission, method: Method, path: &'static str) -> Self {
        Self { what, needs, route: (method, path) }
    }

    /// The route, if the table has it.
    pub(super) fn find(self, routes: &RouteTable) -> Option<&Route> {
        let (method, path) = self.route;
        match routes.find(method, path.as_bytes()) {
            Found::Route(route) => Some(route),
            Found::WrongMethod | Found::Unknown => None,
        }
    }
}

/// What a request of each kind would get from `source`; for an app's key, from one of the app's servers.
///
/// # Errors
/// [`ActionError::NoKey`].
#[crate::boxed]
pub async fn key_outlook(
    context: &ActionContext<'_>,
    routes: &RouteTable,
    id: KeyId,
    source: IpAddr,
) -> Result<Vec<Outlook>, ActionError> {
    let key =
        context.authority.access.reader.key(context.actor.scope(), id).await?.ok_or(ActionError::NoKey)?;
    let reach = match &key.binding {
        // The app's ranges are nobody's to probe: the answer is for a request from its servers.
        Binding::Anywhere | Binding::App(_) => Reach::Anywhere,
        Binding::Addresses(set) => Reach::Set(Arc::new(set.clone())),
        Binding::Canary => Reach::Canary,
    };
    let standing =
        Standing { id, life: key.life, reach: &reach, permissions: key.permissions, master: key.master };
    let kinds = RequestKind::ALL.into_iter().filter_map(|kind| {
        let route = kind.find(routes)?;
        let answer = standing.outlook(source, route);
        let (code, text) = match answer {
            Ok(()) => ("0", String::new()),
            Err(denial) => (denial.entry().code, denial.text().into_owned()),
        };
        let limits = match (&key.fences, code) {
            (Some(fences), "0") => fences.sentences_of(route.class),
            (Some(_) | None, _) => Vec::new(),
        };
        Some(Outlook { what: kind.what, route: kind.route.1, code, text, limits })
    });
    Ok(kinds.collect())
}
