//! The table of channels and operations, read once at the start and held for exact look-ups.
//!
//! An operation has no rights or rates of its own: its REST twin has them, and both share one budget.

use std::collections::BTreeMap;

use super::endpoint::Endpoint;
use crate::permission::Permission;
use crate::route::{Access, Found, Method, RouteTable};

const OKX_V5: &str = include_str!("okx-v5-channels.tsv");

/// All channels and operations by exact name. A name stands at one path.
pub struct SocketTable {
    channels: BTreeMap<&'static str, Channel>,
    operations: BTreeMap<&'static str, Operation>,
}

/// Who may subscribe to a channel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ChannelAccess {
    /// Anybody.
    Public,
    /// Only a socket whose login held, of a key with this permission.
    Login(Permission),
}

/// One channel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Channel {
    /// Where it is offered.
    pub endpoint: Endpoint,
    /// Its exact name.
    pub name: &'static str,
    /// Who may.
    pub access: ChannelAccess,
    /// Whether the sockets that subscribe to it are counted for each account (OKX contract 3.5).
    pub counted: bool,
    /// Place among the channels of the table, for counters.
    pub number: u16,
}

/// One operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Operation {
    /// Where it is offered.
    pub endpoint: Endpoint,
    /// Its exact name.
    pub name: &'static str,
    /// The number of the REST route that does the same.
    pub twin: u16,
}

/// What a look-up of a channel found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FoundChannel<'t> {
    /// The channel.
    Channel(&'t Channel),
    /// The channel exists, at another path.
    OtherPath,
    /// No such channel.
    Unknown,
}

/// What a look-up of an operation found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FoundOperation<'t> {
    /// The operation.
    Operation(&'t Operation),
    /// The operation exists, at another path.
    OtherPath,
    /// No such operation.
    Unknown,
}

/// A row that cannot be read; the table is part of the program, so a test sees it first.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("row {line} of the table of channels cannot be read")]
pub struct BadSocketTable {
    /// Counted from 1.
    pub line: usize,
}

impl SocketTable {
    /// OKX's V5 channels and operations; `routes` has the operations' twins.
    ///
    /// # Errors
    /// [`BadSocketTable`] naming the row.
    pub fn okx_v5(routes: &RouteTable) -> Result<Self, BadSocketTable> {
        let mut table = Self { channels: BTreeMap::new(), operations: BTreeMap::new() };
        for (at, line) in OKX_V5.lines().enumerate().skip(1) {
            table.add(line, routes).ok_or(BadSocketTable { line: at + 1 })?;
        }
        Ok(table)
    }

    /// Looks a channel up, byte for byte.
    #[must_use]
    pub fn channel(&self, endpoint: Endpoint, name: &str) -> FoundChannel<'_> {
        match self.channels.get(name) {
            Some(channel) if channel.endpoint == endpoint => FoundChannel::Channel(channel),
            Some(_) => FoundChannel::OtherPath,
            None => FoundChannel::Unknown,
        }
    }

    /// Looks an operation up, byte for byte.
    #[must_use]
    pub fn operation(&self, endpoint: Endpoint, name: &str) -> FoundOperation<'_> {
        match self.operations.get(name) {
            Some(operation) if operation.endpoint == endpoint => FoundOperation::Operation(operation),
            Some(_) => FoundOperation::OtherPath,
            None => FoundOperation::Unknown,
        }
    }

    /// All channels, by name.
    pub fn channels(&self) -> impl Iterator<Item = &Channel> {
        self.channels.values()
    }

    /// All operations, by name.
    pub fn operations(&self) -> impl Iterator<Item = &Operation> {
        self.operations.values()
    }

    /// Reads `path kind name login permission class twin counted note`, tab-separated.
    fn add(&mut self, line: &'static str, routes: &RouteTable) -> Option<()> {
        let cells: Vec<&'static str> = line.split('\t').collect();
        let &[path, kind, name, login, permission, class, twin, counted, _] = cells.as_slice() else {
            return None;
        };
        let endpoint = Endpoint::of_word(path)?;
        let is_new = match (kind, login) {
            ("channel", _) if twin.is_empty() => {
                let number = u16::try_from(self.channels.len()).ok()?;
                let access = channel_access(login, permission, class)?;
                let channel = Channel { endpoint, name, access, counted: read_yes_no(counted)?, number };
                self.channels.insert(name, channel).is_none()
            }
            ("operation", "yes") if counted == "no" => {
                let twin = twin_number(twin, permission, class, routes)?;
                self.operations.insert(name, Operation { endpoint, name, twin }).is_none()
            }
            (_, _) => return None,
        };
        (is_new && !name.is_empty()).then_some(())
    }
}

/// A subscription changes nothing, whatever right it asks for.
fn channel_access(login: &str, permission: &str, class: &str) -> Option<ChannelAccess> {
    match (login, permission, class) {
        ("no", "", "public") => Some(ChannelAccess::Public),
        ("yes", needed, "read") => needed.parse().ok().map(ChannelAccess::Login),
        (_, _, _) => None,
    }
}

/// The number of the REST route, which must ask for the same permission and be of the same class.
fn twin_number(path: &str, permission: &str, class: &str, routes: &RouteTable) -> Option<u16> {
    let Found::Route(route) = routes.find(Method::Post, path.as_bytes()) else { return None };
    let needed = permission.parse().ok().map(Access::Private)?;
    (route.access == needed && route.class.word() == class).then_some(route.number)
}

fn read_yes_no(cell: &str) -> Option<bool> {
    match cell {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{ChannelAccess, Endpoint, FoundChannel, FoundOperation, SocketTable};
    use crate::permission::Permission;
    use crate::route::{Access, Class, Destination, Method, RouteTable};

    fn routes() -> RouteTable {
        RouteTable::okx_v5(1).unwrap()
    }

    fn table() -> SocketTable {
        SocketTable::okx_v5(&routes()).unwrap()
    }

    #[test]
    fn has_all_rows() {
        let table = table();
        let channels = |endpoint: Endpoint, access: fn(ChannelAccess) -> bool| {
            table.channels().filter(|it| it.endpoint == endpoint && access(it.access)).count()
        };
        let public = |access: ChannelAccess| access == ChannelAccess::Public;
        let login = |access: ChannelAccess| access != ChannelAccess::Public;
        assert_eq!((channels(Endpoint::Public, public), channels(Endpoint::Public, login)), (21, 2));
        assert_eq!((channels(Endpoint::Private, public), channels(Endpoint::Private, login)), (0, 7));
        assert_eq!((channels(Endpoint::Business, public), channels(Endpoint::Business, login)), (123, 16));
        let operations = |endpoint: Endpoint| table.operations().filter(|it| it.endpoint == endpoint).count();
        assert_eq!(Endpoint::ALL.map(operations), [0, 7, 4]);

        let numbers: Vec<u16> = table.channels().map(|channel| channel.number).collect();
        let mut sorted = numbers.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..169_u16).collect::<Vec<_>>(), "each channel has a number of its own");
    }

    #[test]
    fn what_is_somebodys_needs_a_login() {
        let table = table();
        for (name, endpoint, permission) in [
            ("account", Endpoint::Private, Permission::Read),
            ("account-greeks", Endpoint::Private, Permission::Read),
            ("positions", Endpoint::Private, Permission::Read),
            ("balance_and_position", Endpoint::Private, Permission::Read),
            ("liquidation-warning", Endpoint::Private, Permission::Read),
            ("orders", Endpoint::Private, Permission::Read),
            ("fills", Endpoint::Private, Permission::Read),
            ("orders-algo", Endpoint::Business, Permission::Read),
            ("algo-advance", Endpoint::Business, Permission::Read),
            ("algo-recurring-buy", Endpoint::Business, Permission::Read),
            ("deposit-info", Endpoint::Business, Permission::Read),
            ("withdrawal-info", Endpoint::Business, Permission::Withdraw),
            ("grid-orders-spot", Endpoint::Business, Permission::Read),
            ("grid-orders-contract", Endpoint::Business, Permission::Read),
            ("grid-positions", Endpoint::Business, Permission::Read),
            ("grid-sub-orders", Endpoint::Business, Permission::Read),
            ("copytrading-lead-notification", Endpoint::Business, Permission::Read),
            ("economic-calendar", Endpoint::Business, Permission::Read),
            ("rfqs", Endpoint::Business, Permission::Read),
            ("quotes", Endpoint::Business, Permission::Read),
            ("struc-block-trades", Endpoint::Business, Permission::Read),
            ("sprd-orders", Endpoint::Business, Permission::Read),
            ("sprd-trades", Endpoint::Business, Permission::Read),
            ("books-l2-tbt", Endpoint::Public, Permission::Read),
            ("books50-l2-tbt", Endpoint::Public, Permission::Read),
        ] {
            let FoundChannel::Channel(channel) = table.channel(endpoint, name) else { panic!("{name}") };
            assert_eq!(channel.access, ChannelAccess::Login(permission), "{name}");
        }
    }

    #[test]
    fn six_channels_are_counted() {
        let table = table();
        let counted: Vec<_> = table.channels().filter(|it| it.counted).map(|it| it.name).collect();
        let six = [
            "account",
            "account-greeks",
            "balance_and_position",
            "liquidation-warning",
            "orders",
            "positions",
        ];
        assert_eq!(counted, six);
    }

    #[test]
    fn every_operation_has_a_twin_that_trades() {
        let (table, routes) = (table(), routes());
        for operation in table.operations() {
            let twin = &routes.routes()[usize::from(operation.twin)];
            assert_eq!((twin.method, twin.destination), (Method::Post, Destination::Upstream));
            assert_eq!(twin.access, Access::Private(Permission::Trade), "{}", operation.name);
            let cancels = operation.name.contains("cancel");
            assert_eq!(twin.class, if cancels { Class::Cancel } else { Class::Trade }, "{}", operation.name);
            assert!(twin.rate.is_some(), "{}", operation.name);
        }
    }

    #[test]
    fn a_name_is_found_at_its_path_only() {
        let table = table();
        for endpoint in Endpoint::ALL {
            for channel in table.channels() {
                let found = table.channel(endpoint, channel.name);
                let here = channel.endpoint == endpoint;
                let wanted = if here { FoundChannel::Channel(channel) } else { FoundChannel::OtherPath };
                assert_eq!(found, wanted);
                assert_eq!(table.operation(endpoint, channel.name), FoundOperation::Unknown);
                for spelling in neighbours(channel.name) {
                    assert_eq!(table.channel(endpoint, &spelling), FoundChannel::Unknown, "{spelling:?}");
                }
            }
            for operation in table.operations() {
                let found = table.operation(endpoint, operation.name);
                let here = operation.endpoint == endpoint;
                let wanted =
                    if here { FoundOperation::Operation(operation) } else { FoundOperation::OtherPath };
                assert_eq!(found, wanted);
                assert_eq!(table.channel(endpoint, operation.name), FoundChannel::Unknown);
                for spelling in neighbours(operation.name) {
                    assert_eq!(table.operation(endpoint, &spelling), FoundOperation::Unknown, "{spelling:?}");
                }
            }
        }
        for name in ["", "candle", "candle1", "candle7m", "sprd-candle1s", "books50", "*", "ANY"] {
            assert_eq!(table.channel(Endpoint::Business, name), FoundChannel::Unknown, "{name}");
        }
    }

    /// Spellings that are nearly this name, and none that another row has.
    fn neighbours(name: &str) -> [String; 7] {
        [
            format!("{name} "),
            format!(" {name}"),
            format!("{name}\0"),
            format!("{name}~"),
            format!("{name}*"),
            format!("\u{feff}{name}"),
            format!("-{name}"),
        ]
    }

    #[test]
    fn bad_rows_are_refused() {
        let good = [
            "public\tchannel\ttickers\tno\t\tpublic\t\tno\t",
            "private\tchannel\torders\tyes\tread\tread\t\tyes\tOrders",
            "private\toperation\torder\tyes\ttrade\ttrade\t/api/v5/trade/order\tno\t",
        ];
        let bad = [
            "",
            "public\tchannel\ttickers\tno\t\tpublic\t\tno",
            "public\tchannel\ttickers\tno\t\tpublic\t\tno\t\t",
            "public\tchannel\t\tno\t\tpublic\t\tno\t",
            "spot\tchannel\ttickers\tno\t\tpublic\t\tno\t",
            "public\tevent\ttickers\tno\t\tpublic\t\tno\t",
            "public\tchannel\ttickers\tno\t\tread\t\tno\t",
            "public\tchannel\ttickers\tno\tread\tpublic\t\tno\t",
            "public\tchannel\ttickers\tyes\t\tread\t\tno\t",
            "public\tchannel\ttickers\tyes\tevery\tread\t\tno\t",
            "public\tchannel\ttickers\tmaybe\tread\tread\t\tno\t",
            "public\tchannel\ttickers\tno\t\tpublic\t\t\t",
            "public\tchannel\ttickers\tno\t\tpublic\t/api/v5/trade/order\tno\t",
            "private\toperation\torder\tno\ttrade\ttrade\t/api/v5/trade/order\tno\t",
            "private\toperation\torder\tyes\tread\ttrade\t/api/v5/trade/order\tno\t",
            "private\toperation\torder\tyes\ttrade\tcancel\t/api/v5/trade/order\tno\t",
            "private\toperation\torder\tyes\ttrade\ttrade\t/api/v5/trade/orders\tno\t",
            "private\toperation\torder\tyes\ttrade\ttrade\t/api/v5/account/balance\tno\t",
            "private\toperation\torder\tyes\ttrade\ttrade\t\tno\t",
        ];
        let routes = routes();
        let empty = || SocketTable { channels: BTreeMap::new(), operations: BTreeMap::new() };
        for row in good {
            let mut table = empty();
            assert_eq!(table.add(row, &routes), Some(()), "{row}");
            assert_eq!(table.add(row, &routes), None, "{row} twice");
        }
        for row in bad {
            assert_eq!(empty().add(row, &routes), None, "{row}");
        }
    }
}
