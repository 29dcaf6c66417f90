//! Which routes limits can judge, and which change nothing that a limit is about.

use super::order::Act;

/// How limits treat a route that changes something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Judged {
    /// Its body is judged.
    Fenced(FencedRoute),
    /// It places no order and moves nothing out of the account.
    Harmless,
    /// Nobody can tell what it would do: refused where anything of its class is limited.
    Unknown,
}

/// Which reader a body has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum FencedRoute {
    /// Orders, or what else names an instrument.
    Order(Act),
    /// Funds between own accounts; between sub-accounts, by their master.
    Transfer {
        /// Whether both accounts are named.
        between: bool,
    },
    /// Cryptocurrency out.
    Withdrawal,
}

const FENCED: [(&str, FencedRoute); 10] = [
    ("/api/v5/trade/order", FencedRoute::Order(Act::Place)),
    ("/api/v5/trade/batch-orders", FencedRoute::Order(Act::Place)),
    ("/api/v5/trade/amend-order", FencedRoute::Order(Act::Amend)),
    ("/api/v5/trade/amend-batch-orders", FencedRoute::Order(Act::Amend)),
    ("/api/v5/trade/order-algo", FencedRoute::Order(Act::Algo)),
    ("/api/v5/trade/close-position", FencedRoute::Order(Act::Close)),
    ("/api/v5/account/set-leverage", FencedRoute::Order(Act::Leverage)),
    ("/api/v5/asset/transfer", FencedRoute::Transfer { between: false }),
    ("/api/v5/asset/subaccount/transfer", FencedRoute::Transfer { between: true }),
    ("/api/v5/asset/withdrawal", FencedRoute::Withdrawal),
];

const HARMLESS: [&str; 5] = [
    "/api/v5/trade/order-precheck",
    "/api/v5/account/position/margin-balance",
    "/api/v5/account/mmp-config",
    "/api/v5/account/mmp-reset",
    "/api/v5/account/set-greeks",
];

/// How limits treat the route with this path.
pub(super) fn find(path: &str) -> Judged {
    if let Some((_, fenced)) = FENCED.iter().find(|(known, _)| *known == path) {
        return Judged::Fenced(*fenced);
    }
    if HARMLESS.contains(&path) { Judged::Harmless } else { Judged::Unknown }
}

#[cfg(test)]
mod tests {
    use super::{FENCED, HARMLESS};
    use crate::orders::has_lines;
    use crate::route::{Found, Method, RouteTable};

    #[test]
    fn every_path_is_a_route_that_changes_something() {
        let routes = RouteTable::okx_v5(1).unwrap();
        for path in FENCED.iter().map(|(path, _)| path).chain(&HARMLESS) {
            let Found::Route(found) = routes.find(Method::Post, path.as_bytes()) else { panic!("{path}") };
            assert!(found.class.changes_state(), "{path}");
        }
    }

    #[test]
    fn what_is_judged_is_recorded() {
        for (path, _) in FENCED {
            assert_eq!(has_lines(path), !path.ends_with("set-leverage"), "{path}");
        }
    }
}
