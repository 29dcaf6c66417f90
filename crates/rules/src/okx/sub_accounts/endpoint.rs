//! Which endpoints there are.

use crate::route::{Method, Route};

/// An endpoint that administers sub-accounts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Endpoint {
    /// Create a sub-account.
    CreateSubAccount,
    /// List sub-accounts.
    ListSubAccounts,
    /// Create a key of a sub-account.
    CreateKey,
    /// List keys of a sub-account.
    ListKeys,
    /// Change name or addresses of such a key.
    ModifyKey,
    /// Delete such a key.
    DeleteKey,
    /// Choose whether sub-accounts may transfer to others.
    SetTransferOut,
    /// List sub-accounts that another entity holds in custody.
    ListEntrusted,
}

const ENDPOINTS: [(Method, &str, Endpoint); 8] = [
    (Method::Post, "/api/v5/users/subaccount/create-subaccount", Endpoint::CreateSubAccount),
    (Method::Get, "/api/v5/users/subaccount/list", Endpoint::ListSubAccounts),
    (Method::Post, "/api/v5/users/subaccount/apikey", Endpoint::CreateKey),
    (Method::Get, "/api/v5/users/subaccount/apikey", Endpoint::ListKeys),
    (Method::Post, "/api/v5/users/subaccount/modify-apikey", Endpoint::ModifyKey),
    (Method::Post, "/api/v5/users/subaccount/delete-apikey", Endpoint::DeleteKey),
    (Method::Post, "/api/v5/users/subaccount/set-transfer-out", Endpoint::SetTransferOut),
    (Method::Get, "/api/v5/users/entrust-subaccount-list", Endpoint::ListEntrusted),
];

impl Endpoint {
    /// The endpoint of a route.
    #[must_use]
    pub fn of(route: &Route) -> Option<Self> {
        let found = ENDPOINTS.iter().find(|(method, path, _)| (*method, *path) == (route.method, route.path));
        found.map(|(_, _, endpoint)| *endpoint)
    }
}

#[cfg(test)]
mod tests {
    use super::{ENDPOINTS, Endpoint};
    use crate::route::{Destination, RouteTable};

    #[test]
    fn every_such_route_is_one_endpoint() {
        let table = RouteTable::okx_v5(1).unwrap();
        let routes = table.routes().iter().filter(|route| route.destination == Destination::SubAccounts);
        let found: Vec<Endpoint> = routes.map(|route| Endpoint::of(route).unwrap()).collect();
        assert_eq!(found.len(), ENDPOINTS.len());
        let elsewhere = table.routes().iter().filter(|route| route.destination != Destination::SubAccounts);
        assert!(elsewhere.map(Endpoint::of).all(|endpoint| endpoint.is_none()));
    }
}
