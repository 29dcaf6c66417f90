//! What the journal keeps of operations on sockets: what was asked, and what the exchange answered to it.

use keyward_rules::orders::{OrderAction, OrderLine, Orders};

use super::exchange::Exchange;
use super::keys::{logged_in, quick};
use super::wire::order;
use crate::world::{Folder, until};

/// Verdict and orders of the operations on record, once there are so many of them.
fn recorded(folder: &Folder, count: usize) -> Vec<(String, OrderLine)> {
    let journal = rusqlite::Connection::open(folder.data().join("activity.db")).unwrap();
    let rows = || {
        let all = "SELECT code, orders FROM activity WHERE method = 'WS' AND route LIKE '/api/%' ORDER BY id";
        let mut statement = journal.prepare(all).unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.map(Result::unwrap).collect::<Vec<(String, Option<String>)>>()
    };
    until("the operations are on record", 20_000, || rows().len() >= count);
    let line = |text: Option<String>| Orders::of_text(&text.unwrap()).unwrap().lines.remove(0);
    rows().into_iter().map(|(code, text)| (code, line(text))).collect()
}

#[test]
fn operations_are_recorded_with_their_answers() {
    let (exchange, folder) = (Exchange::answering(), Folder::new());
    let running = quick(&folder, &exchange);
    let mut trade = logged_in(&running, "/ws/v5/private", &running.key("trade").unwrap());
    assert_eq!(trade.ask(&order("1"))["code"], "0");
    let cancel = r#"{"id":"2","op":"cancel-order","args":[{"instId":"ETH-USDT","ordId":"1"}]}"#;
    assert_eq!(trade.ask(cancel)["code"], "0");
    // Refused by Keyward: the key may not trade.
    let mut read = logged_in(&running, "/ws/v5/private", &running.key("read").unwrap());
    assert_eq!(read.ask(&order("3"))["code"], "50120");
    let all = recorded(&folder, 3);
    let short: Vec<_> = all
        .iter()
        .map(|(code, line)| {
            let answered = line.result.as_ref().map(|answered| answered.code.as_str());
            (code.as_str(), line.action, line.instrument.as_deref().unwrap(), answered)
        })
        .collect();
    let expected = [
        ("0", OrderAction::Place, "BTC-USDT", Some("0")),
        ("0", OrderAction::Cancel, "ETH-USDT", Some("0")),
        ("50120", OrderAction::Place, "BTC-USDT", None),
    ];
    assert_eq!(short, expected);
    let ids: Vec<_> = all.iter().map(|(_, line)| line.exchange_id.as_deref()).collect();
    assert_eq!(ids, [Some("1"), Some("1"), None], "a new order has the id that the exchange gave it");
}

/// What the exchange does not answer is on record when the socket ends.
#[test]
fn without_an_answer_a_record_has_what_was_asked() {
    let exchange = Exchange::start(|_, link| {
        link.accept();
        link.read_out();
    });
    let folder = Folder::new();
    let running = quick(&folder, &exchange);
    let mut socket = logged_in(&running, "/ws/v5/private", &running.key("trade").unwrap());
    for id in ["1", "2"] {
        socket.say(&order(id));
    }
    until("the exchange has both", 10_000, || exchange.told().len() == 2);
    drop(socket);
    for (code, line) in recorded(&folder, 2) {
        assert_ne!(code, "0");
        assert_eq!((line.size.as_deref(), line.result), (Some("0.0001"), None));
    }
}

/// Long frames are kept for the journal up to a limit for each socket; `SocketLimits` has the same figure.
#[test]
fn what_waits_for_answers_is_kept_within_a_limit() {
    const KEPT: usize = 512 << 10;
    const LONG: usize = 40 << 10;
    let exchange = Exchange::start(|_, link| {
        link.accept();
        link.read_out();
    });
    let folder = Folder::new();
    let running = quick(&folder, &exchange);
    let mut socket = logged_in(&running, "/ws/v5/private", &running.key("trade").unwrap());
    let count = KEPT / LONG + 1;
    for id in 0..count {
        let spaces = format!("{{{}", " ".repeat(LONG));
        socket.say(&order(&id.to_string()).replacen('{', &spaces, 1));
    }
    until("the exchange has all", 20_000, || exchange.told().len() == count);
    drop(socket);
    let journal = rusqlite::Connection::open(folder.data().join("activity.db")).unwrap();
    let kept = || {
        let counts =
            "SELECT COUNT(*), COUNT(orders) FROM activity WHERE method = 'WS' AND route LIKE '/api/%'";
        let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?));
        let (all, with_orders) = journal.query_row(counts, [], row).unwrap();
        (usize::try_from(all).unwrap(), usize::try_from(with_orders).unwrap())
    };
    until("all are on record", 20_000, || kept().0 == count);
    assert_eq!(kept(), (count, count - 1), "the last of them found no room");
}
