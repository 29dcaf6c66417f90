//! How sockets end: by the server, by their own slowness, by the other side; and how much one of them may ask for.

use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use super::{BUSINESS, PATIENCE, PRIVATE, PUBLIC, World, limit};
use crate::hub::QUEUE;
use crate::signed::{nobody, trader};

#[tokio::test]
async fn the_end_of_the_server_is_told() {
    let world = World::new().await;
    let mut clients = Vec::new();
    for path in [PUBLIC, PRIVATE, BUSINESS] {
        clients.push(world.open(path, &trader()).await);
    }
    assert_eq!(world.exchange.open_sockets(), 3);
    world.end.send(()).unwrap();
    for client in &mut clients {
        assert_eq!(client.closed().await, 1_001);
    }
    // The close handshake ends with the next read.
    drop(clients);
    timeout(PATIENCE, world.serving).await.unwrap().unwrap();
    assert_eq!(world.exchange.open_sockets(), 0);
}

#[tokio::test]
async fn a_client_that_does_not_answer_holds_nothing_up() {
    let world = World::new().await;
    let _silent = world.open(PUBLIC, &nobody()).await;
    world.end.send(()).unwrap();
    timeout(PATIENCE, world.serving).await.unwrap().unwrap();
    assert_eq!(world.exchange.open_sockets(), 0);
}

/// Waits until so many sockets are open.
async fn until_open(world: &World, count: usize) {
    let counted = async {
        while world.exchange.open_sockets() != count {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, counted).await.unwrap();
}

#[tokio::test]
async fn a_socket_ends_with_its_client() {
    let world = World::new().await;
    let (mut closing, leaving) = (world.open(PUBLIC, &nobody()).await, world.open(PRIVATE, &trader()).await);
    assert_eq!(world.exchange.open_sockets(), 2);
    closing.send(Message::Close(None)).await;
    until_open(&world, 1).await;
    drop(leaving);
    until_open(&world, 0).await;
}

#[tokio::test]
async fn a_socket_that_falls_behind_is_closed_and_the_others_go_on() {
    let world = World::new().await;
    let orders = json!({"channel": "orders", "instType": "SPOT"});
    let mut slow = world.open(PRIVATE, &trader()).await;
    slow.subscribe(&trader(), orders.clone()).await;
    // Nobody else runs in between, so nothing of this is taken from the queue.
    for _ in 0..=QUEUE {
        assert_eq!(world.post(&trader(), "trade/order", &limit("1000"))["code"], "0");
    }
    assert_eq!(slow.closed().await, 4_005);
    let mut again = world.open(PRIVATE, &trader()).await;
    again.subscribe(&trader(), orders).await;
    let placed = world.post(&trader(), "trade/order", &limit("1000"))["data"][0]["ordId"].clone();
    assert_eq!(again.next().await["data"][0]["ordId"], placed);
}

#[tokio::test]
async fn a_socket_follows_so_many_channels_and_no_more() {
    let world = World::new().await;
    let mut client = world.open(PRIVATE, &trader()).await;
    // Silent channels, told apart by what else their arguments say.
    let arg = |at: usize| json!({"channel": "account-greeks", "ccy": at.to_string()});
    for from in [0, 80, 160] {
        let args: Vec<Value> = (from..from + 80).map(arg).collect();
        client.ask(&trader(), &json!({"op": "subscribe", "args": args})).await;
        for _ in 0..80 {
            assert_eq!(client.next().await["event"], "subscribe");
        }
    }
    let one_more = json!({"op": "subscribe", "args": [arg(240)]});
    assert_eq!(client.reply(&trader(), &one_more).await["code"], "60020");
    let again = json!({"op": "subscribe", "args": [arg(7)]});
    assert_eq!(client.reply(&trader(), &again).await["event"], "subscribe", "one that is followed already");
    let fewer = json!({"op": "unsubscribe", "args": [arg(7)]});
    assert_eq!(client.reply(&trader(), &fewer).await["event"], "unsubscribe");
    assert_eq!(client.reply(&trader(), &one_more).await["event"], "subscribe");
}
