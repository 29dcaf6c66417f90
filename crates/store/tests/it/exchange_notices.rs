//! Notices to the exchange: in order for each master account, settled once, sealed, bounded, and written only while there is
//! somebody to tell. On both databases.

use keyward_rules::account::SubAccountName;
use keyward_rules::exchange_notice::NoticeKind;
use keyward_rules::id::AccountId;
use keyward_rules::limits::NOTICES_WAITING_PER_ACCOUNT;
use keyward_rules::sub_account::{SubAccountLife, SubAccountSettings};
use keyward_rules::time::Moment;
use keyward_store::{AccountKind, AccountRecord, NoticeEnd, NoticeKey, NoticesWaiting};

use crate::world::{NOW, World, commit, edit, random};

struct Sub {
    master: AccountId,
    id: AccountId,
    name: SubAccountName,
}

impl Sub {
    async fn new(world: &World, master: AccountId, name: &str) -> Self {
        let (id, name) = (AccountId::from_entropy(random()), SubAccountName::parse(name).unwrap());
        let mut tx = world.begin().await;
        let kind = AccountKind::Sub(master, name.clone());
        tx.insert_account(&AccountRecord { id, kind, created_at: NOW }).await.unwrap();
        tx.set_sub_account(id, &SubAccountSettings::of_new(None)).await.unwrap();
        commit(tx).await;
        Self { master, id, name }
    }

    async fn tells(&self, world: &World, kind: NoticeKind) -> bool {
        let mut tx = world.begin().await;
        let settings = SubAccountSettings {
            frozen_at: (kind == NoticeKind::Frozen).then_some(NOW),
            ..SubAccountSettings::of_new(None)
        };
        let told = tx.tell_exchange(kind, (self.master, self.id, &self.name), &settings).await.unwrap();
        commit(tx).await;
        told
    }
}

async fn due(world: &World, at: Moment) -> Vec<(NoticeKey, Option<NoticeKind>)> {
    let due = world.store.exchange_notices().due(at, 100).await.unwrap();
    let mut due: Vec<_> =
        due.into_iter().map(|one| (one.key, one.notice.map(|notice| notice.kind))).collect();
    due.sort_by_key(|(key, _)| key.number);
    due
}

async fn in_order(world: World) {
    let (one, two) = (world.with_account().await, world.with_account().await);
    let (first, second) = (Sub::new(&world, one, "alpha01").await, Sub::new(&world, one, "alpha02").await);
    let other = Sub::new(&world, two, "alpha01").await;
    let notices = world.store.exchange_notices();
    // Nobody to tell: nothing is written.
    assert!(first.tells(&world, NoticeKind::Created).await);
    assert_eq!(notices.waiting().await.unwrap(), NoticesWaiting::default());
    notices.begin(NOW).await.unwrap();
    assert!(notices.is_told().await.unwrap());
    for (sub, kind) in [
        (&first, NoticeKind::Created),
        (&second, NoticeKind::Created),
        (&first, NoticeKind::Frozen),
        (&other, NoticeKind::Created),
    ] {
        assert!(sub.tells(&world, kind).await);
    }
    assert_eq!(notices.waiting().await.unwrap(), NoticesWaiting { count: 4, oldest: Some(NOW) });
    // The first of each master account, and no later one while that one waits.
    let begun = due(&world, NOW).await;
    assert_eq!(begun.len(), 2);
    let key = begun.iter().find(|(key, _)| key.master == one).unwrap().0;
    assert_eq!((key.number, key.sub_account), (1, first.id));
    notices.delayed(key, NOW.plus_ms(1_000)).await.unwrap();
    let now_due = due(&world, NOW.plus_ms(999)).await;
    assert_eq!(
        now_due.iter().map(|(key, _)| key.master).collect::<Vec<_>>(),
        [two],
        "held back, and nobody else"
    );
    let again = notices.due(NOW.plus_ms(1_000), 100).await.unwrap();
    assert_eq!(again.iter().find(|one| one.key == key).unwrap().tries, 1);
    // Settled once, whatever comes later.
    notices.settled(key, NoticeEnd::Taken).await.unwrap();
    let mut tx = world.begin().await;
    assert!(
        !tx.settle_notice(key, NoticeEnd::Refused).await.unwrap(),
        "the second answer counts for nothing"
    );
    commit(tx).await;
    let next = due(&world, NOW).await.into_iter().find(|(key, _)| key.master == one).unwrap();
    assert_eq!((next.0.number, next.0.sub_account), (2, second.id));
    notices.settled(next.0, NoticeEnd::Taken).await.unwrap();
    let last = due(&world, NOW).await.into_iter().find(|(key, _)| key.master == one).unwrap();
    assert_eq!((last.0.number, last.1), (3, Some(NoticeKind::Frozen)));
    notices.settled(last.0, NoticeEnd::Taken).await.unwrap();
    // Numbers go on rising, although what was told before is dropped.
    assert!(second.tells(&world, NoticeKind::Frozen).await);
    assert_eq!(due(&world, NOW).await.iter().find(|(key, _)| key.master == one).unwrap().0.number, 4);
    notices.end().await.unwrap();
    assert!(!notices.is_told().await.unwrap());
    assert_eq!(notices.waiting().await.unwrap().count, 2, "what waits goes on to wait");
}

async fn what_is_untold(world: World) {
    let master = world.with_account().await;
    let sub = Sub::new(&world, master, "alpha01").await;
    let notices = world.store.exchange_notices();
    notices.begin(NOW).await.unwrap();
    let untold = async || {
        let found = world.store.exchange_notices().untold(None, 10).await.unwrap();
        found.into_iter().map(|record| record.id).collect::<Vec<_>>()
    };
    let set = async |settings: &SubAccountSettings| {
        let mut tx = world.begin().await;
        tx.set_sub_account(sub.id, settings).await.unwrap();
        let kinds = tx.untold_of(sub.id, settings).await.unwrap();
        commit(tx).await;
        kinds
    };
    let open = SubAccountSettings::of_new(None);
    let frozen = SubAccountSettings { frozen_at: Some(NOW), ..open.clone() };
    let closing = SubAccountSettings { life: SubAccountLife::Closing { since: NOW }, ..frozen.clone() };
    assert_eq!(untold().await, [sub.id]);
    assert_eq!(world.store.exchange_notices().untold(Some(sub.id), 10).await.unwrap().len(), 0);
    assert_eq!(set(&frozen).await, [NoticeKind::Created, NoticeKind::Frozen]);
    assert_eq!(set(&open).await, [NoticeKind::Created]);
    assert!(sub.tells(&world, NoticeKind::Created).await);
    assert_eq!(untold().await, []);
    assert_eq!(set(&frozen).await, [NoticeKind::Frozen]);
    assert_eq!(untold().await, [sub.id]);
    assert_eq!(set(&closing).await, [NoticeKind::Frozen, NoticeKind::Closing]);
    assert!(sub.tells(&world, NoticeKind::Frozen).await);
    assert!(sub.tells(&world, NoticeKind::Closing).await);
    let closed = SubAccountSettings { life: SubAccountLife::Closed { at: NOW }, ..open };
    set(&closed).await;
    assert_eq!(untold().await, [], "nobody is told of what is over");
}

async fn bounded_and_sealed(world: World) {
    let master = world.with_account().await;
    let sub = Sub::new(&world, master, "alpha01").await;
    let notices = world.store.exchange_notices();
    notices.begin(NOW).await.unwrap();
    for _ in 0..NOTICES_WAITING_PER_ACCOUNT {
        assert!(sub.tells(&world, NoticeKind::Frozen).await);
    }
    assert!(!sub.tells(&world, NoticeKind::Closing).await, "no more of one master account");
    let other = Sub::new(&world, world.with_account().await, "alpha01").await;
    assert!(other.tells(&world, NoticeKind::Created).await, "others have room of their own");
    // The rows are alike, so each change is made to the first that waits, which is then never sent.
    for change in ["kind = 'closing'", "name = 'alpha02'", "at = at + 1", "frozen = 0", "at = -1"] {
        let first =
            format!("SELECT MIN(number) FROM exchange_notices WHERE state = 'waiting' AND master = {master}");
        let altered =
            format!("UPDATE exchange_notices SET {change} WHERE master = {master} AND number = ({first})");
        edit(&world, "keyward.db", &altered).await;
        let found = due(&world, NOW.plus_ms(1)).await.into_iter().find(|(key, _)| key.master == master);
        let (key, kind) = found.unwrap();
        assert_eq!(kind, None, "{change}");
        notices.settled(key, NoticeEnd::Altered).await.unwrap();
    }
}

#[tokio::test]
async fn notices_go_in_order_on_sqlite() {
    in_order(World::sqlite().await).await;
}

#[tokio::test]
async fn notices_go_in_order_on_postgres() {
    in_order(World::postgres().await).await;
}

#[tokio::test]
async fn what_was_never_told_is_found_on_sqlite() {
    what_is_untold(World::sqlite().await).await;
}

#[tokio::test]
async fn what_was_never_told_is_found_on_postgres() {
    what_is_untold(World::postgres().await).await;
}

#[tokio::test]
async fn notices_are_bounded_and_sealed() {
    bounded_and_sealed(World::sqlite().await).await;
}
