//! A gateway's spool beside PostgreSQL: what arrives in the store, how often, and where replay marks count.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use keyward_rules::id::{AccountId, KeyId, RequestId};
use keyward_rules::time::Moment;
use keyward_store::{
    Activity, Bounds, Charted, Intent, Outcome, OutcomeStatus, Record, RequestFilter, SPOOL_FILE,
    SavedReplayEntry, Span, Spool, Store, StoreError,
};

use crate::activity::all;
use crate::world::{NOW, World};

const NODE: &str = "node";

/// A folder for a spool.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("keyward-spool-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    /// The spool as its file is now, for [`Folder::put_back`]. Nothing may have it open.
    fn copy(&self) -> Vec<u8> {
        assert!(!self.0.join("spool.db-wal").exists(), "somebody has it open");
        std::fs::read(self.0.join(SPOOL_FILE)).unwrap()
    }

    fn put_back(&self, file: &[u8]) {
        std::fs::write(self.0.join(SPOOL_FILE), file).unwrap();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn account() -> AccountId {
    AccountId::from_u64(7).unwrap()
}

fn key() -> KeyId {
    KeyId::from_entropy([1; 16])
}

fn record(number: u128) -> Record {
    Record {
        at: NOW.plus_ms(u64::try_from(number).unwrap()),
        request: RequestId(number),
        key: Some(key()),
        account: Some(account()),
        source: "192.0.2.1".parse().unwrap(),
        method: "GET",
        route: "/api/v5/account/balance",
        code: "0",
        upstream_status: Some(200),
        bytes_in: 1,
        bytes_out: 2,
        micros: 3,
        orders: None,
    }
}

fn intent(number: u128) -> Intent {
    Intent {
        at: NOW,
        request: RequestId(number),
        key: key(),
        account: account(),
        route: "/api/v5/asset/withdrawal",
        source: "192.0.2.1".parse().unwrap(),
        body_hash: [3; 32],
    }
}

async fn append(spool: &Spool, numbers: std::ops::Range<u128>) {
    let records: Vec<Record> = numbers.map(record).collect();
    spool.journal().writer().unwrap().append(&[], &[], &records).await.unwrap();
}

/// How many requests the store's charts count for the account.
async fn charted(store: &Store) -> u64 {
    store.journal().roll_up(NOW).await.unwrap();
    let activity: Activity = store.activity();
    let since = Moment::from_unix_ms(NOW.unix_ms() - 60_000);
    let counts = activity.rollups(Charted::Account(account()), Span::Minute, since).await.unwrap();
    let verdicts = counts.iter().filter(|one| one.counted == keyward_store::Counted::Verdict);
    verdicts.map(|one| one.count).sum()
}

#[tokio::test]
async fn records_arrive_once_whatever_is_interrupted() {
    let (world, folder) = (World::postgres().await, Folder::new());
    let kept = world.store.journal();
    let spool = world.store.spool(&folder.0, NODE).await.unwrap();
    append(&spool, 0..5_000).await;
    spool.close().await;
    let before = folder.copy();
    for round in 0..3 {
        // As after a crash between the commit of the store and that of the spool.
        folder.put_back(&before);
        let mut spool = world.store.spool(&folder.0, NODE).await.unwrap();
        spool.ship_all().await.unwrap();
        assert_eq!(kept.record_count().await.unwrap(), 5_000, "round {round}");
        spool.close().await;
    }
    let mut spool = world.store.spool(&folder.0, NODE).await.unwrap();
    assert_eq!(
        spool.journal().record_count().await.unwrap(),
        1,
        "what the store has goes, but for the newest"
    );
    append(&spool, 5_000..5_001).await;
    spool.ship_all().await.unwrap();
    assert_eq!(kept.record_count().await.unwrap(), 5_001);
    assert_eq!(charted(&world.store).await, 5_001);
    // Nothing is gathered twice: by another process, which counts from the store alone.
    let again = World::at(world.location.clone()).await;
    assert_eq!(charted(&again.store).await, 5_001);
    let newest = world.store.activity().newest().await.unwrap();
    assert_eq!(newest, Some(NOW.plus_ms(5_000)));
}

/// Also those that wait in a spool from before there were orders.
#[tokio::test]
async fn orders_arrive_with_their_records() {
    let (world, folder) = (World::postgres().await, Folder::new());
    let spool = world.store.spool(&folder.0, NODE).await.unwrap();
    append(&spool, 0..2).await;
    spool.close().await;
    rusqlite::Connection::open(folder.0.join(SPOOL_FILE))
        .unwrap()
        .execute_batch(
            "ALTER TABLE activity DROP COLUMN orders; DROP TABLE reserved; UPDATE schema_steps SET steps = 7 WHERE part = 'activity'",
        )
        .unwrap();
    let mut spool = world.store.spool(&folder.0, NODE).await.unwrap();
    let with_orders = Record { orders: Some("the orders".into()), ..record(2) };
    spool.journal().writer().unwrap().append(&[], &[], &[with_orders, record(3)]).await.unwrap();
    spool.ship_all().await.unwrap();
    let bounds = Bounds { rows: 10, looked_through: 100 };
    let filter = RequestFilter { until: NOW.plus_ms(10), ..all() };
    let newer = world.store.activity().newer(key(), &filter, 0, bounds).await.unwrap();
    let orders: Vec<Option<&str>> = newer.rows.iter().map(|row| row.orders.as_deref()).collect();
    assert_eq!(orders, [None, Some("the orders"), None, None], "newest first");
}

#[tokio::test]
async fn intents_arrive_open_and_then_with_their_outcome() {
    let (world, folder) = (World::postgres().await, Folder::new());
    let kept = world.store.journal();
    let mut spool = world.store.spool(&folder.0, NODE).await.unwrap();
    let mut writer = spool.journal().writer().unwrap();
    writer.append(&[intent(1), intent(2), intent(3)], &[], &[]).await.unwrap();
    spool.ship().await.unwrap();
    spool.ship().await.unwrap();
    assert_eq!(kept.open_intents().await.unwrap().len(), 3);
    // Another machine takes over and finds them open; then this one comes back and knows better of one.
    kept.abandon_open(NOW).await.unwrap();
    let settled = Outcome { request: RequestId(1), status: OutcomeStatus::Answered(200), at: NOW };
    writer.append(&[intent(4)], &[settled], &[]).await.unwrap();
    spool.ship_all().await.unwrap();
    let mut counts = kept.intent_counts().await.unwrap();
    counts.sort();
    let expected = [("", 1), ("answered", 1), ("unknown", 2)].map(|(word, count)| (word.to_owned(), count));
    assert_eq!(counts, expected);
    assert_eq!(spool.journal().open_intents().await.unwrap().len(), 3, "the spool keeps what is not settled");
    // The other machine's word stands for what this one does not know either.
    spool.journal().abandon_open(NOW).await.unwrap();
    spool.ship_all().await.unwrap();
    assert!(kept.open_intents().await.unwrap().is_empty());
    assert!(spool.journal().intent_counts().await.unwrap().is_empty(), "the spool has let go of all");
}

/// The horizon that a start with this spool, or without one, goes by.
async fn horizon_after(store: &Store, spool: Option<&mut Spool>, now: Moment) -> Option<u64> {
    let journal = spool.as_ref().map_or_else(|| store.journal(), |spool| spool.journal());
    store.settle_in(spool, NODE, now).await.unwrap();
    journal.horizon(NODE).await.unwrap().map(|until| until.unix_ms() - NOW.unix_ms())
}

#[tokio::test]
async fn a_start_where_the_marks_are_not_begins_behind_them() {
    const BEHIND: u64 = 35_000;
    let world = World::postgres().await;
    let (one, other) = (Folder::new(), Folder::new());
    let mut first = world.store.spool(&one.0, NODE).await.unwrap();
    assert_eq!(horizon_after(&world.store, Some(&mut first), NOW).await, None, "nobody was here before");
    first.journal().advance_horizon(NODE, NOW.plus_ms(2_000)).await.unwrap();
    let marks = [SavedReplayEntry { key: key(), fingerprint: 5, second: NOW.unix_ms() / 1_000 }];
    first.journal().writer().unwrap().save_marks(NODE, NOW, &marks).await.unwrap();
    let again = horizon_after(&world.store, Some(&mut first), NOW).await;
    assert_eq!(again, Some(2_000), "the same spool goes on where it was");
    let mut second = world.store.spool(&other.0, NODE).await.unwrap();
    assert_eq!(horizon_after(&world.store, Some(&mut second), NOW).await, Some(BEHIND));
    let now = NOW.plus_ms(60_000);
    assert_eq!(horizon_after(&world.store, None, now).await, Some(60_000 + BEHIND), "without a spool");
    assert_eq!(horizon_after(&world.store, None, NOW.plus_ms(70_000)).await, Some(60_000 + BEHIND));
    let now = NOW.plus_ms(100_000);
    assert_eq!(horizon_after(&world.store, Some(&mut first), now).await, Some(100_000 + BEHIND), "and back");
    let taken = first.journal().take_marks(NODE, NOW).await.unwrap();
    assert!(!taken.complete, "marks of a clean stop from before the others served are not all marks");
}

#[tokio::test]
async fn a_gateway_that_had_no_spool_begins_behind_its_own_marks() {
    let (world, folder) = (World::postgres().await, Folder::new());
    world.store.journal().advance_horizon(NODE, NOW.plus_ms(2_000)).await.unwrap();
    let mut spool = world.store.spool(&folder.0, NODE).await.unwrap();
    assert_eq!(horizon_after(&world.store, Some(&mut spool), NOW).await, Some(35_000));
}

/// A spool from which ten records were taken in; as its file is then.
async fn shipped(world: &World, folder: &Folder) -> Vec<u8> {
    let mut spool = world.store.spool(&folder.0, NODE).await.unwrap();
    assert_eq!(horizon_after(&world.store, Some(&mut spool), NOW).await, None);
    append(&spool, 0..10).await;
    spool.ship_all().await.unwrap();
    spool.close().await;
    folder.copy()
}

#[tokio::test]
async fn a_spool_that_was_put_back_begins_anew() {
    let (world, folder) = (World::postgres().await, Folder::new());
    let old = shipped(&world, &folder).await;
    let mut spool = world.store.spool(&folder.0, NODE).await.unwrap();
    append(&spool, 10..20).await;
    spool.ship_all().await.unwrap();
    spool.close().await;
    folder.put_back(&old);
    let mut spool = world.store.spool(&folder.0, NODE).await.unwrap();
    assert_eq!(horizon_after(&world.store, Some(&mut spool), NOW).await, Some(35_000));
    append(&spool, 20..25).await;
    spool.ship_all().await.unwrap();
    assert_eq!(world.store.journal().record_count().await.unwrap(), 25, "no number hides a record");
}

/// The horizon moves with orders; records may be missing where the disk was full.
#[tokio::test]
async fn a_spool_whose_horizon_is_behind_was_put_back() {
    let (world, folder) = (World::postgres().await, Folder::new());
    let old = shipped(&world, &folder).await;
    let mut spool = world.store.spool(&folder.0, NODE).await.unwrap();
    // Of a clock that was ahead by more than two machines' may differ.
    spool.journal().advance_horizon(NODE, NOW.plus_ms(50_000)).await.unwrap();
    spool.ship_all().await.unwrap();
    spool.close().await;
    folder.put_back(&old);
    let mut spool = world.store.spool(&folder.0, NODE).await.unwrap();
    assert_eq!(horizon_after(&world.store, Some(&mut spool), NOW).await, Some(50_000));
    append(&spool, 10..15).await;
    spool.ship_all().await.unwrap();
    assert_eq!(world.store.journal().record_count().await.unwrap(), 15);
}

#[tokio::test]
async fn an_outcome_that_is_known_stays_when_a_spool_is_put_back() {
    let (world, folder) = (World::postgres().await, Folder::new());
    let mut spool = world.store.spool(&folder.0, NODE).await.unwrap();
    spool.journal().writer().unwrap().append(&[intent(1)], &[], &[]).await.unwrap();
    spool.ship_all().await.unwrap();
    spool.close().await;
    let old = folder.copy();
    let mut spool = world.store.spool(&folder.0, NODE).await.unwrap();
    let settled = Outcome { request: RequestId(1), status: OutcomeStatus::Answered(200), at: NOW };
    spool.journal().writer().unwrap().append(&[], &[settled], &[]).await.unwrap();
    spool.ship_all().await.unwrap();
    spool.close().await;
    folder.put_back(&old);
    let mut spool = world.store.spool(&folder.0, NODE).await.unwrap();
    spool.ship_all_intents().await.unwrap();
    spool.journal().abandon_open(NOW).await.unwrap();
    spool.ship_all().await.unwrap();
    let counts = world.store.journal().intent_counts().await.unwrap();
    assert_eq!(counts, [("answered".to_owned(), 1)]);
}

/// Another process takes in a page, or the answer to a commit is lost: the counts of that page are in no memory.
#[tokio::test]
async fn what_was_taken_in_unseen_is_counted() {
    let (world, folder) = (World::postgres().await, Folder::new());
    let other = World::at(world.location.clone()).await;
    for (round, expected) in [(0_u128, Some(10)), (1, None), (2, Some(30)), (3, None), (4, Some(50))] {
        let store = if round % 2 == 0 { &world.store } else { &other.store };
        let mut spool = store.spool(&folder.0, NODE).await.unwrap();
        append(&spool, round * 10..round * 10 + 10).await;
        spool.ship_all().await.unwrap();
        spool.close().await;
        // With the next page of its own this one sees that others are missing.
        if let Some(expected) = expected {
            assert_eq!(charted(&world.store).await, expected, "round {round}");
        }
    }
}

#[tokio::test]
async fn a_spool_serves_one_store() {
    let (world, other, folder) = (World::postgres().await, World::postgres().await, Folder::new());
    world.store.spool(&folder.0, NODE).await.unwrap().close().await;
    assert!(matches!(other.store.spool(&folder.0, NODE).await, Err(StoreError::OtherStore)));
    assert!(world.store.spool(&folder.0, NODE).await.is_ok());
}
