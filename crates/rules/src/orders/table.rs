//! Which routes have orders, transfers or withdrawals in their bodies, and how their members are called.
//!
//! The names are those of OKX's contract; a test compares paths and operations with the tables by which the gateway judges.

use super::line::OrderAction;

/// A route, and the operation on a socket whose twin it is.
#[derive(Debug)]
pub(super) struct OrderRoute {
    path: &'static str,
    /// The operation's `op`.
    pub(super) op: Option<&'static str>,
    /// What each element asks for.
    pub(super) action: OrderAction,
    /// How its members are called.
    pub(super) family: Family,
    /// How many elements there are.
    pub(super) form: Form,
}

/// Whether a body is one element, or a list of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    /// An object.
    One,
    /// An array of objects.
    List,
}

/// Routes whose members have the same names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Family {
    /// Orders of one instrument, and positions.
    Book,
    /// All orders of a family of options.
    Options,
    /// Orders of a spread.
    Spread,
    /// Algo orders.
    Algo,
    /// Funds to or from an own account.
    Transfer,
    /// Funds from one sub-account to another, by their master.
    BetweenSubAccounts,
    /// Cryptocurrency out.
    Withdrawal,
    /// Money out, to a bank.
    Fiat,
}

impl Family {
    /// The member that names what is traded.
    pub(super) const fn instrument(self) -> Option<&'static str> {
        match self {
            Self::Book | Self::Algo => Some("instId"),
            Self::Options => Some("instFamily"),
            Self::Spread => Some("sprdId"),
            Self::Transfer | Self::BetweenSubAccounts | Self::Withdrawal | Self::Fiat => None,
        }
    }

    /// The member with the client's own id, in requests and answers.
    pub(super) const fn client_id(self) -> &'static str {
        match self {
            Self::Book | Self::Options | Self::Spread => "clOrdId",
            Self::Algo => "algoClOrdId",
            Self::Transfer | Self::BetweenSubAccounts | Self::Withdrawal | Self::Fiat => "clientId",
        }
    }

    /// The member with the exchange's id, in requests and answers.
    pub(super) const fn exchange_id(self) -> &'static str {
        match self {
            Self::Book | Self::Options | Self::Spread | Self::Fiat => "ordId",
            Self::Algo => "algoId",
            Self::Transfer | Self::BetweenSubAccounts => "transId",
            Self::Withdrawal => "wdId",
        }
    }
}

const fn one(path: &'static str, action: OrderAction, family: Family) -> OrderRoute {
    OrderRoute { path, op: None, action, family, form: Form::One }
}

const fn list(path: &'static str, action: OrderAction, family: Family) -> OrderRoute {
    OrderRoute { path, op: None, action, family, form: Form::List }
}

const fn twin(op: &'static str, route: OrderRoute) -> OrderRoute {
    OrderRoute { op: Some(op), ..route }
}

static ROUTES: [OrderRoute; 21] = [
    twin("order", one("/api/v5/trade/order", OrderAction::Place, Family::Book)),
    twin("batch-orders", list("/api/v5/trade/batch-orders", OrderAction::Place, Family::Book)),
    twin("amend-order", one("/api/v5/trade/amend-order", OrderAction::Amend, Family::Book)),
    twin("batch-amend-orders", list("/api/v5/trade/amend-batch-orders", OrderAction::Amend, Family::Book)),
    twin("cancel-order", one("/api/v5/trade/cancel-order", OrderAction::Cancel, Family::Book)),
    twin("batch-cancel-orders", list("/api/v5/trade/cancel-batch-orders", OrderAction::Cancel, Family::Book)),
    twin("mass-cancel", one("/api/v5/trade/mass-cancel", OrderAction::CancelAll, Family::Options)),
    one("/api/v5/trade/close-position", OrderAction::ClosePosition, Family::Book),
    one("/api/v5/trade/order-algo", OrderAction::PlaceAlgo, Family::Algo),
    one("/api/v5/trade/amend-algos", OrderAction::AmendAlgo, Family::Algo),
    list("/api/v5/trade/cancel-algos", OrderAction::CancelAlgo, Family::Algo),
    twin("sprd-order", one("/api/v5/sprd/order", OrderAction::Place, Family::Spread)),
    twin("sprd-amend-order", one("/api/v5/sprd/amend-order", OrderAction::Amend, Family::Spread)),
    twin("sprd-cancel-order", one("/api/v5/sprd/cancel-order", OrderAction::Cancel, Family::Spread)),
    twin("sprd-mass-cancel", one("/api/v5/sprd/mass-cancel", OrderAction::CancelAll, Family::Spread)),
    one("/api/v5/asset/transfer", OrderAction::Transfer, Family::Transfer),
    one("/api/v5/asset/subaccount/transfer", OrderAction::Transfer, Family::BetweenSubAccounts),
    one("/api/v5/asset/withdrawal", OrderAction::Withdraw, Family::Withdrawal),
    one("/api/v5/asset/cancel-withdrawal", OrderAction::CancelWithdrawal, Family::Withdrawal),
    one("/api/v5/fiat/create-withdrawal", OrderAction::Withdraw, Family::Fiat),
    one("/api/v5/fiat/cancel-withdrawal", OrderAction::CancelWithdrawal, Family::Fiat),
];

/// The route with this path.
pub(super) fn find(path: &str) -> Option<&'static OrderRoute> {
    ROUTES.iter().find(|route| route.path == path)
}

/// Whether the body of a POST to this path asks for orders, transfers or withdrawals that a record keeps. An operation on a
/// socket has its twin's path.
#[must_use]
pub fn has_lines(path: &str) -> bool {
    find(path).is_some()
}

/// Whether a path's orders count for the account's rate of orders: new and amended ones. Spreads and algo orders do not (OKX
/// contract, section 9).
pub(crate) fn is_counted_order(path: &str) -> bool {
    find(path).is_some_and(|route| {
        route.family == Family::Book && matches!(route.action, OrderAction::Place | OrderAction::Amend)
    })
}

#[cfg(test)]
mod tests {
    use super::{Form, ROUTES, find, has_lines};
    use crate::permission::Permission;
    use crate::route::{Access, Class, Destination, Found, Method, Route, RouteTable};
    use crate::socket::SocketTable;

    /// What trades or cancels in these families and has no elements; the module says why.
    const WITHOUT: [&str; 6] = [
        "/api/v5/sprd/cancel-all-after",
        "/api/v5/trade/cancel-all-after",
        "/api/v5/trade/easy-convert",
        "/api/v5/trade/one-click-repay",
        "/api/v5/trade/one-click-repay-v2",
        "/api/v5/trade/order-precheck",
    ];

    #[test]
    fn every_path_is_a_route_that_goes_to_the_exchange() {
        let routes = RouteTable::okx_v5(1).unwrap();
        for (at, route) in ROUTES.iter().enumerate() {
            let Found::Route(found) = routes.find(Method::Post, route.path.as_bytes()) else {
                panic!("{}", route.path)
            };
            assert_eq!(found.destination, Destination::Upstream, "{}", route.path);
            assert!(found.class.changes_state(), "{}", route.path);
            assert!(ROUTES.iter().skip(at + 1).all(|other| other.path != route.path), "{}", route.path);
        }
    }

    #[test]
    fn all_orders_and_all_that_moves_funds_are_there() {
        let routes = RouteTable::okx_v5(1).unwrap();
        let in_families = |route: &&Route| {
            let orders = ["/api/v5/trade/", "/api/v5/sprd/"].iter().any(|head| route.path.starts_with(head));
            orders && route.access == Access::Private(Permission::Trade)
        };
        let mut without: Vec<&str> =
            routes.routes().iter().filter(in_families).map(|route| route.path).collect();
        without.retain(|path| !has_lines(path));
        without.sort_unstable();
        assert_eq!(without, WITHOUT);
        for route in routes.routes() {
            if matches!(route.class, Class::Withdraw | Class::Funding) {
                assert!(has_lines(route.path), "{}", route.path);
            }
        }
    }

    #[test]
    fn operations_are_those_of_their_twins() {
        let routes = RouteTable::okx_v5(1).unwrap();
        let table = SocketTable::okx_v5(&routes).unwrap();
        for operation in table.operations() {
            let twin = routes.of_number(operation.twin).unwrap();
            let route = find(twin.path).unwrap();
            let batch = operation.name.starts_with("batch-");
            assert_eq!((route.op, route.form == Form::List), (Some(operation.name), batch));
        }
        let operations = ROUTES.iter().filter(|route| route.op.is_some()).count();
        assert_eq!(operations, table.operations().count());
    }

    #[test]
    fn other_paths_have_no_lines() {
        for path in [
            "",
            "/",
            "/api/v5/trade/orders",
            "/api/v5/trade/order/",
            "/api/v5/trade/Order",
            "api/v5/trade/order",
            "/api/v5/trade/order?x=1",
            "/api/v5/account/balance",
            "order",
        ] {
            assert!(!has_lines(path), "{path}");
        }
    }
}
