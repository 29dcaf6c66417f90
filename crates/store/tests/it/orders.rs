//! Orders in the journal on both databases: they come back as they went in, are found by what they name within the bounds of
//! any search, and a store from before them goes on.

use std::sync::Arc;

use keyward_rules::id::KeyId;
use keyward_rules::limits::{DAY_MS, SEARCH_SLICE_ROWS};
use keyward_rules::orders::{Orders, read};
use keyward_rules::time::Moment;
use keyward_store::{Activity, Bounds, Record, RequestFilter, Store, StoreError};

use crate::activity::{all, append, page_by_page, record};
use crate::world::{NOW, World, edit, entropy, master};

macro_rules! on_both {
    ($($part:ident),+) => {
        mod sqlite { $(#[tokio::test] async fn $part() { super::$part(crate::world::World::sqlite().await).await; })+ }
        mod postgres { $(#[tokio::test] async fn $part() { super::$part(crate::world::World::postgres().await).await; })+ }
    };
}

on_both!(
    orders_come_back_as_they_went_in,
    an_order_is_found_by_what_it_names_exactly,
    one_order_of_a_batch_fits_all_that_is_asked,
    what_only_looks_alike_hides_nothing,
    a_search_by_orders_keeps_its_bounds,
    long_orders_end_a_page_early,
    a_store_from_before_orders_goes_on
);

const BATCH: &str = "/api/v5/trade/batch-orders";

/// The journal's text of a batch that the exchange accepted: instrument, id of the client, id of the exchange.
fn batch(orders: &[(&str, &str, &str)]) -> Option<Arc<str>> {
    let asked = orders.iter().map(|(instrument, client_id, _)| {
        format!(
            r#"{{"instId":"{instrument}","tdMode":"cash","clOrdId":"{client_id}","side":"buy","ordType":"limit","px":"30000","sz":"0.001"}}"#
        )
    });
    let answered = orders.iter().map(|(_, client_id, exchange_id)| {
        format!(r#"{{"clOrdId":"{client_id}","ordId":"{exchange_id}","sCode":"0","sMsg":"","tag":"","ts":"1700000000000"}}"#)
    });
    let body = format!("[{}]", asked.collect::<Vec<_>>().join(","));
    let answered = answered.collect::<Vec<_>>().join(",");
    let reply = format!(r#"{{"code":"0","msg":"","data":[{answered}]}}"#);
    Some(read(BATCH, body.as_bytes(), reply.as_bytes()).unwrap().to_text().into())
}

fn ago(ms: u64) -> Moment {
    Moment::from_unix_ms(NOW.unix_ms() - ms)
}

/// The record of such a batch, so many milliseconds ago.
fn placed(ago_ms: u64, key: KeyId, orders: &[(&str, &str, &str)]) -> Record {
    let plain = record(NOW.unix_ms() - ago_ms, key, "0");
    Record { method: "POST", route: BATCH, orders: batch(orders), ..plain }
}

fn by_instrument(name: &str) -> RequestFilter {
    RequestFilter { instrument: name.to_owned(), ..all() }
}

fn by_client_id(id: &str) -> RequestFilter {
    RequestFilter { client_id: id.to_owned(), ..all() }
}

fn by_exchange_id(id: &str) -> RequestFilter {
    RequestFilter { exchange_id: id.to_owned(), ..all() }
}

const WIDE: Bounds = Bounds { rows: 100, looked_through: 100_000 };

/// The first client's id of each record that a search finds. A look at what is new must find the same.
async fn found(activity: &Activity, key: KeyId, filter: &RequestFilter) -> Vec<String> {
    let searched = activity.requests(key, filter, WIDE).await.unwrap();
    let newer = activity.newer(key, filter, 0, WIDE).await.unwrap();
    assert_eq!((&searched.rows, newer.left_out), (&newer.rows, false));
    let orders = searched.rows.iter().map(|row| Orders::of_text(row.orders.as_ref().unwrap()).unwrap());
    orders.map(|orders| orders.lines[0].client_id.clone().unwrap()).collect()
}

async fn orders_come_back_as_they_went_in(world: World) {
    let (account, key) = world.with_key("mine").await;
    let two = [("BTC-USDT", "a1", "101"), ("ETH-USDT", "a2", "102")];
    let with = Record { account: Some(account), ..placed(2, key, &two) };
    let without = Record { account: Some(account), ..record(NOW.unix_ms() - 1, key, "0") };
    append(&world, &[with.clone(), without]).await;
    let (activity, text) = (world.store.activity(), with.orders.as_deref());
    let rows = activity.requests(key, &all(), WIDE).await.unwrap().rows;
    assert_eq!(rows.iter().map(|row| row.orders.as_deref()).collect::<Vec<_>>(), [None, text]);
    let detail = activity.request(key, rows[1].id, 10).await.unwrap().unwrap();
    assert_eq!((detail.row.orders.as_deref(), detail.request), (text, with.request));
    assert_eq!(activity.newer(key, &all(), 0, WIDE).await.unwrap().rows, rows);
    let of_account = activity.newer_of_account(account, &all(), 0, WIDE).await.unwrap().rows;
    assert!(of_account.iter().all(|one| one.key == key));
    assert_eq!(of_account.into_iter().map(|one| one.row).collect::<Vec<_>>(), rows);
    let orders = Orders::of_text(text.unwrap()).unwrap();
    let ids: Vec<_> = orders.lines.iter().map(|line| line.exchange_id.as_deref()).collect();
    assert_eq!(ids, [Some("101"), Some("102")]);
    let by_account = activity.newer_of_account(account, &by_client_id("a2"), 0, WIDE).await.unwrap();
    assert_eq!((by_account.rows.len(), by_account.left_out), (1, false));
}

async fn an_order_is_found_by_what_it_names_exactly(world: World) {
    let ((_, mine), (_, other)) = (world.with_key("mine").await, world.with_key("other").await);
    append(
        &world,
        &[
            placed(5, mine, &[("BTC-USDT", "a1", "101")]),
            placed(4, mine, &[("BTC-USDT-SWAP", "a11", "1011")]),
            placed(3, other, &[("BTC-USDT", "b1", "201")]),
            record(NOW.unix_ms() - 2, mine, "0"),
            placed(1, mine, &[("ETH-USDT", "BTC", "102")]),
        ],
    )
    .await;
    let activity = world.store.activity();
    for (filter, expected) in [
        (by_instrument("BTC-USDT"), vec!["a1"]),
        (by_instrument("BTC-USDT-SWAP"), vec!["a11"]),
        (by_instrument("ETH-USDT"), vec!["BTC"]),
        (by_client_id("a1"), vec!["a1"]),
        (by_client_id("a11"), vec!["a11"]),
        (by_exchange_id("101"), vec!["a1"]),
        (by_exchange_id("1011"), vec!["a11"]),
        // A part of a name, another's, another spelling, a wildcard, and what no order can have.
        (by_instrument("BTC"), vec![]),
        (by_instrument("btc-usdt"), vec![]),
        (by_client_id("b1"), vec![]),
        (by_client_id("101"), vec![]),
        (by_exchange_id("10"), vec![]),
        (by_exchange_id("10_"), vec![]),
        (by_instrument("%"), vec![]),
        (by_instrument("a\0\"\\'"), vec![]),
        (by_client_id(&"x".repeat(100_000)), vec![]),
    ] {
        assert_eq!(found(&activity, mine, &filter).await, expected, "{filter:?}");
    }
    assert_eq!(
        activity.requests(mine, &all(), WIDE).await.unwrap().rows.len(),
        4,
        "without a filter all are"
    );
}

async fn one_order_of_a_batch_fits_all_that_is_asked(world: World) {
    let (_, key) = world.with_key("mine").await;
    append(&world, &[placed(1, key, &[("BTC-USDT", "a1", "101"), ("ETH-USDT", "a2", "102")])]).await;
    let activity = world.store.activity();
    let asked = |instrument: &str, client_id: &str, exchange_id: &str| RequestFilter {
        instrument: instrument.to_owned(),
        client_id: client_id.to_owned(),
        exchange_id: exchange_id.to_owned(),
        ..all()
    };
    for (filter, count) in [
        (asked("ETH-USDT", "a2", "102"), 1),
        (asked("ETH-USDT", "", "102"), 1),
        (asked("BTC-USDT", "a1", ""), 1),
        (asked("BTC-USDT", "a2", ""), 0),
        (asked("", "a1", "102"), 0),
        (RequestFilter { code: "refused".to_owned(), ..asked("ETH-USDT", "", "") }, 0),
        (RequestFilter { route: "batch".to_owned(), ..asked("ETH-USDT", "", "") }, 1),
    ] {
        assert_eq!(found(&activity, key, &filter).await.len(), count, "{filter:?}");
    }
}

/// More rows that the database lets through than are read at once, and what is asked for behind all of them.
async fn what_only_looks_alike_hides_nothing(world: World) {
    let (_, key) = world.with_key("mine").await;
    let alike = placed(0, key, &[("ETH-USDT", "BTC", "102")]);
    let mut records = vec![placed(5_000, key, &[("BTC", "first", "1")])];
    records.extend((0..1_500).map(|n| Record { at: ago(4_000 - n), ..alike.clone() }));
    records.push(placed(2_000, key, &[("BTC", "second", "2")]));
    records.extend((0..1_500).map(|n| Record { at: ago(1_900 - n), ..alike.clone() }));
    append(&world, &records).await;
    let activity = world.store.activity();
    assert_eq!(found(&activity, key, &by_instrument("BTC")).await, ["second", "first"]);
    for rows in [1, 2] {
        let (rows, _) =
            page_by_page(&activity, key, by_instrument("BTC"), Bounds { rows, looked_through: 100_000 })
                .await;
        assert_eq!(rows.len(), 2);
    }
    let newest = activity.newer(key, &by_instrument("BTC"), 0, Bounds { rows: 1, ..WIDE }).await.unwrap();
    assert_eq!((newest.rows.len(), newest.left_out), (1, true));
}

async fn a_search_by_orders_keeps_its_bounds(world: World) {
    let (_, key) = world.with_key("mine").await;
    let many = SEARCH_SLICE_ROWS + 500;
    let mut records = vec![placed(60_000, key, &[("BTC-USDT", "a1", "101")])];
    let other = record(NOW.unix_ms() - 50_000, key, "0");
    records.extend((0..many).map(|_| other.clone()));
    append(&world, &records).await;
    let activity = world.store.activity();
    let narrow = Bounds { rows: 10, looked_through: SEARCH_SLICE_ROWS };
    let first = activity.requests(key, &by_exchange_id("101"), narrow).await.unwrap();
    assert_eq!((first.rows.len(), first.looked_through), (0, SEARCH_SLICE_ROWS));
    let on = RequestFilter { before: Some(first.next.unwrap()), ..by_exchange_id("101") };
    let second = activity.requests(key, &on, narrow).await.unwrap();
    assert_eq!((second.rows.len(), second.next), (1, None));
    let newer = activity.newer(key, &by_exchange_id("101"), 0, narrow).await.unwrap();
    assert_eq!((newer.rows.len(), newer.left_out), (0, true), "it looks at the newest records only");
}

async fn long_orders_end_a_page_early(world: World) {
    const MOST: usize = 4 << 20;
    let (_, key) = world.with_key("mine").await;
    let long: Arc<str> = "x".repeat(8_000).into();
    let records: Vec<Record> = (0..1_200)
        .map(|n| Record { orders: Some(Arc::clone(&long)), ..record(NOW.unix_ms() - n, key, "0") })
        .collect();
    append(&world, &records).await;
    let (mut filter, mut sizes) = (all(), Vec::new());
    loop {
        let bounds = Bounds { rows: 10_000, looked_through: 100_000 };
        let page = world.store.activity().requests(key, &filter, bounds).await.unwrap();
        sizes.push(page.rows.len());
        let Some(next) = page.next else { break };
        filter.before = Some(next);
    }
    assert_eq!(sizes.iter().sum::<usize>(), records.len(), "{sizes:?}");
    assert!(sizes.len() == 3 && sizes.iter().all(|rows| *rows <= MOST / long.len() + 1), "{sizes:?}");
}

async fn a_store_from_before_orders_goes_on(world: World) {
    let (_, key) = world.with_key("mine").await;
    world.store.journal().make_parts(NOW).await.unwrap();
    append(&world, &[record(NOW.unix_ms() - 2, key, "0"), record(NOW.unix_ms() - 3 * DAY_MS, key, "0")])
        .await;
    world.store.close().await;
    edit(
        &world,
        "activity.db",
        "ALTER TABLE activity DROP COLUMN orders; DROP TABLE reserved; UPDATE schema_steps SET steps = 7 WHERE part = 'activity'",
    )
    .await;
    let looked_at = Store::look_at(&world.location, &master(), entropy(), NOW).await;
    assert!(matches!(looked_at.map(drop), Err(StoreError::OlderSchema { found: 7, known: 9 })));
    let after = Store::open(&world.location, &master(), entropy(), NOW).await.unwrap();
    let (activity, journal) = (after.activity(), after.journal());
    let rows = activity.requests(key, &all(), WIDE).await.unwrap().rows;
    assert_eq!((rows.len(), rows.iter().filter(|row| row.orders.is_some()).count()), (2, 0));
    assert!(activity.requests(key, &by_exchange_id("101"), WIDE).await.unwrap().rows.is_empty());
    // One in a day that has its part, and one in a day whose part is made behind it.
    let today = placed(1, key, &[("BTC-USDT", "a1", "101")]);
    let later = Record { at: NOW.plus_ms(5 * DAY_MS), ..placed(0, key, &[("BTC-USDT", "a2", "102")]) };
    journal.writer().unwrap().append(&[], &[], &[today, later.clone()]).await.unwrap();
    assert!(journal.make_parts(later.at).await.unwrap());
    let filter = RequestFilter { until: NOW.plus_ms(6 * DAY_MS), ..by_instrument("BTC-USDT") };
    assert_eq!(found(&activity, key, &filter).await, ["a2", "a1"]);
    assert_eq!(journal.record_count().await.unwrap(), 4);
    after.close().await;
}
