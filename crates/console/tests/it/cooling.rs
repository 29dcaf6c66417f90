//! Holds over a person's keys: the rest after a change, and two-factor sign-in off (product.md 2).

use keyward_authority::Authenticator;
use keyward_authority::duties::end_cooling;
use keyward_rules::grant::Actor;
use keyward_rules::limits::FORM_ANSWER_MS;
use serde_json::{Value, json};

use crate::device::Device;
use crate::doors::form;
use crate::tab::{Tab, value};
use crate::world::{HOME, PASSWORD, Person, World, wish};

const NEW: &str = "brass-tulip-88-north-canoe";

async fn withdrawer(person: &Person<'_>) -> String {
    let mut body = wish("payer");
    body["permissions"] = json!(["read", "withdraw"]);
    person.approved("POST", "/keys", body).await.field("api_key")
}

async fn state(person: &Person<'_>, id: &str) -> Value {
    person.get(&format!("/keys/{id}")).await.json()["state"].clone()
}

#[tokio::test]
async fn after_a_reset_keys_that_move_funds_rest_for_a_day() {
    let world = World::new().await;
    let mut person = world.person("a@keyward.example").await;
    let (payer, bot) = (withdrawer(&person).await, person.key("bot").await);
    let asked = world.api("198.51.100.9", "", "POST", "/recoveries", &json!({"email": person.email})).await;
    let path = format!("/recoveries/{}/confirm", asked.field("id"));
    let code = world.code(&person.email).await;
    let reset = |factor: &str| json!({"mail_code": code, "factor": factor, "password": NEW});
    for (wrong, why) in
        [("", "factor_unreadable"), ("000000", "factor_wrong"), (PASSWORD, "factor_unreadable")]
    {
        let refused = world.api("198.51.100.9", "", "POST", &path, &reset(wrong)).await;
        assert_eq!(refused.code(), why, "the mailbox alone resets nothing: {wrong}");
    }
    assert_eq!(world.api("198.51.100.9", "", "POST", &path, &reset(&person.recovery[0])).await.status, 204);
    assert_eq!(person.get("/account").await.status, 401, "every session has ended");
    assert_eq!(person.sign_in(PASSWORD, Some(&person.device)).await.status, 401);
    world.pass_ms(60_000);
    person.token = person.sign_in(NEW, None).await.field("token");
    assert_eq!(state(&person, &payer).await, "held");
    assert_eq!(state(&person, bot["api_key"].as_str().unwrap()).await, "active", "trading goes on");
    let mut another = wish("payer 2");
    another["permissions"] = json!(["read", "funding"]);
    assert_eq!(person.api("POST", "/keys", another.clone()).await.code(), "cooling");
    let body = json!({"name": "payer", "factor": NEW});
    assert_eq!(
        person.api("POST", &format!("/keys/{payer}/disable"), body).await.status,
        200,
        "tightening works"
    );
    assert_eq!(person.approved("POST", &format!("/keys/{payer}/enable"), json!({})).await.code(), "cooling");
    let mut wider =
        json!({"name": "payer", "from": {"reach": "addresses", "addresses": ["127.0.0.1", "192.0.2.1"]}});
    wider["factor"] = NEW.into();
    assert_eq!(person.approved("PUT", &format!("/keys/{payer}/addresses"), wider).await.code(), "cooling");

    world.pass_days(1);
    let context = world.authority.context(Actor::System("sweep"), world.now());
    assert_eq!(end_cooling(&context).await.unwrap(), 1);
    person.token = person.sign_in(NEW, None).await.field("token");
    assert_eq!(state(&person, &payer).await, "disabled", "lifting a hold enables nothing");
    assert_eq!(person.approved("POST", &format!("/keys/{payer}/enable"), json!({})).await.status, 200);
    assert_eq!(person.approved("POST", "/keys", another).await.status, 201);
}

#[tokio::test]
async fn a_reset_is_as_quiet_for_an_address_without_account() {
    let world = World::new().await;
    let asked = world.api(HOME, "", "POST", "/recoveries", &json!({"email": "nobody@keyward.example"})).await;
    assert_eq!(asked.status, 202);
    assert!(world.mails("nobody@keyward.example").await.is_empty());
    let path = format!("/recoveries/{}/confirm", asked.field("id"));
    let body = json!({"mail_code": "12345678", "factor": "", "password": NEW});
    assert_eq!(world.api(HOME, "", "POST", &path, &body).await.code(), "code_wrong");
}

#[tokio::test]
async fn two_factor_off_holds_every_key_until_it_is_on() {
    let world = World::new().await;
    let mut person = world.person("a@keyward.example").await;
    let key = person.key("bot").await;
    let id = key["api_key"].as_str().unwrap().to_owned();
    assert_eq!(person.approved("DELETE", "/account/authenticator", json!({})).await.status, 204);
    assert_eq!(state(&person, &id).await, "held");
    let proposed = person.api("POST", "/account/authenticator/propose", Value::Null).await;
    person.secret = proposed.field("secret");
    let body = |person: &Person<'_>| json!({"secret": person.secret, "code": person.totp_now()});
    let asked = person.api("PUT", "/account/authenticator", body(&person)).await;
    let mut again = body(&person);
    again["step_up"] = json!({"challenge": asked.field("challenge"), "mail_code": world.code(&person.email).await, "factor": PASSWORD});
    assert_eq!(person.api("PUT", "/account/authenticator", again).await.status, 200);
    assert_eq!(state(&person, &id).await, "active");
}

#[tokio::test]
async fn a_changed_password_ends_all_other_sessions() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let mut other = person.clone();
    other.token = person.sign_in(PASSWORD, Some(&person.device)).await.field("token");
    let changed = person.approved("PUT", "/account/password", json!({"password": NEW})).await;
    assert_eq!(changed.status, 204, "{}", changed.text);
    assert_eq!((person.get("/account").await.status, other.get("/account").await.status), (200, 401));
    let mail = world.mails(&person.email).await.remove(0);
    assert!(mail.contains("Your password was changed"), "{mail}");
}

/// A key for each right, and what a change of a factor does to it.
const RIGHTS: [(&str, &str); 5] =
    [("read", "active"), ("trade", "active"), ("withdraw", "held"), ("funding", "held"), ("manage", "held")];

async fn one_of_each(person: &Person<'_>) -> Vec<String> {
    let mut made = Vec::new();
    for (right, _) in RIGHTS {
        let mut body = wish(&format!("the {right} key"));
        body["permissions"] = json!([right]);
        made.push(person.approved("POST", "/keys", body).await.field("api_key"));
    }
    made
}

async fn states(person: &Person<'_>, keys: &[String]) -> Vec<Value> {
    let mut found = Vec::new();
    for key in keys {
        found.push(state(person, key).await);
    }
    found
}

/// Puts another authenticator in place of the old one.
async fn replace_authenticator(person: &mut Person<'_>) {
    let secret = person.api("POST", "/account/authenticator/propose", Value::Null).await.field("secret");
    let next = Authenticator::from_base32(&secret).unwrap();
    let body = |person: &Person<'_>| json!({"secret": secret, "code": next.code_at(person.world.now())});
    let asked = person.api("PUT", "/account/authenticator", body(person)).await;
    let factor = person.totp();
    let mut again = body(person);
    again["step_up"] = json!({"challenge": asked.field("challenge"), "mail_code": person.world.code(&person.email).await, "factor": factor});
    let replaced = person.api("PUT", "/account/authenticator", again).await;
    assert_eq!(replaced.status, 200, "{}", replaced.text);
    person.secret = secret;
}

#[tokio::test]
async fn adding_a_factor_holds_nothing_and_replacing_one_holds_what_can_take_funds() {
    let world = World::new().await;
    let mut person = world.person("a@keyward.example").await;
    let keys = one_of_each(&person).await;
    let added = person.add(&mut Device::new(), "Phone", &person.totp()).await;
    assert_eq!(added.status, 201, "{}", added.text);
    assert_eq!(states(&person, &keys).await, vec!["active"; 5], "a passkey beside the authenticator");
    replace_authenticator(&mut person).await;
    let held: Vec<&str> = RIGHTS.iter().map(|(_, state)| *state).collect();
    assert_eq!(states(&person, &keys).await, held);

    // The list and the key's page say until when.
    let until = person.get("/account").await.json()["cooling_until_ms"].as_u64().unwrap();
    assert_eq!(until / 60_000, (world.now().unix_ms() + 86_400_000) / 60_000);
    let clock = format!("{:02}:{:02} UTC</time>", until / 3_600_000 % 24, until / 60_000 % 60);
    let tab = Tab::of(&world, &person).await;
    let list = tab.get("/keys").await.text;
    assert_eq!(list.matches("until <time data-local=\"clock\"").count(), 3, "{list}");
    assert!(list.contains(&clock), "{clock} in {list}");
    for (key, (right, state)) in keys.iter().zip(RIGHTS) {
        let page = tab.get(&format!("/keys/{key}")).await.text;
        let told = page.contains("Held until <time") && page.contains(&clock) && page.contains("in 23 hours");
        assert_eq!(told, state == "held", "{right}: {page}");
    }
    world.pass_days(1);
    let context = world.authority.context(Actor::System("sweep"), world.now());
    assert_eq!(end_cooling(&context).await.unwrap(), 1);
    let person = person.sign_in_again().await;
    assert_eq!(states(&person, &keys).await, vec!["active"; 5]);
}

#[tokio::test]
async fn an_authenticator_beside_a_passkey_holds_nothing() {
    let world = World::new().await;
    let person = world.without_factor("a@keyward.example").await;
    let mut device = Device::new();
    assert_eq!(person.add(&mut device, "Phone", PASSWORD).await.status, 201);
    let mut body = wish("payer");
    body["permissions"] = json!(["withdraw"]);
    let payer = person.approved_by(&mut device, "POST", "/keys", body).await.field("api_key");
    let secret = person.api("POST", "/account/authenticator/propose", Value::Null).await.field("secret");
    let code = Authenticator::from_base32(&secret).unwrap().code_at(world.now());
    let body = json!({"secret": secret, "code": code});
    let added = person.approved_by(&mut device, "PUT", "/account/authenticator", body).await;
    assert_eq!(added.status, 200, "{}", added.text);
    assert_eq!(state(&person, &payer).await, "active");
    assert!(person.get("/account").await.json()["cooling_until_ms"].is_null());
}

#[tokio::test]
async fn a_page_lists_the_keys_that_stop_before_it_is_confirmed() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let keys = one_of_each(&person).await;
    let body = json!({"name": "the funding key", "factor": PASSWORD});
    assert_eq!(person.api("POST", &format!("/keys/{}/disable", keys[3]), body).await.status, 200);
    let tab = Tab::of(&world, &person).await;
    let password = [("password", NEW)];
    let email = [("email", "new@keyward.example")];
    let pages = [
        ("replacing the authenticator", tab.get("/security/authenticator").await.text),
        ("a password", tab.post("/security/password", &password).await.text),
        ("an address", tab.post("/security/email", &email).await.text),
    ];
    for (what, page) in pages {
        assert!(
            page.contains("2 active keys stop until 20") && page.contains(" UTC, if you confirm now"),
            "{what}: {page}"
        );
        for (right, stops) in
            [("withdraw", true), ("manage", true), ("funding", false), ("read", false), ("trade", false)]
        {
            assert_eq!(page.contains(&format!("“the {right} key”")), stops, "{what}, {right}: {page}");
        }
    }
    // Without any second factor every key stops, and nobody knows until when.
    let off = tab.get("/security/authenticator/off").await.text;
    assert!(off.contains("4 active keys stop until two-factor sign-in is on again"), "{off}");
    assert!(
        off.contains("“the read key”") && !off.contains("“the funding key”"),
        "a disabled key does not work anyway: {off}"
    );
    // Adding is not removing: there is nothing to list.
    assert!(!tab.get("/security/recovery-codes").await.text.contains("stop until"));
    let stranger = world.person("b@keyward.example").await;
    let other = Tab::of(&world, &stranger).await.get("/security/authenticator").await.text;
    assert!(
        other.contains("None of your active keys stops.") && !other.contains("the withdraw key"),
        "{other}"
    );
}

#[tokio::test]
async fn a_reset_lists_the_keys_that_stop_once_code_and_factor_hold() {
    let world = World::new().await;
    let mut person = world.person("a@keyward.example").await;
    let keys = one_of_each(&person).await;
    let same = [("sec-fetch-site", "same-origin")];
    let email = person.email.replace('@', "%40");
    let post = async |path: &str, body: &str| world.send("198.51.100.9", form(path, "", &same, body)).await;
    let asked = post("/recover", &format!("email={email}")).await;
    let challenge = value(&asked.text, "challenge");
    let code = world.code(&person.email).await;
    let confirm = async |code: &str, factor: &str, more: &str| {
        let body = format!(
            "challenge={challenge}&email={email}&mail_code={code}&factor={factor}&password={NEW}{more}"
        );
        post("/recover/confirm", &body).await
    };
    // Neither half alone shows a key, and nor does a text that only looks like the proof.
    let forged = format!("&proved=totp.{}", "0".repeat(64));
    for (code, factor, more) in [
        ("00000000", person.totp_now(), ""),
        (code.as_str(), "000000".to_owned(), ""),
        (code.as_str(), String::new(), forged.as_str()),
    ] {
        let refused = confirm(code, &factor, more).await;
        assert!(refused.status == 422 && !refused.text.contains("key”"), "{}", refused.text);
    }
    let listed = confirm(&code, &person.recovery[0], "").await;
    assert!(listed.status == 200 && listed.text.contains("3 active keys stop until 20"), "{}", listed.text);
    for (right, state) in RIGHTS {
        assert_eq!(listed.text.contains(&format!("“the {right} key”")), state == "held", "{}", listed.text);
    }
    assert_eq!(person.get("/account").await.status, 200, "nothing has changed yet");
    assert_eq!(states(&person, &keys).await, vec!["active"; 5]);
    let proved = value(&listed.text, "proved");
    let done = confirm(&code, "", &format!("&proved={}", proved.replace(' ', "+"))).await;
    assert!(done.status == 200 && done.text.contains("The password is changed"), "{}", done.text);
    // Later, because a repetition within seconds gets the first answer.
    world.pass_ms(FORM_ANSWER_MS);
    let again = confirm(&code, "", &format!("&proved={}", proved.replace(' ', "+"))).await;
    assert_eq!(again.status, 422, "once: {}", again.text);
    person.token = person.sign_in(NEW, None).await.field("token");
    assert_eq!(states(&person, &keys).await, RIGHTS.map(|(_, state)| state).to_vec());
}

#[tokio::test]
async fn a_reset_that_stops_no_key_is_done_at_once() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    person.key("bot").await;
    let same = [("sec-fetch-site", "same-origin")];
    let email = person.email.replace('@', "%40");
    let asked = world.send(HOME, form("/recover", "", &same, &format!("email={email}"))).await;
    let (challenge, code) = (value(&asked.text, "challenge"), world.code(&person.email).await);
    let factor = person.totp();
    let body = format!("challenge={challenge}&email={email}&mail_code={code}&factor={factor}&password={NEW}");
    let done = world.send(HOME, form("/recover/confirm", "", &same, &body)).await;
    assert!(done.status == 200 && done.text.contains("The password is changed"), "{}", done.text);
}
