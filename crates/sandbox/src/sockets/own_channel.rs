//! The channels about one account, and whether they hear of a change.

use keyward_rules::socket::Endpoint;
use serde_json::Value;

use crate::markets::{Currency, KINDS, is_listed};
use crate::parameters::text;

/// A channel about an account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum OwnChannel {
    Account(Currencies),
    Positions,
    BalanceAndPosition,
    Orders(Instruments),
    Fills(Instruments),
    Withdrawals(Currencies),
    /// There is never anything to tell: neither Greeks nor liquidations, neither algo orders nor deposits.
    Silent,
}

/// Which currencies are meant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Currencies {
    All,
    Only(Currency),
}

impl Currencies {
    /// Those that an argument names; none at all when it names one that does not exist.
    fn named(arg: &Value) -> Option<Self> {
        match text(arg, "ccy") {
            None => Some(Self::All),
            Some(id) => Currency::find(&id).map(Self::Only),
        }
    }

    pub(super) fn have(self, currency: Currency) -> bool {
        match self {
            Self::All => true,
            Self::Only(only) => only == currency,
        }
    }
}

/// Which instruments are meant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Instruments {
    /// Whether pairs are among them, which alone are traded here.
    pairs: bool,
    /// One only, or all.
    id: Option<String>,
}

impl Instruments {
    pub(super) fn have(&self, id: &str) -> bool {
        self.pairs && self.id.as_ref().is_none_or(|only| only == id)
    }
}

impl OwnChannel {
    pub(super) fn find(endpoint: Endpoint, name: &str, arg: &Value) -> Option<Self> {
        match (endpoint, name) {
            (Endpoint::Private, "account") => Currencies::named(arg).map(Self::Account),
            (Endpoint::Private, "positions") => kind(arg).map(|_| Self::Positions),
            (Endpoint::Private, "balance_and_position") => Some(Self::BalanceAndPosition),
            (Endpoint::Private, "orders") => {
                let kind = kind(arg)?;
                instruments(arg, matches!(kind.as_str(), "SPOT" | "ANY")).map(Self::Orders)
            }
            (Endpoint::Private, "fills") => instruments(arg, true).map(Self::Fills),
            (Endpoint::Business, "withdrawal-info") => Currencies::named(arg).map(Self::Withdrawals),
            (Endpoint::Private, "account-greeks" | "liquidation-warning")
            | (Endpoint::Business, "orders-algo" | "deposit-info") => Some(Self::Silent),
            (Endpoint::Public | Endpoint::Private | Endpoint::Business, _) => None,
        }
    }
}

/// The type of instrument that must be named.
fn kind(arg: &Value) -> Option<String> {
    text(arg, "instType").filter(|kind| kind == "ANY" || KINDS.contains(&kind.as_str()))
}

fn instruments(arg: &Value, pairs: bool) -> Option<Instruments> {
    let id = text(arg, "instId");
    id.as_ref().is_none_or(|id| is_listed(id)).then_some(Instruments { pairs, id })
}

#[cfg(test)]
mod tests {
    use keyward_rules::socket::Endpoint;
    use serde_json::json;

    use super::OwnChannel;

    #[test]
    fn orders_are_heard_of_by_type_and_instrument() {
        let hears = |kind: &str, id: &str, of: &str| {
            let arg = json!({"channel": "orders", "instType": kind, "instId": id});
            match OwnChannel::find(Endpoint::Private, "orders", &arg) {
                Some(OwnChannel::Orders(instruments)) => instruments.have(of),
                other => panic!("{other:?}"),
            }
        };
        assert!(hears("SPOT", "", "BTC-USDT") && hears("ANY", "", "ETH-USDT"));
        assert!(hears("SPOT", "BTC-USDT", "BTC-USDT") && !hears("SPOT", "BTC-USDT", "ETH-USDT"));
        assert!(!hears("SWAP", "", "BTC-USDT") && !hears("MARGIN", "BTC-USDT", "BTC-USDT"));
    }
}
