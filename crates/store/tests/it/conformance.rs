//! The same behaviour on SQLite and PostgreSQL.

use keyward_rules::account::Email;
use keyward_rules::address::{AddressSet, Binding, HostBits};
use keyward_rules::app::{AppName, AppStanding, VersionStanding};
use keyward_rules::event::Event;
use keyward_rules::fence::{Decimal, SumOf, SumOwner};
use keyward_rules::grant::Scope;
use keyward_rules::id::{AccountId, AppId, KeyId, RequestId, Revision};
use keyward_rules::key::{HmacState, Hold, SecretKey};
use keyward_rules::limits::{DAY_MS, RANGE_VERSIONS};
use keyward_rules::time::Moment;
use keyward_store::{
    AccountKind, AccountRecord, AppKeyCounts, AppProfile, AppRecord, AppState, Demand, Forgotten, Intent,
    JournalBatch, KeyDraft, LastUse, LoadedKey, Location, MasterKey, Outcome, OutcomeStatus, Position,
    RangeVersion, Record, Released, Reserved, SavedReplayEntry, Store, StoreError, Subject,
};

use tokio::time::{Duration, timeout};

use crate::world::{NOW, World, commit, draft, edit, entropy, grant, master, random};

/// Runs each part of the suite on both databases.
macro_rules! on_both {
    ($($part:ident),+) => {
        mod sqlite { $(#[tokio::test] async fn $part() { super::$part(crate::world::World::sqlite().await).await; })+ }
        mod postgres { $(#[tokio::test] async fn $part() { super::$part(crate::world::World::postgres().await).await; })+ }
    };
}

on_both!(
    statements_are_accepted,
    keys_come_back_as_they_went_in,
    changes_are_numbered_without_gaps,
    nothing_remains_of_a_dropped_change,
    names_are_unique_among_living_keys,
    a_living_key_is_found_by_its_secret,
    a_stale_write_conflicts,
    a_deleted_key_keeps_no_secret,
    the_wrong_master_key_opens_nothing,
    another_master_key_takes_over,
    the_journal_settles_what_was_left_open,
    uses_and_horizons_never_move_back,
    the_sweep_sees_every_key_once,
    apps_come_back_as_they_went_in,
    an_app_and_its_versions_keep_their_order,
    the_journal_keeps_what_is_taken_from_the_sums_of_a_day,
    the_journals_oldest_records_give_way,
    marks_are_complete_once_and_after_a_clean_stop,
    many_at_once_are_like_one_by_one,
    a_watch_tells_of_a_change,
    the_newest_moment_is_of_a_change_or_a_request
);

/// By the secret alone, also keys from before there were prints once the duty has run; never by another secret, whatever the
/// print in the row says.
async fn a_living_key_is_found_by_its_secret(world: World) {
    let account = world.with_account().await;
    let secrets = [1_u8, 2, 3].map(|number| SecretKey::from_entropy([number; 32]));
    let ids = [1_u8, 2].map(|number| KeyId::from_entropy([number; 16]));
    let mut tx = world.begin().await;
    for (number, (id, secret)) in ids.iter().zip(&secrets).enumerate() {
        let hmac = HmacState::from_key(secret.expose().as_bytes());
        tx.insert_key(KeyDraft { hmac, ..draft(*id, account, &format!("bot {number}")) }).await.unwrap();
    }
    commit(tx).await;
    let prints = world.store.secret_prints();
    let found = async |secret: &SecretKey| prints.find(secret).await.unwrap().map(|key| key.id);
    let [one, two, nobodys] = &secrets;
    assert_eq!((found(one).await, found(two).await), (Some(ids[0]), Some(ids[1])));
    assert_eq!(found(nobodys).await, None);
    let key = world.store.reader().key(Scope::All, ids[0]).await.unwrap().unwrap();
    assert!(key.is_made_with(one) && !key.is_made_with(two));

    // From before there were prints: not found, until each got its own. A change of the key gives it one too.
    edit(&world, "keyward.db", "UPDATE keys SET secret_print = NULL").await;
    assert_eq!((found(one).await, found(two).await), (None, None));
    let mut tx = world.begin().await;
    let mut changed = tx.key(ids[1]).await.unwrap().unwrap();
    changed.life = changed.life.hold(Hold::Leaked).unwrap();
    tx.update_key(changed).await.unwrap();
    commit(tx).await;
    assert_eq!((found(one).await, found(two).await), (None, Some(ids[1])));
    // It takes its turn: while a change is under way, it waits, and it is no part of that change.
    let change = world.begin().await;
    let mut filling = Box::pin(prints.fill(None));
    assert!(timeout(Duration::from_millis(300), &mut filling).await.is_err(), "beside a change");
    assert_eq!(found(one).await, None);
    drop(change);
    assert_eq!(filling.await.unwrap(), Some(ids[0]));
    assert_eq!(prints.fill(Some(ids[0])).await.unwrap(), None, "each once");
    assert_eq!(found(one).await, Some(ids[0]));
    assert_eq!(
        world.store.states().check(|_| {}).await.unwrap().findings,
        vec![],
        "no mark of the log has it"
    );

    // A print that somebody put into another row finds nothing.
    let swap = "UPDATE keys SET secret_print = (SELECT secret_print FROM keys WHERE name = 'bot 0') WHERE name = 'bot 1'";
    edit(&world, "keyward.db", swap).await;
    assert_eq!((found(one).await, found(two).await), (Some(ids[0]), None));

    // A key that has ended is nobody's secret any more, and nothing of it is kept.
    let mut tx = world.begin().await;
    let mut ended = tx.key(ids[0]).await.unwrap().unwrap();
    ended.life = ended.life.delete(NOW).unwrap();
    tx.update_key(ended).await.unwrap();
    commit(tx).await;
    assert_eq!(found(one).await, None);
}

async fn statements_are_accepted(world: World) {
    assert_eq!(world.store.refused_statements().await, Vec::<&str>::new());
}

async fn keys_come_back_as_they_went_in(world: World) {
    let (account, id) = world.with_key("bot").await;
    let wanted = draft(id, account, "bot");
    let read = world.store.reader().key(Scope::All, id).await.unwrap().unwrap();
    assert_eq!((read.id, read.account, read.name.as_str()), (id, account, "bot"));
    assert_eq!(
        (read.permissions, &read.binding, read.expires_at),
        (wanted.permissions, &wanted.binding, wanted.expires_at)
    );
    assert_eq!(read.hmac_state().unwrap().to_bytes(), wanted.hmac.to_bytes());
    let (loaded, keys) = world.load().await;
    assert_eq!((keys.len(), loaded.revision), (1, Revision(1)));
    assert!(matches!(&keys[0], LoadedKey::Intact(key) if key.id == id && key.version == 1));
}

async fn changes_are_numbered_without_gaps(world: World) {
    let account = world.with_account().await;
    let mut writers = Vec::new();
    for number in 0..20 {
        let writer = world.store.writer();
        writers.push(tokio::spawn(async move {
            let mut tx = writer.begin(crate::world::grant(), NOW).await.unwrap();
            let id = KeyId::from_entropy(random());
            tx.insert_key(draft(id, account, &format!("bot {number}"))).await.unwrap();
            commit(tx).await;
        }));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    let changes = world.store.feed().since(&Position::at(Revision(0)), 100).await.unwrap();
    let numbers: Vec<u64> = changes.iter().map(|change| change.revision.0).collect();
    assert_eq!(numbers, (1..=20).collect::<Vec<_>>());
    assert!(changes.iter().all(|change| matches!(change.subject, Subject::Key(_))));
    assert_eq!(world.store.feed().since(&Position::at(Revision(15)), 3).await.unwrap().len(), 3);
}

async fn nothing_remains_of_a_dropped_change(world: World) {
    let account = world.with_account().await;
    let id = KeyId::from_entropy(random());
    let mut tx = world.begin().await;
    tx.insert_key(draft(id, account, "bot")).await.unwrap();
    drop(tx);
    assert!(world.store.reader().key(Scope::All, id).await.unwrap().is_none());
    world.add_key(account, "bot").await.unwrap();
    assert_eq!(world.store.feed().head().await.unwrap(), Revision(1));
}

async fn names_are_unique_among_living_keys(world: World) {
    let (account, id) = world.with_key("bot").await;
    assert!(matches!(world.add_key(account, "bot").await, Err(StoreError::Exists { .. })));
    world.add_key(account, "Bot").await.unwrap();
    delete(&world, id).await;
    world.add_key(account, "bot").await.unwrap();
}

async fn delete(world: &World, id: KeyId) {
    let mut tx = world.begin().await;
    let mut key = tx.key(id).await.unwrap().unwrap();
    key.life = key.life.delete(NOW).unwrap();
    tx.update_key(key).await.unwrap();
    commit(tx).await;
}

async fn a_stale_write_conflicts(world: World) {
    let (_, id) = world.with_key("bot").await;
    let stale = world.store.reader().key(Scope::All, id).await.unwrap().unwrap();
    let mut tx = world.begin().await;
    let mut key = tx.key(id).await.unwrap().unwrap();
    key.life = key.life.disable().unwrap();
    tx.update_key(key).await.unwrap();
    commit(tx).await;
    let mut tx = world.begin().await;
    assert!(matches!(tx.update_key(stale).await, Err(StoreError::Conflict { .. })));
}

async fn a_deleted_key_keeps_no_secret(world: World) {
    let (_, id) = world.with_key("bot").await;
    delete(&world, id).await;
    let read = world.store.reader().key(Scope::All, id).await.unwrap().unwrap();
    assert!(read.life.is_over() && read.hmac_state().is_none());
    assert!(world.load().await.1.is_empty());
}

async fn the_wrong_master_key_opens_nothing(world: World) {
    world.with_key("bot").await;
    let other = Store::open(&world.location, &MasterKey::new([8; 32]), entropy(), NOW).await;
    assert!(matches!(other, Err(StoreError::WrongMasterKey)));
}

async fn another_master_key_takes_over(world: World) {
    let (_, id) = world.with_key("bot").await;
    let (old, new) = (master(), MasterKey::new([8; 32]));
    let identity = world.store.root().identity_key();
    let mut tx = world.begin().await;
    tx.wrap_root_key(&old, &new).await.unwrap();
    drop(tx);
    assert_eq!(world.store.reader().master_key_id().await.unwrap(), old.id(), "not without its record");
    let mut tx = world.begin().await;
    tx.wrap_root_key(&old, &new).await.unwrap();
    commit(tx).await;
    let mut tx = world.begin().await;
    let second = tx.wrap_root_key(&old, &MasterKey::new([6; 32])).await;
    assert!(matches!(second, Err(StoreError::Conflict { .. })), "only from the key that is in use");
    drop(tx);
    // Who runs goes on, under the same root.
    assert!(world.store.feed().key(id).await.unwrap().is_some());
    assert_eq!(world.store.reader().master_key_id().await.unwrap(), new.id());
    let again = Store::open(&world.location, &old, entropy(), NOW).await;
    assert!(matches!(again, Err(StoreError::WrongMasterKey)));
    let opened = Store::open(&world.location, &new, entropy(), NOW).await.unwrap();
    assert_eq!(opened.root().identity_key(), identity);
    assert!(matches!(opened.feed().key(id).await.unwrap(), Some(LoadedKey::Intact(_))));
    opened.close().await;
}

/// A request that came at `at`.
fn request(at: Moment) -> Record {
    Record {
        at,
        request: RequestId(1),
        key: None,
        account: None,
        source: "192.0.2.1".parse().unwrap(),
        method: "GET",
        route: "-",
        code: "0",
        upstream_status: Some(200),
        bytes_in: 1,
        bytes_out: 2,
        micros: 3,
        orders: None,
    }
}

async fn the_journal_settles_what_was_left_open(world: World) {
    let journal = world.store.journal();
    let mut writer = journal.writer().unwrap();
    let intent = |number| Intent {
        at: NOW,
        request: RequestId(number),
        key: KeyId::from_entropy([1; 16]),
        account: AccountId::from_u64(7).unwrap(),
        route: "/api/v5/asset/withdrawal",
        source: "192.0.2.1".parse().unwrap(),
        body_hash: [0; 32],
    };
    let record = request(NOW);
    let settled = Outcome { request: RequestId(1), status: OutcomeStatus::Answered(200), at: NOW };
    writer.append(&[intent(1), intent(2)], &[], &[record]).await.unwrap();
    writer.append(&[], &[settled], &[]).await.unwrap();
    assert!(writer.append(&[intent(1)], &[], &[]).await.is_err(), "a request has one intent");
    let open = journal.open_intents().await.unwrap();
    assert_eq!(open.iter().map(|one| one.request.clone()).collect::<Vec<_>>(), [RequestId(2).to_string()]);
    assert_eq!(journal.abandon_open(NOW).await.unwrap(), 1);
    assert!(journal.open_intents().await.unwrap().is_empty());
    let late = Outcome { request: RequestId(2), status: OutcomeStatus::Answered(200), at: NOW };
    writer.append(&[], &[late], &[]).await.unwrap();
    let mut counts = journal.intent_counts().await.unwrap();
    counts.sort();
    assert_eq!(
        counts,
        [("answered".to_owned(), 1), ("unknown".to_owned(), 1)],
        "an unknown outcome stays unknown"
    );
    assert_eq!(journal.record_count().await.unwrap(), 1);
    // PostgreSQL drops whole days.
    assert_eq!(journal.forget(NOW.plus_ms(DAY_MS), 100).await.unwrap(), 1);
}

async fn the_journal_keeps_what_is_taken_from_the_sums_of_a_day(world: World) {
    let journal = world.store.journal();
    let mut writer = journal.writer().unwrap();
    let key = KeyId::from_entropy([1; 16]);
    let reserved = |request, element, of: SumOf, day| Reserved {
        request: RequestId(request),
        element,
        owner: SumOwner::Key(key),
        day,
        of,
        amount: Decimal::parse("0.25").unwrap(),
    };
    let usdt = || SumOf::Withdrawal("USDT".into());
    let account = SumOwner::Account(AccountId::from_u64(77).unwrap());
    let all = [
        reserved(1, 0, SumOf::Value, 20_000),
        reserved(1, 0, SumOf::Orders, 20_000),
        reserved(1, 1, SumOf::Value, 20_000),
        reserved(2, 0, usdt(), 20_001),
        Reserved { owner: account, ..reserved(2, 0, usdt(), 20_001) },
    ];
    writer.commit(JournalBatch { reserved: &all, ..JournalBatch::default() }).await.unwrap();
    let again = JournalBatch { reserved: &all[..1], ..JournalBatch::default() };
    assert!(writer.commit(again).await.is_err(), "an element takes once");
    // What was never taken can be given back too: a request that was not written in time.
    let released =
        [(1, 0), (7, 0)].map(|(request, element)| Released { request: RequestId(request), element });
    writer.commit(JournalBatch { released: &released, ..JournalBatch::default() }).await.unwrap();
    let mut taken = journal.taken(20_000).await.unwrap();
    taken.sort_by_key(|one| (one.day, one.owner.to_string()));
    let of: Vec<_> =
        taken.iter().map(|one| (one.owner, one.day, one.of.clone(), one.amount.to_string())).collect();
    assert_eq!(
        of,
        [
            (SumOwner::Key(key), 20_000, SumOf::Value, "0.25".to_owned()),
            (SumOwner::Key(key), 20_001, usdt(), "0.25".to_owned()),
            (account, 20_001, usdt(), "0.25".to_owned())
        ]
    );
    assert_eq!(journal.taken(20_001).await.unwrap().len(), 2);
    journal.forget_reserved(20_001).await.unwrap();
    assert_eq!(journal.taken(0).await.unwrap().len(), 2);
}

async fn the_journals_oldest_records_give_way(world: World) {
    let journal = world.store.journal();
    let mut writer = journal.writer().unwrap();
    let empty = journal.used_bytes().await.unwrap();
    for page in 0..10_u32 {
        let records: Vec<Record> = (0..1_000)
            .map(|at| Record { at: NOW.plus_ms(u64::from(10 - page) * 1_000 + at), ..request(NOW) })
            .collect();
        writer.append(&[], &[], &records).await.unwrap();
    }
    let full = journal.used_bytes().await.unwrap();
    assert!(full > empty + 500_000, "{empty} {full}");
    let records = |records| Forgotten { records, days: 0 };
    assert_eq!(journal.forget_oldest(NOW, 9_000).await.unwrap(), records(9_000));
    assert!(journal.used_bytes().await.unwrap() < full / 2, "what was freed does not count");
    assert_eq!(world.store.newest().await.unwrap(), Some(NOW.plus_ms(10_999)), "the oldest went first");
    assert_eq!(journal.forget_oldest(NOW, 9_000).await.unwrap(), records(1_000));
    assert!(journal.forget_oldest(NOW, 9_000).await.unwrap().is_nothing());
}

async fn uses_and_horizons_never_move_back(world: World) {
    let (_, id) = world.with_key("bot").await;
    let (usage, journal) = (world.store.usage(), world.store.journal());
    for at in [2_000, 1_000] {
        usage
            .record(&[LastUse { key: id, at: Moment::from_unix_ms(at), from: "192.0.2.1".parse().unwrap() }])
            .await
            .unwrap();
        journal.advance_horizon("node", Moment::from_unix_ms(at)).await.unwrap();
    }
    let read = world.store.reader().key(Scope::All, id).await.unwrap().unwrap();
    assert_eq!(read.last_used_at, Some(Moment::from_unix_ms(2_000)));
    assert_eq!(journal.horizon("node").await.unwrap(), Some(Moment::from_unix_ms(2_000)));
    assert_eq!(journal.horizon("other").await.unwrap(), None);
}

async fn the_sweep_sees_every_key_once(world: World) {
    let account = world.with_account().await;
    for number in 0..7 {
        world.add_key(account, &format!("bot {number}")).await.unwrap();
    }
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let mut tx = world.begin().await;
        let page: Vec<KeyId> =
            tx.keys_to_sweep(NOW, after, 3).await.unwrap().into_iter().map(|key| key.unwrap().id).collect();
        let Some(last) = page.last() else { break };
        after = Some(*last);
        seen.extend(page);
    }
    seen.dedup();
    assert_eq!(seen.len(), 7);
}

async fn apps_come_back_as_they_went_in(world: World) {
    let app = AppRecord {
        id: AppId::from_u64(5).unwrap(),
        name: "Broker".into(),
        state: AppState::Active,
        ranges: AddressSet::parse("203.0.113.0/24", HostBits::Refuse).unwrap(),
        version: 1,
    };
    let mut tx = world.begin().await;
    tx.put_app(&app).await.unwrap();
    commit(tx).await;
    assert!(world.store.feed().app(app.id).await.unwrap() == Some(app.clone()));
    // An account's apps are those that its keys are bound to, and an app with nearly the same number is not one.
    let (account, _) = world.with_key("bot").await;
    let reader = world.store.reader();
    assert!(reader.apps_of(Scope::All, account).await.unwrap().is_empty());
    for number in [5, 55] {
        let mut tx = world.begin().await;
        let binding = Binding::App(AppId::from_u64(number).unwrap());
        let bound = KeyId::from_entropy(random());
        tx.insert_key(KeyDraft { binding, ..draft(bound, account, &format!("app {number}")) }).await.unwrap();
        commit(tx).await;
    }
    assert!(reader.apps_of(Scope::All, account).await.unwrap() == [app.clone()]);
    assert!(reader.apps_of(Scope::Account(account), account).await.unwrap() == [app]);
    let other = world.with_account().await;
    assert!(reader.apps_of(Scope::All, other).await.unwrap().is_empty());
    assert!(reader.apps_of(Scope::Account(other), account).await.unwrap().is_empty());
}

/// A registered app with a version of its ranges, and what gateways know of it.
pub fn an_app(owner: AccountId) -> (AppProfile, RangeVersion, AppRecord) {
    let profile = AppProfile {
        id: AppId::from_u64(5).unwrap(),
        owner,
        name: AppName::parse("Trade Pal").unwrap(),
        home_page: "https://tradepal.example".to_owned(),
        contact: "ops@tradepal.example".to_owned(),
        permissions: "read,trade".parse().unwrap(),
        logo: Some(vec![1, 2, 3]),
        standing: AppStanding::Draft,
        reason: String::new(),
        verified_at: None,
        frozen: None,
        demand: Some(Demand { made_at: NOW, due: NOW.plus_ms(1) }),
        created_at: NOW,
        changed_at: NOW,
        version: 1,
    };
    let ranges = AddressSet::parse("203.0.113.0/24,2001:db8::/32", HostBits::Refuse).unwrap();
    let first = RangeVersion {
        app: profile.id,
        number: 0,
        standing: VersionStanding::Submitted,
        ranges: ranges.clone(),
        note: "new servers".to_owned(),
        submitted_by: owner,
        submitted_at: NOW,
        decided: None,
        reason: String::new(),
        overlap_ms: 7,
        active_at: None,
        ends_at: None,
        proven: vec![keyward_rules::address::Network::V4(0xcb00_7100, 24)],
        version: 1,
    };
    let app = AppRecord {
        id: profile.id,
        name: "Trade Pal".to_owned(),
        state: AppState::Active,
        ranges,
        version: 1,
    };
    (profile, first, app)
}

async fn an_app_and_its_versions_keep_their_order(world: World) {
    let (owner, key) = world.with_key("bot").await;
    let (profile, first, _) = an_app(owner);
    let mut tx = world.begin().await;
    tx.put_app_profile(&profile).await.unwrap();
    assert_eq!(tx.put_range_version(&first).await.unwrap(), 1);
    assert_eq!(tx.put_range_version(&first).await.unwrap(), 2);
    commit(tx).await;
    let reader = world.store.reader();
    assert!(reader.app_profile(profile.id).await.unwrap() == Some(profile.clone()));
    let waiting = reader.range_versions_that(VersionStanding::Submitted, 10).await.unwrap();
    assert!(waiting.len() == 2 && waiting[0] == RangeVersion { number: 1, ..first.clone() });
    assert_eq!((reader.apps_waiting().await.unwrap(), reader.ranges_waiting().await.unwrap()), (0, 2));
    // Another account's name that looks like it is one too, until one of both is verified.
    let name = AppName::parse("TradePaI").unwrap();
    let alike = AppProfile { id: AppId::from_u64(6).unwrap(), name, verified_at: None, ..profile.clone() };
    for (verified_at, held) in [(None, false), (Some(NOW), true)] {
        let mut tx = world.begin().await;
        tx.put_app_profile(&alike).await.unwrap();
        let next =
            AppProfile { verified_at, standing: AppStanding::Submitted, version: 2, ..profile.clone() };
        tx.put_app_profile(&next).await.unwrap();
        assert_eq!(tx.refuse_held_name(&alike.name, alike.id).await.is_err(), held);
        tx.refuse_held_name(&profile.name, profile.id).await.unwrap();
        let second = AppProfile { verified_at: Some(NOW), version: 2, ..alike.clone() };
        let put = tx.put_app_profile(&second).await;
        assert_eq!(matches!(put, Err(StoreError::Exists { .. })), held, "{put:?}");
    }
    // A change by somebody who read an older row.
    let mut tx = world.begin().await;
    let next = AppProfile { standing: AppStanding::Submitted, version: 2, ..profile.clone() };
    tx.put_app_profile(&next).await.unwrap();
    assert!(matches!(tx.put_app_profile(&next).await, Err(StoreError::Conflict { .. })));
    let active = RangeVersion { number: 1, standing: VersionStanding::Active, version: 2, ..first };
    tx.put_range_version(&active).await.unwrap();
    assert!(matches!(tx.put_range_version(&active).await, Err(StoreError::Conflict { .. })));
    // However many others come and go, what is in force stays in the list, and what is over is bounded.
    let gone = RangeVersion { standing: VersionStanding::Withdrawn, version: 1, ..active.clone() };
    for _ in 0..RANGE_VERSIONS + 5 {
        tx.put_range_version(&gone).await.unwrap();
    }
    let kept = tx.range_versions(profile.id, RANGE_VERSIONS * 2).await.unwrap();
    assert_eq!(kept.len(), RANGE_VERSIONS + 2, "those in force and in review, and as many that are over");
    let some = tx.range_versions(profile.id, 10).await.unwrap();
    let numbers: Vec<u64> = some.iter().map(|version| version.number).collect();
    let newest = RANGE_VERSIONS as u64 + 7;
    assert_eq!(
        numbers,
        [newest, newest - 1, newest - 2, newest - 3, newest - 4, newest - 5, newest - 6, newest - 7, 2, 1]
    );
    // An announcement goes to each user once, in batches, and is gone afterwards.
    let (from, to) = (NOW.plus_ms(1), NOW.plus_ms(2));
    tx.insert_announcement(from, to).await.unwrap();
    let (next, users) = tx.announcement(1).await.unwrap().unwrap();
    assert_eq!((next.starts_at, next.ends_at, users.len() <= 1), (from, to, true));
    let first = AccountId::from_u64(u64::MAX >> 1).unwrap();
    tx.announced(next, Some(first)).await.unwrap();
    assert_eq!(tx.announcement(1).await.unwrap().unwrap().1, []);
    tx.announced(next, None).await.unwrap();
    assert_eq!(tx.announcement(1).await.unwrap(), None);
    // News wait in order, and know how far they came.
    tx.put_app_news(profile.id, "app_frozen", "x").await.unwrap();
    let news = tx.app_news().await.unwrap().unwrap();
    tx.app_news_told(news.id, Some("k")).await.unwrap();
    assert_eq!(tx.app_news().await.unwrap().unwrap().after, "k");
    tx.app_news_told(news.id, None).await.unwrap();
    assert_eq!(tx.app_news().await.unwrap(), None);
    commit(tx).await;
    assert_eq!(reader.app_profiles(Some(AppStanding::Submitted), None, 10).await.unwrap().len(), 1);
    // Keys by app, in numbers and in turn.
    let counts = reader.app_key_counts(profile.id, NOW, NOW).await.unwrap();
    assert_eq!(counts, AppKeyCounts::default());
    let mut tx = world.begin().await;
    let bound = KeyId::from_entropy(random());
    tx.insert_key(KeyDraft { binding: Binding::App(profile.id), ..draft(bound, owner, "app") })
        .await
        .unwrap();
    commit(tx).await;
    let counts = reader.app_key_counts(profile.id, NOW, NOW.plus_ms(1)).await.unwrap();
    assert_eq!((counts.keys, counts.accounts, counts.active, counts.used, counts.older), (1, 1, 1, 0, 1));
    let mut tx = world.begin().await;
    let (keys, last) = tx.app_keys(profile.id, "", 10).await.unwrap();
    assert_eq!((keys.len(), keys[0].id, last), (1, bound, Some(bound.to_string())));
    assert_ne!(keys[0].id, key);
    let due = async |tx: &mut keyward_store::Tx, hold, before| {
        tx.app_keys_without((profile.id, hold), before, "", 10).await.unwrap().0.len()
    };
    assert_eq!(due(&mut tx, Hold::AppFrozen, NOW.plus_ms(1)).await, 1);
    assert_eq!(due(&mut tx, Hold::AppFrozen, NOW).await, 0, "made after it was demanded");
    let mut held = keys.into_iter().next().unwrap();
    held.life = held.life.hold(Hold::AppFrozen).unwrap();
    tx.update_key(held).await.unwrap();
    assert_eq!(due(&mut tx, Hold::AppFrozen, NOW.plus_ms(1)).await, 0, "held already");
    assert_eq!(due(&mut tx, Hold::Frozen, NOW.plus_ms(1)).await, 1);
    // However many come after it: the one in force is never left out, and what is long over goes.
    for _ in 0..RANGE_VERSIONS + 10 {
        let next = RangeVersion { standing: VersionStanding::Submitted, version: 1, ..active.clone() };
        let number = tx.put_range_version(&next).await.unwrap();
        let over = RangeVersion { number, standing: VersionStanding::Withdrawn, version: 2, ..next };
        tx.put_range_version(&over).await.unwrap();
    }
    let all = tx.range_versions(profile.id, RANGE_VERSIONS).await.unwrap();
    assert_eq!(all.len(), RANGE_VERSIONS);
    assert!(all.is_sorted_by_key(|one| std::cmp::Reverse(one.number)));
    assert_eq!(all.last().unwrap().standing, VersionStanding::Active);
    let kept = tx.range_versions(profile.id, 10 * RANGE_VERSIONS).await.unwrap();
    assert!(kept.len() <= RANGE_VERSIONS + 3, "{}", kept.len());
}

async fn many_at_once_are_like_one_by_one(world: World) {
    let id = AccountId::from_entropy(random());
    let kind = AccountKind::Master(Email::parse("many@keyward.example").unwrap());
    let accounts = vec![AccountRecord { id, kind, created_at: NOW }];
    let keys: Vec<KeyId> = (0..3).map(|_| KeyId::from_entropy(random())).collect();
    let drafts = || keys.iter().enumerate().map(|(at, key)| draft(*key, id, &format!("bot {at}"))).collect();
    let event = Event::of(&grant(), NOW, "test", &[]);
    world.store.writer().insert_many((grant(), NOW), accounts, drafts(), event.clone()).await.unwrap();
    let (loaded, found) = world.load().await;
    assert_eq!((found.len(), loaded.revision), (3, Revision(3)));
    assert!(found.iter().all(|key| matches!(key, LoadedKey::Intact(key) if keys.contains(&key.id))));
    assert_eq!(world.store.feed().since(&Position::at(Revision(0)), 10).await.unwrap().len(), 3);
    let again = world.store.writer().insert_many((grant(), NOW), vec![], drafts(), event).await;
    assert!(again.is_err(), "ids are there once");
    assert_eq!(world.load().await.0.revision, Revision(3), "and nothing of it is kept");
}

async fn a_watch_tells_of_a_change(world: World) {
    let mut watch = world.store.feed().watch().await.unwrap();
    // The first look and a quiet tenth of a second both end by themselves.
    for _ in 0..2 {
        watch.changed().await;
    }
    let (_, id) = world.with_key("bot").await;
    watch.changed().await;
    assert!(matches!(world.store.feed().key(id).await.unwrap(), Some(LoadedKey::Intact(_))));
}

async fn marks_are_complete_once_and_after_a_clean_stop(world: World) {
    let journal = world.store.journal();
    let mut writer = journal.writer().unwrap();
    let taken = async |node: &str, now: Moment| {
        let mut taken = journal.take_marks(node, now).await.unwrap();
        taken.entries.sort_by_key(|mark| mark.fingerprint);
        (taken.complete, taken.entries)
    };
    assert_eq!(taken("node", NOW).await, (false, vec![]), "there was no run before");
    journal.advance_horizon("node", NOW).await.unwrap();
    let second = NOW.unix_ms() / 1_000;
    let mark = |fingerprint| SavedReplayEntry { key: KeyId::from_entropy([3; 16]), fingerprint, second };
    writer.keep_marks("node", &[mark(9)]).await.unwrap();
    assert_eq!(taken("node", NOW).await, (false, vec![mark(9)]), "the last run crashed");
    assert_eq!(taken("node", NOW).await, (false, vec![mark(9)]), "and the one after it");
    let marks = vec![mark(7), mark(u64::MAX)];
    writer.save_marks("node", NOW, &marks).await.unwrap();
    assert_eq!(taken("other", NOW).await, (false, vec![]));
    assert_eq!(taken("node", NOW).await, (true, marks.clone()));
    assert_eq!(taken("node", NOW).await, (false, marks.clone()), "they are all of them once");
    writer.save_marks("node", NOW, &marks).await.unwrap();
    let earlier = Moment::from_unix_ms(NOW.unix_ms() - 1);
    assert_eq!(taken("node", earlier).await, (false, marks.clone()), "the clock stepped back");
    journal.forget_marks(NOW.plus_ms(90_000)).await.unwrap();
    assert_eq!(taken("node", NOW).await.1, marks);
    journal.forget_marks(NOW.plus_ms(91_000)).await.unwrap();
    assert_eq!(taken("node", NOW).await, (false, vec![]));
}

async fn the_newest_moment_is_of_a_change_or_a_request(world: World) {
    assert_eq!(world.store.newest().await.unwrap(), None);
    world.with_account().await;
    assert_eq!(world.store.newest().await.unwrap(), Some(NOW));
    let mut writer = world.store.journal().writer().unwrap();
    for at in [NOW.plus_ms(7), Moment::from_unix_ms(5)] {
        writer.append(&[], &[], &[request(at)]).await.unwrap();
        assert_eq!(world.store.newest().await.unwrap(), Some(NOW.plus_ms(7)));
    }
    // The server runs on this machine and by its clock.
    let before = Moment::from_unix_ms(now_ms());
    let shown = world.store.clock().await.unwrap();
    match &world.location {
        Location::Folder(_) => assert_eq!(shown, None, "SQLite has no clock of its own"),
        Location::Postgres(_) => {
            let shown = shown.unwrap();
            assert!(shown.plus_ms(1) >= before && shown.unix_ms() <= now_ms() + 1, "{shown}");
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "compared with the clock of a database on this machine")]
fn now_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    u64::try_from(since.as_millis()).unwrap()
}
