//! Channels about an account: what they tell at first, and of every change, by whichever connection it came.

use keyward_rules::identity::Identity;
use serde_json::{Value, json};

use super::{BUSINESS, Client, PRIVATE, World, limit, sale, stranger};
use crate::signed::trader;

const ADDRESS: &str = "bc1qkeywardsandbox0000000000000000000000";

async fn follow(world: &World, told: &Identity<'_>, arg: Value) -> Client {
    let mut client = world.open(PRIVATE, told).await;
    client.subscribe(told, arg).await;
    client
}

fn orders(kind: &str) -> Value {
    json!({"channel": "orders", "instType": kind})
}

#[tokio::test]
async fn every_socket_of_the_account_hears_of_an_order_and_no_other() {
    let world = World::new().await;
    let demo = Identity { environment: "demo", ..trader() };
    let sub = Identity { sub_account: Some("1001"), ..trader() };
    let mut own =
        [follow(&world, &trader(), orders("SPOT")).await, follow(&world, &trader(), orders("ANY")).await];
    let mut others = Vec::new();
    for told in [stranger(), demo, sub] {
        others.push((told, follow(&world, &told, orders("SPOT")).await));
    }
    let placed = world.post(&trader(), "trade/order", &limit("1000"))["data"][0]["ordId"].clone();
    for client in &mut own {
        let message = client.next().await;
        assert_eq!(message["arg"]["uid"], "1001");
        assert_eq!((&message["data"][0]["ordId"], &message["data"][0]["state"]), (&placed, &json!("live")));
    }
    // Their queues are in order: had they heard of the other order, that would come first.
    for (told, client) in &mut others {
        let placed = world.post(told, "trade/order", &limit("1000"))["data"][0]["ordId"].clone();
        assert_eq!(client.next().await["data"][0]["ordId"], placed, "{told:?}");
    }
}

/// The next order that is told of, which must be in this state.
async fn step(client: &mut Client, state: &str) -> Value {
    let row = client.next().await["data"][0].clone();
    assert_eq!(row["state"], state, "{row}");
    row
}

#[tokio::test]
async fn an_orders_life_is_told_step_by_step() {
    let world = World::new().await;
    let mut client = follow(&world, &trader(), orders("SPOT")).await;
    let mut wish = limit("30000");
    wish["clOrdId"] = json!("mine");
    let id = world.post(&trader(), "trade/order", &wish)["data"][0]["ordId"].clone();
    let live = step(&mut client, "live").await;
    assert_eq!((&live["clOrdId"], &live["amendResult"]), (&json!("mine"), &json!("")));
    assert_eq!(
        (&live["notionalUsd"], &live["fillSz"], &live["tradeId"]),
        (&json!("30"), &json!("0"), &json!(""))
    );

    let named = json!({"instId": "BTC-USDT", "ordId": id, "newSz": "0.002"});
    world.post(&trader(), "trade/amend-order", &named);
    let amended = step(&mut client, "live").await;
    assert_eq!((&amended["sz"], &amended["amendResult"]), (&json!("0.002"), &json!("0")));
    world.post(&trader(), "trade/cancel-order", &named);
    assert_eq!(step(&mut client, "canceled").await["cancelSource"], "1");

    world.post(&trader(), "trade/order", &sale());
    step(&mut client, "live").await;
    let first = step(&mut client, "partially_filled").await;
    assert_eq!((&first["fillPx"], &first["fillSz"]), (&json!("59994"), &json!("0.5")));
    assert_eq!((&first["fillFee"], &first["fillFeeCcy"]), (&json!("-29.997"), &json!("USDT")));
    let second = step(&mut client, "filled").await;
    assert_eq!((&second["fillPx"], &second["accFillSz"]), (&json!("59988"), &json!("1")));
    assert_ne!(first["tradeId"], second["tradeId"]);
}

#[tokio::test]
async fn orders_are_heard_of_by_instrument() {
    let world = World::new().await;
    let mut swaps = follow(&world, &trader(), orders("SWAP")).await;
    let only = json!({"channel": "orders", "instType": "SPOT", "instId": "ETH-USDT"});
    let mut only = follow(&world, &trader(), only).await;
    let mut ether = limit("1000");
    ether["instId"] = json!("ETH-USDT");
    world.post(&trader(), "trade/order", &limit("1000"));
    world.post(&trader(), "trade/order", &ether);
    assert_eq!(only.next().await["data"][0]["instId"], "ETH-USDT");
    // A channel that says nothing does not get in the way of one that does.
    swaps.subscribe(&trader(), orders("SPOT")).await;
    world.post(&trader(), "trade/order", &ether);
    let message = swaps.next().await;
    assert_eq!(
        (&message["arg"]["instType"], &message["data"][0]["instId"]),
        (&json!("SPOT"), &json!("ETH-USDT"))
    );
}

#[tokio::test]
async fn balances_begin_with_all_and_then_change() {
    let world = World::new().await;
    let mut all = follow(&world, &trader(), json!({"channel": "account"})).await;
    let mut bitcoin = follow(&world, &trader(), json!({"channel": "account", "ccy": "BTC"})).await;
    let first = all.next().await;
    assert_eq!((&first["eventType"], &first["arg"]["uid"]), (&json!("snapshot"), &json!("1001")));
    assert_eq!(first["data"][0]["details"].as_array().unwrap().len(), 5);
    assert_eq!(bitcoin.next().await["data"][0]["details"].as_array().unwrap().len(), 1);

    world.post(&trader(), "trade/order", &limit("30000"));
    let held = all.next().await;
    assert_eq!(held["eventType"], "event_update");
    let details = held["data"][0]["details"].as_array().unwrap();
    assert_eq!(
        (details.len(), &details[0]["ccy"], &details[0]["ordFrozen"]),
        (1, &json!("USDT"), &json!("30"))
    );
    world.post(&trader(), "trade/order", &sale());
    assert_eq!(all.next().await["data"][0]["details"].as_array().unwrap().len(), 2);
    let sold = bitcoin.next().await["data"][0]["details"].clone();
    assert_eq!(
        (sold.as_array().unwrap().len(), &sold[0]["cashBal"]),
        (1, &json!("9")),
        "the first it hears of"
    );

    let transfer = json!({"ccy": "BTC", "amt": "2", "from": "6", "to": "18"});
    world.post(&trader(), "asset/transfer", &transfer);
    assert_eq!(bitcoin.next().await["data"][0]["details"][0]["cashBal"], "11");
}

#[tokio::test]
async fn balances_and_positions_tell_what_moved_them() {
    let world = World::new().await;
    let mut client = follow(&world, &trader(), json!({"channel": "balance_and_position"})).await;
    let first = client.next().await["data"][0].clone();
    assert_eq!((&first["eventType"], &first["posData"]), (&json!("snapshot"), &json!([])));
    assert_eq!(first["balData"].as_array().unwrap().len(), 5);
    // An order that rests holds money back and moves none.
    world.post(&trader(), "trade/order", &limit("30000"));
    world.post(&trader(), "trade/order", &sale());
    let filled = client.next().await["data"][0].clone();
    assert_eq!((&filled["eventType"], filled["trades"].as_array().unwrap().len()), (&json!("filled"), 2));
    assert_eq!(filled["balData"].as_array().unwrap().len(), 2);
    world.post(&trader(), "asset/transfer", &json!({"ccy": "ETH", "amt": "1", "from": "18", "to": "6"}));
    let moved = client.next().await["data"][0].clone();
    assert_eq!((&moved["eventType"], &moved["balData"][0]["cashBal"]), (&json!("transferred"), &json!("99")));
}

#[tokio::test]
async fn fills_and_the_channels_that_have_nothing_to_tell() {
    let world = World::new().await;
    let mut client = follow(&world, &trader(), json!({"channel": "fills"})).await;
    for silent in ["account-greeks", "liquidation-warning"] {
        client.subscribe(&trader(), json!({"channel": silent})).await;
    }
    client.subscribe(&trader(), json!({"channel": "positions", "instType": "ANY"})).await;
    let positions = client.next().await;
    assert_eq!((&positions["eventType"], &positions["data"]), (&json!("snapshot"), &json!([])));
    let sold = world.post(&trader(), "trade/order", &sale())["data"][0]["ordId"].clone();
    for price in ["59994", "59988"] {
        let row = client.next().await["data"][0].clone();
        assert_eq!((&row["ordId"], &row["fillPx"], &row["side"]), (&sold, &json!(price), &json!("sell")));
    }
}

#[tokio::test]
async fn withdrawals_are_told_at_the_other_path() {
    let world = World::new().await;
    let mut client = world.open(BUSINESS, &trader()).await;
    for silent in ["orders-algo", "deposit-info"] {
        client.subscribe(&trader(), json!({"channel": silent, "instType": "ANY"})).await;
    }
    client.subscribe(&trader(), json!({"channel": "withdrawal-info"})).await;
    let wish = json!({"ccy": "BTC", "amt": "0.01", "dest": "4", "toAddr": ADDRESS, "fee": "0.0001"});
    let id = world.post(&trader(), "asset/withdrawal", &wish)["data"][0]["wdId"].clone();
    let made = client.next().await["data"][0].clone();
    assert_eq!((&made["wdId"], &made["state"], &made["uid"]), (&id, &json!("0"), &json!("1001")));
    world.post(&trader(), "asset/cancel-withdrawal", &json!({"wdId": id}));
    let back = client.next().await["data"][0].clone();
    assert_eq!((&back["wdId"], &back["state"]), (&id, &json!("-2")));
}

#[tokio::test]
async fn nothing_is_told_after_the_end() {
    let world = World::new().await;
    let arg = json!({"channel": "account"});
    let mut client = follow(&world, &trader(), arg.clone()).await;
    assert_eq!(client.next().await["eventType"], "snapshot");
    let reply = client.reply(&trader(), &json!({"op": "unsubscribe", "args": [arg.clone()]})).await;
    assert_eq!(reply["event"], "unsubscribe");
    world.post(&trader(), "trade/order", &limit("30000"));
    client.subscribe(&trader(), arg).await;
    assert_eq!(client.next().await["eventType"], "snapshot");
    world.post(&trader(), "trade/order", &limit("10000"));
    assert_eq!(client.next().await["data"][0]["details"][0]["ordFrozen"], "40");
}
