//! The table, read once at the start from OKX's rows and held for exact look-ups.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::overrides::{OVERRIDES, OWN};
use super::{Access, Class, Destination, Method, Route, Scope};
use crate::limits::{ACCOUNT_ORDERS, ACCOUNT_ORDERS_MS};
use crate::permission::Permission;
use crate::rate::Rate;

const OKX_V5: &str = include_str!("okx-v5-routes.tsv");

/// All routes by exact path and method.
pub struct RouteTable {
    routes: Vec<Route>,
    by_path: HashMap<&'static [u8], [Option<u16>; 2], BuildHasherDefault<Fnv>>,
    account_orders: Option<Rate>,
}

/// What a look-up found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Found<'t> {
    /// The route.
    Route(&'t Route),
    /// The path exists, with another method.
    WrongMethod,
    /// No such path.
    Unknown,
}

/// A row that cannot be read; the table is part of the program, so a test sees it first.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("row {line} of the route table cannot be read")]
pub struct BadTable {
    /// Counted from 1.
    pub line: usize,
}

impl RouteTable {
    /// OKX's V5 table with our overrides, every limit multiplied by `raise` (1 in operation).
    ///
    /// # Errors
    /// [`BadTable`] naming the row.
    pub fn okx_v5(raise: u32) -> Result<Self, BadTable> {
        let account_orders = Rate::new(ACCOUNT_ORDERS, ACCOUNT_ORDERS_MS).map(|rate| rate.raised(raise));
        let mut table = Self { routes: Vec::new(), by_path: HashMap::default(), account_orders };
        for (at, line) in OKX_V5.lines().chain(OWN.lines()).enumerate().skip(1) {
            let number = u16::try_from(table.routes.len()).ok();
            let route =
                number.and_then(|number| read_row(line, number, raise)).ok_or(BadTable { line: at + 1 })?;
            let place = table.by_path.entry(route.path.as_bytes()).or_insert([None; 2]);
            let [get, post] = place;
            let slot = if route.method == Method::Get { get } else { post };
            if slot.replace(route.number).is_some() {
                return Err(BadTable { line: at + 1 });
            }
            table.routes.push(route);
        }
        table.pair_batches();
        Ok(table)
    }

    /// Has each batch know the route for one order.
    fn pair_batches(&mut self) {
        for (batch, single) in BATCHES {
            let single = match self.find(Method::Post, single.as_bytes()) {
                Found::Route(route) => route.rate.map(|rate| (route.number, rate)),
                Found::WrongMethod | Found::Unknown => None,
            };
            for route in self.routes.iter_mut().filter(|route| route.path == batch) {
                route.scope = Scope::Orders { single };
            }
        }
    }

    /// Looks a path up, byte for byte; `target` is what stands before any `?`.
    #[must_use]
    pub fn find(&self, method: Method, path: &[u8]) -> Found<'_> {
        let Some([get, post]) = self.by_path.get(path) else { return Found::Unknown };
        let number = match method {
            Method::Get => get,
            Method::Post => post,
        };
        number
            .and_then(|number| self.routes.get(usize::from(number)))
            .map_or(Found::WrongMethod, Found::Route)
    }

    /// The account's rate of new and amended orders, over all routes (OKX contract, section 9).
    #[must_use]
    pub const fn account_orders(&self) -> Option<Rate> {
        self.account_orders
    }

    /// The route with this number.
    #[must_use]
    pub fn of_number(&self, number: u16) -> Option<&Route> {
        self.routes.get(usize::from(number))
    }

    /// All routes, in the table's order.
    #[must_use]
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }
}

/// Routes for several orders, each with the one for a single order.
const BATCHES: [(&str, &str); 3] = [
    ("/api/v5/trade/batch-orders", "/api/v5/trade/order"),
    ("/api/v5/trade/amend-batch-orders", "/api/v5/trade/amend-order"),
    ("/api/v5/trade/cancel-batch-orders", "/api/v5/trade/cancel-order"),
];

/// Reads `method path auth limit window unit scope what`, tab-separated.
fn read_row(line: &'static str, number: u16, raise: u32) -> Option<Route> {
    let mut cells = line.split('\t');
    let method = Method::parse(cells.next()?)?;
    let path = cells.next()?;
    let (access, class) = match cells.next()? {
        "public" | "public*" => (Access::Public, Class::Public),
        "optional" => (Access::Optional, Class::Public),
        "read" | "read?" => (Access::Private(Permission::Read), Class::Read),
        "trade" | "trade?" => (Access::Private(Permission::Trade), class_of_trade(path)),
        "withdraw" => (Access::Private(Permission::Withdraw), Class::Withdraw),
        _ => return None,
    };
    let (limit, window_s) = (cells.next()?, cells.next()?);
    let rate = if limit.is_empty() {
        None
    } else {
        Some(Rate::new(limit.parse().ok()?, window_s.parse::<u64>().ok()?.checked_mul(1_000)?)?.raised(raise))
    };
    let scope = match (cells.next()?, cells.next()?) {
        ("orders", _) => Scope::Orders { single: None },
        ("requests", "user + Currency") => Scope::Each("ccy"),
        ("requests", scope) => scope.strip_prefix("user + ").map_or(Scope::Account, Scope::Each),
        _ => return None,
    };
    let label = format!("{} {path}", method.as_str());
    let plain =
        Route { number, method, path, label, access, class, destination: Destination::Upstream, rate, scope };
    Some(match OVERRIDES.iter().find(|row| row.path == path && row.method == method.as_str()) {
        Some(row) => Route { access: row.access, class: row.class, destination: row.destination, ..plain },
        None => plain,
    })
}

/// Cancelling is trading that only takes risk away.
fn class_of_trade(path: &str) -> Class {
    let last = path.rsplit('/').next().unwrap_or(path);
    if last.starts_with("cancel-") || last == "mass-cancel" { Class::Cancel } else { Class::Trade }
}

/// FNV-1a. The keys are the program's own, so nobody outside can choose them to collide.
#[derive(Default)]
struct Fnv(u64);

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::{Access, Class, Destination, Found, Method, RouteTable};
    use crate::permission::Permission;

    fn table() -> RouteTable {
        RouteTable::okx_v5(1).unwrap()
    }

    #[test]
    fn has_all_rows() {
        let table = table();
        assert_eq!(table.routes().len(), 389, "OKX's, and one of our own");
        let count = |access| table.routes().iter().filter(|route| route.access == access).count();
        assert_eq!(count(Access::Private(Permission::Withdraw)), 2);
        assert_eq!(count(Access::Public), 91);
        assert_eq!(count(Access::Optional), 1);
        assert_eq!(count(Access::Private(Permission::Funding)), 2);
        assert_eq!(count(Access::Private(Permission::Manage)), 6);
    }

    #[test]
    fn no_get_changes_anything() {
        assert!(
            table().routes().iter().all(|route| route.method == Method::Post || !route.class.changes_state())
        );
    }

    #[test]
    fn nothing_that_administers_sub_accounts_reaches_the_exchange() {
        let table = table();
        for route in table.routes() {
            let users = route.path.starts_with("/api/v5/users/");
            let keys = route.path.ends_with("apikey") || route.access == Access::Private(Permission::Manage);
            let expected = match (users, keys) {
                (true, _) if route.path == super::super::overrides::APPROVALS => Destination::Approvals,
                (true, _) => Destination::SubAccounts,
                (false, true) => Destination::Closed,
                (false, false) => Destination::Upstream,
            };
            assert_eq!(route.destination, expected, "{}", route.label);
            let changes = route.class == Class::Manage;
            assert_eq!(changes, route.access == Access::Private(Permission::Manage), "{}", route.label);
        }
    }

    #[test]
    fn overrides_and_surprises() {
        let table = table();
        let of = |method, path: &str| match table.find(method, path.as_bytes()) {
            Found::Route(route) => (route.access, route.class),
            Found::WrongMethod | Found::Unknown => panic!("{path}"),
        };
        assert_eq!(
            of(Method::Post, "/api/v5/asset/transfer"),
            (Access::Private(Permission::Funding), Class::Funding)
        );
        assert_eq!(
            of(Method::Post, "/api/v5/asset/cancel-withdrawal"),
            (Access::Private(Permission::Trade), Class::Cancel)
        );
        assert_eq!(
            of(Method::Post, "/api/v5/account/position-builder"),
            (Access::Private(Permission::Read), Class::Read)
        );
        assert_eq!(of(Method::Get, "/api/v5/asset/exchange-list"), (Access::Public, Class::Public));
        assert_eq!(of(Method::Get, "/api/v5/support/announcements").0, Access::Optional);
    }

    #[test]
    fn neighbours_of_every_route_are_unknown() {
        let table = table();
        for route in table.routes() {
            let spellings = [
                format!("{}/", route.path),
                format!("{}~", route.path),
                format!("/{}", route.path),
                route.path.replacen("/api", "/api/", 1),
                route.path.replacen("/api/v5", "/api/v5/.", 1),
                route.path.replacen("/api/v5", "/x/../api/v5", 1),
                route.path.replacen("/v5", "/%76%35", 1),
                route.path.replacen("api", "API", 1),
                format!("{}%20", route.path),
                format!("{};x", route.path),
                format!("{}%00", route.path),
            ];
            for spelling in spellings {
                assert_eq!(table.find(route.method, spelling.as_bytes()), Found::Unknown, "{spelling}");
            }
        }
    }
}
