//! People, sessions, codes, alerts and mails: the same behaviour on SQLite and PostgreSQL.

use keyward_rules::account::Email;
use keyward_rules::alert::{Alert, AlertKind};
use keyward_rules::grant::{ActionKind, Scope};
use keyward_rules::id::{AccountId, KeyId};
use keyward_rules::letter::{Body, CodeMail, MailMessage};
use keyward_rules::person::{CodeTag, SessionId, SessionLife};
use keyward_rules::secret::Secret;
use keyward_rules::time::Moment;
use keyward_store::{
    AttemptLimit, KeyDraft, KeyMetadata, NewChallenge, Quota, SessionKind, SessionRecord, Stage, Store,
    StoreError, Try,
};

use crate::world::{NOW, World, commit, draft, edit, entropy, master, random};

macro_rules! on_both {
    ($($part:ident),+) => {
        mod sqlite { $(#[tokio::test] async fn $part() { super::$part(crate::world::World::sqlite().await).await; })+ }
        mod postgres { $(#[tokio::test] async fn $part() { super::$part(crate::world::World::postgres().await).await; })+ }
    };
}

on_both!(
    a_person_comes_back_as_they_went_in,
    what_is_accepted_once_is_taken_once,
    tries_are_counted_before_they_are_checked,
    challenges_count_their_tries_and_end_with_use,
    sessions_open_and_end,
    alerts_are_told_once_and_seen,
    mails_are_claimed_by_one_and_keep_no_text,
    notes_and_repeats_are_kept,
    what_is_usual_is_kept_by_key,
    ends_of_earlier_stores_are_told_from_a_policys
);

fn tag(byte: u8) -> CodeTag {
    CodeTag::from_bytes([byte; 32])
}

async fn person(world: &World) -> AccountId {
    let account = world.with_account().await;
    let mut tx = world.begin().await;
    tx.insert_person(account, &Secret::new("$argon2id$x".into()), "amber kite").await.unwrap();
    tx.set_totp(account, Some(&Secret::new(vec![7; 20])), 41).await.unwrap();
    tx.set_recovery_codes(account, &[tag(1), tag(2)]).await.unwrap();
    commit(tx).await;
    account
}

async fn a_person_comes_back_as_they_went_in(world: World) {
    let account = person(&world).await;
    let door = world.store.door();
    let read = door.person(account).await.unwrap().unwrap();
    assert_eq!(
        (read.password.expose().as_str(), read.phrase.as_str(), read.totp_step),
        ("$argon2id$x", "amber kite", 41)
    );
    assert_eq!(read.totp.unwrap().expose(), &vec![7; 20]);
    let mut tx = world.begin().await;
    let again = tx.insert_person(account, &Secret::new("x".into()), "y").await;
    assert!(matches!(again, Err(StoreError::Exists { .. })));
    drop(tx);
    let mut tx = world.begin().await;
    tx.set_password(account, &Secret::new("new".into())).await.unwrap();
    tx.set_phrase(account, "blue bell").await.unwrap();
    tx.set_cooling(account, Some(NOW.plus_ms(5))).await.unwrap();
    tx.set_totp(account, None, 50).await.unwrap();
    tx.set_email(account, &Email::parse("other@keyward.example").unwrap()).await.unwrap();
    commit(tx).await;
    let read = door.person(account).await.unwrap().unwrap();
    assert_eq!(
        (read.password.expose().as_str(), read.phrase.as_str(), read.cooling_until),
        ("new", "blue bell", Some(NOW.plus_ms(5)))
    );
    assert!(read.totp.is_none());
    let found =
        door.account_by_email(&Email::parse("other@keyward.example").unwrap()).await.unwrap().unwrap();
    assert_eq!(found.id, account);
    let other = world.with_account().await;
    let mut tx = world.begin().await;
    let taken = tx.set_email(other, &Email::parse("other@keyward.example").unwrap()).await;
    assert!(matches!(taken, Err(StoreError::Exists { .. })));
}

async fn what_is_accepted_once_is_taken_once(world: World) {
    let account = person(&world).await;
    let door = world.store.door();
    assert!(!door.use_totp_step(account, 41).await.unwrap(), "used before");
    let tries: Vec<_> = (0..8)
        .map(|_| {
            let door = door.clone();
            tokio::spawn(async move { door.use_totp_step(account, 42).await.unwrap() })
        })
        .collect();
    let mut taken = 0;
    for one in tries {
        taken += u32::from(one.await.unwrap());
    }
    assert_eq!(taken, 1);
    assert!(door.use_recovery_code(account, &tag(2), NOW).await.unwrap());
    assert!(!door.use_recovery_code(account, &tag(2), NOW).await.unwrap());
    assert!(!door.use_recovery_code(account, &tag(3), NOW).await.unwrap());
    assert_eq!(door.recovery_codes_left(account).await.unwrap(), 1);
}

async fn tries_are_counted_before_they_are_checked(world: World) {
    let door = world.store.door();
    for _ in 0..5 {
        assert_ne!(door.count_try("a", AttemptLimit::Credential, NOW).await.unwrap(), Try::Paused);
    }
    assert_eq!(door.count_try("a", AttemptLimit::Credential, NOW).await.unwrap(), Try::Paused);
    assert_ne!(door.count_try("b", AttemptLimit::Credential, NOW).await.unwrap(), Try::Paused);
    let later = NOW.plus_ms(2_000);
    assert_ne!(door.count_try("a", AttemptLimit::Credential, later).await.unwrap(), Try::Paused);
    assert_eq!(
        door.count_try("a", AttemptLimit::Credential, later.plus_ms(2_000)).await.unwrap(),
        Try::Paused,
        "the pause has doubled"
    );
    door.clear_tries("a").await.unwrap();
    assert_ne!(door.count_try("a", AttemptLimit::Credential, later).await.unwrap(), Try::Paused);
    for _ in 0..40 {
        let counted = door.count_try("s", AttemptLimit::Source, NOW).await.unwrap();
        assert_ne!(counted, Try::Paused, "right ones are given back");
        door.refund_try("s", counted).await.unwrap();
    }
    // A try that was not looked at takes its pause with it, and nobody else's.
    let mut counted = Vec::new();
    loop {
        match door.count_try("c", AttemptLimit::Credential, NOW).await.unwrap() {
            Try::Paused => break,
            one @ Try::Counted { .. } => counted.push(one),
        }
    }
    assert!(counted.len() > 2);
    door.refund_try("c", counted[0]).await.unwrap();
    let again = door.count_try("c", AttemptLimit::Credential, NOW).await.unwrap();
    assert_eq!(again, Try::Paused, "another began the pause");
    door.refund_try("c", counted[counted.len() - 1]).await.unwrap();
    assert_ne!(door.count_try("c", AttemptLimit::Credential, NOW).await.unwrap(), Try::Paused);
    door.tidy(NOW.plus_ms(48 * 3_600_000)).await.unwrap();
}

fn challenge(id: u8, owner: &str) -> NewChallenge {
    NewChallenge {
        id: SessionId::from_entropy([id; 16]),
        owner: owner.to_owned(),
        account: None,
        session: Some(SessionId::from_entropy([9; 16])),
        action: ActionKind::IssueKey,
        intent: tag(1),
        code: tag(2),
        payload: Secret::new("sealed words".into()),
        expires_at: NOW.plus_ms(600_000),
        most_per_hour: 2,
    }
}

async fn challenges_count_their_tries_and_end_with_use(world: World) {
    let door = world.store.door();
    let (later, again) = (NOW.plus_ms(60_000), NOW.plus_ms(60 * 60 * 1_000));
    assert_eq!(door.challenge(challenge(1, "o"), None, NOW).await.unwrap(), Quota::Left);
    assert_eq!(door.challenge(challenge(2, "o"), None, later).await.unwrap(), Quota::Left);
    let refused = door.challenge(challenge(3, "o"), None, later).await.unwrap();
    assert_eq!(refused, Quota::UsedUpUntil(again), "two an hour, counted from the oldest");
    assert_eq!(door.may_challenge("o", 2, later).await.unwrap(), Quota::UsedUpUntil(again));
    assert_eq!(door.may_challenge("o", 3, later).await.unwrap(), Quota::Left);
    let just_before = NOW.plus_ms(60 * 60 * 1_000 - 1);
    assert_eq!(door.may_challenge("o", 2, just_before).await.unwrap(), Quota::UsedUpUntil(again));
    assert_eq!(door.may_challenge("o", 2, again).await.unwrap(), Quota::Left, "at the moment that was said");
    assert_eq!(door.challenge(challenge(4, "p"), None, NOW).await.unwrap(), Quota::Left);
    let id = SessionId::from_entropy([1; 16]);
    for tries in 1..4 {
        let opened = door.try_challenge(id).await.unwrap().unwrap();
        assert_eq!((opened.challenge.tries, opened.payload.expose().as_str()), (tries, "sealed words"));
    }
    assert!(door.use_challenge(id, NOW).await.unwrap());
    assert!(!door.use_challenge(id, NOW).await.unwrap());
    assert!(door.try_challenge(id).await.unwrap().is_none());
    assert!(door.try_challenge(SessionId::from_entropy([8; 16])).await.unwrap().is_none());
}

async fn sessions_open_and_end(world: World) {
    let account = person(&world).await;
    let door = world.store.door();
    let record = |byte: u8, stage| SessionRecord {
        id: SessionId::from_entropy([byte; 16]),
        account,
        kind: SessionKind::Program,
        stage,
        life: SessionLife { began_at: NOW, seen_at: NOW },
        source: "203.0.113.1".into(),
        device: "test".into(),
        device_since: Moment::EPOCH,
        note: None,
    };
    door.begin_half(&record(1, Stage::Password), &[1; 32]).await.unwrap();
    let mut tx = world.begin().await;
    tx.begin_session(&record(2, Stage::Full), &[2; 32]).await.unwrap();
    tx.begin_session(&record(3, Stage::Full), &[3; 32]).await.unwrap();
    assert!(tx.end_session(account, SessionId::from_entropy([1; 16])).await.unwrap());
    assert!(!tx.end_session(account, SessionId::from_entropy([1; 16])).await.unwrap());
    commit(tx).await;
    assert!(door.session(&[1; 32], NOW).await.unwrap().is_none());
    assert_eq!(door.session(&[2; 32], NOW).await.unwrap(), Some(record(2, Stage::Full)));
    let later = NOW.plus_ms(29 * 60_000);
    let used = door.session(&[2; 32], later).await.unwrap().unwrap();
    door.touch(&used, later).await.unwrap();
    assert!(door.session(&[2; 32], later.plus_ms(29 * 60_000)).await.unwrap().is_some(), "it was touched");
    assert!(door.session(&[3; 32], later.plus_ms(29 * 60_000)).await.unwrap().is_none(), "this one was not");
    let reader = world.store.reader();
    assert_eq!(reader.sessions_of(Scope::Account(account), account).await.unwrap().len(), 2);
    // A note is its session's own, the newest one stays, and it is taken once.
    let [second, third] = [record(2, Stage::Full).id, record(3, Stage::Full).id];
    door.leave_note(second, "edited").await.unwrap();
    door.leave_note(second, "deleted").await.unwrap();
    assert_eq!(door.session(&[2; 32], later).await.unwrap().unwrap().note.as_deref(), Some("deleted"));
    assert_eq!(door.session(&[3; 32], NOW).await.unwrap().unwrap().note, None);
    assert!(
        !door.take_note(third, "deleted").await.unwrap() && !door.take_note(second, "edited").await.unwrap()
    );
    assert!(door.take_note(second, "deleted").await.unwrap());
    assert!(!door.take_note(second, "deleted").await.unwrap(), "the second one takes nothing");
    assert_eq!(door.session(&[2; 32], later).await.unwrap().unwrap().note, None);
    let stranger = world.with_account().await;
    assert!(reader.sessions_of(Scope::Account(stranger), account).await.unwrap().is_empty());
    let mut tx = world.begin().await;
    assert_eq!(tx.end_sessions(account, Some(SessionId::from_entropy([2; 16]))).await.unwrap(), 1);
    commit(tx).await;
    door.see_device(&[5; 32], account, (NOW, NOW)).await.unwrap();
    door.see_device(&[5; 32], account, (later, later)).await.unwrap();
    assert_eq!(
        door.device_since(&[5; 32], account).await.unwrap(),
        Some(NOW),
        "when it was first seen stays"
    );
    assert!(!door.knows_device(&[5; 32], stranger).await.unwrap());
    let mut tx = world.begin().await;
    tx.forget_devices(account).await.unwrap();
    commit(tx).await;
    assert!(!door.knows_device(&[5; 32], account).await.unwrap());
}

async fn alerts_are_told_once_and_seen(world: World) {
    let account = person(&world).await;
    let once = Alert { once: "wrong:1".into(), ..Alert::of(AlertKind::WrongAddress, account, NOW) };
    let always = Alert { device: Some("Chrome".into()), ..Alert::of(AlertKind::NewDevice, account, NOW) };
    let mut tx = world.begin().await;
    assert!(tx.tell(&once, &[]).await.unwrap());
    assert!(!tx.tell(&once, &[]).await.unwrap());
    assert!(tx.tell(&always, &[]).await.unwrap() && tx.tell(&always, &[]).await.unwrap());
    commit(tx).await;
    let (reader, scope) = (world.store.reader(), Scope::Account(account));
    let all = reader.alerts_of(scope, account, None, 10).await.unwrap();
    assert_eq!(all.len(), 3);
    assert_eq!(all[0].alert, always);
    assert_eq!(reader.alerts_of(scope, account, Some(all[1].id), 10).await.unwrap().len(), 1);
    assert_eq!(reader.unseen_alerts(scope, account).await.unwrap(), 3);
    world.store.inbox().seen(account, all[1].id, NOW).await.unwrap();
    assert_eq!(reader.unseen_alerts(scope, account).await.unwrap(), 1);
    assert!(reader.alerts_of(Scope::Nothing, account, None, 10).await.unwrap().is_empty());
}

async fn mails_are_claimed_by_one_and_keep_no_text(world: World) {
    let letter = MailMessage {
        to: Email::parse("a@keyward.example").unwrap(),
        phrase: String::new(),
        brake: String::new(),
        body: Body::Code(CodeMail {
            code: "01234567".into(),
            approves: vec!["x".into()],
            at: NOW,
            from: "203.0.113.1".into(),
            device: "test".into(),
        }),
    };
    let door = world.store.door();
    for id in 1..=2 {
        assert_eq!(door.challenge(challenge(id, "o"), Some(&letter), NOW).await.unwrap(), Quota::Left);
    }
    let outbox = world.store.outbox();
    assert!(outbox.has_due(NOW).await.unwrap());
    let (one, other) = tokio::join!(outbox.claim(NOW, 1_000, 1), outbox.claim(NOW, 1_000, 2));
    let (one, other) = (one.unwrap(), other.unwrap());
    let mut ids: Vec<i64> = one.iter().chain(&other).map(|claimed| claimed.id).collect();
    ids.sort_unstable();
    let before = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), before, "nobody gets what another has");
    assert_eq!(one.iter().chain(&other).next().unwrap().letter, Some(letter));
    let late = NOW.plus_ms(1_001);
    let again = outbox.claim(late, 1_000, 10).await.unwrap();
    assert_eq!((again.len(), again[0].tries), (2, 2), "a lease that ran out frees it");
    outbox.delivered(again[0].id).await.unwrap();
    outbox.delayed(again[1].id, late.plus_ms(5_000)).await.unwrap();
    assert!(!outbox.has_due(late).await.unwrap() && outbox.has_due(late.plus_ms(5_000)).await.unwrap());
    outbox.failed(again[1].id).await.unwrap();
    assert_eq!(outbox.counts().await.unwrap(), [("delivered".to_owned(), 1), ("failed".to_owned(), 1)]);
    outbox.tidy(NOW.plus_ms(1)).await.unwrap();
    assert!(outbox.counts().await.unwrap().is_empty());
}

async fn what_is_usual_is_kept_by_key(world: World) {
    let (_, id) = world.with_key("bot").await;
    let baselines = world.store.baselines();
    assert_eq!(baselines.of(id).await.unwrap(), None);
    for text in [
        "classes 1\nhours 1\ninstruments 0\n",
        "classes 3\nhours 5\ninstruments 20031 9c25c9ff\nday 20000 12 0 1\nnetwork 192.0.2.0/24 20000\n",
    ] {
        baselines.keep(&[(id, text.to_owned())], NOW).await.unwrap();
        assert_eq!(baselines.of(id).await.unwrap().unwrap().to_string(), text);
        assert_eq!(world.store.reader().baseline(id).await.unwrap().unwrap().to_string(), text);
    }
    baselines.keep(&[(id, "what nobody wrote".to_owned())], NOW).await.unwrap();
    assert!(baselines.of(id).await.is_err());
    for (days, kept) in [(399, true), (401, false)] {
        baselines.tidy(NOW.plus_ms(days * 24 * 60 * 60 * 1_000)).await.unwrap();
        assert_eq!(baselines.of(id).await.is_err(), kept, "after {days} days");
    }
}

async fn notes_and_repeats_are_kept(world: World) {
    let (account, id) = world.with_key("bot").await;
    let mut tx = world.begin().await;
    assert_eq!(tx.notes(id).await.unwrap(), KeyMetadata::none(id));
    let notes = KeyMetadata {
        tags: vec!["arb".into(), "grid bot".into()],
        successor: Some(id),
        overlap_until: Some(NOW),
        told: vec!["age:90".into()],
        networks: vec!["192.0.2.0/24".into()],
        own_end: Some(NOW.plus_ms(1)),
        unbound_at: Some(NOW.plus_ms(2)),
        signals: "dormant burst>500".parse().unwrap(),
        ..KeyMetadata::none(id)
    };
    tx.set_notes(&notes).await.unwrap();
    tx.set_notes(&notes).await.unwrap();
    assert_eq!(tx.notes_of(account).await.unwrap().first(), Some(&notes));
    tx.insert_repeat(account, "one", &tag(4), id).await.unwrap();
    commit(tx).await;
    assert_eq!(world.store.reader().notes_of(account).await.unwrap(), [notes]);
    let mut tx = world.begin().await;
    let (intent, key) = tx.repeat_of(account, "one").await.unwrap().unwrap();
    assert!(intent.matches(&tag(4)) && key == id);
    assert!(tx.repeat_of(account, "two").await.unwrap().is_none());
    drop(tx);
    for (days, kept) in [(1, true), (2, false)] {
        world.store.door().tidy(NOW.plus_ms(days * 24 * 60 * 60 * 1_000)).await.unwrap();
        assert_eq!(world.begin().await.repeat_of(account, "one").await.unwrap().is_some(), kept);
    }
}

/// Before, a key's row alone said when it ends: by its holder's wish, by a policy, or by an overlap.
async fn ends_of_earlier_stores_are_told_from_a_policys(world: World) {
    const DAY_MS: u64 = 86_400_000;
    let midnight = Moment::from_unix_ms(NOW.unix_ms().div_ceil(DAY_MS) * DAY_MS);
    assert_ne!(NOW, midnight);
    let days = |from: Moment, days: u64| Some(from.plus_ms(days * DAY_MS));
    let overlap = NOW.plus_ms(DAY_MS + 3_600_000);
    let cases = [
        ("no end", None, None, None),
        ("tomorrow", days(midnight, 0), None, days(midnight, 0)),
        ("in a week", days(midnight, 7), None, days(midnight, 7)),
        ("in 90 days", days(midnight, 90), None, days(midnight, 90)),
        ("in ten years", days(midnight, 3_650), None, days(midnight, 3_650)),
        ("a policy's day", days(NOW, 1), None, None),
        ("a policy's week", days(NOW, 7), None, None),
        ("a policy's 90 days", days(NOW, 90), None, None),
        ("a policy's ten years", days(NOW, 3_650), None, None),
        ("an overlap's", Some(overlap), Some(overlap), None),
        ("its own within an overlap", days(midnight, 0), Some(overlap), days(midnight, 0)),
        ("a policy's within an overlap", days(NOW, 1), Some(overlap), None),
    ];
    let account = world.with_account().await;
    let mut keys = Vec::new();
    for (name, end, overlap, own) in cases {
        let id = KeyId::from_entropy(random());
        let mut tx = world.begin().await;
        tx.insert_key(KeyDraft { expires_at: end, ..draft(id, account, name) }).await.unwrap();
        if overlap.is_some() {
            let notes =
                KeyMetadata { overlap_until: overlap, told: vec!["a word".into()], ..KeyMetadata::none(id) };
            tx.set_notes(&notes).await.unwrap();
        }
        commit(tx).await;
        keys.push((name, id, overlap, own));
    }
    world.store.close().await;
    let back = "ALTER TABLE key_notes DROP COLUMN own_end; ALTER TABLE key_notes DROP COLUMN unbound_at; \
        ALTER TABLE sessions DROP COLUMN note; DROP TABLE announcements; ALTER TABLE keys DROP COLUMN fences; \
        DROP TABLE baselines; DROP TABLE account_limits; DROP TABLE reviews; DROP TABLE transfer_approvals; DROP TABLE transfer_thresholds; DROP TABLE transfer_sums; DROP TABLE sub_accounts; DROP TABLE members; DROP TABLE invitations; DROP INDEX keys_of_new_devices; ALTER TABLE keys DROP COLUMN new_device_until; ALTER TABLE devices DROP COLUMN first_at; ALTER TABLE sessions DROP COLUMN device_since; DROP INDEX keys_by_secret_print; DROP INDEX keys_without_print; ALTER TABLE keys DROP COLUMN secret_print; ALTER TABLE key_notes DROP COLUMN muted; \
        UPDATE schema_steps SET steps = 13 WHERE part = 'main'";
    edit(&world, "keyward.db", back).await;
    let store = Store::open(&world.location, &master(), entropy(), NOW).await.unwrap();
    for (name, id, overlap, own) in keys {
        let notes = store.reader().notes(id).await.unwrap();
        assert_eq!((notes.own_end, notes.unbound_at), (own, None), "{name}");
        assert_eq!(
            (notes.overlap_until, notes.told.len()),
            (overlap, usize::from(overlap.is_some())),
            "{name}"
        );
    }
    store.close().await;
}
