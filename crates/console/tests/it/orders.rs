//! Orders, transfers and withdrawals of requests: in words in lists, member by member beside them, over the API and in files,
//! and found by what they are about.

use keyward_rules::id::RequestId;
use keyward_rules::orders::{Answered, OrderAction, OrderLine, Orders, Side};
use keyward_rules::time::Moment;
use keyward_store::Record;
use serde_json::Value;

use crate::activity::{Traffic, traffic};
use crate::tab::Tab;
use crate::world::{Person, World};

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// A limit order to buy, with the client's id and the answer of the exchange.
fn bought(instrument: &str, client_id: &str, result: Option<(&str, &str)>) -> OrderLine {
    OrderLine {
        action: OrderAction::Place,
        instrument: some(instrument),
        instrument_code: None,
        side: Some(Side::Buy),
        kind: some("limit"),
        price: some("30000"),
        size: some("0.001"),
        currency: None,
        amount: None,
        destination: None,
        client_id: some(client_id),
        exchange_id: None,
        result: result.map(|(code, text)| Answered { code: code.to_owned(), text: text.to_owned() }),
    }
}

fn accepted(instrument: &str, client_id: &str, exchange_id: &str) -> OrderLine {
    OrderLine { exchange_id: some(exchange_id), ..bought(instrument, client_id, Some(("0", ""))) }
}

/// Funds between two accounts, which the exchange accepted.
fn transferred() -> OrderLine {
    OrderLine {
        action: OrderAction::Transfer,
        instrument: None,
        side: None,
        kind: None,
        price: None,
        size: None,
        currency: some("USDT"),
        amount: some("12500.5"),
        destination: some("funding→trading"),
        client_id: None,
        exchange_id: some("754147"),
        ..bought("", "", Some(("0", "")))
    }
}

/// Six requests, in the order of their numbers in the journal.
async fn requests(world: &World, traffic: &Traffic) {
    let code_alone = OrderLine {
        instrument: None,
        instrument_code: some("10459"),
        ..bought("", "b7", Some(("51001", "Instrument ID does not exist")))
    };
    let rows = [
        ("/api/v5/trade/order", "0", vec![accepted("BTC-USDT", "b1", "1234")]),
        ("/api/v5/trade/order", "0", vec![bought("ETH-USDT", "b2", Some(("51008", "Too little <USDT>")))]),
        (
            "/api/v5/trade/batch-orders",
            "0",
            vec![
                accepted("BTC-USDT", "b3", "1235"),
                accepted("ETH-USDT", "b4", "1236"),
                accepted("ETH-USDT", "b5", "1237"),
                accepted("ETH-USDT", "b6", "1238"),
                code_alone,
            ],
        ),
        ("/api/v5/asset/transfer", "0", vec![transferred()]),
        ("/api/v5/account/set-leverage", "0", Vec::new()),
        ("/api/v5/trade/order", "50110", vec![bought("BTC-USDT", "b8", None)]),
    ];
    let began = world.now().unix_ms() - 60_000;
    let record =
        |(number, (route, code, lines)): (u64, (&'static str, &'static str, Vec<OrderLine>))| Record {
            at: Moment::from_unix_ms(began + number),
            request: RequestId(u128::from(number)),
            key: Some(traffic.keys[0]),
            account: Some(traffic.account),
            source: "203.0.113.9".parse().unwrap(),
            method: "POST",
            route,
            code,
            upstream_status: (code == "0").then_some(200),
            bytes_in: 120,
            bytes_out: 90,
            micros: 900,
            orders: (!lines.is_empty()).then(|| Orders { lines }.to_text().into()),
        };
    let batch: Vec<Record> = (1..).zip(rows).map(record).collect();
    world.store.journal().writer().unwrap().append(&[], &[], &batch).await.unwrap();
    world.pass_ms(2_000);
}

#[tokio::test]
async fn lists_say_what_was_asked_for_and_what_was_answered() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let traffic = traffic(&person, 1).await;
    requests(&world, &traffic).await;
    let (tab, id) = (Tab::of(&world, &person).await, traffic.keys[0]);
    let parts = [
        ">Buy 0.001 BTC-USDT at 30,000 · accepted, id 1234<span",
        ">Buy 0.001 ETH-USDT at 30,000 · refused by the exchange: 51008 Too little &#60;USDT&#62;<span",
        ">Buy 0.001 BTC-USDT at 30,000 · accepted, id 1235 · and 4 more<span",
        ">Transfer 12,500.5 USDT from funding to trading · accepted<span",
        // Refused by us, it never came to the exchange.
        ">Buy 0.001 BTC-USDT at 30,000<span class=\"sub mono\">POST /api/v5/trade/order</span>",
        "<span class=\"state deleted\">refused by the exchange</span>",
        "<code>51008</code> Too little &#60;USDT&#62;</p>",
        "<span class=\"state held\">partly accepted</span>",
        "<p>4 of 5 accepted</p>",
        "<span class=\"state active\">passed</span>",
        "<span class=\"state deleted\">Wrong address</span>",
    ];
    let lists = ["/keys/{id}", "/keys/{id}/activity", "/keys/{id}/live", "/activity/live"];
    for list in lists.map(|list| list.replace("{id}", &id.to_string())) {
        let shown = tab.get(&list).await.text;
        for part in parts {
            assert_eq!(shown.matches(part).count(), 1, "{list}: {part}: {shown}");
        }
        assert_eq!(shown.matches(">accepted</span>").count(), 2, "{list}: {shown}");
        assert!(!shown.contains("<USDT>"), "{list}");
    }
}

#[tokio::test]
async fn a_request_shows_each_of_its_orders_as_it_was_spelled() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let traffic = traffic(&person, 1).await;
    requests(&world, &traffic).await;
    let (tab, id) = (Tab::of(&world, &person).await, traffic.keys[0]);
    let batch = format!("/keys/{id}/requests/3");
    for shown in [tab.get(&batch).await.text, tab.part(&batch).await.text] {
        assert_eq!(shown.matches("<p class=\"lead\">").count(), 5, "{shown}");
        for part in [
            "<span class=\"state held\">partly accepted</span> <span class=\"soft\">4 of 5 accepted</span>",
            "Buy 0.001 ETH-USDT at 30,000 · accepted, id 1238</p>",
            "Buy 0.001 instrument code 10459 at 30,000 · refused by the exchange: 51001",
            "<dt>Price</dt><dd class=\"mono\">30000</dd>",
            "<dt>Client id</dt><dd class=\"mono\">b7</dd>",
            "<dt>Exchange id</dt><dd class=\"mono\">1237</dd>",
            "<dt>Instrument code</dt><dd class=\"mono\">10459</dd>",
            "<dt>Result</dt><dd class=\"mono\">51001</dd>",
            "<dt>Answer</dt><dd class=\"mono\">Instrument ID does not exist</dd>",
        ] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
    }
    let refused = tab.get(&format!("/keys/{id}/requests/2")).await.text;
    let badge =
        "<span class=\"state deleted\">refused by the exchange</span> <span class=\"sub\"><code>51008</code>";
    assert!(refused.contains(badge) && !refused.contains(">passed<"), "{refused}");
    let transfer = tab.get(&format!("/keys/{id}/requests/4")).await.text;
    assert!(transfer.contains("<dt>Amount</dt><dd class=\"mono\">12500.5</dd>"), "{transfer}");
    assert!(transfer.contains("funding→trading") && !transfer.contains("<dt>Price</dt>"), "{transfer}");
    let plain = tab.get(&format!("/keys/{id}/requests/5")).await.text;
    assert!(plain.contains(">passed<") && !plain.contains("class=\"orders\""), "{plain}");
    let ours = tab.get(&format!("/keys/{id}/requests/6")).await.text;
    assert!(ours.contains("Wrong address") && ours.contains("<dt>Client id</dt>"), "{ours}");
    assert!(!ours.contains("refused by the exchange") && !ours.contains("<dt>Result</dt>"), "{ours}");
}

/// The numbers of the requests that a search finds over the API, oldest first.
async fn found(person: &Person<'_>, key: &str, terms: &str) -> Vec<String> {
    let answer = person.get(&format!("/keys/{key}/requests?{terms}")).await;
    assert_eq!(answer.status, 200, "{terms}: {}", answer.text);
    let client_id = |request: &Value| {
        let first = request["orders"][0]["client_id"].as_str();
        first.or(request["what"].as_str()).unwrap().to_owned()
    };
    answer.json()["requests"].as_array().unwrap().iter().rev().map(client_id).collect()
}

#[tokio::test]
async fn requests_are_found_by_what_their_orders_are_about() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let traffic = traffic(&person, 1).await;
    requests(&world, &traffic).await;
    let id = traffic.keys[0].to_string();
    let cases: [(&str, &[&str]); 13] = [
        ("instrument=BTC-USDT", &["b1", "b3", "b8"]),
        ("instrument=ETH-USDT", &["b2", "b3"]),
        ("instrument=10459", &["b3"]),
        ("instrument=BTC", &[]),
        ("instrument=BTC-USD%25", &[]),
        ("client_id=b1", &["b1"]),
        ("client_id=B1", &[]),
        ("client_id=b6", &["b3"]),
        ("exchange_id=1238", &["b3"]),
        ("exchange_id=754147", &["POST /api/v5/asset/transfer"]),
        ("exchange_id=123", &[]),
        ("instrument=ETH-USDT&exchange_id=1237", &["b3"]),
        // Both are in the batch, but not in one of its orders.
        ("instrument=BTC-USDT&client_id=b4", &[]),
    ];
    for (terms, wanted) in cases {
        assert_eq!(found(&person, &id, terms).await, wanted, "{terms}");
    }
    assert_eq!(found(&person, &id, "instrument=BTC-USDT&verdict=refused").await, ["b8"]);
    let asked = person.get(&format!("/keys/{id}/requests?client_id=b2")).await.json();
    let order = &asked["requests"][0]["orders"][0];
    assert_eq!(
        (&order["action"], &order["type"], &order["price"], &order["result_code"]),
        (&Value::from("place"), &"limit".into(), &"30000".into(), &"51008".into())
    );
    assert!(order.get("amount").is_none() && order.get("exchange_id").is_none(), "{order}");
    assert_eq!(person.get(&format!("/keys/{id}/requests?client_id=%00")).await.status, 200);

    let tab = Tab::of(&world, &person).await;
    let rows = |text: &str| text.matches("<td data-label=\"Verdict\"").count();
    let folded = "<details class=\"inner more-filters\"><summary>";
    let unfolded = "<details class=\"inner more-filters\" open><summary>";
    for list in [format!("/keys/{id}/activity"), format!("/keys/{id}/live"), "/activity/live".to_owned()] {
        let all = tab.get(&list).await.text;
        assert!(rows(&all) == 6 && all.contains(folded), "{list}: {all}");
        let some = tab.get(&format!("{list}?instrument=+BTC-USDT+&client_id=b3")).await.text;
        assert!(
            rows(&some) == 1 && some.contains("· and 4 more") && some.contains(unfolded),
            "{list}: {some}"
        );
    }
    let searched = tab.get(&format!("/keys/{id}/activity?instrument=BTC-USDT&exchange_id=1234")).await.text;
    let said = "with the instrument “BTC-USDT” and the exchange order id “1234” in the last 31 days";
    assert!(searched.contains(said) && searched.contains("Clear the search"), "{searched}");
    let export =
        format!("/keys/{id}/activity/export?format=csv&#38;instrument=BTC-USDT&#38;exchange_id=1234");
    assert!(searched.contains(&export), "{searched}");
    let live = tab.get(&format!("/keys/{id}/live?client_id=b1")).await.text;
    assert!(live.contains("&#38;client_id=b1"), "the view goes on with its terms: {live}");
    let nothing = tab.get(&format!("/keys/{id}/activity?client_id=%3Cscript%3E")).await.text;
    assert!(nothing.contains("No request matches") && nothing.contains("“&#60;script&#62;”"), "{nothing}");
}

#[tokio::test]
async fn a_file_has_a_line_for_each_order() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let traffic = traffic(&person, 1).await;
    requests(&world, &traffic).await;
    let (tab, id) = (Tab::of(&world, &person).await, traffic.keys[0]);
    let csv = tab.get(&format!("/keys/{id}/activity/export?format=csv")).await.text;
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(
        lines[0],
        "at,from,request,code,millis,order_action,instrument,instrument_code,side,type,price,size,currency,amount,\
         destination,client_id,exchange_id,result_code,result_text"
    );
    assert_eq!(lines.len(), 1 + 10, "five requests with one line, and one with five: {csv}");
    // Newest first: what we refused, what has no orders, the transfer, and the batch in its own order.
    let ends = [
        ",\"0\",1,\"place\",\"BTC-USDT\",,\"buy\",\"limit\",\"30000\",\"0.001\",,,,\"b1\",\"1234\",\"0\",\"\"",
        ",\"50110\",1,\"place\",\"BTC-USDT\",,\"buy\",\"limit\",\"30000\",\"0.001\",,,,\"b8\",,,",
        ",\"POST /api/v5/account/set-leverage\",\"0\",1,,,,,,,,,,,,,,",
        ",\"0\",1,\"transfer\",,,,,,,\"USDT\",\"12500.5\",\"funding→trading\",,\"754147\",\"0\",\"\"",
        ",\"b7\",,\"51001\",\"Instrument ID does not exist\"",
    ];
    for (at, end) in [10, 1, 2, 3, 8].into_iter().zip(ends) {
        assert!(lines[at].ends_with(end), "{end}: {csv}");
    }
    let commas: Vec<usize> = lines.iter().map(|line| line.matches(',').count()).collect();
    assert!(commas.iter().all(|count| *count == 18), "{commas:?}");
    let batch =
        lines.iter().filter(|line| line.contains("\"POST /api/v5/trade/batch-orders\",\"0\",1,\"place\""));
    assert_eq!(batch.count(), 5, "the columns of the request are repeated: {csv}");

    let written = tab.get(&format!("/keys/{id}/activity/export?format=jsonl&instrument=ETH-USDT")).await.text;
    let requests: Vec<Value> = written.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let counts: Vec<usize> =
        requests.iter().map(|request| request["orders"].as_array().unwrap().len()).collect();
    assert_eq!(counts, [5, 1], "a request that fits is written whole: {written}");
    assert_eq!(requests[1]["orders"][0]["result_text"], "Too little <USDT>");
}
