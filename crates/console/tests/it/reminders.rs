//! What the clock brings: warnings before the sweep, the sweep, the reminder to rotate (product.md 3.2).

use keyward_authority::duties::{end_overlaps, remind_holders, sweep_keys};
use keyward_rules::grant::Actor;
use keyward_rules::id::{AccountId, RequestId};
use keyward_store::Record;
use serde_json::json;

use crate::world::{World, wish};

async fn remind(world: &World) -> usize {
    remind_holders(&world.authority.desk(Actor::System("sweep"), world.now())).await.unwrap()
}

#[tokio::test]
async fn an_idle_unbound_key_is_warned_of_7_3_and_1_days_before_and_then_deleted() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let mut body = wish("loose");
    body["from"] = json!({"reach": "anywhere"});
    person.approved("POST", "/keys", body).await;
    person.key("bound").await;
    world.pass_days(22);
    assert_eq!(remind(&world).await, 0);
    for (days, words) in [(1, "within 7 days"), (4, "within 3 days"), (2, "within 1 day")] {
        world.pass_days(days);
        assert_eq!(remind(&world).await, 1, "{words}");
        assert_eq!(remind(&world).await, 0, "once");
        let mail = world.mails(&person.email).await.remove(0);
        assert!(
            mail.contains(words) && mail.contains("may fail to post a trade") && mail.contains("loose"),
            "{mail}"
        );
    }
    world.pass_days(1);
    let swept = sweep_keys(&world.authority.desk(Actor::System("sweep"), world.now())).await.unwrap();
    assert_eq!(swept.len(), 1, "the bound key stays");
    let mail = world.mails(&person.email).await.remove(0);
    assert!(mail.contains("An API key has ended") && mail.contains("30 days"), "{mail}");
}

#[tokio::test]
async fn a_rotation_is_suggested_at_90_days() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    person.key("bound").await;
    world.pass_days(89);
    assert_eq!(remind(&world).await, 0);
    world.pass_days(1);
    assert_eq!((remind(&world).await, remind(&world).await), (1, 0));
    assert!(world.mails(&person.email).await.remove(0).contains("old enough to be rotated"));
}

#[tokio::test]
async fn an_overlap_ends_early_once_the_successor_does_the_work_everywhere() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let old = person.key("bot").await["api_key"].as_str().unwrap().to_owned();
    let body = json!({"name": "bot 2", "passphrase": "Other-Pass1!"});
    let next = person.approved("POST", &format!("/keys/{old}/rotate"), body).await.field("api_key");
    let used = |key: &str, from: &str| {
        let record = Record {
            at: world.now(),
            request: RequestId(7),
            key: Some(key.parse().unwrap()),
            account: AccountId::from_u64(7),
            source: from.parse().unwrap(),
            method: "GET",
            route: "/api/v5/account/balance",
            code: "0",
            upstream_status: Some(200),
            bytes_in: 0,
            bytes_out: 0,
            micros: 900,
        };
        let (journal, now) = (world.store.journal(), world.now());
        async move {
            journal.writer().unwrap().append(&[], &[], &[record]).await.unwrap();
            journal.roll_up(now).await.unwrap();
        }
    };
    let ended = || async {
        end_overlaps(&world.authority.desk(Actor::System("sweep"), world.now())).await.unwrap().len()
    };
    used(&old, "127.0.0.1").await;
    used(&old, "::1").await;
    world.pass_ms(1_000);
    used(&next, "127.0.0.1").await;
    world.pass_ms(3_660_000);
    assert_eq!(ended().await, 0, "one address still has the old key");
    used(&next, "::1").await;
    let mut person = person.clone();
    person.token = person.sign_in(crate::world::PASSWORD, Some(&person.device)).await.field("token");
    let activity = person.get(&format!("/keys/{old}/activity")).await.json();
    assert_eq!(activity["sources"].as_array().unwrap().len(), 2, "the page shows from where");
    assert_eq!(activity["requests"].as_array().unwrap().len(), 2);
    assert_eq!(ended().await, 1);
    assert_eq!(ended().await, 0);
    assert_eq!(person.get(&format!("/keys/{old}")).await.json()["state"], "expired");
    assert!(world.mails(&person.email).await.remove(0).contains("Its successor was seen from every address"));
}
