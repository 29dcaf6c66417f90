//! What the clock brings: warnings before the sweep, the sweep, the reminder to rotate (product.md 3.2).

use keyward_authority::duties::{remind_holders, sweep_keys};
use keyward_rules::grant::Actor;
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
