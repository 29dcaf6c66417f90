//! The first second factor after registering: without another code in that session, for ten minutes, once, in a browser.

use axum::http::header;
use keyward_authority::Authenticator;
use keyward_rules::limits::CODE_LIFE_MS;
use serde_json::{Value, json};

use crate::device::Device;
use crate::doors::form;
use crate::tab::{encoded, value};
use crate::twice::question;
use crate::world::{HOME, PASSWORD, Reply, World};

const SET_UP: &str = "/security/authenticator";
const SAME: [(&str, &str); 1] = [("sec-fetch-site", "same-origin")];

fn cookies(reply: &Reply) -> String {
    let all = reply.headers.get_all(header::SET_COOKIE).iter();
    all.map(|value| value.to_str().unwrap().split(';').next().unwrap()).collect::<Vec<_>>().join("; ")
}

async fn look(world: &World, cookie: &str, path: &str) -> Reply {
    let page = axum::http::Request::builder().uri(path).header(header::COOKIE, cookie);
    world.send(HOME, page.body(axum::body::Body::empty()).unwrap()).await
}

/// Registers in a browser; gives its cookies.
async fn registered(world: &World, email: &str) -> String {
    let asked = encoded(&[("email", email), ("password", PASSWORD)]);
    let asked = world.send(HOME, form("/register", "", &SAME, &asked)).await;
    let code = world.code(email).await;
    let confirm =
        encoded(&[("challenge", &value(&asked.text, "challenge")), ("email", email), ("code", &code)]);
    let done = world.send(HOME, form("/register/confirm", "", &SAME, &confirm)).await;
    assert_eq!(
        (done.status, done.headers[header::LOCATION].to_str().unwrap()),
        (303, SET_UP),
        "{}",
        done.text
    );
    cookies(&done)
}

/// Sends the form of the page that sets an authenticator up.
async fn set_up(world: &World, cookie: &str) -> Reply {
    let page = look(world, cookie, SET_UP).await;
    let (csrf, secret) = (value(&page.text, "csrf"), value(&page.text, "secret"));
    let code = Authenticator::from_base32(&secret).unwrap().code_at(world.now());
    let body = encoded(&[("csrf", &csrf), ("secret", &secret), ("code", &code)]);
    world.send(HOME, form(SET_UP, cookie, &SAME, &body)).await
}

fn is_done(reply: &Reply) -> bool {
    reply.status == 200 && reply.text.contains("Your recovery codes")
}

fn asks_for_the_mail(reply: &Reply) -> bool {
    reply.text.contains("name=\"mail_code\"") && !reply.text.contains("Your recovery codes")
}

#[tokio::test]
async fn in_the_session_that_registered_it_takes_its_own_code_only() {
    let world = World::new().await;
    let cookie = registered(&world, "a@keyward.example").await;
    let mails = world.mails("a@keyward.example").await.len();
    let done = set_up(&world, &cookie).await;
    assert!(is_done(&done), "{}", done.text);
    assert!(done.text.contains("href=\"/keys/new\""), "it leads to the first key");
    let told = world.mails("a@keyward.example").await;
    assert!(told.len() == mails + 1 && told.iter().any(|mail| mail.contains("uthenticator")), "{told:?}");
    let trail = look(&world, &cookie, "/trail").await.text;
    assert!(trail.contains("(at registration)"), "{trail}");

    // The next factor takes the whole step-up, in the same session and minute.
    let replaced = set_up(&world, &cookie).await;
    assert!(asks_for_the_mail(&replaced), "{}", replaced.text);
}

#[tokio::test]
async fn a_wrong_code_sets_nothing_up() {
    let world = World::new().await;
    let cookie = registered(&world, "a@keyward.example").await;
    let page = look(&world, &cookie, SET_UP).await;
    let (csrf, secret) = (value(&page.text, "csrf"), value(&page.text, "secret"));
    for code in
        ["000000", "", "12345", "no code", "1234567", "00000000", "abcdef", "-12345", "12345x", "१२३४५६"]
    {
        let body = encoded(&[("csrf", &csrf), ("secret", &secret), ("code", code)]);
        let refused = world.send(HOME, form(SET_UP, &cookie, &SAME, &body)).await;
        assert!(!is_done(&refused) && !asks_for_the_mail(&refused), "{code}: {}", refused.text);
    }
    assert!(is_done(&set_up(&world, &cookie).await));
}

#[tokio::test]
async fn later_elsewhere_and_for_programs_it_takes_a_step_up() {
    let world = World::new().await;
    // The last moment is good, the next one is not.
    for (after, good) in [
        (0, true),
        (60_000, true),
        (CODE_LIFE_MS - 1, true),
        (CODE_LIFE_MS, false),
        (CODE_LIFE_MS + 600_000, false),
    ] {
        let cookie = registered(&world, &format!("p{after}@keyward.example")).await;
        world.pass_ms(after);
        let reply = set_up(&world, &cookie).await;
        assert_eq!((is_done(&reply), asks_for_the_mail(&reply)), (good, !good), "{after}: {}", reply.text);
        // A used-up account of codes of this source must not decide what follows.
        world.pass_ms(20 * 60_000);
    }
    // Another session of the same minute, which showed the password only.
    let first = registered(&world, "b@keyward.example").await;
    world.pass_ms(1_000);
    let body = encoded(&[("email", "b@keyward.example"), ("password", PASSWORD)]);
    let second = cookies(&world.send(HOME, form("/sign-in", "", &SAME, &body)).await);
    let reply = set_up(&world, &second).await;
    assert!(asks_for_the_mail(&reply), "{}", reply.text);
    assert!(is_done(&set_up(&world, &first).await), "the first one is as before");

    // A program that registered.
    let program = world.without_factor("c@keyward.example").await;
    let proposed = program.api("POST", "/account/authenticator/propose", Value::Null).await;
    let secret = proposed.field("secret");
    let code = Authenticator::from_base32(&secret).unwrap().code_at(world.now());
    let asked = program.api("PUT", "/account/authenticator", json!({"secret": secret, "code": code})).await;
    assert_eq!(asked.code(), "step_up_required", "{}", asked.text);
}

#[tokio::test]
async fn two_at_once_set_up_one() {
    let world = World::new().await;
    for round in 0..5 {
        let cookie = registered(&world, &format!("r{round}@keyward.example")).await;
        let (one, other) = tokio::join!(set_up(&world, &cookie), set_up(&world, &cookie));
        let done = [&one, &other].into_iter().filter(|reply| is_done(reply)).count();
        assert_eq!(done, 1, "{}\n{}", one.text, other.text);
        world.pass_ms(20 * 60_000);
    }
}

#[tokio::test]
async fn a_passkey_is_the_first_factor_without_a_mail_too() {
    let world = World::new().await;
    let cookie = registered(&world, "a@keyward.example").await;
    let page = look(&world, &cookie, SET_UP).await.text;
    assert!(page.contains("Create a passkey"), "{page}");
    let mut device = Device::new();
    let made = device.create(&question(&page)).to_string();
    let body = encoded(&[("csrf", &value(&page, "csrf")), ("name", "First passkey"), ("new_passkey", &made)]);
    let done = world.send(HOME, form("/security/passkeys/new", &cookie, &SAME, &body)).await;
    assert!(is_done(&done), "{}", done.text);
    // From here on everything takes the step-up, an authenticator beside it too.
    let reply = set_up(&world, &cookie).await;
    assert!(asks_for_the_mail(&reply), "{}", reply.text);
}

#[tokio::test]
async fn after_a_factor_was_removed_it_takes_a_step_up() {
    let world = World::new().await;
    let cookie = registered(&world, "a@keyward.example").await;
    let page = look(&world, &cookie, SET_UP).await;
    let secret = value(&page.text, "secret");
    let authenticator = Authenticator::from_base32(&secret).unwrap();
    let csrf = value(&page.text, "csrf");
    let body =
        encoded(&[("csrf", &csrf), ("secret", &secret), ("code", &authenticator.code_at(world.now()))]);
    assert!(is_done(&world.send(HOME, form(SET_UP, &cookie, &SAME, &body)).await));
    world.pass_ms(60_000);
    let off = "/security/authenticator/off";
    let asked = world.send(HOME, form(off, &cookie, &SAME, &encoded(&[("csrf", &csrf)]))).await;
    let code = world.code("a@keyward.example").await;
    let factor = authenticator.code_at(world.now());
    let body = encoded(&[
        ("csrf", &csrf),
        ("challenge", &value(&asked.text, "challenge")),
        ("mail_code", &code),
        ("factor", &factor),
    ]);
    let done = world.send(HOME, form(off, &cookie, &SAME, &body)).await;
    assert_eq!(done.status, 303, "{}", done.text);
    let reply = set_up(&world, &cookie).await;
    assert!(asks_for_the_mail(&reply), "{}", reply.text);
}
