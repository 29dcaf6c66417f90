//! Accounts and sign-in (product.md 2).

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::world::{HOME, PASSWORD, World, wish};

#[tokio::test]
async fn one_answer_for_unknown_wrong_and_paused() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let tried = |email: &str, password: &str| {
        let body = json!({"email": email, "password": password});
        let world = &world;
        async move { world.api("198.51.100.7", "", "POST", "/session", &body).await }
    };
    let unknown = tried("nobody@keyward.example", "wrong password 1").await;
    let wrong = tried(&person.email, "wrong password 1").await;
    let odd = tried("no address at all", "wrong password 1").await;
    for _ in 0..6 {
        tried(&person.email, "wrong password 1").await;
    }
    let paused = tried(&person.email, PASSWORD).await;
    for other in [&wrong, &odd, &paused] {
        assert_eq!((other.status, &other.text), (unknown.status, &unknown.text));
    }
    assert_eq!(unknown.status, 401);
    // A paused try computes no hash, an unknown address has none: each answer waits for the same moment all the same.
    for (email, password) in
        [("nobody@keyward.example", "wrong password 1"), (person.email.as_str(), PASSWORD), ("odd", "x")]
    {
        let began = tokio::time::Instant::now();
        tried(email, password).await;
        assert!(began.elapsed().as_millis() >= 300, "{email} is answered early");
    }
}

#[tokio::test]
async fn spellings_of_an_address_share_one_counter() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    for spelling in [
        "A@keyward.example",
        " a@keyward.example",
        "a@KEYWARD.example ",
        "A@Keyward.Example",
        "a@keyward.example",
        "a@keyward.EXAMPLE",
    ] {
        let body = json!({"email": spelling, "password": "wrong password 1"});
        assert_eq!(world.api("198.51.100.7", "", "POST", "/session", &body).await.status, 401);
    }
    let body = json!({"email": person.email, "password": PASSWORD});
    assert_eq!(
        world.api("198.51.100.8", "", "POST", "/session", &body).await.status,
        401,
        "paused by all of them"
    );
    world.pass_ms(60_000);
    assert_eq!(world.api("198.51.100.8", "", "POST", "/session", &body).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_of_the_authenticator_works_once_over_parallel_requests_and_two_nodes() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let other = world.second_node().await;
    let body = json!({"email": person.email, "password": PASSWORD, "device": person.device});
    let mut halves = Vec::new();
    for _ in 0..4 {
        halves.push(world.api(HOME, "", "POST", "/session", &body).await.field("token"));
    }
    let code = person.totp();
    let spellings =
        [code.clone(), format!(" {code}"), format!("{code} "), format!("{} {}", &code[..3], &code[3..])];
    let tries = halves.iter().zip(spellings.iter()).enumerate().map(|(at, (half, spelling))| {
        let node = if at % 2 == 0 { &world } else { &other };
        let body = json!({"code": spelling, "device": person.device});
        async move { node.api(HOME, half, "POST", "/session/second-factor", &body).await.status }
    });
    let answers = join_all(tries).await;
    assert_eq!(answers.iter().filter(|status| **status == 200).count(), 1, "{answers:?}");
    let eastern: String =
        code.chars().map(|digit| char::from_u32(0x660 + digit.to_digit(10).unwrap()).unwrap()).collect();
    let half = world.api(HOME, "", "POST", "/session", &body).await.field("token");
    for odd in [eastern, format!("0{code}"), format!("+{code}"), code.clone()] {
        let body = json!({"code": odd, "device": person.device});
        world.pass_ms(1);
        let refused = world.api(HOME, &half, "POST", "/session/second-factor", &body).await.code();
        let told = ["factor_wrong", "factor_paused", "factor_unreadable"];
        assert!(told.contains(&refused.as_str()), "{odd}: {refused}");
    }
    std::mem::forget(other);
}

#[tokio::test]
async fn a_recovery_code_works_once() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let body = json!({"email": person.email, "password": PASSWORD});
    let code = person.recovery[3].to_uppercase().replace('-', " ");
    let half = world.api(HOME, "", "POST", "/session", &body).await.field("token");
    let entered = world.api(HOME, &half, "POST", "/session/second-factor", &json!({"code": code})).await;
    assert_eq!(entered.status, 200, "{}", entered.text);
    let half = world.api(HOME, "", "POST", "/session", &body).await.field("token");
    let again =
        world.api(HOME, &half, "POST", "/session/second-factor", &json!({"code": person.recovery[3]})).await;
    assert_eq!(again.code(), "factor_wrong");
    assert_eq!(person.get("/account").await.json()["recovery_codes_left"], 9);
    assert!(world.mails(&person.email).await.iter().any(|mail| mail.contains("A recovery code was used")));
}

#[tokio::test]
async fn sessions_end_idle_old_and_when_told() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    for _ in 0..3 {
        world.pass_ms(29 * 60_000);
        assert_eq!(person.get("/account").await.status, 200, "used sessions go on");
    }
    world.pass_ms(31 * 60_000);
    assert_eq!(person.get("/account").await.status, 401, "idle ones do not");
    let mut person = person.clone();
    person.token = person.sign_in(PASSWORD, Some(&person.device)).await.field("token");
    for _ in 0..25 {
        world.pass_ms(28 * 60_000);
        assert_eq!(person.get("/account").await.status, 200);
    }
    world.pass_ms(25 * 60_000);
    assert_eq!(person.get("/account").await.status, 401, "and none lives longer than 12 hours");
    person.token = person.sign_in(PASSWORD, Some(&person.device)).await.field("token");
    let mut second = person.clone();
    second.token = person.sign_in(PASSWORD, Some(&person.device)).await.field("token");
    let sessions = person.get("/sessions").await.json();
    assert_eq!(sessions.as_array().unwrap().len(), 2);
    let other = sessions.as_array().unwrap().iter().find(|one| one["current"] == false).unwrap();
    assert_eq!((other["from"].as_str(), other["device"].as_str()), (Some(HOME), Some("an unnamed program")));
    let ended =
        person.api("DELETE", &format!("/sessions/{}", other["id"].as_str().unwrap()), Value::Null).await;
    assert_eq!(ended.status, 204);
    assert_eq!(second.get("/account").await.status, 401);
    assert_eq!(person.api("DELETE", "/session", Value::Null).await.status, 204);
    assert_eq!(person.get("/account").await.status, 401);
}

#[tokio::test]
async fn a_taken_address_is_not_told_and_its_owner_is() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let body = json!({"email": person.email, "password": "brass-tulip-88-north-canoe"});
    let asked = world.api("198.51.100.7", "", "POST", "/registrations", &body).await;
    let fresh = json!({"email": "b@keyward.example", "password": "brass-tulip-88-north-canoe"});
    let other = world.api("198.51.100.7", "", "POST", "/registrations", &fresh).await;
    assert_eq!((asked.status, other.status), (202, 202));
    let newest = world.mails(&person.email).await.remove(0);
    assert!(newest.contains("Somebody tried to register") && newest.contains("Your phrase"), "{newest}");
    for code in ["00000000", "12345678"] {
        let path = format!("/registrations/{}/confirm", asked.field("id"));
        let refused = world.api("198.51.100.7", "", "POST", &path, &json!({"code": code})).await;
        assert_eq!(refused.code(), "code_wrong");
    }
}

#[tokio::test]
async fn weak_passwords_are_refused_with_words_that_help() {
    let world = World::new().await;
    for weak in ["short", "password1234", "aaaaaaaaaaaaaaaa", "qwertyuiop123"] {
        let body = json!({"email": "a@keyward.example", "password": weak});
        let refused = world.api(HOME, "", "POST", "/registrations", &body).await;
        assert_eq!((refused.status, refused.code().as_str()), (422, "weak_password"), "{weak}");
        assert!(refused.field("detail").len() > 30 && !refused.text.contains(weak), "{}", refused.text);
    }
    let body = json!({"email": "a@keyward.example", "password": "x".repeat(2000)});
    assert_eq!(
        world.api(HOME, "", "POST", "/registrations", &body).await.code(),
        "weak_password",
        "never cut"
    );
}

#[tokio::test]
async fn a_new_device_is_told_with_phrase_time_address_and_the_one_link() {
    let world = World::new().await;
    let mut person = world.person("a@keyward.example").await;
    let phrase = person.get("/account").await.field("phrase");
    person.from = "198.51.100.77".to_owned();
    let before = world.mails(&person.email).await.len();
    assert_eq!(person.sign_in(PASSWORD, None).await.status, 200);
    let mails = world.mails(&person.email).await;
    assert_eq!(mails.len(), before + 1);
    for part in [
        "A sign-in from a new device",
        "198.51.100.77",
        "an unnamed program",
        "2027-",
        &phrase,
        "https://keys.example/brake/",
    ] {
        assert!(mails[0].contains(part), "{part}: {}", mails[0]);
    }
    assert_eq!(mails[0].matches("://").count(), 1);
    assert_eq!(person.sign_in(PASSWORD, Some(&person.device)).await.status, 200);
    assert_eq!(world.mails(&person.email).await.len(), before + 1, "a known one is not told");
}

#[tokio::test]
async fn the_brake_works_from_its_link_for_a_day_and_does_nothing_else() {
    use axum::body::Body;
    use axum::http::Request;
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let key = person.key("bot").await;
    let mail = world.mails(&person.email).await.remove(0);
    let link =
        mail.split("https://keys.example").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    let request = |method: &str, path: &str| {
        Request::builder()
            .method(method)
            .uri(path)
            .header("sec-fetch-site", "same-origin")
            .body(Body::empty())
            .unwrap()
    };
    assert_eq!(world.send(HOME, request("GET", &link)).await.status, 200);
    let shown = person.get(&format!("/keys/{}", key["api_key"].as_str().unwrap())).await;
    assert_eq!(shown.json()["state"], "active", "looking changes nothing");
    let forged = link.replacen('1', "2", 1);
    assert_eq!(world.send(HOME, request("POST", &forged)).await.status, 410);
    let done = world.send("198.51.100.1", request("POST", &link)).await;
    assert!(
        done.status == 200
            && done.text.contains("1 key was disabled")
            && done.headers.get("set-cookie").is_none()
    );
    let shown = person.get(&format!("/keys/{}", key["api_key"].as_str().unwrap())).await;
    assert_eq!(shown.json()["state"], "disabled");
    world.pass_days(1);
    assert_eq!(world.send(HOME, request("POST", &link)).await.status, 410);
}

#[tokio::test]
async fn an_unbound_key_is_told_when_it_is_used_from_a_network_never_seen() {
    use keyward_authority::duties::raise_sighting;
    use keyward_rules::alert::KeyObservation;
    use keyward_rules::grant::Actor;
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let mut body = wish("loose");
    body["from"] = json!({"reach": "anywhere"});
    let made = person.approved("POST", "/keys", body).await;
    let id = made.field("api_key").parse().unwrap();
    let seen = |address: &str| {
        let sighting = KeyObservation::Unbound(id, address.parse().unwrap());
        let context = world.authority.context(Actor::System("watch"), world.now());
        async move { raise_sighting(&context, sighting).await.unwrap() }
    };
    assert!(!seen("192.0.2.1").await, "the first network is where it lives");
    assert!(!seen("192.0.2.200").await, "and so is its neighbour");
    assert!(seen("198.51.100.1").await);
    assert!(!seen("198.51.100.1").await, "told once");
    let mail = world.mails(&person.email).await.remove(0);
    assert!(
        mail.contains("network never seen before")
            && mail.contains("Was this you?")
            && mail.contains("198.51.100.1")
    );
    let shown = person.get(&format!("/keys/{}", made.field("api_key"))).await.json();
    assert_eq!(shown["bound"], false, "and it shows as a risk");
}

#[tokio::test]
async fn a_key_that_is_tried_from_everywhere_fills_neither_mailbox_nor_log() {
    use keyward_authority::duties::raise_sighting;
    use keyward_rules::alert::KeyObservation;
    use keyward_rules::grant::Actor;
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let made = person.approved("POST", "/keys", wish("bot")).await;
    let id = made.field("api_key").parse().unwrap();
    let seen = async |number: u32| {
        let address =
            std::net::Ipv6Addr::from_bits((0x2001_0db8_u128 << 96) | (u128::from(number) << 64) | 1);
        let context = world.authority.context(Actor::System("watch"), world.now());
        raise_sighting(&context, KeyObservation::WrongAddress(id, address.into())).await.unwrap()
    };
    let before = (world.mails(&person.email).await.len(), world.store.log().size().await.unwrap());
    let mut told = 0;
    for number in 0..100 {
        told += usize::from(seen(number).await);
    }
    let after = (world.mails(&person.email).await.len(), world.store.log().size().await.unwrap());
    assert_eq!((told, after.0 - before.0, after.1 - before.1), (11, 11, 11), "ten and the summary");
    let mails = world.mails(&person.email).await;
    assert!(mails.iter().any(|mail| mail.contains("Many alerts of one kind within an hour")), "{mails:?}");
    assert!(!seen(0).await, "the same /64, the same day");
    world.pass_ms(60 * 60 * 1_000);
    assert!(seen(100).await, "the next hour");
}

#[tokio::test]
async fn the_phrase_and_the_address_change_by_their_rules() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let body = json!({"phrase": "blue \u{7}bell", "factor": PASSWORD});
    assert_eq!(person.api("PUT", "/account/phrase", body).await.code(), "bad_phrase");
    let body = json!({"phrase": "blue bell 12", "factor": "wrong password 1"});
    assert_eq!(person.api("PUT", "/account/phrase", body).await.code(), "factor_wrong");
    let body = json!({"phrase": "blue bell 12", "factor": PASSWORD});
    assert_eq!(person.api("PUT", "/account/phrase", body).await.status, 204);
    let asked = person.approved("PUT", "/account/email", json!({"email": "new@keyward.example"})).await;
    assert_eq!(asked.status, 202, "{}", asked.text);
    let path = format!("/account/email/{}/confirm", asked.field("id"));
    assert_eq!(person.api("POST", &path, json!({"code": "00000000"})).await.code(), "code_wrong");
    let code = world.code("new@keyward.example").await;
    assert_eq!(person.api("POST", &path, json!({"code": code})).await.status, 204);
    for address in ["a@keyward.example", "new@keyward.example"] {
        let mail = world.mails(address).await.remove(0);
        assert!(
            mail.contains("Your e-mail address was changed") && mail.contains("blue bell 12"),
            "{address}: {mail}"
        );
    }
    assert_eq!(person.get("/account").await.field("email"), "new@keyward.example");
}
