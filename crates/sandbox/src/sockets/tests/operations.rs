//! Operations: what their twins by HTTP do, in the envelope of the socket.

use serde_json::{Value, json};

use super::{BUSINESS, PRIVATE, World, limit};
use crate::signed::{NOW_MS, trader};

fn request(op: &str, args: &Value) -> Value {
    json!({"id": "7", "op": op, "args": args})
}

/// The codes of a reply: of the whole, and of each order.
fn codes(reply: &Value) -> (&str, Vec<&str>) {
    let rows = reply["data"].as_array().unwrap();
    let each = rows.iter().map(|row| row["sCode"].as_str().unwrap()).collect();
    (reply["code"].as_str().unwrap(), each)
}

#[tokio::test]
async fn one_order_through_its_life() {
    let world = World::new().await;
    let mut client = world.open(PRIVATE, &trader()).await;
    let placed = client.reply(&trader(), &request("order", &json!([limit("30000")]))).await;
    assert_eq!((&placed["id"], &placed["op"], &placed["msg"]), (&json!("7"), &json!("order"), &json!("")));
    assert_eq!(codes(&placed), ("0", vec!["0"]));
    assert!(placed["inTime"].is_string() && placed["outTime"].is_string());
    let named = json!([{"instId": "BTC-USDT", "ordId": placed["data"][0]["ordId"], "newSz": "0.002"}]);
    for op in ["amend-order", "cancel-order"] {
        let reply = client.reply(&trader(), &request(op, &named)).await;
        assert_eq!((&reply["op"], codes(&reply)), (&json!(op), ("0", vec!["0"])));
    }
    let again = client.reply(&trader(), &request("cancel-order", &named)).await;
    assert_eq!(codes(&again), ("1", vec!["51400"]));
    assert_eq!(world.exchange.seen_count(), 4);
}

#[tokio::test]
async fn some_orders_together() {
    let world = World::new().await;
    let mut client = world.open(PRIVATE, &trader()).await;
    let mut small = limit("1000");
    small["sz"] = json!("0.000001");
    let wish = request("batch-orders", &json!([limit("1000"), small, limit("2000")]));
    let placed = client.reply(&trader(), &wish).await;
    assert_eq!(codes(&placed), ("2", vec!["0", "51020", "0"]));
    let named: Value = [0, 2]
        .into_iter()
        .map(|at: usize| json!({"instId": "BTC-USDT", "ordId": placed["data"][at]["ordId"], "newPx": "1500"}))
        .collect();
    for op in ["batch-amend-orders", "batch-cancel-orders"] {
        let reply = client.reply(&trader(), &request(op, &named)).await;
        assert_eq!((&reply["op"], codes(&reply)), (&json!(op), ("0", vec!["0", "0"])));
    }
    let many = Value::Array(vec![limit("1000"); 21]);
    let reply = client.reply(&trader(), &request("batch-orders", &many)).await;
    assert_eq!((codes(&reply), &reply["data"]), (("50025", vec![]), &json!([])));
    let options = json!([{"instType": "OPTION", "instFamily": "BTC-USD"}]);
    assert_eq!(codes(&client.reply(&trader(), &request("mass-cancel", &options)).await).0, "51010");
}

#[tokio::test]
async fn the_instrument_may_be_a_code() {
    let world = World::new().await;
    let mut client = world.open(PRIVATE, &trader()).await;
    let mut wish = limit("1000");
    wish.as_object_mut().unwrap().remove("instId");
    wish["instIdCode"] = json!(1);
    let placed = client.reply(&trader(), &request("order", &json!([wish]))).await;
    assert_eq!(codes(&placed), ("0", vec!["0"]));
    let named = json!([{"instIdCode": 1, "ordId": placed["data"][0]["ordId"]}]);
    assert_eq!(codes(&client.reply(&trader(), &request("cancel-order", &named)).await).0, "0");
    wish["instId"] = json!("ETH-USDT");
    let reply = client.reply(&trader(), &request("order", &json!([wish]))).await;
    assert_eq!(codes(&reply), ("1", vec!["51000"]));
}

#[tokio::test]
async fn an_order_ends_with_its_own_limit() {
    let world = World::new().await;
    let mut client = world.open(PRIVATE, &trader()).await;
    for (limit_ms, code) in [(NOW_MS - 1, "50036"), (NOW_MS, "0")] {
        for (op, args) in [("order", json!([limit("1000")])), ("batch-orders", json!([limit("1000")]))] {
            let mut wish = request(op, &args);
            wish["expTime"] = json!(limit_ms.to_string());
            assert_eq!(codes(&client.reply(&trader(), &wish).await).0, code, "{op}");
        }
    }
}

#[tokio::test]
async fn arguments_of_another_form_are_refused_as_such() {
    let world = World::new().await;
    let mut client = world.open(PRIVATE, &trader()).await;
    for args in [json!([]), json!([limit("1"), limit("1")]), json!(["x"]), json!([[]]), json!({})] {
        let reply = client.reply(&trader(), &request("order", &args)).await;
        assert_eq!((&reply["id"], &reply["op"]), (&json!("7"), &json!("order")), "{args}");
        assert_eq!((&reply["code"], &reply["msg"]), (&json!("60013"), &json!("Invalid args")), "{args}");
        assert_eq!(reply["data"], json!([]));
    }
    let reply = client.reply(&trader(), &request("batch-cancel-orders", &json!([]))).await;
    assert_eq!(codes(&reply).0, "60013");
}

#[tokio::test]
async fn operations_have_their_path() {
    let world = World::new().await;
    let mut client = world.open(BUSINESS, &trader()).await;
    let reply = client.reply(&trader(), &request("order", &json!([limit("1000")]))).await;
    assert_eq!((codes(&reply).0, &reply["op"]), ("60028", &json!("order")));
    let reply = client.reply(&trader(), &request("sprd-order", &json!([{}]))).await;
    assert_eq!(
        (&reply["event"], &reply["code"], &reply["id"]),
        (&json!("error"), &json!("60019"), &json!("7"))
    );
}
