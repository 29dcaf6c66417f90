//! After a change of e-mail address the old address is good for nothing: codes that went there approve nothing, and sessions
//! beside the one that changed it are over (product.md 2).

use axum::http::Method;
use serde_json::{Value, json};

use crate::doors::browser;
use crate::world::{HOME, PASSWORD, Person, Reply, World, wish};

const OLD: &str = "a@keyward.example";
const NEW: &str = "new@keyward.example";
const AWAY: &str = "198.51.100.9";

/// A request that waits for its code, and the code that was mailed for it.
struct Waiting {
    method: &'static str,
    path: String,
    body: Value,
    challenge: String,
    code: String,
}

impl Waiting {
    async fn of(person: &Person<'_>, (method, path, body): (&'static str, String, Value)) -> Self {
        let asked = person.api(method, &path, body.clone()).await;
        assert_eq!(asked.code(), "step_up_required", "{path}: {}", asked.text);
        let (challenge, code) = (asked.field("challenge"), person.world.code(&person.email).await);
        Self { method, path, body, challenge, code }
    }

    async fn answered(&self, person: &Person<'_>) -> Reply {
        let mut body = self.body.clone();
        body["step_up"] =
            json!({"challenge": self.challenge, "mail_code": self.code, "factor": person.totp()});
        person.api(self.method, &self.path, body).await
    }
}

/// Asks for the new address, and takes it with the code that went there.
async fn change(person: &Person<'_>) {
    let asked = person.approved("PUT", "/account/email", json!({"email": NEW})).await;
    assert_eq!(asked.status, 202, "{}", asked.text);
    let path = format!("/account/email/{}/confirm", asked.field("id"));
    // A wrong code changes nothing.
    assert_eq!(person.api("POST", &path, json!({"code": "00000000"})).await.code(), "code_wrong");
    assert_eq!(person.get("/account").await.field("email"), OLD);
    let code = person.world.code(NEW).await;
    assert_eq!(person.api("POST", &path, json!({"code": code})).await.status, 204);
}

/// What may wait for a code in the session of a person who has a disabled key.
fn requests(key: &str) -> Vec<(&'static str, String, Value)> {
    let wider = json!({"name": "bot", "from": {"reach": "anywhere"}});
    vec![
        ("POST", "/keys".to_owned(), wish("another")),
        ("POST", format!("/keys/{key}/enable"), json!({})),
        ("POST", format!("/keys/{key}/rotate"), json!({"name": "bot 2", "passphrase": "Other-Pass1!"})),
        ("PUT", format!("/keys/{key}/addresses"), wider),
        ("PUT", "/account/password".to_owned(), json!({"password": "brass-tulip-88-north-canoe"})),
        ("PUT", "/account/email".to_owned(), json!({"email": "third@keyward.example"})),
        ("DELETE", "/account/authenticator".to_owned(), json!({})),
    ]
}

async fn with_disabled_key(world: &World) -> (Person<'_>, String) {
    let person = world.person(OLD).await;
    let key = person.key("bot").await["api_key"].as_str().unwrap().to_owned();
    let disabled =
        person.api("POST", &format!("/keys/{key}/disable"), json!({"name": "bot", "factor": PASSWORD})).await;
    assert_eq!(disabled.status, 200, "{}", disabled.text);
    // Another hour, with its ten codes.
    world.pass_ms(3_600_000);
    (person.sign_in_again().await, key)
}

#[tokio::test]
async fn codes_that_went_to_the_old_address_approve_nothing() {
    let world = World::new().await;
    let (person, key) = with_disabled_key(&world).await;
    let mut waiting = Vec::new();
    for request in requests(&key) {
        waiting.push(Waiting::of(&person, request).await);
    }
    let reset = world.api(AWAY, "", "POST", "/recoveries", &json!({"email": OLD})).await.field("id");
    let code = world.code(OLD).await;
    change(&person).await;
    // The mail's code is the right one, and the factor too.
    for one in &waiting {
        let refused = one.answered(&person).await;
        assert_eq!(refused.code(), "challenge_over", "{} {}: {}", one.method, one.path, refused.text);
    }
    let confirm = format!("/recoveries/{reset}/confirm");
    let body =
        json!({"mail_code": code, "factor": person.recovery[0], "password": "brass-tulip-88-north-canoe"});
    assert_eq!(world.api(AWAY, "", "POST", &confirm, &body).await.code(), "challenge_over");
    assert_eq!(person.get(&format!("/keys/{key}")).await.json()["state"], "disabled");
    // What is asked for from now on goes to the new address.
    world.pass_ms(3_600_000);
    let person = Person { email: NEW.to_owned(), ..person }.sign_in_again().await;
    assert_eq!(person.approved("POST", &format!("/keys/{key}/enable"), json!({})).await.status, 200);
    let reset = world.api(AWAY, "", "POST", "/recoveries", &json!({"email": OLD})).await.field("id");
    let confirm = format!("/recoveries/{reset}/confirm");
    assert_eq!(world.api(AWAY, "", "POST", &confirm, &body).await.code(), "code_wrong", "no account has it");
}

/// A challenge may be made while the address changes, after the open ones were ended. It is good for the address that its code
/// went to.
#[tokio::test]
async fn a_challenge_that_the_change_overtook_approves_nothing() {
    let world = World::new().await;
    let (person, key) = with_disabled_key(&world).await;
    let mut waiting = Vec::new();
    for request in requests(&key) {
        waiting.push(Waiting::of(&person, request).await);
    }
    let reset = world.api(AWAY, "", "POST", "/recoveries", &json!({"email": OLD})).await.field("id");
    let code = world.code(OLD).await;
    change(&person).await;
    let database = rusqlite::Connection::open(world.folder.join("keyward.db")).unwrap();
    database.execute("UPDATE challenges SET done_at = NULL", []).unwrap();
    for one in &waiting {
        let refused = one.answered(&person).await;
        assert_eq!(refused.code(), "challenge_over", "{} {}: {}", one.method, one.path, refused.text);
    }
    let confirm = format!("/recoveries/{reset}/confirm");
    let body =
        json!({"mail_code": code, "factor": person.recovery[0], "password": "brass-tulip-88-north-canoe"});
    assert_eq!(world.api(AWAY, "", "POST", &confirm, &body).await.code(), "challenge_over");
    // Nor does it where somebody else has the old address by now.
    world.person(OLD).await;
    assert_eq!(world.api(AWAY, "", "POST", &confirm, &body).await.code(), "challenge_over");
    assert_eq!(world.api(HOME, &person.token, "GET", "/account", &Value::Null).await.field("email"), NEW);
}

#[tokio::test]
async fn other_sessions_end_and_the_own_one_stays() {
    let world = World::new().await;
    let (person, _) = with_disabled_key(&world).await;
    let bystander = world.person("b@keyward.example").await;
    let asked = Waiting::of(&bystander, ("POST", "/keys".to_owned(), wish("theirs"))).await;
    let mut others = Vec::new();
    for _ in 0..4 {
        others.push(person.sign_in_again().await);
    }
    let pages = browser(&world, &person).await;
    let page = async |path: &str| {
        let request = axum::http::Request::builder().method(Method::GET).uri(path);
        let request = request.header(axum::http::header::COOKIE, &pages);
        world.send(HOME, request.body(axum::body::Body::empty()).unwrap()).await.status
    };
    let body = json!({"email": OLD, "password": PASSWORD});
    let half = world.api(HOME, "", "POST", "/session", &body).await.field("token");
    for other in &others {
        assert_eq!(other.get("/account").await.status, 200);
    }
    assert_eq!(page("/keys").await, 200);
    change(&person).await;
    for other in &others {
        assert_eq!(other.get("/account").await.status, 401);
    }
    assert_eq!(page("/keys").await, 303, "back to the door");
    let late =
        world.api(HOME, &half, "POST", "/session/second-factor", &json!({"code": person.totp()})).await;
    assert_eq!(late.status, 401, "{}", late.text);
    assert_eq!(person.get("/account").await.field("email"), NEW);
    let mails = world.mails(OLD).await;
    assert!(mails[0].contains("All other sessions have ended"), "{}", mails[0]);
    let approval = mails.iter().find(|mail| mail.contains("Change the e-mail address")).unwrap();
    assert!(approval.contains("codes that were sent to the old address no longer work"), "{approval}");
    // Nobody else's are touched.
    assert_eq!(bystander.get("/account").await.status, 200);
    assert_eq!(asked.answered(&bystander).await.status, 201);
}
