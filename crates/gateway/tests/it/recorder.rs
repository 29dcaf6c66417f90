//! What the journal's writer makes of the bytes that requests hand in, and what happens to those that find no room.

use std::sync::Arc;

use bytes::Bytes;
use keyward_gateway::recorder::{Machine, Recorder, Unread, Writer, recorder};
use keyward_gateway::replay_cache::ReplayCache;
use keyward_rules::id::{KeyId, RequestId};
use keyward_rules::limits::ORDER_MESSAGE_BYTES;
use keyward_rules::orders::{Orders, read};
use keyward_store::{Bounds, Intent, Outcome, OutcomeStatus, Record, RequestFilter, RequestRow};

use crate::memory::{NOW, World};

const ORDER: &str = "/api/v5/trade/order";
const BODY: &str = r#"{"instId":"BTC-USDT","tdMode":"cash","clOrdId":"a1","side":"buy","ordType":"limit","px":"30000","sz":"0.001"}"#;
const REPLY: &str = r#"{"code":"0","msg":"","data":[{"clOrdId":"a1","ordId":"1234","tag":"","ts":"1700000000000","sCode":"0","sMsg":""}]}"#;
/// Bytes of unread orders that the inbox holds.
const ROOM: usize = 64 << 20;

fn key() -> KeyId {
    KeyId::from_entropy([1; 16])
}

fn record(number: u128) -> Record {
    Record {
        at: NOW,
        request: RequestId(number),
        key: Some(key()),
        account: None,
        source: "192.0.2.1".parse().unwrap(),
        method: "POST",
        route: ORDER,
        code: "0",
        upstream_status: Some(200),
        bytes_in: 1,
        bytes_out: 2,
        micros: 3,
        orders: None,
    }
}

fn intent(number: u128, world: &World) -> Intent {
    Intent {
        at: NOW,
        request: RequestId(number),
        key: key(),
        account: world.account,
        route: "/api/v5/asset/withdrawal",
        source: "192.0.2.1".parse().unwrap(),
        body_hash: [3; 32],
    }
}

fn unread(body: &'static str) -> Unread {
    Unread::of(ORDER, &Bytes::from_static(body.as_bytes()), 0).unwrap()
}

fn answered() -> Unread {
    unread(BODY).answered(Bytes::from_static(REPLY.as_bytes()), 0)
}

fn start(world: &World) -> (Recorder, Writer) {
    let cache = Arc::new(ReplayCache::new(None));
    let machine = Machine { steady_ms: Arc::new(|| 1), has_room: Arc::new(|| true) };
    let (to_watch, ..) = keyward_gateway::watch::channel().unwrap();
    recorder(world.store.journal(), cache, "node".to_owned(), (machine, to_watch)).unwrap()
}

/// The rows of the journal, in the order in which they were recorded.
async fn rows(world: &World) -> Vec<RequestRow> {
    let filter = RequestFilter {
        from: NOW,
        until: NOW.plus_ms(1),
        code: String::new(),
        route: String::new(),
        source: None,
        instrument: String::new(),
        client_id: String::new(),
        exchange_id: String::new(),
        before: None,
    };
    let bounds = Bounds { rows: 10_000, looked_through: 10_000 };
    let mut rows = world.store.activity().newer(key(), &filter, 0, bounds).await.unwrap().rows;
    rows.reverse();
    rows
}

#[tokio::test]
async fn the_writer_reads_orders_and_their_answers() {
    let world = World::new().await;
    let (recorder, writer) = start(&world);
    recorder.record(record(1), Some(answered()));
    recorder.record(record(2), None);
    recorder.record(record(3), Some(unread(BODY)));
    recorder.record(record(4), Some(unread(r#"{"instId":"BTC-USDT","instId":"ETH-USDT"}"#)));
    recorder.close();
    writer.run(|| NOW).await;
    let rows = rows(&world).await;
    let texts: Vec<Option<&str>> = rows.iter().map(|row| row.orders.as_deref()).collect();
    let text = |reply: &str| read(ORDER, BODY.as_bytes(), reply.as_bytes()).unwrap().to_text();
    assert_eq!(texts, [Some(&*text(REPLY)), None, Some(&*text("")), None]);
    let line = |at: usize| Orders::of_text(texts[at].unwrap()).unwrap().lines.remove(0);
    assert_eq!(line(0).exchange_id.as_deref(), Some("1234"));
    assert_eq!(line(0).result.unwrap().code, "0");
    assert_eq!((line(2).client_id.as_deref(), line(2).result), (Some("a1"), None), "nothing was answered");
    assert_eq!((recorder.dropped(), recorder.without_orders()), (0, 0));
}

/// A question for an order has the same path as the order.
#[test]
fn only_what_asks_for_orders_or_funds_is_kept() {
    let body = Bytes::from_static(b"{}");
    for path in [ORDER, "/api/v5/trade/batch-orders", "/api/v5/asset/withdrawal", "/api/v5/asset/transfer"] {
        assert!(Unread::of(path, &body, 0).is_some(), "{path}");
        assert!(Unread::of(path, &Bytes::new(), 0).is_none(), "{path}");
    }
    for path in ["-", "/api/v5/account/balance", "/api/v5/account/set-leverage", "WS login"] {
        assert!(Unread::of(path, &body, 0).is_none(), "{path}");
    }
}

/// A short text in a long buffer takes what the buffer takes.
#[test]
fn what_is_kept_counts_with_the_memory_that_it_takes() {
    let reply = || Bytes::from_static(REPLY.as_bytes());
    assert_eq!(unread(BODY).bytes(), BODY.len());
    assert_eq!(unread(BODY).answered(reply(), 0).bytes(), BODY.len() + REPLY.len());
    let frame = Unread::of(ORDER, &Bytes::from_static(BODY.as_bytes()), 2_048).unwrap();
    assert_eq!(frame.bytes(), 2_048);
    assert_eq!(frame.answered(reply(), 8_192).bytes(), 10_240);
}

#[tokio::test]
async fn records_stay_when_there_is_no_room_for_their_orders() {
    let world = World::new().await;
    let (recorder, writer) = start(&world);
    let too_long = Bytes::from(vec![b' '; ORDER_MESSAGE_BYTES + 1]);
    let longest = too_long.slice(1..);
    recorder.record(record(1), Unread::of(ORDER, &too_long, 0));
    recorder.record(record(2), Some(unread(BODY).answered(too_long, 0)));
    assert_eq!(recorder.without_orders(), 2);
    // The same bytes again and again: what counts is what each would take.
    for number in 0..ROOM / ORDER_MESSAGE_BYTES {
        recorder.record(record(3 + number as u128), Unread::of(ORDER, &longest, 0));
    }
    assert_eq!(recorder.without_orders(), 2, "all of them find room");
    recorder.record(record(5_000), Some(answered()));
    recorder.record(record(5_001), None);
    assert_eq!((recorder.without_orders(), recorder.dropped()), (3, 0));
    recorder.close();
    writer.run(|| NOW).await;
    let rows = rows(&world).await;
    assert_eq!((rows.len(), rows.iter().filter(|row| row.orders.is_some()).count()), (4 + 1_024, 0));
}

/// Room is there again once the writer has read what waited.
#[tokio::test]
async fn room_is_given_back() {
    let world = World::new().await;
    let (recorder, writer) = start(&world);
    let longest = Bytes::from(vec![b' '; ORDER_MESSAGE_BYTES]);
    let fill = |recorder: &Recorder| {
        for number in 0..ROOM / ORDER_MESSAGE_BYTES {
            recorder.record(record(number as u128), Unread::of(ORDER, &longest, 0));
        }
    };
    let asks = async {
        for round in 0..3 {
            fill(&recorder);
            // What waited before it has left the inbox by then.
            assert!(recorder.intend(Some(intent(10_000 + round, &world)), Vec::new()).await);
        }
        assert_eq!(recorder.without_orders(), 0);
        recorder.record(record(9_999), Some(answered()));
        recorder.close();
    };
    tokio::join!(writer.run(|| NOW), asks);
    let rows = rows(&world).await;
    assert_eq!((rows.len(), rows.iter().filter(|row| row.orders.is_some()).count()), (3 * 1_024 + 1, 1));
}

/// With many orders to read, an intent does not wait for them; everything is written all the same.
#[tokio::test]
async fn an_intent_among_many_orders_is_durable_and_none_is_lost() {
    let world = World::new().await;
    let (recorder, writer) = start(&world);
    let asks = async {
        for number in 0..3_000 {
            recorder.record(record(number), Some(answered()));
        }
        assert!(recorder.intend(Some(intent(10_000, &world)), Vec::new()).await);
        let open = world.store.journal().open_intents().await.unwrap();
        assert_eq!(
            open.iter().map(|one| one.request.clone()).collect::<Vec<_>>(),
            [RequestId(10_000).to_string()]
        );
        recorder.settle(Outcome {
            request: RequestId(10_000),
            status: OutcomeStatus::Answered(200),
            at: NOW,
        });
        recorder.close();
    };
    tokio::join!(writer.run(|| NOW), asks);
    assert!(world.store.journal().open_intents().await.unwrap().is_empty());
    let rows = rows(&world).await;
    let text = read(ORDER, BODY.as_bytes(), REPLY.as_bytes()).unwrap().to_text();
    assert_eq!(rows.len(), 3_000);
    assert!(rows.iter().all(|row| row.orders.as_deref() == Some(text.as_str())));
}
