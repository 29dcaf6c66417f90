//! Counts for charts on both databases: whichever way a record is counted, and wherever the writing was cut off, it counts once.

use keyward_rules::id::{AccountId, KeyId, RequestId};
use keyward_rules::time::Moment;
use keyward_store::{
    Activity, Charted, Counted, JournalWriter, Location, Record, Rolled, STATEMENTS, Span, Store,
};

use crate::parts::AS_BEFORE;
use crate::world::{NOW, World, edit, entropy, master, random};

macro_rules! on_both {
    ($($part:ident),+) => {
        mod sqlite { $(#[tokio::test] async fn $part() { super::$part(crate::world::World::sqlite().await).await; })+ }
        mod postgres { $(#[tokio::test] async fn $part() { super::$part(crate::world::World::postgres().await).await; })+ }
    };
}

on_both!(
    every_kind_is_counted_in_every_span,
    counts_wait_while_they_are_many_and_not_for_long,
    what_a_crash_takes_from_memory_is_counted_from_the_journal,
    writing_goes_on_where_it_was_cut_off,
    two_who_roll_up_count_everything_once,
    counts_from_before_are_brought_along
);

/// A chart reads its own pieces, and not those of all keys: SQLite must not begin with the charts.
#[tokio::test]
async fn a_chart_looks_its_pieces_up_one_by_one() {
    let world = World::sqlite().await;
    let Location::Folder(folder) = &world.location else { unreachable!() };
    let (_, statements) = STATEMENTS.iter().find(|(file, _)| *file == "charts").unwrap();
    let (_, chart) = statements.iter().find(|(name, _)| *name == "CHART").unwrap();
    let file = rusqlite::Connection::open(folder.join("activity.db")).unwrap();
    let mut plan = file.prepare(&format!("EXPLAIN QUERY PLAN {chart}")).unwrap();
    let steps = plan.query_map((0, 0, 0, [0_u8; 16]), |row| row.get::<_, String>(3)).unwrap();
    let steps: Vec<String> = steps.map(Result::unwrap).collect();
    let of_charts = steps.iter().find(|step| step.contains("SEARCH charts")).unwrap();
    assert!(of_charts.ends_with("(span=? AND at=? AND subject=?)"), "{steps:?}");
}

fn record(key: KeyId, account: AccountId, number: u64) -> Record {
    Record {
        at: NOW,
        request: RequestId(u128::from_be_bytes(random())),
        key: Some(key),
        account: Some(account),
        source: if number.is_multiple_of(2) {
            "203.0.113.7".parse().unwrap()
        } else {
            format!("2001:db8::{number:x}").parse().unwrap()
        },
        method: "GET",
        route: "/api/v5/account/balance",
        code: if number.is_multiple_of(5) { "50110" } else { "0" },
        upstream_status: Some(200),
        bytes_in: 0,
        bytes_out: 0,
        micros: 1_500,
        orders: None,
    }
}

fn ids() -> (AccountId, KeyId) {
    (AccountId::from_entropy(random()), KeyId::from_entropy(random()))
}

async fn append(writer: &mut JournalWriter, (account, key): (AccountId, KeyId), count: u64) {
    let records: Vec<Record> = (0..count).map(|number| record(key, account, number)).collect();
    writer.append(&[], &[], &records).await.unwrap();
}

/// How many requests a chart of a month shows.
async fn shown(activity: &Activity, subject: Charted) -> u64 {
    let since = Moment::from_unix_ms(NOW.unix_ms() - Span::QuarterDay.ms());
    let counts = activity.rollups(subject, Span::QuarterDay, since).await.unwrap();
    counts.iter().filter(|one| one.counted == Counted::Verdict).map(|one| one.count).sum()
}

/// The same store, as a process sees it that starts now.
async fn anew(world: &World) -> Store {
    Store::open(&world.location, &master(), entropy(), NOW).await.unwrap()
}

/// Has everything gathered from here on.
async fn gather(store: &Store, writer: &mut JournalWriter) {
    append(writer, ids(), 1).await;
    store.journal().roll_up(NOW).await.unwrap();
}

async fn every_kind_is_counted_in_every_span(world: World) {
    let (account, key) = ids();
    let (journal, activity) = (world.store.journal(), world.store.activity());
    let mut writer = journal.writer().unwrap();
    // The first are counted from the journal, the next in memory.
    for round in 1..=3 {
        append(&mut writer, (account, key), 200).await;
        journal.roll_up(NOW).await.unwrap();
        for subject in [Charted::Key(key), Charted::Account(account)] {
            for span in Span::ALL {
                let counts = activity.rollups(subject, span, NOW).await.unwrap();
                let of = |counted, word: &str| -> u64 {
                    let fits = counts.iter().filter(|one| one.counted == counted && one.word == word);
                    fits.map(|one| one.count).sum()
                };
                assert_eq!(of(Counted::Verdict, "0"), round * 160, "{span:?}");
                assert_eq!(of(Counted::Verdict, "50110"), round * 40);
                assert_eq!(of(Counted::Latency, "2"), round * 200);
                assert_eq!(of(Counted::Route, "GET /api/v5/account/balance"), round * 200);
                let sources = activity.top_sources(subject, span, NOW, 20).await.unwrap();
                assert_eq!(sources.len(), 2, "IPv6 by /64: {sources:?}");
                assert!(sources.iter().all(|(_, count)| *count == round * 100));
            }
        }
        let quarters = activity.quarters(key, NOW.plus_ms(0)).await.unwrap();
        assert_eq!((quarters[0].passed, quarters[0].refused), (round * 160, round * 40));
        assert_eq!(activity.sources(key, 1_000).await.unwrap().len(), 81, "where it passed");
    }
    journal.forget_charts(NOW.plus_ms(400 * 86_400_000)).await.unwrap();
    assert_eq!(shown(&activity, Charted::Key(key)).await, 0);
}

async fn counts_wait_while_they_are_many_and_not_for_long(world: World) {
    let (journal, activity) = (world.store.journal(), world.store.activity());
    let mut writer = journal.writer().unwrap();
    gather(&world.store, &mut writer).await;
    let few = ids();
    append(&mut writer, few, 10).await;
    let some =
        async |ms| while journal.roll_up_some(NOW.plus_ms(ms), false).await.unwrap() == Rolled::More {};
    some(0).await;
    some(2_999).await;
    assert_eq!(shown(&activity, Charted::Key(few.1)).await, 0);
    some(3_000).await;
    assert_eq!(shown(&activity, Charted::Key(few.1)).await, 10);
    let many: Vec<Record> =
        (0..3_000).map(|number| record(KeyId::from_entropy(random()), few.0, number)).collect();
    writer.append(&[], &[], &many).await.unwrap();
    some(10_000).await;
    some(69_999).await;
    assert_eq!(shown(&activity, Charted::Account(few.0)).await, 10);
    some(70_000).await;
    assert_eq!(shown(&activity, Charted::Account(few.0)).await, 3_010);
}

async fn what_a_crash_takes_from_memory_is_counted_from_the_journal(world: World) {
    let (journal, one) = (world.store.journal(), ids());
    let mut writer = journal.writer().unwrap();
    gather(&world.store, &mut writer).await;
    append(&mut writer, one, 5_000).await;
    // Nothing of it was written when the process ended.
    let after = anew(&world).await;
    after.journal().roll_up(NOW).await.unwrap();
    assert_eq!(shown(&after.activity(), Charted::Key(one.1)).await, 5_000);
}

async fn writing_goes_on_where_it_was_cut_off(world: World) {
    let (journal, account) = (world.store.journal(), ids().0);
    let mut writer = journal.writer().unwrap();
    gather(&world.store, &mut writer).await;
    let keys: Vec<KeyId> = (0..600).map(|_| KeyId::from_entropy(random())).collect();
    let records: Vec<Record> = (0..6_000)
        .map(|number| record(keys[usize::try_from(number).unwrap() % 600], account, number))
        .collect();
    writer.append(&[], &[], &records).await.unwrap();
    // What is gathered is taken, and two slices of six are written.
    for _ in 0..3 {
        assert_eq!(journal.roll_up_some(NOW, true).await.unwrap(), Rolled::More);
    }
    let after = anew(&world).await;
    let activity = after.activity();
    let written = shown(&activity, Charted::Account(account)).await;
    let mut later = after.journal().writer().unwrap();
    append(&mut later, (account, keys[0]), 7).await;
    after.journal().roll_up(NOW).await.unwrap();
    assert_eq!(shown(&activity, Charted::Account(account)).await, 6_007, "of which {written} before");
    for key in &keys[1..] {
        assert_eq!(shown(&activity, Charted::Key(*key)).await, 10);
        let quarters = activity.quarters(*key, NOW).await.unwrap();
        assert_eq!(quarters[0].passed + quarters[0].refused, 10);
    }
}

async fn two_who_roll_up_count_everything_once(world: World) {
    let (journal, one) = (world.store.journal(), ids());
    let mut writer = journal.writer().unwrap();
    for round in 1..=3 {
        append(&mut writer, one, 3_000).await;
        let (first, second) = tokio::join!(journal.roll_up(NOW), journal.roll_up(NOW));
        first.and(second).unwrap();
        assert_eq!(shown(&world.store.activity(), Charted::Key(one.1)).await, round * 3_000);
    }
}

/// As the step before left them: a row for each word.
async fn counts_from_before_are_brought_along(world: World) {
    let (journal, one) = (world.store.journal(), ids());
    append(&mut journal.writer().unwrap(), one, 10).await;
    journal.roll_up(NOW).await.unwrap();
    world.store.close().await;
    let as_before = match &world.location {
        Location::Postgres(_) => AS_BEFORE,
        Location::Folder(_) => "ALTER TABLE activity DROP COLUMN orders; DROP TABLE reserved",
    };
    edit(&world, "activity.db", as_before).await;
    edit(
        &world,
        "activity.db",
        "CREATE TABLE rollups AS SELECT subject, span, at, 'verdict' AS kind, '0' AS word, 7 AS count FROM charts; \
         INSERT INTO rollups SELECT subject, span, at, 'verdict', '50110', 2 FROM charts; \
         INSERT INTO rollups SELECT subject, span, at, 'source', '192.0.2.1', 9 FROM charts; \
         DROP TABLE charts; DROP TABLE spools; ALTER TABLE rolled_up DROP COLUMN until; ALTER TABLE rolled_up DROP COLUMN written; \
         UPDATE schema_steps SET steps = 4 WHERE part = 'activity'",
    )
    .await;
    let after = anew(&world).await;
    let activity = after.activity();
    for subject in [Charted::Key(one.1), Charted::Account(one.0)] {
        assert_eq!(shown(&activity, subject).await, 9);
        let sources = activity.top_sources(subject, Span::Minute, NOW, 5).await.unwrap();
        assert_eq!(sources, [("192.0.2.1".to_owned(), 9)]);
    }
    append(&mut after.journal().writer().unwrap(), one, 10).await;
    after.journal().roll_up(NOW).await.unwrap();
    assert_eq!(shown(&activity, Charted::Key(one.1)).await, 19, "and are added to");
    after.close().await;
}
