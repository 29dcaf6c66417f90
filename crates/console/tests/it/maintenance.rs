//! Maintenance that operators announce: a proposal, and then an alert for every user, once.

use keyward_authority::duties::tell_announcement;
use keyward_rules::grant::Actor;
use serde_json::Value;

use crate::audit::records;
use crate::doors::browser;
use crate::operators::{both, propose, two_operators};
use crate::routes::get;
use crate::world::{Person, World};

const HOUR_MS: u64 = 3_600_000;

/// Runs the duty until nothing waits; how many were told.
async fn tell(world: &World) -> usize {
    let context = world.authority.context(Actor::System("sweep"), world.now());
    let mut told = 0;
    loop {
        let (count, more) = tell_announcement(&context).await.unwrap();
        told += count;
        if !more {
            return told;
        }
    }
}

fn change(world: &World, from_hours: u64, until_hours: u64) -> String {
    let at = |hours: u64| world.now().unix_ms() + hours * HOUR_MS;
    format!("maintenance.announce {} {}", at(from_hours), at(until_hours))
}

async fn announcements(person: &Person<'_>) -> usize {
    let alerts = person.get("/alerts").await.json();
    let of_kind = |alert: &&Value| alert["kind"] == "maintenance_announced";
    alerts["alerts"].as_array().unwrap().iter().filter(of_kind).count()
}

#[tokio::test]
async fn every_user_is_told_once() {
    let world = World::new().await;
    let (ann, ben) = two_operators(&world).await;
    let eve = world.person("eve@keyward.example").await;
    assert_eq!(tell(&world).await, 0, "nothing was announced");
    let done = both(&ann, &ben, &change(&world, 24, 26)).await;
    assert_eq!(done.status, 200, "{}", done.text);
    assert_eq!(tell(&world).await, 3);
    assert_eq!(tell(&world).await, 0, "nobody is told twice");
    for person in [&ann, &ben, &eve] {
        assert_eq!(announcements(person).await, 1, "{}", person.email);
        let mails = world.mails(&person.email).await;
        assert_eq!(mails.iter().filter(|mail| mail.contains("Maintenance is planned")).count(), 1);
    }
    let written: Vec<Value> =
        records(&world).iter().map(|record| serde_json::from_str(record).unwrap()).collect();
    let of = |action: &str| written.iter().filter(|record| record["action"] == action).count();
    assert_eq!((of("maintenance.announce"), of("announcement.tell")), (1, 2), "the second batch was empty");
}

#[tokio::test]
async fn what_is_over_is_neither_proposed_nor_told() {
    let world = World::new().await;
    let (ann, ben) = two_operators(&world).await;
    let past = format!("maintenance.announce {} {}", world.now().unix_ms() - 2, world.now().unix_ms() - 1);
    assert_eq!(propose(&ann, &past).await.code(), "other_way");
    for wrong in ["maintenance.announce 5 4", "maintenance.announce 1", "maintenance.announce x y"] {
        assert_eq!(propose(&ann, wrong).await.code(), "bad_change", "{wrong}");
    }
    assert_eq!(both(&ann, &ben, &change(&world, 1, 2)).await.status, 200);
    world.pass_ms(3 * HOUR_MS);
    assert_eq!(tell(&world).await, 0, "the maintenance was over before anybody was told");
}

#[tokio::test]
async fn the_form_of_the_settings_page_leads_to_the_proposal() {
    let world = World::new().await;
    let (ann, _) = two_operators(&world).await;
    let cookie = browser(&world, &ann).await;
    let settings = get(&world, &cookie, "/operations/settings").await;
    assert!(settings.text.contains("value=\"maintenance.announce\""), "{}", settings.text);
    let later = |ms: u64| world.now().plus_ms(ms).to_string().chars().take(16).collect::<String>();
    let (from, until) = (later(24 * HOUR_MS), later(26 * HOUR_MS));
    let path = format!("/operations/proposals/new?change=maintenance.announce&from={from}&until={until}");
    let shown = get(&world, &cookie, &path).await;
    assert!(
        shown.status == 200 && shown.text.contains("Announce maintenance to all users"),
        "{}",
        shown.text
    );
    assert!(shown.text.contains(&from), "{}", shown.text);
    let wrong =
        get(&world, &cookie, "/operations/proposals/new?change=maintenance.announce&from=x&until=y").await;
    assert_eq!(wrong.status, 404, "{}", wrong.text);
}
