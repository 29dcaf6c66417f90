//! A store that went back, or in which somebody planted something: noticed, and not worked with.

use keyward_rules::id::Revision;
use keyward_store::{Location, Position, Seen, Store, StoreError};
use keyward_testkit::postgres::Postgres;
use rusqlite::Connection;

use crate::world::{NOW, World, commit, entropy, grant, master};

/// Runs statements past the program, as somebody with access to the database would.
fn past_the_program(world: &World, sql: &str) {
    match &world.location {
        Location::Folder(_) => Connection::open(world.file()).unwrap().execute_batch(sql).unwrap(),
        Location::Postgres(url) => {
            let name = url.split(['/', '?']).nth(3).unwrap();
            Postgres::shared().unwrap().psql(name, sql).unwrap();
        }
    }
}

async fn both() -> [World; 2] {
    [World::sqlite().await, World::postgres().await]
}

#[tokio::test]
async fn a_feed_that_went_back_is_not_followed() {
    for world in both().await {
        let (account, _) = world.with_key("one").await;
        for name in ["two", "three"] {
            world.add_key(account, name).await.unwrap();
        }
        let feed = world.store.feed();
        let changes = feed.since(&Position::default(), 10).await.unwrap();
        assert_eq!(changes.len(), 3);
        let last = Position::of(changes[2].clone());
        assert!(feed.since(&last, 10).await.unwrap().is_empty());
        // A number beyond the head, another change under the same number, a gap.
        let beyond = feed.since(&Position::at(Revision(4)), 10).await;
        assert!(matches!(beyond, Err(StoreError::WentBack { seen: 4 })), "{beyond:?}");
        past_the_program(&world, "UPDATE changes SET at = at + 1 WHERE n = 3");
        let other = feed.since(&last, 10).await;
        assert!(matches!(other, Err(StoreError::WentBack { seen: 3 })), "{other:?}");
        assert!(
            feed.since(&Position::at(Revision(3)), 10).await.unwrap().is_empty(),
            "who saw none cannot tell"
        );
        past_the_program(&world, "DELETE FROM changes WHERE n = 2");
        let gap = feed.since(&Position::of(changes[0].clone()), 10).await;
        assert!(matches!(gap, Err(StoreError::WentBack { seen: 2 })), "{gap:?}");
    }
}

#[tokio::test]
async fn a_change_that_cannot_be_read_does_not_stop_the_feed() {
    for world in both().await {
        let (account, _) = world.with_key("one").await;
        world.add_key(account, "two").await.unwrap();
        past_the_program(&world, "UPDATE changes SET subject = 'nonsense' WHERE n = 1");
        assert_eq!(world.store.feed().since(&Position::default(), 10).await.unwrap().len(), 2);
    }
}

#[tokio::test]
async fn a_store_that_went_back_takes_no_change() {
    for world in both().await {
        world.with_account().await;
        let seen = world.store.seen().await.unwrap();
        let begin = async |seen: Seen| {
            let store = world.store.clone().witnessed(std::sync::Arc::new(|_| {}), seen);
            store.writer().begin(grant(), NOW).await.map(drop)
        };
        begin(seen).await.unwrap();
        for ahead in
            [Seen { audit: seen.audit + 1, ..seen }, Seen { revision: Revision(seen.revision.0 + 1), ..seen }]
        {
            assert!(matches!(begin(ahead).await, Err(StoreError::WentBack { .. })), "{ahead:?}");
        }
        // While it runs, too.
        commit(world.begin().await).await;
        past_the_program(&world, "UPDATE head SET audit = audit - 1");
        let after = world.store.writer().begin(grant(), NOW).await;
        assert!(matches!(after.map(drop), Err(StoreError::WentBack { .. })));
    }
}

#[tokio::test]
async fn triggers_and_views_of_others_are_refused() {
    let sqlite = [
        "CREATE TRIGGER undo AFTER UPDATE ON keys BEGIN UPDATE keys SET state = old.state WHERE id = old.id; END",
        "CREATE VIEW undo AS SELECT 1",
    ];
    let postgres = [
        "CREATE FUNCTION undo() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN old; END'; \
         CREATE TRIGGER undo BEFORE UPDATE ON keys FOR EACH ROW EXECUTE FUNCTION undo()",
        "CREATE RULE undo AS ON UPDATE TO keys DO INSTEAD NOTHING",
        "CREATE POLICY undo ON keys USING (false)",
        "CREATE VIEW undo AS SELECT 1",
    ];
    for (number, planted) in sqlite.into_iter().chain(postgres).enumerate() {
        let world = if number < sqlite.len() { World::sqlite().await } else { World::postgres().await };
        assert_eq!(world.store.feed().foreign().await.unwrap(), None);
        past_the_program(&world, planted);
        assert_eq!(world.store.feed().foreign().await.unwrap().as_deref(), Some("undo"), "{planted}");
        let opened = Store::open(&world.location, &master(), entropy(), NOW).await;
        assert!(matches!(opened.map(drop), Err(StoreError::Foreign { name }) if name == "undo"), "{planted}");
    }
}

#[tokio::test]
async fn one_gateway_claims_a_store() {
    for world in both().await {
        let (first, second) = (world.store.node_claim(), world.store.node_claim());
        // PostgreSQL goes by a clock of its own.
        let now_ms = NOW.unix_ms();
        let runs = |_: &str| false;
        assert_eq!(first.holder(now_ms).await.unwrap(), None, "nobody yet");
        first.take("here", now_ms, runs).await.unwrap();
        assert_eq!(second.holder(now_ms).await.unwrap().as_deref(), Some("here"), "looking takes nothing");
        let refused = second.take("there", now_ms, runs).await;
        assert!(matches!(refused, Err(StoreError::NodeRuns { place }) if place == "here"));
        assert!(first.renew(now_ms).await.unwrap() && !second.renew(now_ms).await.unwrap());
        // Its process has ended: the next one need not wait.
        second.take("there", now_ms, |place| place == "here").await.unwrap();
        assert!(!first.renew(now_ms).await.unwrap() && second.renew(now_ms).await.unwrap());
        first.leave().await.unwrap();
        assert!(first.take("here", now_ms, runs).await.is_err(), "only the holder gives it back");
        second.leave().await.unwrap();
        first.take("here", now_ms, runs).await.unwrap();
        // One that has said nothing for too long is gone.
        past_the_program(&world, "UPDATE node SET renewed_at = renewed_at - 36000");
        assert_eq!(second.holder(now_ms).await.unwrap(), None);
        second.take("there", now_ms, runs).await.unwrap();
    }
}
