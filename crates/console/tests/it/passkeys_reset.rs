//! A lost password, reset with the mail's code and a passkey (product.md 2).

use serde_json::{Value, json};

use crate::device::Device;
use crate::world::{PASSWORD, Person, Reply, World, wish};

const NEW: &str = "brass-tulip-88-north-canoe";
const AWAY: &str = "198.51.100.9";

async fn with_device<'w>(world: &'w World, email: &str) -> (Person<'w>, Device) {
    let person = world.without_factor(email).await;
    let mut device = Device::new();
    let added = person.add(&mut device, "Phone", PASSWORD).await;
    assert_eq!(added.status, 201, "{}", added.text);
    (person, device)
}

async fn begun(world: &World, email: &str) -> String {
    let asked = world.api(AWAY, "", "POST", "/recoveries", &json!({"email": email})).await;
    assert_eq!(asked.status, 202, "{}", asked.text);
    asked.field("id")
}

async fn question(world: &World, recovery: &str) -> Value {
    let path = format!("/recoveries/{recovery}/passkey/options");
    let asked = world.api(AWAY, "", "POST", &path, &Value::Null).await;
    assert_eq!(asked.status, 200, "{}", asked.text);
    asked.json()
}

async fn confirm(world: &World, recovery: &str, code: &str, answer: &Value) -> Reply {
    let body = json!({"mail_code": code, "passkey": answer, "password": NEW});
    world.api(AWAY, "", "POST", &format!("/recoveries/{recovery}/confirm"), &body).await
}

#[tokio::test]
async fn a_passkey_stands_beside_the_mail_where_it_is_the_only_factor() {
    let world = World::new().await;
    let (mut person, mut device) = with_device(&world, "a@keyward.example").await;
    let mut payer = wish("payer");
    payer["permissions"] = json!(["read", "withdraw"]);
    // The first factor let nothing rest, so the key can be made.
    let payer = person.approved_by(&mut device, "POST", "/keys", payer).await.field("api_key");
    let recovery = begun(&world, &person.email).await;
    let (code, asked) = (world.code(&person.email).await, question(&world, &recovery).await);
    assert_eq!(asked["options"]["userVerification"], "required");
    assert_eq!(confirm(&world, &recovery, &code, &device.get(&asked)).await.status, 204);
    assert_eq!(person.get("/account").await.status, 401, "every session has ended");
    assert!(world.mails(&person.email).await.iter().any(|mail| mail.contains("Your password was changed")));
    let body = json!({"email": person.email, "password": NEW});
    assert_eq!(world.api(AWAY, "", "POST", "/session", &body).await.json()["next"], "second_factor");
    person = person.sign_in_by(&mut device).await;
    assert_eq!(person.get(&format!("/keys/{payer}")).await.json()["state"], "held", "it rests for a day");
    let trail = person.get("/trail").await.text;
    assert!(trail.contains("account.reset") && trail.contains("passkey, mail"), "{trail}");
    // The challenge is used up.
    let again = device.get(&question(&world, &recovery).await);
    assert_eq!(confirm(&world, &recovery, &code, &again).await.code(), "challenge_over");
}

#[tokio::test]
async fn an_answer_resets_its_own_account_by_its_own_recovery_once() {
    let world = World::new().await;
    let (person, mut device) = with_device(&world, "a@keyward.example").await;
    let (_, mut foreign) = with_device(&world, "b@keyward.example").await;
    let (mine, other) = (begun(&world, &person.email).await, begun(&world, "b@keyward.example").await);
    let code = world.code(&person.email).await;
    let door = world.api(AWAY, "", "POST", "/session/passkey/options", &Value::Null).await.json();
    let by_touch = {
        let flags = device.flags;
        device.by_touch();
        let answer = device.get(&question(&world, &mine).await);
        device.flags = flags;
        answer
    };
    let wrong = [
        ("another recovery", device.get(&question(&world, &other).await)),
        ("the door", device.get(&door)),
        ("another account's device", foreign.get(&question(&world, &mine).await)),
        ("nobody verified", by_touch),
    ];
    for (what, answer) in wrong {
        let refused = confirm(&world, &mine, &code, &answer).await;
        assert_eq!((refused.status, refused.code().as_str()), (403, "factor_wrong"), "{what}");
    }
    // Five tries, then another challenge; the door takes no answer that was meant for a reset.
    let answer = device.get(&question(&world, &mine).await);
    assert_eq!(confirm(&world, &mine, "00000000", &answer).await.code(), "code_wrong");
    assert_eq!(confirm(&world, &mine, &code, &answer).await.code(), "challenge_over");
    let door = world.api(AWAY, "", "POST", "/session/passkey", &json!({"passkey": answer})).await;
    assert_eq!(door.status, 401);
    let next = begun(&world, &person.email).await;
    let code = world.code(&person.email).await;
    let late = device.get(&question(&world, &next).await);
    world.pass_ms(5 * 60 * 1_000);
    assert_eq!(confirm(&world, &next, &code, &late).await.code(), "factor_wrong", "too late");
    let both = json!({"mail_code": code, "factor": "000000", "password": NEW,
        "passkey": device.get(&question(&world, &next).await)});
    let path = format!("/recoveries/{next}/confirm");
    assert_eq!(world.api(AWAY, "", "POST", &path, &both).await.code(), "bad_body");
    let body = json!({"email": person.email, "password": PASSWORD});
    assert_eq!(world.api(AWAY, "", "POST", "/session", &body).await.status, 200, "the old password stays");
    assert_eq!(confirm(&world, &next, &code, &device.get(&question(&world, &next).await)).await.status, 204);
}

/// What an answer tells beside what is drawn at random.
fn shape(reply: &Reply) -> Value {
    let mut body = reply.json();
    for random in ["/id", "/ceremony", "/options/challenge"] {
        if let Some(value) = body.pointer_mut(random) {
            assert!(value.as_str().unwrap().len() > 20);
            *value = json!("random");
        }
    }
    json!([reply.status, body])
}

#[tokio::test]
async fn a_stranger_learns_neither_of_accounts_nor_of_passkeys() {
    let world = World::new().await;
    let (person, _) = with_device(&world, "a@keyward.example").await;
    let codes = world.person("b@keyward.example").await;
    let bare = world.without_factor("c@keyward.example").await;
    let mut stranger = Device::new();
    stranger.create(&json!({"options": {"user": {"id": "AAAAAAAAAAAAAAAAAAAAAA"}, "challenge": "AA"}}));
    let mut seen = Vec::new();
    for email in [&person.email, &codes.email, &bare.email, "nobody@keyward.example"] {
        let asked = world.api(AWAY, "", "POST", "/recoveries", &json!({"email": email})).await;
        let recovery = asked.field("id");
        let path = format!("/recoveries/{recovery}/passkey/options");
        let offered = world.api(AWAY, "", "POST", &path, &Value::Null).await;
        assert_eq!(offered.json()["options"]["allowCredentials"], json!([]), "nobody's passkey is named");
        let began = tokio::time::Instant::now();
        let refused = confirm(&world, &recovery, "00000000", &stranger.get(&offered.json())).await;
        assert!(began.elapsed().as_millis() >= 300, "{email} is answered early");
        assert_eq!(refused.code(), "code_wrong", "{email}");
        seen.push(json!([shape(&asked), shape(&offered), shape(&refused)]));
    }
    seen.dedup();
    assert_eq!(seen.len(), 1, "{seen:?}");
    // A question for what never was looks the same; the questions of one source are counted.
    let never = format!("/recoveries/{}/passkey/options", "a7".repeat(16));
    let mut last = world.api(AWAY, "", "POST", &never, &Value::Null).await;
    assert_eq!(shape(&last), seen[0][1]);
    for _ in 0..60 {
        last = world.api(AWAY, "", "POST", &never, &Value::Null).await;
    }
    assert_eq!((last.status, last.code().as_str()), (429, "too_many_codes"));
    let door = world.api(AWAY, "", "POST", "/session/passkey/options", &Value::Null).await;
    assert_eq!(door.status, 200, "the way in has a counter of its own");
}
