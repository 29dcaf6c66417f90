//! Passkeys and the questions to them: the same on SQLite and PostgreSQL.

use keyward_rules::grant::TwoFactor;
use keyward_rules::id::AccountId;
use keyward_rules::key::KeyName;
use keyward_rules::person::{CeremonyId, PasskeyId};
use keyward_rules::secret::Secret;
use keyward_store::{NewCeremony, NewPasskey, StoreError, Use};

use crate::world::{NOW, World, commit};

macro_rules! on_both {
    ($($part:ident),+) => {
        mod sqlite { $(#[tokio::test] async fn $part() { super::$part(crate::world::World::sqlite().await).await; })+ }
        mod postgres { $(#[tokio::test] async fn $part() { super::$part(crate::world::World::postgres().await).await; })+ }
    };
}

on_both!(a_counter_only_grows, a_question_is_taken_once_for_its_purpose);

fn passkey(account: AccountId, id: u8) -> NewPasskey {
    NewPasskey {
        id: PasskeyId::from_entropy([id; 16]),
        account,
        name: KeyName::parse("Phone").unwrap(),
        handle: vec![7; 32],
        credential: "{}".to_owned(),
        counter: 3,
    }
}

async fn a_counter_only_grows(world: World) {
    let account = world.with_account().await;
    let mut tx = world.begin().await;
    tx.insert_person(account, &Secret::new("$argon2id$x".into()), "amber kite").await.unwrap();
    tx.insert_passkey(&passkey(account, 1)).await.unwrap();
    assert_eq!(tx.person(account).await.unwrap().unwrap().two_factor(), TwoFactor::On);
    commit(tx).await;
    let mut tx = world.begin().await;
    let twice = tx.insert_passkey(&passkey(account, 2)).await;
    assert!(matches!(twice, Err(StoreError::Exists { .. })), "{twice:?}");
    drop(tx);
    let door = world.store.door();
    let kept = door.passkey_by_handle(&[7; 32]).await.unwrap().unwrap();
    assert_eq!((kept.name.as_str(), kept.counter, kept.last_used_at), ("Phone", 3, None));
    for (counter, came) in
        [(4, Use::Noted), (4, Use::WentBack), (3, Use::WentBack), (0, Use::WentBack), (9, Use::Noted)]
    {
        assert_eq!(door.use_passkey(&kept, "{}", counter, NOW).await.unwrap(), came, "{counter}");
    }
    assert_eq!(door.passkeys(account).await.unwrap()[0].counter, 9);
    let mut tx = world.begin().await;
    let (blue, nobody) = (KeyName::parse("Blue key").unwrap(), PasskeyId::from_entropy([9; 16]));
    assert!(tx.rename_passkey(account, kept.id, &blue).await.unwrap());
    assert!(!tx.rename_passkey(account, nobody, &blue).await.unwrap());
    assert_eq!(tx.passkey_name(account, kept.id).await.unwrap().as_deref(), Some("Blue key"));
    assert_eq!(tx.passkey_name(account, nobody).await.unwrap(), None);
    commit(tx).await;
    let renamed = door.passkey_by_handle(&[7; 32]).await.unwrap().unwrap();
    assert_eq!((renamed.name.as_str(), renamed.counter), ("Blue key", 9), "its seal opens as before");
    let mut tx = world.begin().await;
    assert!(tx.remove_passkey(account, kept.id).await.unwrap());
    assert!(!tx.remove_passkey(account, kept.id).await.unwrap());
    commit(tx).await;
    assert_eq!(door.use_passkey(&kept, "{}", 10, NOW).await.unwrap(), Use::Gone);
    assert!(door.passkey_by_handle(&[7; 32]).await.unwrap().is_none());
}

async fn a_question_is_taken_once_for_its_purpose(world: World) {
    let door = world.store.door();
    let id = CeremonyId::from_entropy([1; 16]);
    let new = |id| NewCeremony {
        id,
        owner: "source:x".to_owned(),
        bound: "sign in".to_owned(),
        account: None,
        state: Secret::new("state".to_owned()),
        expires_at: NOW.plus_ms(1_000),
    };
    assert!(door.begin_ceremony(new(id), NOW).await.unwrap());
    assert!(door.take_ceremony(id, "step-up", NOW).await.unwrap().is_none(), "another purpose");
    assert!(door.take_ceremony(id, "sign in", NOW.plus_ms(1_000)).await.unwrap().is_none(), "over");
    assert!(door.look_at_ceremony(id, "sign in", NOW).await.unwrap().is_some());
    let tries: Vec<_> = (0..8)
        .map(|_| {
            let door = door.clone();
            tokio::spawn(async move { door.take_ceremony(id, "sign in", NOW).await.unwrap() })
        })
        .collect();
    let mut taken = 0;
    for one in tries {
        taken += u32::from(one.await.unwrap().is_some_and(|state| state.expose() == "state"));
    }
    assert_eq!(taken, 1);
    for number in 0..60 {
        assert!(door.begin_ceremony(new(CeremonyId::from_entropy([100 + number; 16])), NOW).await.unwrap());
    }
    assert!(!door.begin_ceremony(new(id), NOW).await.unwrap(), "enough are open");
    door.tidy(NOW.plus_ms(1_000)).await.unwrap();
    assert!(door.begin_ceremony(new(id), NOW.plus_ms(1_000)).await.unwrap());
}
