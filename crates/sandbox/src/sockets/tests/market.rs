//! Channels of the market: what is told at first, and each second.

use serde_json::{Value, json};

use super::{BUSINESS, Client, PRIVATE, PUBLIC, World};
use crate::signed::nobody;

/// Subscribes to a channel on a socket of its own, takes the first message, and the next one a second later.
async fn followed(world: &World, path: &str, arg: Value) -> (Value, Value) {
    let mut client = world.open(path, &nobody()).await;
    client.subscribe(&nobody(), arg.clone()).await;
    let first = client.next().await;
    world.pass(1_000);
    let second = client.next().await;
    assert_eq!((&first["arg"], &second["arg"]), (&arg, &arg));
    (first["data"].clone(), second["data"].clone())
}

fn number(value: &Value) -> u64 {
    value.as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn tickers_trades_and_marks_come_every_second() {
    let world = World::new().await;
    for (path, channel, id, member) in [
        (PUBLIC, "tickers", "BTC-USDT", "last"),
        (PUBLIC, "index-tickers", "ETH-USDT", "idxPx"),
        (PUBLIC, "trades", "BTC-USDT", "tradeId"),
        (PUBLIC, "mark-price", "BTC-USDT", "markPx"),
        (PUBLIC, "mark-price", "BTC-USD-301227-60000-C", "markPx"),
        (PUBLIC, "funding-rate", "BTC-USDT-SWAP", "fundingRate"),
        (BUSINESS, "trades-all", "SOL-USDT", "tradeId"),
    ] {
        let (first, second) = followed(&world, path, json!({"channel": channel, "instId": id})).await;
        for data in [&first, &second] {
            assert_eq!((&data[0]["instId"], data[0][member].is_string()), (&json!(id), true), "{channel}");
        }
        assert_eq!(number(&second[0]["ts"]), number(&first[0]["ts"]) + 1_000, "{channel}");
    }
}

#[tokio::test]
async fn short_books_are_whole_each_time() {
    let world = World::new().await;
    for (channel, depth, named) in [("books5", 5, true), ("bbo-tbt", 1, false)] {
        let (first, second) =
            followed(&world, PUBLIC, json!({"channel": channel, "instId": "ETH-USDT"})).await;
        for data in [&first, &second] {
            let row = &data[0];
            assert_eq!(row["asks"].as_array().unwrap().len(), depth);
            assert_eq!(row["bids"].as_array().unwrap().len(), depth);
            assert_eq!(row["bids"][0].as_array().unwrap().len(), 4);
            assert_eq!(row.get("instId").is_some(), named);
            assert!(row.get("checksum").is_none() && row.get("prevSeqId").is_none());
        }
        assert!(first[0]["seqId"].as_u64() < second[0]["seqId"].as_u64());
    }
}

async fn book(client: &mut Client, action: &str) -> Value {
    let message = client.next().await;
    assert_eq!((&message["action"], &message["arg"]["channel"]), (&json!(action), &json!("books")));
    message["data"][0].clone()
}

#[tokio::test]
async fn a_long_book_is_whole_once_and_then_changes() {
    let world = World::new().await;
    let mut client = world.open(PUBLIC, &nobody()).await;
    let arg = json!({"channel": "books", "instId": "BTC-USDT"});
    client.subscribe(&nobody(), arg.clone()).await;
    let snapshot = book(&mut client, "snapshot").await;
    assert_eq!(snapshot["prevSeqId"], -1);
    assert!(snapshot["asks"].as_array().unwrap().len() > 25 && snapshot["checksum"].is_i64());
    let mut last = snapshot["seqId"].clone();
    for _ in 0..3 {
        world.pass(1_000);
        let update = book(&mut client, "update").await;
        assert_eq!(update["prevSeqId"], last);
        assert!(update["asks"].as_array().unwrap().len() < 21 && update["checksum"].is_i64());
        last = update["seqId"].clone();
    }
    // Asked for again, it begins again.
    client.subscribe(&nobody(), arg.clone()).await;
    assert_eq!(book(&mut client, "snapshot").await["seqId"], last);
    let reply = client.reply(&nobody(), &json!({"id": "8", "op": "unsubscribe", "args": [arg]})).await;
    assert_eq!((&reply["event"], &reply["id"]), (&json!("unsubscribe"), &json!("8")));
    world.pass(1_000);
    client.subscribe(&nobody(), json!({"channel": "tickers", "instId": "BTC-USDT"})).await;
    for _ in 0..2 {
        assert_eq!(client.next().await["arg"]["channel"], "tickers", "no more of the book");
        world.pass(1_000);
    }
}

#[tokio::test]
async fn candles_end_and_begin() {
    let world = World::new().await;
    let mut client = world.open(BUSINESS, &nobody()).await;
    for bar in ["1m", "1H", "1Dutc"] {
        client.subscribe(&nobody(), json!({"channel": format!("candle{bar}"), "instId": "BTC-USDT"})).await;
        let first = client.next().await;
        assert_eq!(first["data"][0].as_array().unwrap().len(), 9);
        let args = json!({"op": "unsubscribe", "args": [first["arg"]]});
        assert_eq!(client.reply(&nobody(), &args).await["event"], "unsubscribe");
    }
    client.subscribe(&nobody(), json!({"channel": "candle1m", "instId": "BTC-USDT"})).await;
    let open = client.next().await["data"][0].clone();
    world.pass(60_000);
    let data = client.next().await["data"].clone();
    assert_eq!((&data[0][0], &data[0][8]), (&open[0], &json!("1")), "it has ended");
    assert_eq!((number(&data[1][0]), &data[1][8]), (number(&open[0]) + 60_000, &json!("0")));
}

#[tokio::test]
async fn instruments_come_once_and_have_codes() {
    let world = World::new().await;
    let mut client = world.open(PUBLIC, &nobody()).await;
    client.subscribe(&nobody(), json!({"channel": "instruments", "instType": "SPOT"})).await;
    let all = client.next().await["data"].clone();
    assert_eq!((all.as_array().unwrap().len(), &all[0]["instIdCode"]), (6, &json!(1)));
    world.pass(1_000);
    client.subscribe(&nobody(), json!({"channel": "tickers", "instId": "BTC-USDT"})).await;
    assert_eq!(client.next().await["arg"]["channel"], "tickers");
}

#[tokio::test]
async fn unknown_channels_and_instruments_are_errors_each() {
    let world = World::new().await;
    let mut client = world.open(PUBLIC, &nobody()).await;
    let args = json!([
        {"channel": "tickers", "instId": "NO-SUCH"},
        {"channel": "tickers", "instId": "BTC-USDT"},
        {"channel": "candle1m", "instId": "BTC-USDT"},
        {"channel": "dance"}
    ]);
    client.ask(&nobody(), &json!({"id": "9", "op": "subscribe", "args": args})).await;
    let wrong = |reply: &Value, what: &str| {
        assert_eq!((&reply["event"], &reply["code"]), (&json!("error"), &json!("60018")));
        assert_eq!(reply["id"], "9");
        assert!(reply["msg"].as_str().unwrap().contains(what), "{reply}");
    };
    wrong(&client.next().await, "channel:tickers,instId:NO-SUCH ");
    assert_eq!(client.next().await["event"], "subscribe");
    assert_eq!(client.next().await["arg"]["channel"], "tickers");
    wrong(&client.next().await, "channel:candle1m,instId:BTC-USDT ");
    wrong(&client.next().await, "channel:dance ");
    client.ask(&nobody(), &json!({"id": "9", "op": "unsubscribe", "args": [{"channel": "dance"}]})).await;
    wrong(&client.next().await, "channel:dance ");
    let mut private = world.open(PRIVATE, &nobody()).await;
    private.ask(&nobody(), &json!({"id": "9", "op": "subscribe", "args": [args[1]]})).await;
    wrong(&private.next().await, "channel:tickers,instId:BTC-USDT ");
}
