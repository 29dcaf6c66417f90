//! Guessing: thousands of parallel tries over many sessions and addresses do not get past the bounds of product.md 2,
//! and the owner still gets in by another factor.

use futures_util::future::join_all;
use serde_json::json;

use crate::world::{HOME, PASSWORD, World, wish};

fn address(number: u32) -> String {
    std::net::Ipv4Addr::from_bits(0xc633_6400 + number).to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_up_code_has_five_tries() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let asked = person.api("POST", "/keys", wish("bot")).await;
    let (challenge, right) = (asked.field("challenge"), world.code(&person.email).await);
    let guesses = (0..2_000_u32).map(|number| {
        let mut body = wish("bot");
        let code = format!("{:08}", (right.parse::<u32>().unwrap() + 1 + number) % 100_000_000);
        body["step_up"] = json!({"challenge": challenge, "mail_code": code, "factor": "000000"});
        let (world, token) = (&world, &person.token);
        async move { world.api(&address(number), token, "POST", "/keys", &body).await.code() }
    });
    let answers = join_all(guesses).await;
    let looked_at = answers.iter().filter(|code| *code == "code_wrong").count();
    assert_eq!(looked_at, 5, "no more than five are compared");
    assert!(answers.iter().all(|code| code == "code_wrong" || code == "challenge_over"));
    // The right code comes too late, and a new challenge works.
    assert_eq!(person.answer("POST", "/keys", wish("bot"), &challenge).await.code(), "challenge_over");
    person.key("bot").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_authenticators_code_is_not_guessed_and_a_recovery_code_lets_the_owner_in() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    // Somebody with the password, in as many half sessions as they like.
    let mut halves = Vec::new();
    for number in 0..5 {
        let body = json!({"email": person.email, "password": PASSWORD});
        let first = world.api(&address(number), "", "POST", "/session", &body).await;
        halves.push(first.field("token"));
    }
    let guesses = (0..3_000_u32).map(|number| {
        let (world, half) = (&world, &halves[number as usize % halves.len()]);
        let right = person.totp_now().parse::<u32>().unwrap();
        let code = format!("{:06}", (right + 1_000 + number) % 1_000_000);
        async move {
            let body = json!({"code": code});
            world.api(&address(number), half, "POST", "/session/second-factor", &body).await.code()
        }
    });
    let answers = join_all(guesses).await;
    let looked_at = answers.iter().filter(|code| *code == "factor_wrong").count();
    assert!(looked_at <= 5, "{looked_at} were compared");
    assert!(answers.iter().all(|code| code == "factor_wrong" || code == "factor_paused"), "none passed");
    // The right code is paused in that lane too; another factor is not, and neither is the owner's own browser.
    let body = json!({"code": person.totp_now()});
    let paused = world.api(HOME, &halves[0], "POST", "/session/second-factor", &body).await;
    assert_eq!(paused.code(), "factor_paused");
    let body = json!({"code": person.recovery[0]});
    let entered = world.api(HOME, &halves[0], "POST", "/session/second-factor", &body).await;
    assert_eq!((entered.status, entered.json()["next"].as_str()), (200, Some("done")), "{}", entered.text);
    let body = json!({"email": person.email, "password": PASSWORD, "device": person.device});
    let first = world.api(HOME, "", "POST", "/session", &body).await;
    let body = json!({"code": person.totp(), "device": person.device});
    let known = world.api(HOME, &first.field("token"), "POST", "/session/second-factor", &body).await;
    assert_eq!(known.status, 200, "{}", known.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recovery_code_is_not_guessed_and_the_authenticator_lets_the_owner_in() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let body = json!({"email": person.email, "password": PASSWORD});
    let half = world.api(HOME, "", "POST", "/session", &body).await.field("token");
    let guesses = (0..2_000_u32).map(|number| {
        let letters: String = format!("{number:016}").replace('1', "z");
        let (world, half) = (&world, &half);
        async move {
            let body = json!({"code": letters});
            world.api(&address(number), half, "POST", "/session/second-factor", &body).await.code()
        }
    });
    let answers = join_all(guesses).await;
    assert!(answers.iter().filter(|code| *code == "factor_wrong").count() <= 5);
    assert!(answers.iter().all(|code| code == "factor_wrong" || code == "factor_paused"));
    let body = json!({"code": person.totp()});
    assert_eq!(world.api(HOME, &half, "POST", "/session/second-factor", &body).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_is_not_guessed_and_the_owners_browser_gets_in() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let guesses = (0..2_000_u32).map(|number| {
        let (world, email) = (&world, &person.email);
        async move {
            let body = json!({"email": email, "password": format!("guess number {number}")});
            world.api(&address(number), "", "POST", "/session", &body).await
        }
    });
    let answers = join_all(guesses).await;
    // Two thousand hashes would take minutes: the bound acts before the hash, so this test ends in seconds.
    assert!(answers.iter().all(|answer| answer.status == 401 && answer.code() == "not_signed_in"));
    let first = &answers[0].text;
    assert!(answers.iter().all(|answer| answer.text == *first), "one answer for all of them");
    let body = json!({"email": person.email, "password": PASSWORD});
    assert_eq!(world.api(HOME, "", "POST", "/session", &body).await.status, 401, "strangers are paused");
    assert_eq!(person.sign_in(PASSWORD, Some(&person.device)).await.status, 200, "a known browser is not");
    // And by the mailbox and the authenticator, from anywhere.
    let asked = world.api("198.51.100.200", "", "POST", "/recoveries", &json!({"email": person.email})).await;
    let body = json!({"mail_code": world.code(&person.email).await, "factor": person.totp(), "password": "brass-tulip-88-north-canoe"});
    let path = format!("/recoveries/{}/confirm", asked.field("id"));
    assert_eq!(world.api("198.51.100.200", "", "POST", &path, &body).await.status, 204);
}
