//! A passkey's answer that was made inside a page of another origin is good for nothing, on every way in (WebAuthn level 3,
//! 5.8.1): there somebody can be led to answer without seeing for whom.

use serde_json::{Value, json};

use crate::device::Device;
use crate::world::{HOME, ORIGIN, PASSWORD, Person, Reply, World, wish};

const AWAY: &str = "198.51.100.9";

/// What a browser may say of the page: whether it lies within another origin's, and whose the outermost page is.
const FRAMED: [(bool, Option<&str>); 4] = [
    (true, None),
    (true, Some("https://other.example")),
    (false, Some("https://other.example")),
    (false, Some(ORIGIN)),
];

fn frame(device: &mut Device, (cross, top): (bool, Option<&str>)) {
    device.cross_origin = cross;
    device.top_origin = top.map(str::to_owned);
}

fn plain(device: &mut Device) {
    frame(device, (false, None));
}

async fn with_device<'w>(world: &'w World, email: &str) -> (Person<'w>, Device) {
    let person = world.person(email).await;
    let mut device = Device::new();
    let added = person.add(&mut device, "Phone", &person.totp()).await;
    assert_eq!(added.status, 201, "{}", added.text);
    (person, device)
}

#[tokio::test]
async fn it_does_not_sign_in() {
    let world = World::new().await;
    let (_, mut device) = with_device(&world, "a@keyward.example").await;
    let attempt = async |device: &mut Device| -> Reply {
        let asked = world.api(HOME, "", "POST", "/session/passkey/options", &Value::Null).await.json();
        let answer = json!({"passkey": device.get(&asked)});
        world.api(HOME, "", "POST", "/session/passkey", &answer).await
    };
    device.origin = "https://keys.example.evil".to_owned();
    let wrong = attempt(&mut device).await;
    device.origin = ORIGIN.to_owned();
    for framed in FRAMED {
        frame(&mut device, framed);
        let refused = attempt(&mut device).await;
        assert_eq!(
            (refused.status, &refused.text),
            (wrong.status, &wrong.text),
            "as any wrong answer: {framed:?}"
        );
    }
    plain(&mut device);
    assert_eq!(attempt(&mut device).await.status, 200);
}

#[tokio::test]
async fn it_is_no_second_step() {
    let world = World::new().await;
    let (person, mut device) = with_device(&world, "a@keyward.example").await;
    let body = json!({"email": person.email, "password": PASSWORD});
    let half = world.api(HOME, "", "POST", "/session", &body).await.field("token");
    let attempt = async |device: &mut Device| -> Reply {
        let asked =
            world.api(HOME, &half, "POST", "/session/second-factor/options", &Value::Null).await.json();
        let answer = json!({"passkey": device.get(&asked)});
        world.api(HOME, &half, "POST", "/session/second-factor", &answer).await
    };
    for framed in FRAMED {
        frame(&mut device, framed);
        assert_eq!(attempt(&mut device).await.code(), "factor_wrong", "{framed:?}");
    }
    plain(&mut device);
    assert_eq!(attempt(&mut device).await.status, 200);
}

#[tokio::test]
async fn it_approves_nothing() {
    let world = World::new().await;
    let (person, mut device) = with_device(&world, "a@keyward.example").await;
    for framed in FRAMED {
        frame(&mut device, framed);
        let refused = person.approved_by(&mut device, "POST", "/keys", wish("bot")).await;
        assert_eq!(refused.code(), "factor_wrong", "{framed:?}");
    }
    plain(&mut device);
    assert_eq!(person.approved_by(&mut device, "POST", "/keys", wish("bot")).await.status, 201);
}

#[tokio::test]
async fn it_confirms_nothing() {
    let world = World::new().await;
    let (person, mut device) = with_device(&world, "a@keyward.example").await;
    let key = person.key("bot").await["api_key"].as_str().unwrap().to_owned();
    let (path, body) = (format!("/keys/{key}/disable"), json!({"name": "bot"}));
    for framed in FRAMED {
        frame(&mut device, framed);
        let refused = person.confirmed_by(&mut device, "POST", &path, body.clone()).await;
        assert_eq!(refused.code(), "factor_wrong", "{framed:?}");
    }
    assert_eq!(person.get(&format!("/keys/{key}")).await.json()["state"], "active");
    plain(&mut device);
    assert_eq!(person.confirmed_by(&mut device, "POST", &path, body).await.status, 200);
}

#[tokio::test]
async fn it_resets_no_password() {
    let world = World::new().await;
    let (person, mut device) = with_device(&world, "a@keyward.example").await;
    let asked = world.api(AWAY, "", "POST", "/recoveries", &json!({"email": person.email})).await;
    let (recovery, code) = (asked.field("id"), world.code(&person.email).await);
    let attempt = async |device: &mut Device| -> Reply {
        let options = format!("/recoveries/{recovery}/passkey/options");
        let asked = world.api(AWAY, "", "POST", &options, &Value::Null).await.json();
        let body = json!({"mail_code": code, "passkey": device.get(&asked), "password": "brass-tulip-88-north-canoe"});
        world.api(AWAY, "", "POST", &format!("/recoveries/{recovery}/confirm"), &body).await
    };
    for framed in FRAMED {
        frame(&mut device, framed);
        assert_eq!(attempt(&mut device).await.code(), "factor_wrong", "{framed:?}");
    }
    assert_eq!(person.get("/account").await.status, 200, "nothing was reset");
    plain(&mut device);
    assert_eq!(attempt(&mut device).await.status, 204);
}

#[tokio::test]
async fn it_adds_no_passkey() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    for framed in FRAMED {
        let mut device = Device::new();
        frame(&mut device, framed);
        let refused = person.add(&mut device, "Phone", &person.totp()).await;
        assert_eq!(refused.code(), "bad_passkey", "{framed:?}: {}", refused.text);
    }
    assert_eq!(person.get("/account/passkeys").await.json(), json!([]));
    assert_eq!(person.add(&mut Device::new(), "Phone", &person.totp()).await.status, 201);
}
