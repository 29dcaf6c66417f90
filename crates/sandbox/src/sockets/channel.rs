//! Which channel an argument names, if there is such a one at the socket's path.

use keyward_rules::socket::Endpoint;
use serde_json::{Map, Value};

use super::market_channel::MarketChannel;
use super::own_channel::OwnChannel;
use crate::markets::Pair;
use crate::parameters::text;

/// The members of an argument that say which channel is meant, in OKX's order.
const MEMBERS: [&str; 5] = ["channel", "instType", "instFamily", "instId", "ccy"];

/// A channel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Channel {
    /// Everybody may hear it.
    Market(MarketChannel),
    /// Everybody may hear it: a book, first the whole of it and then what changed.
    Book(Pair),
    /// It is about one account.
    Own(OwnChannel),
}

impl Channel {
    /// The channel that `arg` names at this path; none for an unknown one, or for an instrument that is not listed.
    pub(super) fn find(endpoint: Endpoint, arg: &Value) -> Option<Self> {
        let name = text(arg, "channel")?;
        if endpoint == Endpoint::Public && name == "books" {
            return Pair::find(&text(arg, "instId")?).map(Self::Book);
        }
        let market = || MarketChannel::find(endpoint, &name, arg).map(Self::Market);
        OwnChannel::find(endpoint, &name, arg).map(Self::Own).or_else(market)
    }
}

/// What the argument says of the channel, in a spelling that is the same for all arguments that mean the same.
pub(super) fn plain(arg: &Value) -> Value {
    let member = |name: &str| Some((name.to_owned(), Value::String(text(arg, name)?)));
    Value::Object(MEMBERS.into_iter().filter_map(member).collect::<Map<String, Value>>())
}

#[cfg(test)]
mod tests {
    use keyward_rules::route::RouteTable;
    use keyward_rules::socket::{Endpoint, FoundChannel, SocketTable};
    use serde_json::{Value, json};

    use super::{Channel, plain};

    fn known(endpoint: Endpoint, arg: &Value) -> bool {
        Channel::find(endpoint, arg).is_some()
    }

    #[test]
    fn each_channel_stands_at_the_path_where_the_gateway_lets_it_pass() {
        let table = SocketTable::okx_v5(&RouteTable::okx_v5(1).unwrap()).unwrap();
        let mut found = 0;
        for channel in table.channels() {
            for kind in ["SPOT", "SWAP"] {
                let id = if kind == "SWAP" { "BTC-USDT-SWAP" } else { "BTC-USDT" };
                let arg = json!({"channel": channel.name, "instType": kind, "instId": id});
                for endpoint in Endpoint::ALL {
                    if known(endpoint, &arg) {
                        found += 1;
                        let there = table.channel(endpoint, channel.name);
                        assert!(matches!(there, FoundChannel::Channel(_)), "{} {endpoint:?}", channel.name);
                    }
                }
            }
        }
        assert!(found > 40, "{found}");
    }

    #[test]
    fn names_instruments_and_paths_are_exact() {
        let ticker = json!({"channel": "tickers", "instId": "BTC-USDT"});
        assert!(known(Endpoint::Public, &ticker));
        assert!(!known(Endpoint::Private, &ticker) && !known(Endpoint::Business, &ticker));
        for arg in [
            json!({"channel": "tickers"}),
            json!({"channel": "tickers", "instId": "BTC-USDTX"}),
            json!({"channel": "Tickers", "instId": "BTC-USDT"}),
            json!({"channel": "candle1m", "instId": "BTC-USDT"}),
            json!({"channel": "instruments", "instType": "BOND"}),
            json!({"channel": "funding-rate", "instId": "BTC-USDT"}),
            json!({"channel": ""}),
            json!({}),
            json!("tickers"),
        ] {
            assert!(!known(Endpoint::Public, &arg), "{arg}");
        }
        for arg in [
            json!({"channel": "orders"}),
            json!({"channel": "orders", "instType": "BOND"}),
            json!({"channel": "orders", "instType": "SPOT", "instId": "NO-SUCH"}),
            json!({"channel": "account", "ccy": "DOGE"}),
            json!({"channel": "candle7m", "instId": "BTC-USDT"}),
        ] {
            assert!(!known(Endpoint::Private, &arg) && !known(Endpoint::Business, &arg), "{arg}");
        }
    }

    #[test]
    fn arguments_that_mean_the_same_are_spelled_the_same() {
        let plainly = json!({"channel": "orders", "instType": "SPOT", "instId": "BTC-USDT"});
        let otherwise = json!({"instId": "BTC-USDT", "channel": "orders", "instType": "SPOT", "uly": "", "ccy": null,
            "extraParams": "{\"updateInterval\":\"0\"}"});
        assert_eq!(plain(&plainly).to_string(), plain(&otherwise).to_string());
        assert_eq!(plain(&plainly), plainly);
    }
}
