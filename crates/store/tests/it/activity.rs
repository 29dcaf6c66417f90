//! Searches of a key's requests on both databases: each ends within its bounds, and page by page nothing is left out and
//! nothing comes twice, however the requests of other keys lie between.

use std::collections::BTreeSet;

use keyward_rules::id::{AccountId, KeyId, RequestId};
use keyward_rules::limits::SEARCH_SLICE_ROWS;
use keyward_rules::time::Moment;
use keyward_store::{Activity, Bounds, Place, Record, RequestFilter, RequestRow};

use crate::world::{NOW, World, random};

macro_rules! on_both {
    ($($part:ident),+) => {
        mod sqlite { $(#[tokio::test] async fn $part() { super::$part(crate::world::World::sqlite().await).await; })+ }
        mod postgres { $(#[tokio::test] async fn $part() { super::$part(crate::world::World::postgres().await).await; })+ }
    };
}

on_both!(
    every_page_goes_on_where_the_last_one_stopped,
    a_search_that_finds_nothing_ends_too,
    quarters_without_the_key_are_passed_over,
    what_is_not_counted_yet_is_found_too,
    the_counts_of_many_keys_are_those_of_each,
    who_watches_gets_what_is_new_and_nothing_twice,
    an_account_is_watched_over_all_its_keys,
    a_record_is_found_by_its_key_and_number
);

const QUARTER_MS: u64 = 15 * 60_000;

pub fn record(at: u64, key: KeyId, code: &'static str) -> Record {
    Record {
        at: Moment::from_unix_ms(at),
        request: RequestId(u128::from_be_bytes(random())),
        key: Some(key),
        account: AccountId::from_u64(1),
        source: "203.0.113.7".parse().unwrap(),
        method: "GET",
        route: "/api/v5/account/balance",
        code,
        upstream_status: Some(200),
        bytes_in: 0,
        bytes_out: 0,
        micros: 1_500,
        orders: None,
    }
}

pub async fn append(world: &World, records: &[Record]) {
    let journal = world.store.journal();
    journal.writer().unwrap().append(&[], &[], records).await.unwrap();
    journal.roll_up(NOW).await.unwrap();
}

/// From a month before until now.
pub fn all() -> RequestFilter {
    RequestFilter {
        from: Moment::from_unix_ms(NOW.unix_ms() - 31 * 86_400_000),
        until: NOW.plus_ms(1),
        code: String::new(),
        route: String::new(),
        source: None,
        instrument: String::new(),
        client_id: String::new(),
        exchange_id: String::new(),
        before: None,
    }
}

/// All pages of a search; each within its bounds. And how many pages there were.
pub async fn page_by_page(
    activity: &Activity,
    key: KeyId,
    mut filter: RequestFilter,
    bounds: Bounds,
) -> (Vec<RequestRow>, usize) {
    let (mut rows, mut pages) = (Vec::new(), 0);
    loop {
        let found = activity.requests(key, &filter, bounds).await.unwrap();
        assert!(found.rows.len() <= bounds.rows && found.looked_through <= bounds.looked_through);
        rows.extend(found.rows);
        pages += 1;
        match found.next {
            Some(next) => {
                assert!(filter.before.is_none_or(|before| next < before), "a page leads further back");
                filter.before = Some(next);
            }
            None => return (rows, pages),
        }
    }
}

async fn the_counts_of_many_keys_are_those_of_each(world: World) {
    let now = NOW.unix_ms();
    let keys: Vec<KeyId> = (0..60).map(|_| KeyId::from_entropy(random())).collect();
    let idle = KeyId::from_entropy(random());
    let mut records = Vec::new();
    for (number, key) in (1_u64..).zip(&keys) {
        records.extend((0..number % 4).map(|n| record(now - n * QUARTER_MS, *key, "0")));
        records.push(record(now - number * 1_000, *key, "50110"));
        records.push(record(now - 200 * QUARTER_MS, *key, "0"));
    }
    append(&world, &records).await;
    let (activity, since) = (world.store.activity(), Moment::from_unix_ms(now - 95 * QUARTER_MS));
    let asked: Vec<KeyId> = keys.iter().copied().take(50).chain([idle]).collect();
    let found = activity.quarters_of_keys(&asked, since).await.unwrap();
    assert_eq!(found.len(), 50, "a key that did nothing is left out, and so is one that was not asked for");
    for key in &keys[..50] {
        assert_eq!(found[key], activity.quarters(*key, since).await.unwrap());
        assert!(!found[key].is_empty() && found[key].iter().all(|quarter| quarter.at >= since));
    }
    assert!(activity.quarters_of_keys(&[], since).await.unwrap().is_empty());
    assert_eq!(activity.quarters_of_keys(&keys[..1], since).await.unwrap().len(), 1);
}

/// What a search should give: the key's records by time and number, newest first.
fn newest_first(rows: &[RequestRow]) {
    let places: Vec<Place> = rows.iter().map(|row| Place { at: row.at, id: row.id }).collect();
    assert!(places.windows(2).all(|pair| pair[0] > pair[1]), "in order, and none twice");
}

async fn every_page_goes_on_where_the_last_one_stopped(world: World) {
    let ((_, mine), (_, other)) = (world.with_key("mine").await, world.with_key("other").await);
    let now = NOW.unix_ms();
    let mut records = Vec::new();
    // Many share one moment, some of them with the other key's between.
    records.extend((0..40).map(|n| record(now - 5_000, if n % 3 == 0 { mine } else { other }, "0")));
    // A busy quarter in which the key shows at the ends alone.
    let began = now / QUARTER_MS * QUARTER_MS - 3 * QUARTER_MS;
    records.push(record(began, mine, "0"));
    records.extend((0..200).map(|n| record(began + n, other, "0")));
    records.push(record(began + QUARTER_MS - 1, mine, "50110"));
    // The first and the last millisecond of neighbouring quarters, and records that came late, in no order.
    records.extend((1..6).map(|n| record(began - n * 1_000, mine, "50110")));
    records.push(record(began - 1, mine, "0"));
    records.push(record(began - 20 * QUARTER_MS, mine, "0"));
    records.push(record(began - 20 * QUARTER_MS, other, "0"));
    append(&world, &records).await;
    let activity = world.store.activity();
    let expected = records.iter().filter(|record| record.key == Some(mine)).count();
    for (rows, looked_through) in [(1, 1_000), (3, 7), (50, 1), (50, 2), (7, 13), (50, 1_000), (1_000, 240)] {
        let bounds = Bounds { rows, looked_through };
        let (found, pages) = page_by_page(&activity, mine, all(), bounds).await;
        newest_first(&found);
        assert_eq!(found.len(), expected, "{bounds:?}");
        assert!(pages > 1 || looked_through == 1_000, "{bounds:?}");
        let refused = RequestFilter { code: "refused".to_owned(), ..all() };
        let (found, _) = page_by_page(&activity, mine, refused, bounds).await;
        newest_first(&found);
        assert_eq!(found.len(), 6, "{bounds:?}");
    }
    let ids: BTreeSet<i64> = page_by_page(&activity, other, all(), Bounds { rows: 9, looked_through: 11 })
        .await
        .0
        .iter()
        .map(|row| row.id)
        .collect();
    assert_eq!(ids.len(), records.len() - expected);
}

async fn a_search_that_finds_nothing_ends_too(world: World) {
    let ((_, mine), (_, other)) = (world.with_key("mine").await, world.with_key("other").await);
    // One quarter with more than two slices of the other key's, and one request of mine at its beginning.
    let began = NOW.unix_ms() / QUARTER_MS * QUARTER_MS - QUARTER_MS;
    let many = 2 * SEARCH_SLICE_ROWS + 500;
    let mut records = vec![record(began, mine, "0")];
    records.extend((0..many).map(|n| record(began + 1 + n / 50, other, "0")));
    append(&world, &records).await;
    let activity = world.store.activity();
    let wide = Bounds { rows: 50, looked_through: 10 * SEARCH_SLICE_ROWS };
    let found = activity.requests(mine, &all(), wide).await.unwrap();
    assert_eq!((found.rows.len(), found.next, found.looked_through), (1, None, many + 1));
    let narrow = Bounds { rows: 50, looked_through: SEARCH_SLICE_ROWS + 100 };
    let found = activity.requests(mine, &all(), narrow).await.unwrap();
    assert_eq!((found.rows.len(), found.looked_through), (0, SEARCH_SLICE_ROWS + 100));
    let (rows, pages) = page_by_page(&activity, mine, all(), narrow).await;
    assert_eq!((rows.len(), pages), (1, 3));
    let nothing = RequestFilter { code: "50111".to_owned(), ..all() };
    assert!(page_by_page(&activity, mine, nothing, narrow).await.0.is_empty());
}

async fn quarters_without_the_key_are_passed_over(world: World) {
    let ((_, mine), (_, other)) = (world.with_key("mine").await, world.with_key("other").await);
    let day_ago = NOW.unix_ms() - 86_400_000;
    let mut records: Vec<Record> = (0..90)
        .flat_map(|quarter| (0..10).map(move |n| (quarter, n)))
        .map(|(quarter, n)| record(day_ago + quarter * QUARTER_MS + n, other, "0"))
        .collect();
    records.push(record(day_ago, mine, "0"));
    append(&world, &records).await;
    let found = world
        .store
        .activity()
        .requests(mine, &all(), Bounds { rows: 50, looked_through: 100 })
        .await
        .unwrap();
    assert_eq!((found.rows.len(), found.next, found.looked_through), (1, None, 11), "where the key was busy");
    // More quarters than one search walks: it says where it stopped, and the next one goes on.
    let long_ago = NOW.unix_ms() - 30 * 86_400_000;
    let spread: Vec<Record> = (0..450).map(|n| record(long_ago + n * 2 * QUARTER_MS, mine, "0")).collect();
    append(&world, &spread).await;
    let (rows, pages) =
        page_by_page(&world.store.activity(), mine, all(), Bounds { rows: 1_000, looked_through: 10_000 })
            .await;
    newest_first(&rows);
    assert_eq!((rows.len(), pages), (451, 3));
}

async fn what_is_not_counted_yet_is_found_too(world: World) {
    let (now, mine) = (NOW.unix_ms(), KeyId::from_entropy(random()));
    append(&world, &[record(now - 20 * QUARTER_MS, mine, "0")]).await;
    let uncounted: Vec<Record> =
        (0..10).map(|number| record(now - (10 - number) * QUARTER_MS, mine, "0")).collect();
    world.store.journal().writer().unwrap().append(&[], &[], &uncounted).await.unwrap();
    let bounds = Bounds { rows: 100, looked_through: 1_000 };
    let found = world.store.activity().requests(mine, &all(), bounds).await.unwrap();
    assert_eq!(found.rows.len(), 11);
}

async fn who_watches_gets_what_is_new_and_nothing_twice(world: World) {
    let ((_, mine), (_, other)) = (world.with_key("mine").await, world.with_key("other").await);
    let (activity, now) = (world.store.activity(), NOW.unix_ms());
    let bounds = Bounds { rows: 5, looked_through: 20 };
    assert_eq!(activity.newest_record().await.unwrap(), 0);
    append(&world, &[record(now - 10, mine, "0")]).await;
    let seen = activity.newest_record().await.unwrap();
    let none = activity.newer(mine, &all(), seen, bounds).await.unwrap();
    assert_eq!((none.rows.len(), none.upto, none.left_out), (0, seen, false));
    // What took long is recorded late, with a moment that lies before what was seen.
    append(
        &world,
        &[record(now - 5_000, mine, "50110"), record(now, other, "0"), record(now - 1, mine, "0")],
    )
    .await;
    let newer = activity.newer(mine, &all(), seen, bounds).await.unwrap();
    let codes: Vec<&str> = newer.rows.iter().map(|row| row.code.as_str()).collect();
    assert_eq!((codes, newer.left_out), (vec!["0", "50110"], false));
    let refused = RequestFilter { code: "refused".to_owned(), ..all() };
    assert_eq!(activity.newer(mine, &refused, seen, bounds).await.unwrap().rows.len(), 1);
    assert!(activity.newer(mine, &all(), newer.upto, bounds).await.unwrap().rows.is_empty());
    // More than fits: the newest, and it says so.
    let many: Vec<Record> = (0..6).map(|n| record(now - n, mine, "0")).collect();
    append(&world, &many).await;
    let full = activity.newer(mine, &all(), newer.upto, bounds).await.unwrap();
    assert_eq!((full.rows.len(), full.left_out), (5, true));
    assert!(full.rows.windows(2).all(|pair| pair[0].id > pair[1].id) && full.rows[0].id == full.upto);
    // More than is looked through: likewise.
    let flood: Vec<Record> = (0..30).map(|_| record(now, other, "0")).collect();
    append(&world, &[record(now, mine, "0")]).await;
    append(&world, &flood).await;
    let over = activity.newer(mine, &all(), full.upto, bounds).await.unwrap();
    assert_eq!((over.rows.len(), over.left_out), (0, true));
    assert_eq!(activity.newest_record().await.unwrap(), over.upto);
}

async fn an_account_is_watched_over_all_its_keys(world: World) {
    let (account, mine) = world.with_key("mine").await;
    let second = world.add_key(account, "second").await.unwrap();
    let (stranger, theirs) = world.with_key("theirs").await;
    let now = NOW.unix_ms();
    let of = |account, key, code| Record { account: Some(account), ..record(now, key, code) };
    append(
        &world,
        &[
            of(account, mine, "0"),
            of(account, second, "50110"),
            of(stranger, theirs, "0"),
            // Its signature was not verified, so it is nobody's.
            Record { account: None, ..record(now, mine, "50113") },
        ],
    )
    .await;
    let (activity, bounds) = (world.store.activity(), Bounds { rows: 5, looked_through: 20 });
    let newer = activity.newer_of_account(account, &all(), 0, bounds).await.unwrap();
    let found: Vec<(KeyId, &str)> = newer.rows.iter().map(|one| (one.key, one.row.code.as_str())).collect();
    assert_eq!((found, newer.left_out), (vec![(second, "50110"), (mine, "0")], false));
    let refused = RequestFilter { code: "refused".to_owned(), ..all() };
    let refused = activity.newer_of_account(account, &refused, 0, bounds).await.unwrap();
    assert_eq!(refused.rows.len(), 1);
    let none = activity.newer_of_account(account, &all(), newer.upto, bounds).await.unwrap();
    assert!(none.rows.is_empty() && !none.left_out);
    let one = activity.newer_of_account(account, &all(), 0, Bounds { rows: 1, ..bounds }).await.unwrap();
    assert_eq!((one.rows.len(), one.left_out, one.rows[0].key), (1, true, second));
}

async fn a_record_is_found_by_its_key_and_number(world: World) {
    let ((_, mine), (_, other)) = (world.with_key("mine").await, world.with_key("other").await);
    let now = NOW.unix_ms();
    let wanted =
        Record { bytes_in: 7, bytes_out: 9, upstream_status: None, ..record(now - 1, mine, "50110") };
    append(
        &world,
        &[record(now - 3, mine, "0"), record(now - 2, other, "0"), wanted.clone(), record(now, mine, "0")],
    )
    .await;
    let activity = world.store.activity();
    let bounds = Bounds { rows: 10, looked_through: 100 };
    let rows = activity.requests(mine, &all(), bounds).await.unwrap().rows;
    let number = rows[1].id;
    let found = activity.request(mine, number, 100).await.unwrap().unwrap();
    assert_eq!((&found.row, found.request), (&rows[1], wanted.request));
    assert_eq!((found.bytes_in, found.bytes_out, found.row.upstream_status), (7, 9, None));
    assert_eq!((found.earlier, found.later), (Some(rows[2].id), Some(rows[0].id)));
    // Neighbours are looked for nearby only.
    let near = activity.request(mine, number, 1).await.unwrap().unwrap();
    assert_eq!((near.earlier, near.later), (None, Some(rows[0].id)));
    assert_eq!(activity.request(other, number, 100).await.unwrap(), None, "it is another key's");
    for nowhere in [-1, 0, number + 100, i64::MAX] {
        assert_eq!(activity.request(mine, nowhere, 100).await.unwrap(), None, "{nowhere}");
    }
}
