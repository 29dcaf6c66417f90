//! Alert channels and their messages: the same behaviour on SQLite and PostgreSQL.

use keyward_rules::alert::{Alert, AlertKind};
use keyward_rules::channel::{
    ChannelId, ChannelKind, ChannelPolicy, Choices, Digest, Message, MessageId, Quiet, Subject, TargetInput,
    Which,
};
use keyward_rules::grant::Scope;
use keyward_rules::id::AccountId;
use keyward_rules::key::KeyName;
use keyward_rules::limits::{ALERTS_PER_MESSAGE, DAY_MS, DELIVERY_LOG_DAYS, WAITING_PER_CHANNEL};
use keyward_rules::time::Moment;
use keyward_store::{ChannelRecord, DeliveryResult, DeliveryState, StoreError};

use crate::world::{NOW, World, commit, random};

macro_rules! on_both {
    ($($part:ident),+) => {
        mod sqlite { $(#[tokio::test] async fn $part() { super::$part(crate::world::World::sqlite().await).await; })+ }
        mod postgres { $(#[tokio::test] async fn $part() { super::$part(crate::world::World::postgres().await).await; })+ }
    };
}

on_both!(
    a_channel_comes_back_as_it_went_in,
    alerts_reach_the_channels_of_their_account,
    what_waits_is_gathered_until_it_is_tried,
    a_channel_is_claimed_by_one_and_its_messages_keep_their_order,
    a_crash_between_sending_and_noting_leads_to_the_same_id,
    a_failing_channel_is_paused_and_a_failed_message_can_be_sent_again,
    room_is_bounded_and_the_log_is_kept_for_a_while
);

const AT_ONCE: Choices = Choices { which: Which::All, quiet: None, digest: Digest::AtOnce };

async fn channel(world: &World, account: AccountId, name: &str, choices: Choices) -> ChannelId {
    let aim = TargetInput::webhook("https://hooks.example.com/canary", &ChannelPolicy::default()).unwrap();
    let record = ChannelRecord {
        id: ChannelId::from_entropy(random()),
        account,
        name: KeyName::parse(name).unwrap(),
        kind: ChannelKind::Webhook,
        target: Some(aim.into_target([7; 32])),
        choices,
        made_at: NOW,
        paused_at: None,
        failing_since: None,
        failures: 0,
        missed: 0,
    };
    let mut tx = world.begin().await;
    tx.insert_channel(&record).await.unwrap();
    commit(tx).await;
    record.id
}

async fn tell(world: &World, account: AccountId, kind: AlertKind, detail: &str) {
    let mut tx = world.begin().await;
    let alert = Alert { detail: detail.to_owned(), ..Alert::of(kind, account, NOW) };
    assert!(tx.tell(&alert, &[]).await.unwrap());
    commit(tx).await;
}

async fn read(world: &World, id: ChannelId) -> ChannelRecord {
    world.store.reader().channel(Scope::All, id).await.unwrap().unwrap()
}

async fn log(world: &World, id: ChannelId) -> Vec<(MessageId, String, DeliveryState)> {
    let channel = read(world, id).await;
    let rows = world.store.reader().deliveries_of(Scope::All, &channel, None, 1_000).await.unwrap();
    rows.into_iter().rev().map(|row| (row.id, row.title, row.state)).collect()
}

/// The details of the next message's alerts.
async fn details(world: &World, id: ChannelId, now: Moment) -> Option<Vec<String>> {
    let attempt = world.store.deliveries().attempt(id, now).await.unwrap()?;
    world
        .store
        .deliveries()
        .settle((id, attempt.n), DeliveryResult::Taken, (Some(200), "taken"), now)
        .await
        .unwrap();
    match attempt.message.unwrap().subject {
        Subject::Alerts(alerts) => Some(alerts.into_iter().map(|alert| alert.detail).collect()),
        Subject::Test => Some(vec!["test".to_owned()]),
    }
}

async fn a_channel_comes_back_as_it_went_in(world: World) {
    let (account, other) = (world.with_account().await, world.with_account().await);
    let quiet = Choices { which: Which::Critical, quiet: Quiet::new(0, 90).ok(), digest: Digest::Daily };
    let id = channel(&world, account, "ops", quiet).await;
    let found = read(&world, id).await;
    assert_eq!((found.account, found.name.as_str(), found.choices), (account, "ops", quiet));
    let receiver = found.target.as_ref().unwrap().receiver(&ChannelPolicy::default());
    assert_eq!(receiver.text().expose(), "https://hooks.example.com/canary");
    let reader = world.store.reader();
    assert!(reader.channel(Scope::Account(other), id).await.unwrap().is_none());
    assert!(reader.channels_of(Scope::Account(other), account).await.unwrap().is_empty());
    let mut tx = world.begin().await;
    let changed = ChannelRecord { name: KeyName::parse("renamed").unwrap(), choices: AT_ONCE, ..found };
    tx.update_channel(&changed).await.unwrap();
    commit(tx).await;
    let found = read(&world, id).await;
    assert_eq!((found.name.as_str(), found.choices, found.target.is_some()), ("renamed", AT_ONCE, true));
    let mut tx = world.begin().await;
    let same = ChannelRecord { id: ChannelId::from_entropy(random()), ..found };
    assert!(matches!(tx.insert_channel(&same).await, Err(StoreError::Exists { .. })));
    drop(tx);
    let mut tx = world.begin().await;
    tx.delete_channel(id).await.unwrap();
    commit(tx).await;
    assert!(world.store.reader().channel(Scope::All, id).await.unwrap().is_none());
}

async fn alerts_reach_the_channels_of_their_account(world: World) {
    let (account, other) = (world.with_account().await, world.with_account().await);
    let all = channel(&world, account, "all", AT_ONCE).await;
    let critical = channel(&world, account, "critical", Choices { which: Which::Critical, ..AT_ONCE }).await;
    let strange = channel(&world, other, "all", AT_ONCE).await;
    tell(&world, account, AlertKind::KeyCreated, "a").await;
    tell(&world, account, AlertKind::KeyLeaked, "b").await;
    assert_eq!((log(&world, all).await.len(), log(&world, critical).await.len()), (2, 1));
    assert!(log(&world, strange).await.is_empty());
    // What is rolled back was never said.
    let mut tx = world.begin().await;
    tx.tell(&Alert::of(AlertKind::KeyLeaked, account, NOW), &[]).await.unwrap();
    drop(tx);
    assert_eq!(log(&world, all).await.len(), 2);
}

async fn what_waits_is_gathered_until_it_is_tried(world: World) {
    let account = world.with_account().await;
    let id = channel(&world, account, "hourly", Choices { digest: Digest::Hourly, ..AT_ONCE }).await;
    for number in 0..=ALERTS_PER_MESSAGE {
        tell(&world, account, AlertKind::KeyCreated, &number.to_string()).await;
    }
    tell(&world, account, AlertKind::KeyLeaked, "critical").await;
    assert_eq!(details(&world, id, NOW).await, Some(vec!["critical".to_owned()]));
    assert_eq!(details(&world, id, NOW).await, None);
    let due = NOW.plus_ms(60 * 60 * 1_000);
    let first: Vec<String> = (0..ALERTS_PER_MESSAGE).map(|number| number.to_string()).collect();
    assert_eq!(details(&world, id, due).await, Some(first));
    // The second message is tried, so the next alert does not change it.
    let attempt = world.store.deliveries().attempt(id, due).await.unwrap().unwrap();
    tell(&world, account, AlertKind::KeyCreated, "late").await;
    let again = world.store.deliveries().attempt(id, due).await.unwrap().unwrap();
    assert_eq!((attempt.id, &attempt.message), (again.id, &again.message));
    assert_eq!(log(&world, id).await.len(), 4);
}

async fn a_channel_is_claimed_by_one_and_its_messages_keep_their_order(world: World) {
    let account = world.with_account().await;
    let id = channel(&world, account, "ops", AT_ONCE).await;
    let deliveries = world.store.deliveries();
    assert!(
        !deliveries.has_due(NOW).await.unwrap() && deliveries.claim(NOW, 10, 9).await.unwrap().is_empty()
    );
    for detail in ["a", "b", "c"] {
        tell(&world, account, AlertKind::KeyCreated, detail).await;
    }
    assert!(deliveries.has_due(NOW).await.unwrap());
    assert_eq!(deliveries.claim(NOW, 10, 9).await.unwrap().len(), 1);
    assert!(deliveries.claim(NOW, 10, 9).await.unwrap().is_empty(), "leased");
    assert_eq!(deliveries.claim(NOW.plus_ms(10), 10, 9).await.unwrap().len(), 1, "the lease ran out");
    deliveries.release(id, NOW.plus_ms(50)).await.unwrap();
    assert!(!deliveries.has_due(NOW.plus_ms(49)).await.unwrap());
    assert!(deliveries.claim(NOW.plus_ms(49), 10, 9).await.unwrap().is_empty(), "not yet");
    assert_eq!(deliveries.claim(NOW.plus_ms(50), 10, 9).await.unwrap().len(), 1);
    for detail in ["a", "b", "c"] {
        assert_eq!(details(&world, id, NOW.plus_ms(50)).await, Some(vec![detail.to_owned()]));
    }
    assert_eq!(details(&world, id, NOW.plus_ms(50)).await, None, "what was taken is not sent again");
}

async fn a_crash_between_sending_and_noting_leads_to_the_same_id(world: World) {
    let account = world.with_account().await;
    let id = channel(&world, account, "ops", AT_ONCE).await;
    tell(&world, account, AlertKind::KeyCreated, "a").await;
    tell(&world, account, AlertKind::KeyCreated, "b").await;
    let deliveries = world.store.deliveries();
    let first = deliveries.attempt(id, NOW).await.unwrap().unwrap();
    let again = deliveries.attempt(id, NOW.plus_ms(10)).await.unwrap().unwrap();
    assert_eq!((first.id, first.tries, again.tries), (again.id, 1, 2));
    // A refusal of one message lets the next one pass.
    deliveries
        .settle((id, again.n), DeliveryResult::Delayed(NOW.plus_ms(99)), (Some(400), "refused"), NOW)
        .await
        .unwrap();
    assert_ne!(deliveries.attempt(id, NOW.plus_ms(10)).await.unwrap().unwrap().id, first.id);
}

async fn a_failing_channel_is_paused_and_a_failed_message_can_be_sent_again(world: World) {
    let account = world.with_account().await;
    let id = channel(&world, account, "ops", AT_ONCE).await;
    tell(&world, account, AlertKind::KeyCreated, "a").await;
    tell(&world, account, AlertKind::KeyCreated, "b").await;
    let deliveries = world.store.deliveries();
    let attempt = deliveries.attempt(id, NOW).await.unwrap().unwrap();
    deliveries
        .settle((id, attempt.n), DeliveryResult::Delayed(NOW), (None, "no connection"), NOW)
        .await
        .unwrap();
    deliveries
        .settle((id, attempt.n), DeliveryResult::Delayed(NOW), (None, "no connection"), NOW.plus_ms(5))
        .await
        .unwrap();
    let failing = read(&world, id).await;
    assert_eq!((failing.failing_since, failing.failures), (Some(NOW), 2));
    let mut tx = world.begin().await;
    let before = Moment::from_unix_ms(NOW.unix_ms() - 1);
    assert!(tx.failing_channels(before, 9).await.unwrap().is_empty());
    assert_eq!(tx.failing_channels(NOW, 9).await.unwrap().len(), 1);
    assert!(tx.pause_channel(id, NOW).await.unwrap() && !tx.pause_channel(id, NOW).await.unwrap());
    commit(tx).await;
    tell(&world, account, AlertKind::KeyCreated, "c").await;
    let paused = read(&world, id).await;
    assert_eq!((paused.paused_at, paused.missed), (Some(NOW), 1));
    let rows = log(&world, id).await;
    assert!(rows.len() == 2 && rows.iter().all(|(_, _, state)| *state == DeliveryState::Failed));
    let mut tx = world.begin().await;
    assert!(tx.send_again(id, rows[1].0, NOW).await.unwrap());
    assert!(!tx.send_again(id, rows[1].0, NOW).await.unwrap(), "it waits");
    assert!(
        !tx.send_again(ChannelId::from_entropy([1; 16]), rows[0].0, NOW).await.unwrap(),
        "another channel's"
    );
    commit(tx).await;
    assert_eq!(details(&world, id, NOW).await, Some(vec!["b".to_owned()]));
    let mended = read(&world, id).await;
    assert_eq!((mended.paused_at, mended.failing_since, mended.failures), (None, None, 0));
    let mut tx = world.begin().await;
    assert!(!tx.send_again(id, rows[1].0, NOW).await.unwrap(), "what was taken is never sent again");
}

async fn room_is_bounded_and_the_log_is_kept_for_a_while(world: World) {
    let account = world.with_account().await;
    let id = channel(&world, account, "ops", AT_ONCE).await;
    let mut tx = world.begin().await;
    for _ in 0..WAITING_PER_CHANNEL + 2 {
        tx.tell(&Alert::of(AlertKind::KeyCreated, account, NOW), &[]).await.unwrap();
    }
    assert_eq!(tx.tests_since(account, NOW).await.unwrap(), 0);
    let test = tx.put_test(id).await.unwrap();
    assert_eq!(tx.tests_since(account, Moment::from_unix_ms(NOW.unix_ms() - 1)).await.unwrap(), 1);
    commit(tx).await;
    let rows = log(&world, id).await;
    assert_eq!(u64::try_from(rows.len()).unwrap(), WAITING_PER_CHANNEL + 1);
    assert_eq!((rows.last().unwrap().0, read(&world, id).await.missed), (test, 2));
    while details(&world, id, NOW).await.is_some() {}
    let deliveries = world.store.deliveries();
    deliveries.tidy(NOW.plus_ms(DELIVERY_LOG_DAYS * DAY_MS)).await.unwrap();
    assert!(!log(&world, id).await.is_empty());
    deliveries.tidy(NOW.plus_ms(DELIVERY_LOG_DAYS * DAY_MS + 1)).await.unwrap();
    assert!(log(&world, id).await.is_empty());
}

#[tokio::test]
async fn a_row_that_somebody_edits_gets_nothing_and_holds_nothing_up() {
    for edit in [
        "kind = 'slack'",
        "which = 'critical'",
        "digest = 'daily'",
        "quiet_from = 0, quiet_to = 9",
        "name = 'x'",
        "account = (SELECT MAX(id) FROM accounts WHERE id <> account)",
        "target = (SELECT target FROM channels c WHERE c.id <> channels.id)",
    ] {
        let world = World::sqlite().await;
        let account = world.with_account().await;
        let other = world.with_account().await;
        channel(&world, other, "other", AT_ONCE).await;
        let id = channel(&world, account, "ops", AT_ONCE).await;
        let file = rusqlite::Connection::open(world.file()).unwrap();
        file.execute(&format!("UPDATE channels SET {edit} WHERE id = ?1"), [id.to_string()]).unwrap();
        assert!(read(&world, id).await.target.is_none(), "{edit}");
        tell(&world, account, AlertKind::KeyLeaked, "a").await;
        assert!(log(&world, id).await.is_empty(), "{edit}");
    }
}

#[tokio::test]
async fn a_row_that_cannot_be_read_keeps_nobody_waiting() {
    let world = World::sqlite().await;
    let account = world.with_account().await;
    let broken = channel(&world, account, "broken", AT_ONCE).await;
    let good = channel(&world, account, "good", AT_ONCE).await;
    tell(&world, account, AlertKind::KeyLeaked, "a").await;
    let file = rusqlite::Connection::open(world.file()).unwrap();
    file.execute(
        "UPDATE channels SET kind = 'pigeon', failing_since = 1 WHERE id = ?1",
        [broken.to_string()],
    )
    .unwrap();
    let claimed = world.store.deliveries().claim(NOW, 10, 9).await.unwrap();
    assert_eq!(claimed.iter().map(|channel| channel.id).collect::<Vec<_>>(), [good]);
    tell(&world, account, AlertKind::KeyLeaked, "b").await;
    assert_eq!(log(&world, good).await.len(), 2);
    let mut tx = world.begin().await;
    assert!(tx.failing_channels(NOW, 9).await.unwrap().is_empty());
}

#[tokio::test]
async fn nothing_of_a_channel_is_stored_in_clear() {
    let world = World::sqlite().await;
    let account = world.with_account().await;
    channel(&world, account, "ops", AT_ONCE).await;
    tell(&world, account, AlertKind::KeyLeaked, "detail-canary").await;
    let folder = world.file().parent().unwrap().to_owned();
    let secret = Message::test(NOW).to_json();
    let whsec = TargetInput::webhook("https://hooks.example.com/canary", &ChannelPolicy::default())
        .unwrap()
        .into_target([7; 32]);
    let whsec = whsec.to_json();
    let whsec = &whsec.expose()[whsec.expose().find("whsec_").unwrap()..][..50];
    for entry in std::fs::read_dir(folder).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        for canary in ["hooks.example.com", "/canary", whsec, secret.as_str()] {
            assert!(!bytes.windows(canary.len()).any(|window| window == canary.as_bytes()), "{canary}");
        }
    }
}
