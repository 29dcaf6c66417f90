//! What sockets may while their gateway has no word from the store (product.md 6.4), and that they end with another reason than
//! a change of their keys.

use std::time::{Duration, Instant};

use keyward_testkit::postgres::Postgres;
use keyward_testkit::relay::{Manner, Relay};

use super::exchange::Exchange;
use super::keys::set_up_with;
use super::wire::{Heard, Login, Socket, order, subscribe};
use crate::server::{Server, make_key};
use crate::world::{Folder, until};

const PRIVATE: &str = "/ws/v5/private";
const CANCEL: &str = r#"{"id":"6","op":"cancel-order","args":[{"instId":"BTC-USDT","ordId":"1"}]}"#;

/// The lease may have been renewed so long before the store fell silent.
const RENEWED: Duration = Duration::from_secs(2);

#[test]
fn a_lease_that_runs_out_stops_orders_and_then_ends_sockets() {
    let (folder, exchange) = (Folder::new(), Exchange::answering());
    let database = Postgres::shared().unwrap();
    let relay = Relay::to(database).unwrap();
    let data = format!("\"{}\"", folder.data().display());
    let url = format!("\"{}\"", relay.url(&database.fresh_database().unwrap()));
    let (config, address) = set_up_with(&folder, &exchange, &[(&data, &url)]);
    let key = make_key(&config);
    let server = Server::start(&config, &address);
    let open = |path: &str| Socket::from(&address, [127, 0, 0, 1], path).unwrap();
    let mut socket = open(PRIVATE);
    socket.log_in(&key);
    assert_eq!(socket.ask(&order("1"))["code"], "0");
    let mut stranger = open("/ws/v5/public");

    relay.behave(Manner::Clog);
    let silent = Instant::now();
    until("orders are refused", 25_000, || {
        assert!(stranger.goes_on());
        // A few a second, below the rate of orders.
        std::thread::sleep(Duration::from_millis(200));
        socket.ask(&order("2"))["code"] == "50001"
    });
    assert!(silent.elapsed() + RENEWED > Duration::from_secs(15), "after {:?}", silent.elapsed());
    // What takes risk away, and what only reads, goes on.
    assert_eq!(socket.ask(CANCEL)["code"], "0");
    assert_eq!(socket.ask(&subscribe("fills"))["event"], "subscribe");
    let end = loop {
        assert!(stranger.goes_on() && silent.elapsed() < Duration::from_secs(45));
        socket.say("ping");
        match socket.hear() {
            Heard::Text(text) => assert_eq!(text, "pong"),
            other => break other,
        }
        // A sign of life now and then.
        std::thread::sleep(Duration::from_millis(250));
    };
    assert!(matches!(end, Heard::Close(Some(4_006), _)), "{end:?}");
    assert!(silent.elapsed() + RENEWED > Duration::from_secs(30), "after {:?}", silent.elapsed());
    // Nobody can tell whether the key still holds. It is no reason to stay away, so the code is not that of a refused login.
    let mut late = open(PRIVATE);
    assert_eq!(late.ask(&Login::of(&key).text())["code"], "63999");
    assert_eq!(late.code_at_end(), 4_006);
    assert!(stranger.goes_on(), "public data needs no facts");

    relay.behave(Manner::Pass);
    until("logins hold again", 20_000, || open(PRIVATE).ask(&Login::of(&key).text())["code"] == "0");
    drop(server);
}
