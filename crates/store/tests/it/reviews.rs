//! Recorded reviews: bounded, sealed, tracked, and whose is due. On both databases.

use keyward_rules::event::Event;
use keyward_rules::grant::Scope;
use keyward_rules::id::{AccountId, KeyId};
use keyward_rules::limits::{DAY_MS, REVIEW_SOURCES, REVIEWS_KEPT};
use keyward_rules::review::{FindingKind, Remedy, ReviewAnswer};
use keyward_rules::time::Moment;
use keyward_store::{ReviewRecord, StoreError};
use rusqlite::Connection;

use crate::world::{NOW, World, grant};

fn review(account: AccountId, key: KeyId, at: Moment) -> ReviewRecord {
    ReviewRecord {
        account,
        at,
        score: 72,
        keys: 1,
        answers: vec![ReviewAnswer::of(key, &Remedy::Keep, vec![FindingKind::NoExpiry, FindingKind::Old])],
        reviewer: format!("account:{account}"),
    }
}

async fn record(world: &World, record: &ReviewRecord) -> Result<(), StoreError> {
    let mut tx = world.store.writer().begin(grant(), record.at).await.unwrap();
    tx.insert_review(record).await?;
    let event = Event::of(tx.grant(), record.at, &format!("account:{}", record.account), &[]);
    tx.commit(event).await.map(drop)
}

fn day(number: u64) -> Moment {
    NOW.plus_ms(number * DAY_MS)
}

async fn kept_and_bounded(world: World) {
    let (account, key) = world.with_key("bot").await;
    let (other, _) = world.with_key("bot").await;
    let reader = world.store.reader();
    for number in 0..u64::try_from(REVIEWS_KEPT).unwrap() + 3 {
        record(&world, &review(account, key, day(number))).await.unwrap();
    }
    let twice = record(&world, &review(account, key, day(62))).await;
    assert!(matches!(twice, Err(StoreError::Exists { .. })), "one review in a moment: {twice:?}");
    let kept = reader.reviews_of(Scope::Account(account), account, 100).await.unwrap();
    assert_eq!(kept.len(), REVIEWS_KEPT, "the oldest are dropped");
    assert_eq!(kept[0], review(account, key, day(62)), "newest first, as it was written");
    assert!(reader.reviews_of(Scope::Account(other), account, 100).await.unwrap().is_empty());
    assert!(reader.reviews_of(Scope::All, other, 100).await.unwrap().is_empty());
    let verdict = world.store.states().check(|_| {}).await.unwrap();
    assert!(verdict.findings.is_empty(), "{:?}", verdict.findings);
    // Accounts without a registered user are asked of nothing.
    assert_eq!(reader.reviews_due(Scope::All, day(900), None, 10).await.unwrap(), []);
    assert_eq!(reader.reviews_due(Scope::Account(account), day(900), None, 10).await.unwrap(), []);
    let activity = world.store.activity();
    assert!(activity.sources_of_keys(&[key], REVIEW_SOURCES).await.unwrap().is_empty());
    assert!(activity.sources_of_keys(&[], REVIEW_SOURCES).await.unwrap().is_empty());
}

#[tokio::test]
async fn reviews_are_kept_and_bounded_on_sqlite() {
    kept_and_bounded(World::sqlite().await).await;
}

#[tokio::test]
async fn reviews_are_kept_and_bounded_on_postgres() {
    kept_and_bounded(World::postgres().await).await;
}

/// A row that somebody edits, moves or takes away is neither believed nor overlooked.
#[tokio::test]
async fn an_altered_review_is_found_and_not_believed() {
    for change in [
        "UPDATE reviews SET score = 100",
        "UPDATE reviews SET at = at + 1",
        "UPDATE reviews SET key_count = 50",
        "UPDATE reviews SET answers = REPLACE(answers, 'keep', 'delete')",
        "UPDATE reviews SET answers = ''",
        "UPDATE reviews SET reviewer = 'account:5'",
        "UPDATE reviews SET data_key = data_key + 1",
    ] {
        let world = World::sqlite().await;
        let (account, key) = world.with_key("bot").await;
        record(&world, &review(account, key, NOW)).await.unwrap();
        Connection::open(world.file()).unwrap().execute_batch(change).unwrap();
        let read = world.store.reader().reviews_of(Scope::All, account, 10).await;
        assert!(matches!(read, Err(StoreError::Tampered { .. })), "{change}");
        let verdict = world.store.states().check(|_| {}).await.unwrap();
        assert_eq!(verdict.findings.len(), 1, "{change}: {:?}", verdict.findings);
    }
    let world = World::sqlite().await;
    let (account, key) = world.with_key("bot").await;
    record(&world, &review(account, key, NOW)).await.unwrap();
    Connection::open(world.file()).unwrap().execute_batch("DELETE FROM reviews").unwrap();
    let verdict = world.store.states().check(|_| {}).await.unwrap();
    assert_eq!(verdict.findings.len(), 1, "one that is missing: {:?}", verdict.findings);
}

/// Several records of one change: each has the marks of what was changed since the one before, and all of them or none are there.
#[tokio::test]
async fn one_change_can_have_several_records() {
    let world = World::sqlite().await;
    let (account, one) = world.with_key("one").await;
    let two = world.add_key(account, "two").await.unwrap();
    let before = world.store.log().size().await.unwrap();
    for commits in [false, true] {
        let mut tx = world.begin().await;
        for id in [one, two] {
            let mut key = tx.key(id).await.unwrap().unwrap();
            key.life = key.life.disable().unwrap();
            tx.update_key(key).await.unwrap();
            let event = Event::of(tx.grant(), NOW, &format!("key:{id}"), &[]);
            tx.record(event).await.unwrap();
        }
        if commits {
            let event = Event::of(tx.grant(), NOW, &format!("account:{account}"), &[]);
            tx.commit(event).await.unwrap();
            assert_eq!(world.store.log().size().await.unwrap(), before + 3);
        } else {
            drop(tx);
            assert_eq!(world.store.log().size().await.unwrap(), before, "dropped, it leaves no trace");
        }
    }
    let verdict = world.store.states().check(|_| {}).await.unwrap();
    assert!(verdict.findings.is_empty(), "{:?}", verdict.findings);
    let trail = world.store.log().trail(Scope::All, account, None, 10).await.unwrap();
    assert_eq!(
        trail.iter().take(3).map(|one| one.n).collect::<Vec<_>>(),
        [before + 3, before + 2, before + 1]
    );
}
