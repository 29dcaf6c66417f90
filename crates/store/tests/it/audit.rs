//! The Merkle log in the store: it grows with the record or not at all, is the same on both databases, and is brought
//! up over records from before.

use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Actor, Proof, Scope};
use keyward_rules::id::{AccountId, KeyId};
use keyward_rules::log::{
    Checkpoint, Frontier, Hash, Origin, SigningKey, check_consistency, check_inclusion, stored_count,
};
use keyward_rules::time::Moment;
use keyward_rules::trail::RecordFilter;
use keyward_store::{
    AuditFilter, Bounds, Concern, Finding, Found, Kept, Log, Signer, Store, StoreError, Verification,
    Witnessed,
};

use crate::world::{NOW, World, commit, draft, entropy, grant, master, random};

macro_rules! on_both {
    ($($part:ident),+) => {
        mod sqlite { $(#[tokio::test] async fn $part() { super::$part(crate::world::World::sqlite().await).await; })+ }
        mod postgres { $(#[tokio::test] async fn $part() { super::$part(crate::world::World::postgres().await).await; })+ }
    };
}

on_both!(
    the_tree_is_over_the_records,
    a_dropped_change_adds_nothing,
    a_record_that_cannot_be_written_takes_its_change_along,
    many_writers_make_one_tree,
    a_log_without_its_hashes_takes_no_change,
    records_from_before_are_brought_up,
    trails_show_what_concerns_an_account,
    a_search_takes_every_symbol_as_itself,
    a_search_ends_somewhere_and_goes_on_from_there,
    a_clean_log_verifies_and_a_cut_one_does_not,
    a_dropped_checkpoint_is_found_by_what_lies_outside,
    a_backup_that_was_put_back_dropped_none
);

/// Runs statements past the program.
async fn edit(world: &World, sql: &str) {
    crate::world::edit(world, "keyward.db", sql).await;
}

async fn leaves(log: &Log) -> Vec<Hash> {
    log.records(1).await.unwrap().iter().map(|(_, record)| Hash::of_leaf(record.as_bytes())).collect()
}

fn tree(leaves: &[Hash]) -> Frontier {
    let mut tree = Frontier::default();
    for leaf in leaves {
        tree.push(*leaf);
    }
    tree
}

fn signer() -> SigningKey {
    SigningKey::from_seed(Origin::parse("keyward/audit").unwrap(), &[5; 32]).unwrap()
}

async fn verify(log: &Log, kept: Vec<Kept>) -> Vec<Finding> {
    verify_against(log, kept, None).await
}

async fn verify_against(log: &Log, kept: Vec<Kept>, witnessed: Option<Witnessed>) -> Vec<Finding> {
    let verification = Verification { signer: Signer::Own(signer().verifier().clone()), kept, witnessed };
    log.verify(&verification, |_, _| ()).await.unwrap().findings
}

async fn sign(log: &Log) -> String {
    let size = log.size().await.unwrap();
    let origin = Origin::parse("keyward/audit").unwrap();
    let checkpoint = Checkpoint { origin, size, root: log.root(size).await.unwrap() };
    let note = checkpoint.sign(&signer());
    log.keep_checkpoint(size, &note, NOW).await.unwrap();
    note
}

async fn the_tree_is_over_the_records(world: World) {
    let log = world.store.log();
    assert_eq!(log.root(0).await.unwrap(), Hash::of_nothing());
    let account = world.with_account().await;
    for number in 0..20 {
        world.add_key(account, &format!("bot {number}")).await.unwrap();
    }
    let (leaves, size) = (leaves(&log).await, log.size().await.unwrap());
    assert_eq!((size, leaves.len()), (21, 21));
    let root = tree(&leaves).root();
    assert_eq!(log.root(size).await.unwrap(), root);
    for (index, leaf) in (0..size).zip(&leaves) {
        let proof = log.inclusion(size, index).await.unwrap().unwrap();
        check_inclusion(&proof, index, *leaf, size, root).unwrap();
        let (old, proof) = (log.root(index).await.unwrap(), log.consistency(index, size).await.unwrap());
        check_consistency(&proof.unwrap(), (index, old), (size, root)).unwrap();
    }
    assert_eq!(log.inclusion(size, size).await.unwrap(), None);
    assert_eq!(log.consistency(size + 1, size).await.unwrap(), None);
}

async fn a_dropped_change_adds_nothing(world: World) {
    let account = world.with_account().await;
    let before = world.store.log().root(1).await.unwrap();
    let mut tx = world.begin().await;
    tx.insert_key(draft(KeyId::from_entropy(random()), account, "bot")).await.unwrap();
    drop(tx);
    assert_eq!(world.store.log().size().await.unwrap(), 1);
    assert!(world.store.log().stored([stored_count(1)]).await.is_err());
    assert_eq!(world.store.log().root(1).await.unwrap(), before);
}

/// F73: whichever table of the log cannot be written, the change does not happen either, and all goes on afterwards.
async fn a_record_that_cannot_be_written_takes_its_change_along(world: World) {
    let account = world.with_account().await;
    for table in ["audit", "audit_hashes", "audit_accounts"] {
        edit(&world, &format!("ALTER TABLE {table} RENAME TO gone")).await;
        let id = KeyId::from_entropy(random());
        let mut tx = world.begin().await;
        tx.insert_key(draft(id, account, table)).await.unwrap();
        let event = Event::of(tx.grant(), NOW, "test", &[]);
        assert!(tx.commit(event).await.is_err(), "{table}");
        edit(&world, &format!("ALTER TABLE gone RENAME TO {table}")).await;
        assert!(world.store.reader().key(Scope::All, id).await.unwrap().is_none(), "{table}");
        assert_eq!(world.store.log().size().await.unwrap(), 1, "{table}");
    }
    world.add_key(account, "bot").await.unwrap();
    assert_eq!(verify(&world.store.log(), vec![]).await, []);
}

async fn many_writers_make_one_tree(world: World) {
    let account = world.with_account().await;
    let mut writers = Vec::new();
    for number in 0..40 {
        let writer = world.store.writer();
        writers.push(tokio::spawn(async move {
            let mut tx = writer.begin(grant(), NOW).await.unwrap();
            tx.insert_key(draft(KeyId::from_entropy(random()), account, &format!("bot {number}")))
                .await
                .unwrap();
            let event = Event::of(tx.grant(), NOW, &format!("n:{number}"), &[]);
            tx.commit(event).await.unwrap();
        }));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    let log = world.store.log();
    assert_eq!(log.root(41).await.unwrap(), tree(&leaves(&log).await).root());
    let drafts =
        (0..3).map(|at| draft(KeyId::from_entropy(random()), account, &format!("more {at}"))).collect();
    let event = Event::of(&grant(), NOW, "keys", &[]);
    world.store.writer().insert_many((grant(), NOW), vec![], drafts, event).await.unwrap();
    assert_eq!(log.root(42).await.unwrap(), tree(&leaves(&log).await).root());
    assert_eq!(verify(&log, vec![]).await, []);
    let trail = log.trail(Scope::Account(account), account, None, 2).await.unwrap();
    assert_eq!(trail.iter().map(|one| one.n).collect::<Vec<_>>(), [42, 41]);
}

/// Fails closed: no change without its place in the tree.
async fn a_log_without_its_hashes_takes_no_change(world: World) {
    let account = world.with_account().await;
    edit(&world, "DELETE FROM audit_hashes").await;
    let mut tx = world.begin().await;
    tx.insert_key(draft(KeyId::from_entropy(random()), account, "bot")).await.unwrap();
    let event = Event::of(tx.grant(), NOW, "test", &[]);
    let refused = tx.commit(event).await;
    assert!(matches!(refused, Err(StoreError::Tampered { .. })), "{refused:?}");
    assert_eq!(world.store.log().size().await.unwrap(), 1);
    assert_eq!(verify(&world.store.log(), vec![]).await, [Finding::Tree(1, 1)]);
    let again = Store::open(&world.location, &master(), entropy(), NOW).await.unwrap();
    assert_eq!(verify(&again.log(), vec![]).await, [Finding::Tree(1, 1)], "it is not made anew");
}

async fn records_from_before_are_brought_up(world: World) {
    let (account, id) = world.with_key("bot").await;
    let mut tx = world.begin().await;
    let mut key = tx.key(id).await.unwrap().unwrap();
    key.life = key.life.disable().unwrap();
    tx.update_key(key).await.unwrap();
    let event = Event::of(tx.grant(), NOW, &format!("key:{id}"), &[]);
    tx.commit(event).await.unwrap();
    let before = world.store.log().root(3).await.unwrap();
    world.store.close().await;
    edit(
        &world,
        "DROP TABLE audit_hashes; DROP TABLE audit_accounts; DROP TABLE audit_checkpoints; \
         DROP TABLE deliveries; DROP TABLE channels; DROP TABLE passkeys; DROP TABLE passkey_ceremonies; DROP TABLE root_key; DROP TABLE policies_head; \
         DROP TABLE announcements; DROP TABLE baselines; DROP TABLE account_limits; DROP TABLE reviews; DROP TABLE exchange_notices; DROP TABLE exchange_told; DROP TABLE transfer_approvals; DROP TABLE transfer_thresholds; DROP TABLE transfer_sums; DROP TABLE sub_accounts; DROP TABLE members; DROP TABLE invitations; DROP INDEX keys_of_new_devices; ALTER TABLE keys DROP COLUMN new_device_until; ALTER TABLE devices DROP COLUMN first_at; ALTER TABLE sessions DROP COLUMN device_since; DROP INDEX keys_by_secret_print; DROP INDEX keys_without_print; ALTER TABLE keys DROP COLUMN secret_print; ALTER TABLE key_notes DROP COLUMN muted; DROP TABLE app_news; DROP TABLE app_ranges; DROP TABLE app_profiles; DROP INDEX keys_by_app; DROP TABLE node; \
         ALTER TABLE keys DROP COLUMN fences; DROP TABLE rows_noted; ALTER TABLE sessions DROP COLUMN note; ALTER TABLE key_notes DROP COLUMN own_end; ALTER TABLE key_notes DROP COLUMN unbound_at; \
         DROP TABLE uses; ALTER TABLE keys ADD COLUMN last_used_at BIGINT; ALTER TABLE keys ADD COLUMN last_used_from TEXT; \
         UPDATE keys SET last_used_at = 7; CREATE INDEX keys_idle ON keys (last_used_at); \
         DELETE FROM data_keys; UPDATE schema_steps SET steps = 4 WHERE part = 'main'",
    )
    .await;
    let store = Store::open(&world.location, &master(), entropy(), NOW).await.unwrap();
    assert_eq!(store.log().root(3).await.unwrap(), before);
    assert_eq!(verify(&store.log(), vec![]).await, []);
    let trail = store.log().trail(Scope::All, account, None, 10).await.unwrap();
    assert_eq!(trail.iter().map(|one| one.n).collect::<Vec<_>>(), [3], "what names its key is found by it");
    let mut tx = store.writer().begin(grant(), NOW).await.unwrap();
    let unused = [6, 7].map(Moment::from_unix_ms);
    assert!(!tx.unused_since(id, unused[0]).await.unwrap() && tx.unused_since(id, unused[1]).await.unwrap());
    drop(tx);
    store.close().await;
}

async fn trails_show_what_concerns_an_account(world: World) {
    let (one, _) = world.with_key("bot").await;
    let (two, _) = world.with_key("bot").await;
    let mut tx = world.begin().await;
    for account in [one, two] {
        tx.insert_key(draft(KeyId::from_entropy(random()), account, "second")).await.unwrap();
    }
    commit(tx).await;
    let log = world.store.log();
    let trail = async |scope, account: AccountId, before| {
        let rows = log.trail(scope, account, before, 2).await.unwrap();
        rows.iter().map(|row| row.n).collect::<Vec<_>>()
    };
    assert_eq!(trail(Scope::Account(one), one, None).await, [5, 2]);
    assert_eq!(trail(Scope::Account(one), one, Some(2)).await, [1]);
    assert_eq!(trail(Scope::Account(two), two, Some(5)).await, [4, 3]);
    assert!(trail(Scope::Account(one), two, None).await.is_empty());
    assert!(trail(Scope::Nothing, two, None).await.is_empty());
    assert_eq!(trail(Scope::All, two, Some(4)).await, [3]);
    let concern = async |account, n| log.concern(Scope::Account(one), account, n).await.unwrap();
    assert_eq!((concern(one, 2).await, concern(one, 5).await), (Concern::Own, Concern::Shared));
    assert_eq!((concern(one, 3).await, concern(two, 3).await), (Concern::Not, Concern::Not));
    let shared = async |scope, from, before| {
        let numbers = log.shared(scope, one, from, before).await.unwrap();
        numbers.into_iter().collect::<Vec<_>>()
    };
    assert_eq!(shared(Scope::Account(one), 1, None).await, [5]);
    assert_eq!(shared(Scope::Account(one), 1, Some(5)).await, Vec::<u64>::new());
    assert_eq!(shared(Scope::Account(one), 6, None).await, Vec::<u64>::new());
    assert_eq!(shared(Scope::Account(two), 1, None).await, Vec::<u64>::new());
}

async fn a_search_takes_every_symbol_as_itself(world: World) {
    for subject in ["50% off", "a_b", "axb", "{{x}}", "5*"] {
        let tx = world.begin().await;
        let event = Event::of(tx.grant(), NOW, subject, &[]);
        tx.commit(event).await.unwrap();
    }
    let log = world.store.log();
    let search = async |text: &str, limit| {
        let sought = RecordFilter { text: text.into(), ..RecordFilter::default() };
        let filter = AuditFilter { sought, ..AuditFilter::default() };
        let bounds = Bounds { rows: limit, looked_through: 100 };
        let found = log.search(Scope::All, &filter, bounds).await.unwrap();
        (found.rows.iter().map(|row| row.n).collect::<Vec<_>>(), found.next)
    };
    assert_eq!(search("%", 10).await, (vec![1], None));
    assert_eq!(search("A_B", 10).await, (vec![2], None));
    assert_eq!(search("{{", 10).await, (vec![4], None));
    assert_eq!(search("*", 10).await, (vec![5], None));
    assert_eq!(search("' OR 1=1 --", 10).await, (vec![], None));
    assert_eq!(search("", 2).await, (vec![5, 4], Some(4)));
    let filter = AuditFilter { before: Some(4), ..AuditFilter::default() };
    let bounds = Bounds { rows: 1, looked_through: 100 };
    assert_eq!(log.search(Scope::All, &filter, bounds).await.unwrap().rows[0].n, 3);
    let own = Scope::Account(AccountId::from_u64(1).unwrap());
    let nothing = Found { rows: vec![], next: None, looked_through: 0 };
    assert_eq!(log.search(own, &filter, bounds).await.unwrap(), nothing);
}

async fn a_search_ends_somewhere_and_goes_on_from_there(world: World) {
    let account = world.with_account().await;
    for n in 0..20 {
        let tx = world.begin().await;
        let event = Event::of(tx.grant(), NOW, if n % 7 == 3 { "Needle" } else { "hay" }, &[]);
        tx.commit(event).await.unwrap();
    }
    let log = world.store.log();
    let sought = RecordFilter { text: "nEEDLE".into(), ..RecordFilter::default() };
    for (rows, looked_through) in [(1, 100), (100, 1), (2, 4), (100, 21), (3, 21)] {
        let mut all = Vec::new();
        let mut filter = AuditFilter { sought: sought.clone(), ..AuditFilter::default() };
        loop {
            let found = log.search(Scope::All, &filter, Bounds { rows, looked_through }).await.unwrap();
            assert!(found.rows.len() <= rows && found.looked_through <= looked_through);
            all.extend(found.rows.iter().map(|row| row.n));
            match found.next {
                Some(next) => filter.before = Some(next),
                None => break,
            }
        }
        assert_eq!(all, [19, 12, 5], "{rows} {looked_through}");
    }
    let filter = AuditFilter { account: Some(account), ..AuditFilter::default() };
    let found = log.search(Scope::All, &filter, Bounds { rows: 1, looked_through: 1 }).await.unwrap();
    assert_eq!((found.rows[0].n, found.next), (1, None), "nothing is left to search on for");
}

async fn a_clean_log_verifies_and_a_cut_one_does_not(world: World) {
    let account = world.with_account().await;
    let log = world.store.log();
    for number in 0..6 {
        world.add_key(account, &format!("bot {number}")).await.unwrap();
        sign(&log).await;
    }
    let kept = || async {
        vec![Kept { source: "a file".into(), note: log.newest_checkpoint().await.unwrap().unwrap().1 }]
    };
    let newest = kept().await;
    assert_eq!(verify(&log, kept().await).await, []);
    let cut = format!(
        "DELETE FROM audit WHERE n > 4; DELETE FROM audit_hashes WHERE i >= {}; UPDATE head SET audit = 4; \
         DELETE FROM audit_accounts WHERE n > 4",
        stored_count(4)
    );
    edit(&world, &cut).await;
    let stored = Finding::Cut { records: 4, size: 7, source: "the stored checkpoint 7".into() };
    assert_eq!(verify(&log, vec![]).await, [stored]);
    edit(&world, "DELETE FROM audit_checkpoints WHERE size > 4").await;
    assert_eq!(verify(&log, vec![]).await, [], "nothing inside the store tells any more");
    let elsewhere = Finding::Cut { records: 4, size: 7, source: "a file".into() };
    assert_eq!(verify(&log, newest).await, [elsewhere]);
}

/// Twelve checkpoints over 2 to 13 records, as they were signed.
async fn twelve_checkpoints(world: &World) -> Vec<(u64, String)> {
    let account = world.with_account().await;
    let log = world.store.log();
    let mut signed = Vec::new();
    for number in 0..12 {
        world.add_key(account, &format!("bot {number}")).await.unwrap();
        signed.push((log.size().await.unwrap(), sign(&log).await));
    }
    assert_eq!(log.checkpoint_count().await.unwrap(), (12, 13));
    signed
}

fn kept_elsewhere(signed: &[(u64, String)]) -> Vec<Kept> {
    let kept = |(size, note): &(u64, String)| Kept { source: format!("file {size}"), note: note.clone() };
    signed.iter().map(kept).collect()
}

fn dropped(size: u64, source: &str) -> Finding {
    Finding::Dropped { size, source: source.to_owned() }
}

async fn a_dropped_checkpoint_is_found_by_what_lies_outside(world: World) {
    let signed = twelve_checkpoints(&world).await;
    let log = world.store.log();
    let node = |audit, checkpoints, newest| {
        Some(Witnessed { source: "the node's file".into(), audit, checkpoints, newest })
    };
    let fewer = |stored| Finding::Fewer { stored, signed: 12, source: "the node's file".into() };
    assert_eq!(verify_against(&log, kept_elsewhere(&signed), node(13, 12, 13)).await, []);
    // The first, each in the middle, the newest.
    for (size, note) in &signed {
        edit(&world, &format!("DELETE FROM audit_checkpoints WHERE size = {size}")).await;
        assert_eq!(verify(&log, vec![]).await, [], "nothing inside the store tells");
        let found = verify(&log, kept_elsewhere(&signed)).await;
        assert_eq!(found, [dropped(*size, &format!("file {size}"))]);
        let mut expected = vec![fewer(11)];
        expected.extend((*size == 13).then(|| dropped(13, "the node's file")));
        assert_eq!(verify_against(&log, vec![], node(13, 12, 13)).await, expected);
        assert!(log.keep_checkpoint(*size, note, NOW).await.unwrap(), "it is put back");
    }
    edit(&world, "DELETE FROM audit_checkpoints").await;
    let all: Vec<Finding> = signed.iter().map(|(size, _)| dropped(*size, &format!("file {size}"))).collect();
    assert_eq!(verify(&log, kept_elsewhere(&signed)).await, all);
    let expected = [fewer(0), dropped(13, "the node's file")];
    assert_eq!(verify_against(&log, vec![], node(13, 12, 13)).await, expected);
    for (size, note) in &signed {
        assert!(log.keep_checkpoint(*size, note, NOW).await.unwrap());
    }
    assert!(!log.keep_checkpoint(13, &signed[11].1, NOW).await.unwrap(), "it is there");
    // What a node knows is a lower bound: others sign too, and an old file counts none.
    for lower in [node(13, 11, 13), node(12, 3, 5), node(0, 0, 0), node(13, 0, 2)] {
        assert_eq!(verify_against(&log, vec![], lower).await, []);
    }
    let cut = Finding::Cut { records: 13, size: 14, source: "the node's file".into() };
    assert_eq!(verify_against(&log, vec![], node(14, 12, 13)).await, [cut]);
    // A stranger's note tells of nothing.
    let stranger = SigningKey::from_seed(Origin::parse("keyward/audit").unwrap(), &[6; 32]).unwrap();
    let origin = Origin::parse("keyward/audit").unwrap();
    let forged = Checkpoint { origin, size: 1, root: log.root(1).await.unwrap() }.sign(&stranger);
    let found = verify(&log, vec![Kept { source: "forged".into(), note: forged }]).await;
    assert!(matches!(found.as_slice(), [Finding::Unsigned { .. }]), "{found:?}");
}

/// The checkpoint over all of a backup was signed a moment after the backup was taken.
async fn a_backup_that_was_put_back_dropped_none(world: World) {
    let signed = twelve_checkpoints(&world).await;
    let log = world.store.log();
    edit(&world, "DELETE FROM audit_checkpoints WHERE size = 13").await;
    assert_eq!(verify(&log, kept_elsewhere(&signed)).await, [dropped(13, "file 13")]);
    let grant = Actor::Host("ops".into()).may(ActionKind::RestoreStore, Proof::None).unwrap();
    let tx = world.store.writer().begin(grant, NOW).await.unwrap();
    let event = Event::of(tx.grant(), NOW, "store", &[]);
    tx.commit(event).await.unwrap();
    assert_eq!(verify(&log, kept_elsewhere(&signed)).await, []);
    edit(&world, "DELETE FROM audit_checkpoints WHERE size = 12").await;
    assert_eq!(verify(&log, kept_elsewhere(&signed)).await, [dropped(12, "file 12")], "and no other");
}
