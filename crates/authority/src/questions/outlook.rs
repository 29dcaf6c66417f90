//! Question: what can this key do, from where? Answered by the code that the gateway enforces.

use std::net::IpAddr;
use std::sync::Arc;

use keyward_rules::address::Binding;
use keyward_rules::decision::Standing;
use keyward_rules::id::KeyId;
use keyward_rules::key::Reach;
use keyward_rules::route::{Found, Method, RouteTable};

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
}

/// The kinds that people ask about, each with a route that stands for it.
const KINDS: [(&str, Method, &str); 6] = [
    ("see balances and orders", Method::Get, "/api/v5/account/balance"),
    ("place orders", Method::Post, "/api/v5/trade/order"),
    ("cancel orders", Method::Post, "/api/v5/trade/cancel-order"),
    ("move funds between own accounts", Method::Post, "/api/v5/asset/transfer"),
    ("withdraw funds", Method::Post, "/api/v5/asset/withdrawal"),
    ("administer sub-accounts", Method::Post, "/api/v5/users/subaccount/apikey"),
];

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
    };
    let standing =
        Standing { id, life: key.life, reach: &reach, permissions: key.permissions, master: key.master };
    let kinds = KINDS.into_iter().filter_map(|(what, method, path)| {
        let Found::Route(route) = routes.find(method, path.as_bytes()) else { return None };
        let answer = standing.outlook(source, route);
        let (code, text) = match answer {
            Ok(()) => ("0", String::new()),
            Err(denial) => (denial.entry().code, denial.text().into_owned()),
        };
        Some(Outlook { what, route: path, code, text })
    });
    Ok(kinds.collect())
}
