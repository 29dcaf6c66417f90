//! The names of what pages mention: within the reader's scope, believed only when the row is intact, a bounded number.

use keyward_rules::account::SubAccountName;
use keyward_rules::app::AppStanding;
use keyward_rules::grant::Scope;
use keyward_rules::id::{AccountId, KeyId};
use keyward_rules::limits::RECORD_NAMES;
use keyward_store::{AccountKind, AccountRecord, AppProfile, KeyDraft, NamesWanted};

use crate::conformance::an_app;
use crate::world::{NOW, World, commit, draft, edit, random};

macro_rules! on_both {
    ($($part:ident),+) => {
        mod sqlite { $(#[tokio::test] async fn $part() { super::$part(crate::world::World::sqlite().await).await; })+ }
        mod postgres { $(#[tokio::test] async fn $part() { super::$part(crate::world::World::postgres().await).await; })+ }
    };
}

on_both!(
    names_stay_within_the_scope,
    an_altered_row_has_no_name,
    an_app_is_named_to_its_broker_and_to_all_once_it_is_verified,
    of_many_ids_the_first_have_names
);

async fn names_stay_within_the_scope(world: World) {
    let (one, own) = world.with_key("TradingBot").await;
    let (two, foreign) = world.with_key("Foreign").await;
    let sub = AccountId::from_entropy(random());
    let of_sub = KeyId::from_entropy(random());
    let mut tx = world.begin().await;
    let kind = AccountKind::Sub(one, SubAccountName::parse("trading1").unwrap());
    tx.insert_account(&AccountRecord { id: sub, kind, created_at: NOW }).await.unwrap();
    tx.insert_key(KeyDraft { master: Some(one), ..draft(of_sub, sub, "SubBot") }).await.unwrap();
    commit(tx).await;
    let mut wanted = NamesWanted::default();
    for id in [own, foreign, of_sub, KeyId::from_entropy(random())] {
        wanted.key(id);
    }
    for id in [one, two, sub, AccountId::from_entropy(random())] {
        wanted.account(id);
    }
    let reader = world.store.reader();
    let holder = reader.names(Scope::Account(one), &wanted).await.unwrap();
    assert_eq!(holder.keys.into_iter().collect::<Vec<_>>(), [(own, "TradingBot".to_owned())]);
    assert_eq!(holder.accounts.into_keys().collect::<Vec<_>>(), [one]);
    let staff = reader.names(Scope::All, &wanted).await.unwrap();
    assert_eq!((staff.keys.len(), staff.accounts.len()), (3, 3));
    assert_eq!(staff.keys[&of_sub], "SubBot");
    assert_eq!(staff.accounts[&sub], format!("trading1, sub-account of a{one}@keyward.example"));
    let nobody = reader.names(Scope::Nothing, &wanted).await.unwrap();
    assert!(nobody.keys.is_empty() && nobody.accounts.is_empty());
    let nothing = reader.names(Scope::All, &NamesWanted::default()).await.unwrap();
    assert!(nothing.keys.is_empty() && nothing.accounts.is_empty());
}

async fn an_altered_row_has_no_name(world: World) {
    let (_, id) = world.with_key("bot").await;
    let mut wanted = NamesWanted::default();
    wanted.key(id);
    let names = async || world.store.reader().names(Scope::All, &wanted).await.unwrap().keys.len();
    assert_eq!(names().await, 1);
    edit(&world, "keyward.db", "UPDATE keys SET name = 'Somebody else'").await;
    assert_eq!(names().await, 0);
}

async fn an_app_is_named_to_its_broker_and_to_all_once_it_is_verified(world: World) {
    let (broker, other) = (world.with_account().await, world.with_account().await);
    let (profile, _, _) = an_app(broker);
    let mut tx = world.begin().await;
    tx.put_app_profile(&profile).await.unwrap();
    commit(tx).await;
    let mut wanted = NamesWanted::default();
    wanted.app(profile.id);
    let named = async |scope| {
        let names = world.store.reader().names(scope, &wanted).await.unwrap();
        names.apps.get(&profile.id).cloned()
    };
    assert_eq!(named(Scope::Account(broker)).await.as_deref(), Some("Trade Pal"));
    assert_eq!(named(Scope::Account(other)).await, None);
    assert_eq!(named(Scope::All).await.as_deref(), Some("Trade Pal"));
    let verified = AppProfile {
        standing: AppStanding::Verified,
        verified_at: Some(NOW),
        version: profile.version + 1,
        ..profile.clone()
    };
    let mut tx = world.begin().await;
    tx.put_app_profile(&verified).await.unwrap();
    commit(tx).await;
    assert_eq!(named(Scope::Account(other)).await.as_deref(), Some("Trade Pal"));
}

async fn of_many_ids_the_first_have_names(world: World) {
    let account = world.with_account().await;
    let mut wanted = NamesWanted::default();
    let mut ids = Vec::new();
    for number in 0..RECORD_NAMES + 5 {
        let id = KeyId::from_entropy(random());
        let mut tx = world.begin().await;
        tx.insert_key(draft(id, account, &format!("bot {number}"))).await.unwrap();
        commit(tx).await;
        // Twice counts once.
        wanted.key(id);
        wanted.key(id);
        ids.push(id);
    }
    let names = world.store.reader().names(Scope::All, &wanted).await.unwrap().keys;
    assert_eq!(names.len(), RECORD_NAMES);
    assert!(names.contains_key(&ids[0]) && !names.contains_key(&ids[RECORD_NAMES]));
}
