//! Signing in with a passkey, alone and as the second step.

use serde_json::{Value, json};

use crate::device::Device;
use crate::world::{HOME, PASSWORD, Person, Reply, World};

async fn question(world: &World) -> Value {
    let asked = world.api(HOME, "", "POST", "/session/passkey/options", &Value::Null).await;
    assert_eq!(asked.status, 200, "{}", asked.text);
    asked.json()
}

async fn present(world: &World, answer: &Value) -> Reply {
    world.api(HOME, "", "POST", "/session/passkey", &json!({"passkey": answer})).await
}

async fn with_device<'w>(world: &'w World, email: &str) -> (Person<'w>, Device) {
    let person = world.person(email).await;
    let mut device = Device::new();
    let added = person.add(&mut device, "Phone", &person.totp()).await;
    assert_eq!(added.status, 201, "{}", added.text);
    (person, device)
}

#[tokio::test]
async fn a_passkey_alone_signs_in() {
    let world = World::new().await;
    let (person, mut device) = with_device(&world, "a@keyward.example").await;
    let asked = question(&world).await;
    assert_eq!(asked["options"]["userVerification"], "required");
    assert_eq!(asked["options"]["allowCredentials"], json!([]), "nobody is named before sign-in");
    let done = present(&world, &device.get(&asked)).await;
    assert_eq!((done.status, done.json()["next"].as_str()), (200, Some("done")), "{}", done.text);
    let again = Person { token: done.field("token"), ..person.clone() };
    assert_eq!(again.get("/account").await.json()["email"], "a@keyward.example");
}

#[tokio::test]
async fn a_passkey_is_the_second_step() {
    let world = World::new().await;
    let (person, mut device) = with_device(&world, "a@keyward.example").await;
    let body = json!({"email": person.email, "password": PASSWORD});
    let half = world.api(HOME, "", "POST", "/session", &body).await.field("token");
    let ask = async || {
        let asked = world.api(HOME, &half, "POST", "/session/second-factor/options", &Value::Null).await;
        asked.json()
    };
    let present = async |answer: Value| {
        world.api(HOME, &half, "POST", "/session/second-factor", &json!({"passkey": answer})).await
    };
    // One to the question of the door, and one of a device that is only touched, open nothing.
    assert_eq!(present(device.get(&question(&world).await)).await.code(), "factor_wrong");
    let flags = device.flags;
    device.by_touch();
    assert_eq!(present(device.get(&ask().await)).await.code(), "factor_wrong");
    device.flags = flags;
    let done = present(device.get(&ask().await)).await;
    assert_eq!(done.status, 200, "{}", done.text);
    assert_eq!(world.api(HOME, &done.field("token"), "GET", "/account", &Value::Null).await.status, 200);
}

#[tokio::test]
async fn one_answer_after_one_time_for_all_that_is_wrong() {
    let world = World::new().await;
    let (_, mut device) = with_device(&world, "a@keyward.example").await;
    let used = device.get(&question(&world).await);
    assert_eq!(present(&world, &used).await.status, 200);
    let mut wrong = vec![("a used answer", used)];
    // The same signature under a question that is still open.
    let (fresh, mut moved) = (question(&world).await, device.get(&question(&world).await));
    moved["ceremony"] = fresh["ceremony"].clone();
    wrong.push(("an answer to another question", moved));
    let mut unknown = Device::new();
    unknown.create(&json!({"options": {"user": {"id": "AAAAAAAAAAAAAAAAAAAAAA"}, "challenge": "AA"}}));
    wrong.push(("an unknown credential", unknown.get(&question(&world).await)));
    let mut broken = device.get(&question(&world).await);
    broken["credential"]["response"]["signature"] =
        other_signature(&mut Device::new(), &question(&world).await);
    wrong.push(("a wrong signature", broken));
    let mut holder = device.get(&question(&world).await);
    holder["credential"]["response"]["userHandle"] = json!("AAAAAAAAAAAAAAAAAAAAAA");
    wrong.push(("another holder", holder));
    for (name, origin, party) in [
        ("another origin", "https://keys.example.evil", "keys.example"),
        ("another host under ours", "https://evil.keys.example", "keys.example"),
        ("another party", "https://keys.example", "evil.example"),
    ] {
        (device.origin, device.party) = (origin.to_owned(), party.to_owned());
        wrong.push((name, device.get(&question(&world).await)));
    }
    (device.origin, device.party) = ("https://keys.example".to_owned(), "keys.example".to_owned());
    let flags = device.flags;
    device.by_touch();
    wrong.push(("nobody verified", device.get(&question(&world).await)));
    device.flags = flags;
    wrong.push(("no answer at all", json!({"ceremony": "pc_00", "credential": {}})));
    let mut texts = Vec::new();
    for (name, answer) in &wrong {
        let began = tokio::time::Instant::now();
        let refused = present(&world, answer).await;
        assert_eq!(refused.status, 401, "{name}: {}", refused.text);
        assert!(began.elapsed().as_millis() >= 300, "{name} is answered early");
        texts.push(refused.text);
    }
    texts.dedup();
    assert_eq!(texts.len(), 1, "{texts:?}");
    let late = device.get(&question(&world).await);
    world.pass_ms(5 * 60 * 1_000);
    assert_eq!(present(&world, &late).await.text, texts[0]);
    assert_eq!(
        present(&world, &device.get(&question(&world).await)).await.status,
        200,
        "the right one still"
    );
}

fn other_signature(device: &mut Device, question: &Value) -> Value {
    device.get(question)["credential"]["response"]["signature"].clone()
}

#[tokio::test]
async fn a_counter_that_goes_back_is_refused_and_told() {
    let world = World::new().await;
    let (person, mut device) = with_device(&world, "a@keyward.example").await;
    device.counter = 7;
    assert_eq!(present(&world, &device.get(&question(&world).await)).await.status, 200);
    for counter in [2, 7] {
        device.counter = counter;
        assert_eq!(present(&world, &device.get(&question(&world).await)).await.status, 401, "{counter}");
    }
    let told = world.mails(&person.email).await;
    assert_eq!(told.iter().filter(|mail| mail.contains("there may be a copy of it")).count(), 1, "{told:?}");
    // Two answers with one counter, to questions that were open at the same time: the second is a copy's.
    let (one, two) = (question(&world).await, question(&world).await);
    device.counter = 20;
    let first = device.get(&one);
    device.counter = 20;
    let second = device.get(&two);
    assert_eq!(present(&world, &first).await.status, 200);
    assert_eq!(present(&world, &second).await.status, 401);
    device.counter = 30;
    assert_eq!(present(&world, &device.get(&question(&world).await)).await.status, 200);
}

#[tokio::test]
async fn a_question_is_answered_once_over_two_nodes() {
    let world = World::new().await;
    let (_, mut device) = with_device(&world, "a@keyward.example").await;
    let second = world.second_node().await;
    let answer = device.get(&question(&world).await);
    let (one, two) = tokio::join!(present(&world, &answer), present(&second, &answer));
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401]);
}
