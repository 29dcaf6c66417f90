//! F78 and architecture's promise: any altered, swapped or invented sealed value is caught at the next read.

use keyward_rules::approval::{AskedTransfer, Asker, RequestApproval, Thresholds, Transfer};
use keyward_rules::grant::Scope;
use keyward_rules::id::{ApprovalId, KeyId, RequestId};
use keyward_rules::key::Environment;
use keyward_store::{Finding, LoadedKey, StoreError};
use rusqlite::Connection;

use crate::world::{NOW, World, commit};

fn edit(world: &World, sql: &str) {
    let connection = Connection::open(world.file()).unwrap();
    connection.execute_batch(sql).unwrap();
}

async fn is_broken(world: &World, id: KeyId) -> bool {
    let feed =
        matches!(world.store.feed().key(id).await.unwrap(), Some(LoadedKey::Broken(broken)) if broken == id);
    let (_, keys) = world.load().await;
    let bulk = keys.iter().any(|key| matches!(key, LoadedKey::Broken(broken) if *broken == id));
    let writer = matches!(world.begin().await.key(id).await, Err(StoreError::Tampered { .. }));
    assert_eq!((feed, bulk), (writer, writer), "every reader sees the same");
    writer
}

#[tokio::test]
async fn every_sealed_column_is_watched() {
    let edits = [
        "master = 5",
        "name = 'other'",
        "permissions = 31",
        "permissions = 3 + 4",
        "binding = 'anywhere'",
        "binding = 'addresses:0.0.0.0/0'",
        "binding = 'app:5'",
        "binding = ''",
        "binding = 'canary'",
        "environment = 'demo'",
        "state = 'disabled'",
        "holds = 1",
        "holds = 256",
        "holds = 512",
        "holds = 1024",
        "new_device_until = 1",
        "rate_cap = NULL",
        "rate_cap = 8",
        "rate_cap = 0",
        "fences = NULL",
        "fences = '{}'",
        "fences = '{\"max_order_value\":\"501\"}'",
        "fences = REPLACE(fences, ':', ' : ')",
        "expires_at = NULL",
        "expires_at = expires_at + 1",
        "passphrase = zeroblob(16)",
        "version = version + 1",
        "data_key = 2",
        "seal = zeroblob(92)",
        "seal = NULL",
        "created_at = created_at + 1",
    ];
    for change in edits {
        let world = World::sqlite().await;
        let (_, id) = world.with_key("bot").await;
        assert!(!is_broken(&world, id).await);
        edit(&world, &format!("UPDATE keys SET {change}"));
        assert!(is_broken(&world, id).await, "{change}");
    }
}

/// An approval that somebody writes into the database, or changes there, lets nothing pass.
#[tokio::test]
async fn an_altered_approval_of_a_transfer_is_none() {
    let edits = [
        "account = account + 1",
        "master = account",
        "key_id = 'other'",
        "environment = 'demo'",
        "hash = zeroblob(32)",
        "transfer = 'USDT 1000 6 18 3 - - -'",
        "sub_name = 'other'",
        "key_name = 'other'",
        "source = '192.0.2.8'",
        "made_at = made_at + 1",
        "expires_at = expires_at + 1",
        "standing = 'approved'",
        "standing = 'approved', decided_at = made_at",
        "standing = 'refused', decided_at = made_at",
        "decided_by = 5",
        "used_at = 5, used_by = '1'",
        "data_key = 2",
        "seal = zeroblob(92)",
    ];
    for change in edits {
        let world = World::sqlite().await;
        let (account, key) = world.with_key("bot").await;
        let master = world.with_account().await;
        let asked = AskedTransfer {
            request: RequestId(1),
            key,
            account,
            master,
            environment: Environment::Live,
            source: "192.0.2.7".parse().unwrap(),
            transfer: Transfer::parse("USDT 1 6 18 3 - - -").unwrap(),
            at: NOW,
        };
        let asker =
            Asker { sub_account: "probeSub01".into(), key_name: "bot".into(), source: Some(asked.source) };
        let approval = RequestApproval::asked(ApprovalId::from_u64(7).unwrap(), &asked, asker);
        let mut tx = world.begin().await;
        tx.insert_request_approval(&approval).await.unwrap();
        commit(tx).await;
        let read = || async { world.store.reader().request_approval(approval.id).await };
        assert_eq!(read().await.unwrap().as_ref(), Some(&approval));
        edit(&world, &format!("PRAGMA foreign_keys = OFF; UPDATE transfer_approvals SET {change}"));
        assert!(matches!(read().await, Err(StoreError::Tampered { .. })), "{change}");
        let open = world.begin().await.open_request_approval(account, asked.hash()).await;
        assert!(matches!(open, Ok(None) | Err(StoreError::Tampered { .. })), "{change}");
    }
}

/// Nor does a threshold.
#[tokio::test]
async fn altered_thresholds_are_none() {
    let world = World::sqlite().await;
    let account = world.with_account().await;
    let mut tx = world.begin().await;
    tx.set_thresholds(account, &Thresholds::parse("1 USDT").unwrap()).await.unwrap();
    commit(tx).await;
    for change in ["thresholds = '1000 USDT'", "seal = zeroblob(92)", "data_key = 2"] {
        edit(&world, &format!("UPDATE transfer_thresholds SET {change}"));
        let read = world.store.reader().thresholds(Scope::All, account).await;
        assert!(matches!(read, Err(StoreError::Tampered { .. })), "{change}");
    }
}

#[tokio::test]
async fn a_key_cannot_be_given_to_another_account() {
    let world = World::sqlite().await;
    let (_, id) = world.with_key("bot").await;
    let other = world.with_account().await;
    edit(&world, &format!("UPDATE keys SET account = {other}"));
    assert!(is_broken(&world, id).await);
}

#[tokio::test]
async fn seals_cannot_be_swapped_between_rows() {
    let world = World::sqlite().await;
    let ((_, one), (_, two)) = (world.with_key("one").await, world.with_key("two").await);
    edit(
        &world,
        "CREATE TEMP TABLE t AS SELECT id, seal FROM keys;
         UPDATE keys SET seal = (SELECT seal FROM t WHERE t.id <> keys.id)",
    );
    assert!(is_broken(&world, one).await && is_broken(&world, two).await);
}

#[tokio::test]
async fn a_tampered_key_cannot_be_laundered_by_a_change() {
    let world = World::sqlite().await;
    let (_, id) = world.with_key("bot").await;
    edit(&world, "UPDATE keys SET permissions = 31");
    let mut tx = world.begin().await;
    assert!(matches!(tx.key(id).await, Err(StoreError::Tampered { .. })));
    drop(tx);
    edit(&world, "UPDATE keys SET permissions = 3");
    assert!(!is_broken(&world, id).await, "the row as it was opens again");
}

#[tokio::test]
async fn a_deleted_key_cannot_be_brought_back_by_its_state() {
    let world = World::sqlite().await;
    let (_, id) = world.with_key("bot").await;
    let mut tx = world.begin().await;
    let mut key = tx.key(id).await.unwrap().unwrap();
    key.life = key.life.delete(crate::world::NOW).unwrap();
    tx.update_key(key).await.unwrap();
    commit(tx).await;
    edit(&world, "UPDATE keys SET state = 'active', ended_at = NULL");
    assert!(is_broken(&world, id).await);
}

#[tokio::test]
async fn what_no_verdict_uses_may_change() {
    let world = World::sqlite().await;
    let (_, id) = world.with_key("bot").await;
    edit(&world, "UPDATE keys SET changed_at = 1");
    edit(&world, "INSERT INTO uses (key_id, used_at, used_from) SELECT id, 1, 'x' FROM keys");
    assert!(!is_broken(&world, id).await);
}

/// A policy that somebody takes away, or a head that goes with it, is missed: nothing falls back to what is lenient.
#[tokio::test]
async fn a_policy_that_is_taken_away_is_missed() {
    use keyward_rules::policy::Setting;
    let world = World::sqlite().await;
    let account = world.with_account().await;
    let reader = world.store.reader();
    assert_eq!(reader.policies().await.unwrap(), []);
    let set = async |name, value| {
        let mut tx = world.begin().await;
        tx.set_policy(Setting::parse(name, value).unwrap(), account).await.unwrap();
        commit(tx).await;
    };
    set("operators_needed", "3").await;
    let early = "CREATE TABLE early AS SELECT * FROM policies_head";
    edit(&world, early);
    set("max_key_age_days", "30").await;
    assert_eq!(reader.policies().await.unwrap().len(), 2);
    for change in [
        "DELETE FROM policies WHERE name = 'operators_needed'",
        "DELETE FROM policies",
        "DELETE FROM policies; DELETE FROM policies_head",
        "DELETE FROM policies_head",
        "UPDATE policies_head SET seal = (SELECT seal FROM early)",
    ] {
        edit(
            &world,
            "CREATE TABLE kept AS SELECT * FROM policies; CREATE TABLE kept_head AS SELECT * FROM policies_head",
        );
        edit(&world, change);
        assert!(matches!(reader.policies().await, Err(StoreError::Tampered { .. })), "{change}");
        let (master, entropy) = (crate::world::master(), crate::world::entropy());
        let again = keyward_store::Store::open(&world.location, &master, entropy, crate::world::NOW);
        assert!(again.await.unwrap().reader().policies().await.is_err(), "{change}: also after a start");
        edit(
            &world,
            "DELETE FROM policies; INSERT INTO policies SELECT * FROM kept; DELETE FROM policies_head; \
             INSERT INTO policies_head SELECT * FROM kept_head; DROP TABLE kept; DROP TABLE kept_head",
        );
    }
    assert_eq!(reader.policies().await.unwrap().len(), 2);
}

/// An app whose row, profile or version was edited is not believed: its keys work from nowhere.
#[tokio::test]
async fn apps_and_their_ranges_are_watched() {
    let world = World::sqlite().await;
    let owner = world.with_account().await;
    let (profile, version, app) = crate::conformance::an_app(owner);
    let mut tx = world.begin().await;
    tx.put_app_profile(&profile).await.unwrap();
    tx.put_range_version(&version).await.unwrap();
    tx.put_app(&app).await.unwrap();
    commit(tx).await;
    let file = std::fs::read(world.file()).unwrap();
    let wal = std::fs::read(world.file().with_extension("db-wal")).unwrap_or_default();
    for text in ["203.0.113.0", "2001:db8::/32"] {
        let within = |bytes: &[u8]| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(!within(&file) && !within(&wal), "ranges stand nowhere in clear");
    }
    for change in
        ["state = 'frozen'", "version = 2", "name = 'Other'", "ranges = '0.0.0.0/0'", "seal = zeroblob(60)"]
    {
        assert!(world.store.feed().app(app.id).await.unwrap().is_some());
        let kept = Connection::open(world.file()).unwrap();
        kept.execute_batch("CREATE TABLE kept AS SELECT * FROM apps").unwrap();
        edit(&world, &format!("UPDATE apps SET {change}"));
        assert!(world.store.feed().app(app.id).await.unwrap().is_none(), "{change}");
        edit(&world, "DELETE FROM apps; INSERT INTO apps SELECT * FROM kept; DROP TABLE kept");
    }
    for change in [
        "owner = owner + 1",
        "standing = 'verified'",
        "frozen_by = 'broker'",
        "logo = zeroblob(3)",
        "permissions = 31",
    ] {
        edit(&world, "CREATE TABLE kept AS SELECT * FROM app_profiles");
        edit(&world, &format!("PRAGMA foreign_keys = OFF; UPDATE app_profiles SET {change}"));
        let read = world.store.reader().app_profile(profile.id).await;
        assert!(matches!(read, Err(StoreError::Tampered { .. })), "{change}");
        edit(
            &world,
            "PRAGMA foreign_keys = OFF; DELETE FROM app_profiles; INSERT INTO app_profiles SELECT * FROM kept; DROP TABLE kept",
        );
    }
    for change in [
        "standing = 'active'",
        "note = ''",
        "overlap_ms = 0",
        "submitted_by = submitted_by + 1",
        "sealed = zeroblob(80)",
    ] {
        edit(&world, "CREATE TABLE kept AS SELECT * FROM app_ranges");
        edit(&world, &format!("UPDATE app_ranges SET {change}"));
        let read = world.store.reader().range_version(profile.id, 1).await;
        assert!(matches!(read, Err(StoreError::Tampered { .. })), "{change}");
        edit(&world, "DELETE FROM app_ranges; INSERT INTO app_ranges SELECT * FROM kept; DROP TABLE kept");
    }
}

/// The bytes of a row that still has a good seal, put back in the place of a newer one: only the log knows better.
#[tokio::test]
async fn an_old_row_that_is_put_back_is_found_by_the_log() {
    let world = World::sqlite().await;
    let (account, id) = world.with_key("bot").await;
    let (_, other) = world.with_key("other").await;
    let states = world.store.states();
    let clean = states.check(|_| {}).await.unwrap();
    assert_eq!((clean.findings, clean.keys, clean.rows), (vec![], vec![], 4));
    edit(&world, "CREATE TABLE early AS SELECT * FROM keys");
    let mut tx = world.begin().await;
    let mut key = tx.key(id).await.unwrap().unwrap();
    key.life = key.life.delete(NOW).unwrap();
    tx.update_key(key).await.unwrap();
    commit(tx).await;
    assert_eq!(states.check(|_| {}).await.unwrap().findings, []);
    let found = async |change: &str, findings: Vec<Finding>, keys: &[KeyId]| {
        edit(
            &world,
            "CREATE TABLE kept AS SELECT * FROM keys; CREATE TABLE kept_accounts AS SELECT * FROM accounts",
        );
        edit(&world, change);
        let verdict = states.check(|_| {}).await.unwrap();
        assert_eq!((verdict.findings, verdict.keys), (findings, keys.to_vec()), "{change}");
        edit(
            &world,
            "PRAGMA foreign_keys = OFF; DELETE FROM keys; INSERT INTO keys SELECT * FROM kept; DELETE FROM accounts; \
             INSERT INTO accounts SELECT * FROM kept_accounts; DROP TABLE kept; DROP TABLE kept_accounts",
        );
        assert_eq!(states.check(|_| {}).await.unwrap().findings, [], "{change}");
    };
    let row = format!("key:{id}");
    let back =
        format!("DELETE FROM keys WHERE id = '{id}'; INSERT INTO keys SELECT * FROM early WHERE id = '{id}'");
    found(&back, vec![Finding::RowDiffers { row: row.clone(), n: 5 }], &[id]).await;
    let alive = world.store.reader().key(keyward_rules::grant::Scope::All, id).await.unwrap().unwrap();
    assert!(alive.life.is_over(), "and the row is as it was again");
    found(&format!("DELETE FROM keys WHERE id = '{id}'"), vec![Finding::RowMissing { row, n: 5 }], &[id])
        .await;
    let renamed = Finding::RowDiffers { row: format!("key:{other}"), n: 4 };
    found(&format!("UPDATE keys SET name = 'x' WHERE id = '{other}'"), vec![renamed], &[other]).await;
    let email = Finding::RowDiffers { row: format!("account:{account}"), n: 1 };
    found(
        &format!("UPDATE accounts SET email = 'thief@keyward.example' WHERE id = {account}"),
        vec![email],
        &[],
    )
    .await;
    let new = KeyId::from_entropy([7; 16]);
    let planted = format!(
        "INSERT INTO keys SELECT '{new}', account, master, 'planted', permissions, binding, environment, state, holds, ended_at, \
         expires_at, passphrase, version, data_key, seal, created_at, changed_at, rate_cap, fences, secret_print, new_device_until FROM keys WHERE id = '{other}'"
    );
    found(&planted, vec![Finding::RowUnknown { row: format!("key:{new}") }], &[new]).await;
}

/// A store from before is noted once. Who has it noted anew, with what he put there, is found.
#[tokio::test]
async fn rows_from_before_are_noted_once() {
    let world = World::sqlite().await;
    let (_, id) = world.with_key("bot").await;
    world.store.close().await;
    // As a version without marks left it: its records are simpler, and so nothing is known of rows.
    edit(
        &world,
        "DELETE FROM audit; DELETE FROM audit_hashes; DELETE FROM audit_accounts; UPDATE head SET audit = 0; \
         UPDATE rows_noted SET since = NULL",
    );
    let master = crate::world::master();
    let open = || keyward_store::Store::open(&world.location, &master, crate::world::entropy(), NOW);
    let store = open().await.unwrap();
    assert_eq!(store.log().size().await.unwrap(), 1);
    let verdict = store.states().check(|_| {}).await.unwrap();
    assert_eq!((verdict.findings, verdict.rows), (vec![], 2));
    edit(&world, "UPDATE keys SET name = 'x'");
    let row = format!("key:{id}");
    let altered = vec![Finding::RowDiffers { row, n: 1 }];
    assert_eq!(store.states().check(|_| {}).await.unwrap().findings, altered);
    let mut tx = store.writer().begin(crate::world::grant(), NOW).await.unwrap();
    tx.set_frozen(keyward_rules::id::AccountId::from_u64(1).unwrap(), None).await.unwrap();
    commit(tx).await;
    edit(&world, "UPDATE rows_noted SET since = NULL");
    store.close().await;
    let again = open().await.unwrap();
    let verdict = again.states().check(|_| {}).await.unwrap();
    assert_eq!(verdict.findings, [vec![Finding::RowsNotedAnew(3)], altered].concat());
}
