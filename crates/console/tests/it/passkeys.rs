//! Passkeys: adding, removing, and as the factor of a step-up.

use serde_json::{Value, json};

use crate::audit::records;
use crate::device::Device;
use crate::world::{PASSWORD, World, wish};

#[tokio::test]
async fn the_first_one_is_a_second_factor_and_brings_recovery_codes() {
    let world = World::new().await;
    let person = world.without_factor("a@keyward.example").await;
    assert_eq!(person.approved("POST", "/keys", wish("bot")).await.code(), "two_factor_off");
    let mut device = Device::new();
    let added = person.add(&mut device, "Phone", PASSWORD).await;
    assert_eq!(added.status, 201, "{}", added.text);
    assert_eq!(added.json()["recovery_codes"].as_array().unwrap().len(), 10);
    let account = person.get("/account").await.json();
    assert_eq!((&account["two_factor"], &account["authenticator"]), (&json!(true), &json!(false)));
    let made = person.approved_by(&mut device, "POST", "/keys", wish("bot")).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let listed = person.get("/account/passkeys").await.json();
    assert_eq!(listed[0]["name"], "Phone");
    assert!(listed[0]["last_used_at_ms"].is_u64() && listed[1].is_null());
    assert!(world.mails(&person.email).await.iter().any(|mail| mail.contains("A passkey was added")));
    // The last second factor takes the recovery codes along, and every key is held.
    let path = format!("/account/passkeys/{}", listed[0]["id"].as_str().unwrap());
    let removed = person.approved_by(&mut device, "DELETE", &path, json!({})).await;
    assert_eq!(removed.status, 204, "{}", removed.text);
    let account = person.get("/account").await.json();
    assert_eq!((&account["two_factor"], &account["recovery_codes_left"]), (&json!(false), &json!(0)));
    assert!(person.get("/keys").await.text.contains("two-factor"), "held");
    assert!(world.mails(&person.email).await.iter().any(|mail| mail.contains("A passkey was removed")));
    let trail = person.get("/trail").await.text;
    for word in ["account.passkey.add", "account.passkey.remove"] {
        assert_eq!(trail.matches(word).count(), 1, "{word} in {trail}");
    }
}

#[tokio::test]
async fn it_stands_beside_an_authenticator() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let mut device = Device::new();
    let added = person.add(&mut device, "Key", &person.totp()).await;
    assert_eq!((added.status, added.json()["recovery_codes"].clone()), (201, json!([])));
    assert!(
        person.get("/account").await.json()["cooling_until_ms"].is_null(),
        "adding a factor holds nothing"
    );
    let off = person.approved_by(&mut device, "DELETE", "/account/authenticator", json!({})).await;
    assert_eq!(off.status, 204, "{}", off.text);
    let account = person.get("/account").await.json();
    assert_eq!((&account["two_factor"], &account["recovery_codes_left"]), (&json!(true), &json!(10)));
    assert!(account["cooling_until_ms"].is_u64(), "removing one does");
    let made = person.approved_by(&mut device, "POST", "/keys", wish("bot")).await;
    assert_eq!(made.status, 201, "a key that only trades can be made: {}", made.text);
}

#[tokio::test]
async fn what_did_not_come_from_here_adds_nothing() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let other = world.person("b@keyward.example").await;
    let lies: [fn(&mut Device); 5] = [
        |device| device.origin = "https://keys.example.evil".to_owned(),
        |device| device.origin = "https://evil.keys.example".to_owned(),
        |device| device.origin = "https://keys.example:8443".to_owned(),
        |device| device.party = "evil.example".to_owned(),
        Device::by_touch,
    ];
    for (at, lie) in lies.into_iter().enumerate() {
        let mut device = Device::new();
        lie(&mut device);
        let refused = person.add(&mut device, "Phone", &person.totp()).await;
        assert_eq!(refused.code(), "bad_passkey", "lie {at}: {}", refused.text);
    }
    // Somebody else's question, and one that waited too long.
    let body = json!({"name": "Phone", "passkey": Device::new().create(&other.asked_to_add().await)});
    assert_eq!(person.add_answer(body, &person.totp()).await.code(), "bad_passkey");
    let body = json!({"name": "Phone", "passkey": Device::new().create(&person.asked_to_add().await)});
    world.pass_ms(5 * 60 * 1_000);
    assert_eq!(person.add_answer(body, &person.totp()).await.code(), "bad_passkey");
    assert_eq!(person.get("/account/passkeys").await.json(), json!([]));
}

#[tokio::test]
async fn a_question_adds_one_and_a_device_belongs_to_one() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let mut device = Device::new();
    let body = json!({"name": "Phone", "passkey": device.create(&person.asked_to_add().await)});
    assert_eq!(person.add_answer(body.clone(), &person.totp()).await.status, 201);
    assert_eq!(person.add_answer(body, &person.totp()).await.code(), "bad_passkey");
    let other = world.person("b@keyward.example").await;
    let twice = other.add(&mut device, "Mine", &other.totp()).await;
    assert_eq!(twice.status, 409, "{}", twice.text);
    assert_eq!(other.get("/account/passkeys").await.json(), json!([]));
}

#[tokio::test]
async fn the_eleventh_is_refused() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    for number in 0..9 {
        if number == 5 {
            for _ in 0..3 {
                world.pass_ms(21 * 60 * 1_000);
                person.get("/account").await;
            }
        }
        let added = person.add(&mut Device::new(), &format!("Device {number}"), &person.totp()).await;
        assert_eq!(added.status, 201, "{number}: {}", added.text);
    }
    // Two questions while there is room for one: the second answer is too many.
    let (tenth, eleventh) = (person.asked_to_add().await, person.asked_to_add().await);
    let body = |question: &Value| json!({"name": "Device", "passkey": Device::new().create(question)});
    assert_eq!(person.add_answer(body(&tenth), &person.totp()).await.status, 201);
    assert_eq!(person.add_answer(body(&eleventh), &person.totp()).await.code(), "too_many_passkeys");
    let refused = person.api("POST", "/account/passkeys/options", Value::Null).await;
    assert_eq!((refused.status, refused.code().as_str()), (409, "too_many_passkeys"));
}

#[tokio::test]
async fn an_answer_serves_its_own_step_up_only() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let (mut device, mut foreign) = (Device::new(), Device::new());
    assert_eq!(person.add(&mut device, "Phone", &person.totp()).await.status, 201);
    let other = world.person("b@keyward.example").await;
    assert_eq!(other.add(&mut foreign, "Phone", &other.totp()).await.status, 201);
    let mut first = wish("one");
    let asked = person.api("POST", "/keys", first.clone()).await.json();
    let mail = world.code(&person.email).await;
    let second = person.api("POST", "/keys", wish("two")).await.json();
    let elsewhere = other.api("POST", "/keys", wish("three")).await.json();
    let answers = [
        device.get(&second["passkey"]),
        device.get(&elsewhere["passkey"]),
        foreign.get(&elsewhere["passkey"]),
        json!({"ceremony": "pc_00", "credential": {}}),
    ];
    for (at, answer) in answers.into_iter().enumerate() {
        first["step_up"] = json!({"challenge": asked["challenge"], "mail_code": mail, "passkey": answer});
        assert_eq!(person.api("POST", "/keys", first.clone()).await.code(), "factor_wrong", "answer {at}");
    }
    let both = json!({"challenge": asked["challenge"], "mail_code": mail, "factor": "000000",
        "passkey": device.get(&asked["passkey"])});
    for step_up in [both, json!({"challenge": asked["challenge"], "mail_code": mail})] {
        first["step_up"] = step_up;
        assert_eq!(person.api("POST", "/keys", first.clone()).await.code(), "bad_body");
    }
    // A device of another account, to the right question.
    let right = foreign.get(&asked["passkey"]);
    first["step_up"] = json!({"challenge": asked["challenge"], "mail_code": mail, "passkey": right});
    assert_eq!(person.api("POST", "/keys", first).await.code(), "factor_wrong");
    // And the question is used up by that: the next step-up has another.
    let made = person.approved_by(&mut device, "POST", "/keys", wish("four")).await;
    assert_eq!(made.status, 201, "{}", made.text);
}

#[tokio::test]
async fn a_passkey_is_renamed_by_the_session_and_recorded() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let mut device = Device::new();
    assert_eq!(person.add(&mut device, "Phone", &person.totp()).await.status, 201);
    let id = person.get("/account/passkeys").await.json()[0]["id"].as_str().unwrap().to_owned();
    let path = format!("/account/passkeys/{id}");
    let before = records(&world).len();
    for odd in ["", " ", "a\u{202e}b", "a\u{7}", " a", &"x".repeat(51)] {
        assert_eq!(person.api("PATCH", &path, json!({"name": odd})).await.code(), "bad_name", "{odd:?}");
    }
    let renamed = person.api("PATCH", &path, json!({"name": "Blue key"})).await;
    assert_eq!((renamed.status, renamed.field("name").as_str()), (200, "Blue key"));
    assert_eq!(person.api("PATCH", &path, json!({"name": "Blue key"})).await.status, 200, "nothing to do");
    let all = records(&world);
    assert_eq!(all.len(), before + 1, "one change, one record");
    let record: Value = serde_json::from_str(all.last().unwrap()).unwrap();
    assert_eq!(
        (&record["action"], &record["facts"]["name"]),
        (&json!("account.passkey.rename"), &json!("Phone -> Blue key"))
    );
    assert!(person.get("/trail").await.text.contains("account.passkey.rename"));
    // Its seal opens as before, and nobody else reaches it.
    let made = person.approved_by(&mut device, "POST", "/keys", wish("bot")).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let other = world.person("b@keyward.example").await;
    assert_eq!(other.api("PATCH", &path, json!({"name": "Mine"})).await.code(), "no_passkey");
    assert_eq!(person.get("/account/passkeys").await.json()[0]["name"], "Blue key");
}
