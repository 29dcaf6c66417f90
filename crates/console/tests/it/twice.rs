//! Forms that arrive twice: at once, one after the other, or once more after the connection of the first broke. All end where one
//! click ends. A later or other request gets an error or a page without secrets.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, header};
use keyward_authority::Authenticator;
use keyward_console::{Access, Forms, page_routes};
use keyward_rules::limits::{DAY_MS, FORM_ANSWER_MS};
use serde_json::{Value, json};

use crate::app_pages::{key as app_key, made, open_app, went_to};
use crate::apps::registered;
use crate::audit::records;
use crate::channels::{added, public_hook, world as world_with_receiver};
use crate::device::Device;
use crate::doors::form;
use crate::operators::{first_link, id_of, propose, two_operators};
use crate::tab::{Tab, encoded, unmasked, value};
use crate::world::{HOME, PASSWORD, Person, Reply, World, wish};

const SAME: [(&str, &str); 1] = [("sec-fetch-site", "same-origin")];
/// Where keys are made.
const NEW: &str = "/keys/new";

/// How the second form arrives.
#[derive(Clone, Copy, Debug)]
enum Way {
    AtOnce,
    Afterwards,
    /// So many milliseconds later, when the connection of the first was closed without an answer.
    BrokenAfterMs(u64),
}

const WAYS: [Way; 5] =
    [Way::AtOnce, Way::Afterwards, Way::BrokenAfterMs(1), Way::BrokenAfterMs(5), Way::BrokenAfterMs(20)];
/// For forms that need a person, or two, for each try.
const FEW: [Way; 3] = [Way::AtOnce, Way::Afterwards, Way::BrokenAfterMs(5)];

/// Sends a form twice; the answer that every browser got which still waited for one.
async fn twice(world: &World, request: impl Fn() -> Request<Body>, way: Way) -> Reply {
    let (first, last) = match way {
        Way::AtOnce => {
            let (first, last) = tokio::join!(world.send(HOME, request()), world.send(HOME, request()));
            (Some(first), last)
        }
        Way::Afterwards => (Some(world.send(HOME, request()).await), world.send(HOME, request()).await),
        Way::BrokenAfterMs(ms) => {
            let first = tokio::time::timeout(Duration::from_millis(ms), world.send(HOME, request())).await;
            (first.ok(), world.send(HOME, request()).await)
        }
    };
    if let Some(first) = first {
        let seen = |reply: &Reply| {
            (reply.status, unmasked(&reply.text), header_of(reply, header::LOCATION), cookies(reply))
        };
        assert_eq!(seen(&first), seen(&last), "{way:?}");
    }
    last
}

fn header_of(reply: &Reply, name: header::HeaderName) -> String {
    reply.headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

/// The cookies that a reply sets, as a browser sends them back.
fn cookies(reply: &Reply) -> String {
    let all = reply.headers.get_all(header::SET_COOKIE).iter();
    let pairs = all.map(|value| value.to_str().unwrap().split(';').next().unwrap().to_owned());
    pairs.collect::<Vec<_>>().join("; ")
}

async fn seen_with(world: &World, cookie: &str, path: &str) -> u16 {
    let request = Request::builder().uri(path).header(header::COOKIE, cookie).body(Body::empty()).unwrap();
    world.send(HOME, request).await.status
}

fn key_form<'f>(name: &'f str, passphrase: &'f str) -> Vec<(&'f str, &'f str)> {
    vec![
        ("name", name),
        ("permission", "read"),
        ("reach", "addresses"),
        ("addresses", "127.0.0.1"),
        ("passphrase", passphrase),
    ]
}

/// A name and a passphrase for each number.
fn named(number: usize) -> (String, String) {
    (format!("bot {number}"), format!("Twice-Pass{number}!"))
}

/// How many living keys have a name.
async fn keys_named(person: &Person<'_>, name: &str) -> usize {
    let list = person.get("/keys?limit=100").await.json();
    list["keys"].as_array().unwrap().iter().filter(|key| key["name"] == name).count()
}

/// Asserts that a repetition shows nothing of what was made, and leads to its page where there is one.
fn shows_no_secret(reply: &Reply, first: &Reply, what: &str) {
    let secret = first.text.split("id=\"c-secret\">").nth(1).unwrap().split('<').next().unwrap();
    assert!(secret.len() > 40 && !reply.text.contains(secret), "{what}: {}", reply.text);
    assert!(!reply.text.contains("Your new API key"), "{what}");
}

fn leads_to_its_page(reply: &Reply, first: &Reply, what: &str) {
    shows_no_secret(reply, first, what);
    assert_eq!(header_of(reply, header::LOCATION), format!("/keys/{}", made(&first.text)), "{what}");
}

#[tokio::test]
async fn a_key_is_made_once_and_every_answer_shows_its_secret() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let tab = Tab::of(&world, &person).await;
    for (number, way) in WAYS.into_iter().enumerate() {
        let (name, passphrase) = named(number);
        let body = tab.answered(NEW, &key_form(&name, &passphrase)).await;
        let mails = world.mails(&person.email).await.len();
        let shown = twice(&world, || tab.request(NEW, &body), way).await;
        assert!(shown.status == 200 && shown.text.contains("Your new API key"), "{way:?}: {}", shown.text);
        assert_eq!(keys_named(&person, &name).await, 1, "{way:?}");
        assert_eq!(world.mails(&person.email).await.len(), mails + 1, "{way:?}: told once");
        let path = format!("/keys/{}", made(&shown.text));
        assert_eq!(person.get(&path).await.json()["state"], "active", "{way:?}");
    }
}

#[tokio::test]
async fn the_form_before_the_code_sends_one_mail() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let tab = Tab::of(&world, &person).await;
    for (number, way) in WAYS.into_iter().enumerate() {
        let (name, passphrase) = named(number);
        let body = tab.body(&key_form(&name, &passphrase));
        let mails = world.mails(&person.email).await.len();
        let asked = twice(&world, || tab.request(NEW, &body), way).await;
        assert_eq!(world.mails(&person.email).await.len(), mails + 1, "{way:?}");
        let (challenge, code) = (value(&asked.text, "challenge"), world.code(&person.email).await);
        let answer = encoded(&[("challenge", &challenge), ("mail_code", &code), ("factor", &person.totp())]);
        let done = world.send(HOME, tab.request(NEW, &format!("{body}&{answer}"))).await;
        assert!(done.text.contains("Your new API key"), "{way:?}: {}", done.text);
    }
}

#[tokio::test]
async fn a_key_of_an_app_is_made_once() {
    let world = World::new().await;
    let (ann, ben) = two_operators(&world).await;
    let (broker, holder) =
        (world.person("broker@keyward.example").await, world.person("holder@keyward.example").await);
    let app = open_app(&Tab::of(&world, &broker).await, (&ann, &ben), "203.0.113.0/24").await;
    let tab = Tab::of(&world, &holder).await;
    for (number, way) in FEW.into_iter().enumerate() {
        let (name, passphrase) = named(number);
        let mut fields = app_key(&app, &name);
        fields.retain(|(field, _)| *field != "passphrase");
        fields.push(("passphrase", &passphrase));
        let body = tab.answered(NEW, &fields).await;
        let shown = twice(&world, || tab.request(NEW, &body), way).await;
        assert!(shown.text.contains("Your new API key"), "{way:?}: {}", shown.text);
        assert_eq!(keys_named(&holder, &name).await, 1, "{way:?}");
    }
}

#[tokio::test]
async fn a_key_is_rotated_once_and_every_answer_shows_the_secret() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let tab = Tab::of(&world, &person).await;
    let mut id = person.key("bot").await["api_key"].as_str().unwrap().to_owned();
    for (number, way) in WAYS.into_iter().enumerate() {
        let (name, passphrase) = named(number);
        let path = format!("/keys/{id}/rotate");
        let fields = [("name", name.as_str()), ("passphrase", &passphrase), ("hours", "24")];
        let body = tab.answered(&path, &fields).await;
        let shown = twice(&world, || tab.request(&path, &body), way).await;
        assert!(shown.text.contains("Your new API key"), "{way:?}: {}", shown.text);
        assert_eq!(keys_named(&person, &name).await, 1, "{way:?}");
        // Later the same form leads to the successor, and another name is refused.
        world.pass_ms(FORM_ANSWER_MS);
        leads_to_its_page(&world.send(HOME, tab.request(&path, &body)).await, &shown, "a later repetition");
        let other = body.replace(&encoded(&[("name", &name)]), &encoded(&[("name", "other")]));
        let refused = world.send(HOME, tab.request(&path, &other)).await;
        assert_eq!(refused.status, 422, "{way:?}: {}", refused.text);
        shows_no_secret(&refused, &shown, "another name");
        id = made(&shown.text);
    }
}

#[tokio::test]
async fn a_channel_is_added_once_and_a_webhooks_secret_is_on_every_answer() {
    let (world, receiver) = world_with_receiver().await;
    let person = world.person("a@keyward.example").await;
    let tab = Tab::of(&world, &person).await;
    let (url, path) = (receiver.url("/x"), "/alerts/channels/new");
    for (number, way) in FEW.into_iter().enumerate() {
        let (hook, slack) = (format!("hook {number}"), format!("slack {number}"));
        let choices = [("which", "all"), ("digest", "at_once")];
        let mut fields = vec![("kind", "webhook"), ("name", hook.as_str()), ("url", &url)];
        fields.extend(choices);
        let body = tab.answered(path, &fields).await;
        let shown = twice(&world, || tab.request(path, &body), way).await;
        assert!(shown.text.contains("whsec_"), "{way:?}: {}", shown.text);
        let target = receiver.url("/services/T000/B000/token");
        let mut fields = vec![("kind", "slack"), ("name", slack.as_str()), ("url", target.as_str())];
        fields.extend(choices);
        let body = tab.answered(path, &fields).await;
        let added = twice(&world, || tab.request(path, &body), way).await;
        assert!(went_to(&added).starts_with("/alerts/channels/"), "{way:?}");
        let list = person.get("/channels").await.text;
        for name in [hook, slack] {
            assert_eq!(list.matches(&format!("\"{name}\"")).count(), 1, "{way:?}: {list}");
        }
    }
}

#[tokio::test]
async fn recovery_codes_are_made_once_and_those_that_are_shown_work() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let (tab, path) = (Tab::of(&world, &person).await, "/security/recovery-codes");
    for (way, word) in WAYS.into_iter().zip(["amber", "birch", "cedar", "delta", "ember", "fjord"]) {
        let body = tab.answered(path, &[]).await;
        let shown = twice(&world, || tab.request(path, &body), way).await;
        assert!(shown.text.contains("Your recovery codes"), "{way:?}: {}", shown.text);
        let code = shown.text.split("<li><code>").nth(1).unwrap().split('<').next().unwrap();
        let phrase = json!({"phrase": format!("a phrase of {word}"), "factor": code});
        let used = person.api("PUT", "/account/phrase", phrase).await;
        assert_eq!(used.status, 204, "{way:?}: {}", used.text);
    }
}

#[tokio::test]
async fn an_authenticator_is_set_up_once() {
    let world = World::new().await;
    for (number, way) in FEW.into_iter().enumerate() {
        let person = world.person(&format!("p{number}@keyward.example")).await;
        let (tab, path) = (Tab::of(&world, &person).await, "/security/authenticator");
        let secret = value(&tab.get(path).await.text, "secret");
        let code = Authenticator::from_base32(&secret).unwrap().code_at(world.now());
        let asked = tab.post(path, &[("secret", &secret), ("code", &code)]).await;
        let [challenge, proved] = ["challenge", "proved"].map(|name| value(&asked.text, name));
        let (mail_code, factor) = (world.code(&person.email).await, person.totp());
        let body = tab.body(&[
            ("secret", &secret),
            ("proved", &proved),
            ("challenge", &challenge),
            ("mail_code", &mail_code),
            ("factor", &factor),
        ]);
        let done = twice(&world, || tab.request(path, &body), way).await;
        assert_eq!(went_to(&done), "/security", "{way:?}");
        let device = person.device.clone();
        let person = Person { secret, ..person };
        assert_eq!(person.sign_in(PASSWORD, Some(&device)).await.status, 200, "{way:?}");
    }
}

#[tokio::test]
async fn an_address_is_changed_once_by_two_forms() {
    let world = World::new().await;
    for (number, way) in FEW.into_iter().enumerate() {
        let person = world.person(&format!("p{number}@keyward.example")).await;
        let (tab, next) = (Tab::of(&world, &person).await, format!("next{number}@keyward.example"));
        let body = tab.answered("/security/email", &[("email", &next)]).await;
        let asked = twice(&world, || tab.request("/security/email", &body), way).await;
        assert!(asked.text.contains("Confirm the new address"), "{way:?}: {}", asked.text);
        assert_eq!(world.mails(&next).await.len(), 1, "{way:?}: one code");
        let (challenge, code) = (value(&asked.text, "challenge"), world.code(&next).await);
        let body = tab.body(&[("challenge", &challenge), ("code", &code)]);
        let done = twice(&world, || tab.request("/security/email/confirm", &body), way).await;
        assert_eq!(went_to(&done), "/security", "{way:?}");
        assert_eq!(person.sign_in(PASSWORD, None).await.status, 401, "{way:?}: the old address");
        let moved = Person { email: next, ..person.clone() };
        assert_eq!(moved.sign_in(PASSWORD, Some(&person.device)).await.status, 200, "{way:?}");
    }
}

#[tokio::test]
async fn a_password_is_changed_once() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let (tab, path) = (Tab::of(&world, &person).await, "/security/password");
    for (number, way) in FEW.into_iter().enumerate() {
        let new = format!("{PASSWORD}-{number}");
        let body = tab.answered(path, &[("password", &new)]).await;
        let done = twice(&world, || tab.request(path, &body), way).await;
        assert_eq!(went_to(&done), "/security", "{way:?}");
        assert_eq!(person.sign_in(&new, Some(&person.device)).await.status, 200, "{way:?}");
    }
}

#[tokio::test]
async fn keys_are_enabled_disabled_and_deleted_once() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let tab = Tab::of(&world, &person).await;
    for (number, way) in FEW.into_iter().enumerate() {
        let (name, _) = named(number);
        let id = person.key(&name).await["api_key"].as_str().unwrap().to_owned();
        let state = async || person.get(&format!("/keys/{id}")).await.field("state");
        // A code of the authenticator is good once, so that a second handling would fail.
        let body = tab.body(&[("factor", &person.totp())]);
        let done = twice(&world, || tab.request("/keys/disable-all", &body), way).await;
        assert_eq!((went_to(&done).as_str(), state().await.as_str()), ("/keys", "disabled"));
        let path = format!("/keys/{id}/enable");
        let body = tab.answered(&path, &[]).await;
        let done = twice(&world, || tab.request(&path, &body), way).await;
        assert_eq!((went_to(&done), state().await), (format!("/keys/{id}"), "active".to_owned()));
        for (action, then) in [("disable", "disabled"), ("delete", "deleted")] {
            let path = format!("/keys/{id}/{action}");
            let body = tab.body(&[("name", &name), ("factor", &person.totp())]);
            let done = twice(&world, || tab.request(&path, &body), way).await;
            assert_eq!(went_to(&done), format!("/keys/{id}"), "{way:?}");
            assert_eq!(state().await, then, "{way:?}");
        }
    }
}

#[tokio::test]
async fn an_account_is_registered_once_and_its_browser_is_signed_in() {
    let world = World::new().await;
    for (number, way) in FEW.into_iter().enumerate() {
        let email = format!("new{number}@keyward.example");
        let body = encoded(&[("email", &email), ("password", PASSWORD)]);
        let asked = twice(&world, || form("/register", "", &SAME, &body), way).await;
        assert_eq!(world.mails(&email).await.len(), 1, "{way:?}: one code");
        let (challenge, code) = (value(&asked.text, "challenge"), world.code(&email).await);
        let body = encoded(&[("challenge", &challenge), ("email", &email), ("code", &code)]);
        let done = twice(&world, || form("/register/confirm", "", &SAME, &body), way).await;
        assert_eq!(went_to(&done), "/security/authenticator", "{way:?}");
        assert_eq!(seen_with(&world, &cookies(&done), "/security").await, 200, "{way:?}");
        let elsewhere = world.send("198.51.100.9", form("/register/confirm", "", &SAME, &body)).await;
        assert!(elsewhere.status == 422 && cookies(&elsewhere).is_empty(), "from another source");
    }
}

#[tokio::test]
async fn a_second_factor_opens_one_session_that_every_answer_carries() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    for way in WAYS {
        let body = encoded(&[("email", &person.email), ("password", PASSWORD)]);
        let half = cookies(&world.send(HOME, form("/sign-in", "", &SAME, &body)).await);
        let body = encoded(&[("code", &person.totp())]);
        let done = twice(&world, || form("/sign-in/factor", &half, &SAME, &body), way).await;
        assert_eq!(went_to(&done), "/", "{way:?}");
        assert_eq!(seen_with(&world, &cookies(&done), "/keys").await, 200, "{way:?}");
        let other = form("/sign-in/factor", &format!("{half}; x=1"), &SAME, &body);
        assert!(cookies(&world.send(HOME, other).await).is_empty(), "{way:?}: with other cookies");
        let elsewhere = form("/sign-in/factor", &half, &SAME, &body);
        assert!(cookies(&world.send("198.51.100.9", elsewhere).await).is_empty(), "{way:?}: from elsewhere");
        world.pass_ms(FORM_ANSWER_MS);
        let later = world.send(HOME, form("/sign-in/factor", &half, &SAME, &body)).await;
        assert!(cookies(&later).is_empty() && went_to(&later) == "/sign-in", "{way:?}: later");
    }
}

#[tokio::test]
async fn a_lost_password_is_reset_once() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    for (number, way) in FEW.into_iter().enumerate() {
        let body = encoded(&[("email", &person.email)]);
        let asked = world.send(HOME, form("/recover", "", &SAME, &body)).await;
        let (challenge, mail_code) = (value(&asked.text, "challenge"), world.code(&person.email).await);
        let new = format!("{PASSWORD}-{number}");
        let body = encoded(&[
            ("challenge", &challenge),
            ("mail_code", &mail_code),
            ("factor", &person.totp()),
            ("password", &new),
        ]);
        let done = twice(&world, || form("/recover/confirm", "", &SAME, &body), way).await;
        assert!(done.text.contains("The password is changed"), "{way:?}: {}", done.text);
        assert_eq!(person.sign_in(&new, None).await.status, 200, "{way:?}");
    }
}

#[tokio::test]
async fn who_asks_for_a_reset_shares_its_challenge_with_nobody() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let body = encoded(&[("email", &person.email)]);
    let stranger = world.send(HOME, form("/recover", "", &SAME, &body)).await;
    let owner = world.send(HOME, form("/recover", "", &SAME, &body)).await;
    assert_ne!(value(&stranger.text, "challenge"), value(&owner.text, "challenge"));
}

#[tokio::test]
async fn an_operator_approves_once() {
    let world = World::new().await;
    let (ann, ben) = two_operators(&world).await;
    let tab = Tab::of(&world, &ben).await;
    for (number, way) in FEW.into_iter().enumerate() {
        let other = world.person(&format!("p{number}@keyward.example")).await;
        let proposed = propose(&ann, &format!("role.grant {} auditor", id_of(&other).await)).await;
        let path = format!("/operations/proposals/{}", proposed.field("id"));
        let approve = format!("{path}/approve");
        let body = tab.answered(&approve, &[("hash", &proposed.field("hash"))]).await;
        let done = twice(&world, || tab.request(&approve, &body), way).await;
        assert_eq!(went_to(&done), path, "{way:?}");
        assert_eq!(ben.get(&path).await.json()["standing"], "done", "{way:?}");
    }
}

/// A person whose browser has just made a key, and the form that did it.
async fn just_made<'w>(world: &'w World, person: &'w Person<'w>) -> (Tab<'w>, String, Reply) {
    let tab = Tab::of(world, person).await;
    let body = tab.answered(NEW, &key_form("bot", "Twice-Pass1!")).await;
    let shown = world.send(HOME, tab.request(NEW, &body)).await;
    assert!(shown.text.contains("Your new API key"), "{}", shown.text);
    (tab, body, shown)
}

#[tokio::test]
async fn another_request_gets_no_secret() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let (tab, body, shown) = just_made(&world, &person).await;
    let send = async |from: &str, request: Request<Body>| world.send(from, request).await;

    let changed = send(HOME, tab.request(NEW, &format!("{body}&tags=x"))).await;
    assert_eq!(changed.status, 422, "{}", changed.text);
    shows_no_secret(&changed, &shown, "another field");
    let elsewhere = send("198.51.100.9", tab.request(NEW, &body)).await;
    leads_to_its_page(&elsewhere, &shown, "from another source");

    let second = Tab::of(&world, &person).await;
    let forged = send(HOME, second.request(NEW, &body)).await;
    assert_eq!(forged.status, 403, "another session without its own token");
    shows_no_secret(&forged, &shown, "another session");
    let own = send(HOME, second.request(NEW, &body.replace(&tab.csrf, &second.csrf))).await;
    leads_to_its_page(&own, &shown, "another session of the same person");

    let thief = world.person("b@keyward.example").await;
    let thief = Tab::of(&world, &thief).await;
    let stolen = send(HOME, thief.request(NEW, &body.replace(&tab.csrf, &thief.csrf))).await;
    assert_eq!(stolen.status, 422, "{}", stolen.text);
    shows_no_secret(&stolen, &shown, "another person");
    let nobody = send(HOME, form(NEW, "", &SAME, &body)).await;
    assert_eq!(went_to(&nobody), "/sign-in");
    let cross_site = form(NEW, "", &[("sec-fetch-site", "cross-site")], &body);
    assert_eq!(send(HOME, cross_site).await.status, 403);
    assert_eq!(keys_named(&person, "bot").await, 1);
}

#[tokio::test]
async fn a_repetition_after_its_time_leads_to_the_key() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let (tab, body, shown) = just_made(&world, &person).await;
    world.pass_ms(FORM_ANSWER_MS - 1);
    let again = world.send(HOME, tab.request(NEW, &body)).await;
    assert_eq!(again.text, shown.text, "within its time");
    world.pass_ms(1);
    leads_to_its_page(&world.send(HOME, tab.request(NEW, &body)).await, &shown, "after its time");
    let page = tab.get(&format!("/keys/{}", made(&shown.text))).await;
    assert!(page.text.contains("cannot be shown again"), "{}", page.text);
    assert_eq!(keys_named(&person, "bot").await, 1);
}

#[tokio::test]
async fn another_node_leads_to_the_key() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let (tab, body, shown) = just_made(&world, &person).await;
    let second = world.second_node().await;
    leads_to_its_page(&second.send(HOME, tab.request(NEW, &body)).await, &shown, "another node");
    assert_eq!(keys_named(&person, "bot").await, 1);
    std::mem::forget(second);
}

#[tokio::test]
async fn after_signing_out_nothing_is_repeated() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let (tab, body, shown) = just_made(&world, &person).await;
    assert_eq!(went_to(&tab.post("/sign-out", &[]).await), "/sign-in");
    let again = world.send(HOME, tab.request(NEW, &body)).await;
    shows_no_secret(&again, &shown, "after signing out");
    assert_eq!(went_to(&again), "/sign-in");
}

#[tokio::test]
async fn a_session_that_was_ended_elsewhere_gets_nothing() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let (tab, body, shown) = just_made(&world, &person).await;
    let other = Tab::of(&world, &person).await;
    assert_eq!(went_to(&other.post("/security/sessions/end-others", &[]).await), "/security");
    let again = world.send(HOME, tab.request(NEW, &body)).await;
    shows_no_secret(&again, &shown, "after its session was ended");
    assert_eq!(went_to(&again), "/sign-in");
}

#[tokio::test]
async fn another_form_of_the_session_ends_the_repetition() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let (tab, body, shown) = just_made(&world, &person).await;
    // What is judged while it is typed is no such form.
    tab.post("/keys/check", &[("field", "name"), ("name", "bot")]).await;
    assert_eq!(world.send(HOME, tab.request(NEW, &body)).await.text, shown.text);
    tab.post("/alerts", &[("upto", "1")]).await;
    leads_to_its_page(&world.send(HOME, tab.request(NEW, &body)).await, &shown, "after another form");
}

#[tokio::test]
async fn a_wrong_code_that_is_sent_twice_is_one_try() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let tab = Tab::of(&world, &person).await;
    for (tries, outcome) in [(4_u64, "Your new API key"), (5, "That did not work")] {
        let name = format!("bot {tries}");
        let fields = key_form(&name, if tries == 4 { "Twice-Pass4!" } else { "Twice-Pass5!" });
        let right = tab.answered(NEW, &fields).await;
        let code = world.code(&person.email).await;
        for number in 1..=tries {
            let other = (code.parse::<u64>().unwrap() + number) % 100_000_000;
            let other = encoded(&[("mail_code", &format!("{other:08}"))]);
            let wrong = right.replace(&encoded(&[("mail_code", &code)]), &other);
            let refused = twice(&world, || tab.request(NEW, &wrong), Way::Afterwards).await;
            assert!(!refused.text.contains("Your new API key") && refused.status == 422, "{}", refused.text);
        }
        let done = twice(&world, || tab.request(NEW, &right), Way::AtOnce).await;
        assert!(done.text.contains(outcome), "after {tries}: {}", done.text);
    }
}

#[tokio::test]
async fn programs_get_no_repetition() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let mut body = wish("bot");
    let asked = person.api("POST", "/keys", body.clone()).await;
    let mail_code = world.code(&person.email).await;
    body["step_up"] =
        json!({"challenge": asked.field("challenge"), "mail_code": mail_code, "factor": person.totp()});
    let (one, other) =
        tokio::join!(person.api("POST", "/keys", body.clone()), person.api("POST", "/keys", body.clone()));
    let late = person.api("POST", "/keys", body).await;
    let made: Vec<_> = [&one, &other, &late].into_iter().filter(|reply| reply.status == 201).collect();
    assert_eq!(made.len(), 1, "{one:?} {other:?} {late:?}");
    let secret = made[0].field("secret");
    assert_eq!([one, other, late].iter().filter(|reply| reply.text.contains(&secret)).count(), 1);
}

/// How many audit records there are of an action.
fn recorded(world: &World, action: &str) -> usize {
    let is_one = |record: &String| serde_json::from_str::<Value>(record).unwrap()["action"] == action;
    records(world).iter().filter(|record| is_one(record)).count()
}

/// Sends a form twice; the answer of both, which left one audit record of the action.
async fn once(world: &World, request: impl Fn() -> Request<Body>, way: Way, action: &str) -> Reply {
    let before = recorded(world, action);
    let reply = twice(world, request, way).await;
    assert_eq!(recorded(world, action), before + 1, "{way:?}: {action}: {} {}", reply.status, reply.text);
    reply
}

/// A form of a table: where it goes, its fields, its action in the audit log, and where it leads.
type Row<'f> = (String, Vec<(&'f str, &'f str)>, &'f str, String);

#[tokio::test]
async fn forms_of_one_factor_are_done_once_and_a_wrong_factor_does_nothing() {
    let world = World::new().await;
    let (ann, _) = two_operators(&world).await;
    let eve = world.person("eve@keyward.example").await;
    let theirs = eve.key("theirs").await["api_key"].as_str().unwrap().to_owned();
    let account = id_of(&eve).await;
    let key = async |name: &str| ann.key(name).await["api_key"].as_str().unwrap().to_owned();
    let (bot, old, _) = (key("bot").await, key("old").await, key("other").await);
    let next = json!({"name": "new", "overlap_hours": 168, "passphrase": wish("new")["passphrase"]});
    assert_eq!(ann.approved("POST", &format!("/keys/{old}/rotate"), next).await.status, 201);
    let (channel, _) = added(&ann, public_hook()).await;
    let app = registered(&ann, "Amber Desk").await;
    world.pass_days(2);
    let (ann, eve) = (ann.sign_in_again().await, eve.sign_in_again().await);
    let tab = Tab::of(&world, &ann).await;
    let since = (world.now().unix_ms() - DAY_MS).to_string();
    let own = |action: &str| format!("/keys/{bot}/{action}");
    let (page, hook) = (format!("/keys/{bot}"), format!("/alerts/channels/{channel}"));
    let (named, why) = (vec![("name", "bot")], vec![("why", "drill")]);
    let narrower = vec![("reach", "addresses"), ("addresses", "127.0.0.1")];
    let choices = vec![("name", "renamed"), ("which", "critical"), ("digest", "daily")];
    let age = vec![("name", "max_key_age_days"), ("value", "90")];
    let unused = vec![("days", ""), ("not_used_since", since.as_str())];
    let operations = |rest: &str| format!("/operations/{rest}");
    let rows: [Row<'_>; 16] = [
        (own("addresses"), narrower, "key.narrow", page.clone()),
        (own("limits"), vec![("limit_orders", "5")], "key.tighten", page.clone()),
        (own("stop-trading"), named.clone(), "key.stop_trading", page.clone()),
        (own("disable"), named.clone(), "key.disable", page.clone()),
        (own("leaked"), named.clone(), "key.leaked", page.clone()),
        (own("delete"), named, "key.delete", page),
        (
            format!("/keys/{old}/end-overlap"),
            vec![("name", "old")],
            "key.end_overlap",
            format!("/keys/{old}"),
        ),
        ("/keys/disable-all".to_owned(), vec![], "key.disable_all", "/keys".to_owned()),
        (hook.clone(), choices, "channel.change", hook.clone()),
        (format!("{hook}/remove"), vec![], "channel.remove", "/alerts/channels".to_owned()),
        (
            "/security/phrase".to_owned(),
            vec![("phrase", "blue bell 12")],
            "account.phrase",
            "/security".to_owned(),
        ),
        (format!("/apps/{app}/freeze"), vec![], "app.freeze", format!("/apps/{app}")),
        (
            operations(&format!("keys/{theirs}/freeze")),
            why.clone(),
            "key.freeze",
            operations(&format!("keys/{theirs}")),
        ),
        (
            operations(&format!("accounts/{account}/freeze")),
            why,
            "account.freeze",
            operations(&format!("accounts/{account}")),
        ),
        (operations("settings"), age, "policy.tighten", operations("settings")),
        ("/keys/delete-unused".to_owned(), unused, "key.delete_unused", "/keys".to_owned()),
    ];
    for (path, fields, action, _) in &rows {
        let before = recorded(&world, action);
        let body = tab.body(&[fields.as_slice(), &[("factor", "wrong password 1")]].concat());
        let refused = twice(&world, || tab.request(path, &body), Way::AtOnce).await;
        assert!(
            refused.status != 303 && refused.text.contains("class=\"error\""),
            "{path}: {}",
            refused.text
        );
        assert_eq!(recorded(&world, action), before, "{path}");
    }
    assert_eq!(eve.get("/account").await.status, 200);
    // A code of the authenticator is used up by the first form, so that a second handling would fail.
    for (path, fields, action, to) in &rows {
        let factor = ann.totp();
        let body = tab.body(&[fields.as_slice(), &[("factor", factor.as_str())]].concat());
        let done = once(&world, || tab.request(path, &body), Way::AtOnce, action).await;
        assert!(went_to(&done).starts_with(to), "{path}: {}", went_to(&done));
    }
    let state = async |key: &str| ann.get(&format!("/keys/{key}")).await.field("state");
    assert_eq!([state(&bot).await, state(&old).await], ["deleted", "expired"]);
    assert_eq!(eve.get("/account").await.status, 401, "the sessions of a frozen account have ended");
    let body = tab.body(&[
        ("name", "Cedar Works"),
        ("home_page", "https://cedar.example"),
        ("contact", "ops@cedar.example"),
        ("permission", "read"),
        ("factor", &ann.totp()),
    ]);
    let done = once(&world, || tab.request("/apps/new", &body), Way::AtOnce, "app.register").await;
    assert!(went_to(&done).starts_with("/apps/"), "{}", went_to(&done));
    assert_eq!(ann.get("/apps").await.text.matches("\"Cedar Works\"").count(), 1);
}

#[tokio::test]
async fn forms_of_a_code_and_of_a_session_are_done_once() {
    let world = World::new().await;
    let (ann, ben) = two_operators(&world).await;
    let bot = ann.key("bot").await["api_key"].as_str().unwrap().to_owned();
    let app = registered(&ann, "Amber Desk").await;
    let frozen = ann.api("POST", &format!("/apps/{app}/freeze"), json!({"factor": PASSWORD})).await;
    assert_eq!(frozen.status, 204, "{}", frozen.text);
    let other = ann.sign_in_again().await;
    let sessions = other.get("/sessions").await.json();
    let current = sessions.as_array().unwrap().iter().find(|one| one["current"] == true).unwrap();
    let session = current["id"].as_str().unwrap();
    let tab = Tab::of(&world, &ann).await;
    let (key, mine) = (format!("/keys/{bot}"), format!("/apps/{app}"));
    let wider = vec![("reach", "addresses"), ("addresses", "127.0.0.1\n192.0.2.7\n::1")];
    let change = vec![("change", "policy.loosen withdraw_needs_addresses false")];
    let proposals = "/operations/proposals/".to_owned();
    let of_a_code: [Row<'_>; 4] = [
        (format!("{key}/addresses"), wider, "key.widen", key.clone()),
        (format!("{mine}/thaw"), vec![], "app.thaw", mine.clone()),
        (format!("{mine}/ranges"), vec![("ranges", "203.0.113.0/24")], "app.ranges.submit", mine.clone()),
        (format!("{proposals}new"), change, "proposal.make", proposals),
    ];
    let mut led = String::new();
    for (path, fields, action, to) in &of_a_code {
        let body = tab.answered(path, fields).await;
        let done = once(&world, || tab.request(path, &body), Way::AtOnce, action).await;
        led = went_to(&done);
        assert!(led.starts_with(to), "{path}: {led}");
    }
    assert!(ann.get(&key).await.field("from").contains("192.0.2.7"));
    assert_eq!(ben.get(&led).await.field("standing"), "open");
    let of_a_session: [Row<'_>; 4] = [
        (key.clone(), vec![("name", "bot 2"), ("tags", "grid")], "key.edit", key),
        (format!("{mine}/ranges/1/withdraw"), vec![], "app.ranges.withdraw", mine.clone()),
        (format!("{mine}/submit"), vec![], "app.submit", mine),
        (
            "/security/sessions/end".to_owned(),
            vec![("session", session)],
            "session.end",
            "/security".to_owned(),
        ),
    ];
    for (path, fields, action, to) in &of_a_session {
        let body = tab.body(fields);
        let done = once(&world, || tab.request(path, &body), Way::AtOnce, action).await;
        assert!(went_to(&done).starts_with(to), "{path}: {}", went_to(&done));
    }
    assert_eq!(other.get("/account").await.status, 401, "the session has ended");
}

#[tokio::test]
async fn the_first_operator_is_set_up_once() {
    for way in FEW {
        let world = World::new().await;
        let ann = world.person("ann@keyward.example").await;
        let (tab, path, token) = (Tab::of(&world, &ann).await, "/set-up", first_link(&world).await);
        let body = tab.answered(path, &[("token", &token), ("operators", "2")]).await;
        let done = once(&world, || tab.request(path, &body), way, "role.set_up").await;
        assert_eq!(went_to(&done), "/operations", "{way:?}");
        let operations = ann.get("/operations").await;
        assert_eq!((operations.status, &operations.json()["set_up_open"]), (200, &json!(true)), "{way:?}");
    }
}

#[tokio::test]
async fn an_operator_is_invited_once_and_every_answer_shows_the_link() {
    let world = World::new().await;
    let (ann, ben) = (world.person("ann@keyward.example").await, world.person("ben@keyward.example").await);
    let take = async |person: &Person<'_>, token: &str| {
        person.approved("POST", "/operations/set-up", json!({"token": token, "alone": false})).await
    };
    assert_eq!(take(&ann, &first_link(&world).await).await.status, 204);
    let (tab, path) = (Tab::of(&world, &ann).await, "/operations/staff/invite");
    let mut tokens = Vec::new();
    for way in FEW {
        let body = tab.answered(path, &[]).await;
        let shown = once(&world, || tab.request(path, &body), way, "role.invite").await;
        assert!(shown.status == 200 && shown.text.contains("/set-up#"), "{way:?}: {}", shown.text);
        let token = shown.text.split("/set-up#").nth(1).unwrap().split('<').next().unwrap();
        tokens.push(token.to_owned());
    }
    // The last form made the last link, and a repetition made none after it.
    assert_eq!(take(&ben, &tokens[0]).await.code(), "no_set_up_link");
    assert_eq!(take(&ben, &tokens[2]).await.status, 204);
}

/// The question for a new passkey that a page carries.
pub fn question(page: &str) -> Value {
    let text = page.split("data-passkey-create=\"").nth(1).unwrap_or_else(|| panic!("{page}"));
    let text = text.split('"').next().unwrap().replace("&quot;", "\"").replace("&#34;", "\"");
    serde_json::from_str(&text).unwrap()
}

#[tokio::test]
async fn a_passkey_is_added_renamed_and_removed_once() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let (tab, new) = (Tab::of(&world, &person).await, "/security/passkeys/new");
    let passkeys = async || person.get("/account/passkeys").await.json();
    for way in FEW {
        let made = Device::new().create(&question(&tab.get(new).await.text)).to_string();
        let body = tab.answered(new, &[("name", "Phone"), ("new_passkey", &made)]).await;
        let done = once(&world, || tab.request(new, &body), way, "account.passkey.add").await;
        assert_eq!(went_to(&done), "/security", "{way:?}");
        let there = passkeys().await;
        assert_eq!((there.as_array().unwrap().len(), &there[0]["name"]), (1, &json!("Phone")), "{way:?}");
        let path = format!("/security/passkeys/{}", there[0]["id"].as_str().unwrap());
        let (rename, body) = (format!("{path}/rename"), tab.body(&[("name", "Blue key")]));
        let done = once(&world, || tab.request(&rename, &body), way, "account.passkey.rename").await;
        assert_eq!(
            (went_to(&done).as_str(), &passkeys().await[0]["name"]),
            ("/security", &json!("Blue key"))
        );
        let remove = format!("{path}/remove");
        let body = tab.answered(&remove, &[]).await;
        let done = once(&world, || tab.request(&remove, &body), way, "account.passkey.remove").await;
        assert_eq!((went_to(&done).as_str(), passkeys().await), ("/security", json!([])), "{way:?}");
    }
}

#[tokio::test]
async fn an_authenticator_is_turned_off_once() {
    let world = World::new().await;
    for (number, way) in FEW.into_iter().enumerate() {
        let person = world.person(&format!("p{number}@keyward.example")).await;
        let (tab, path) = (Tab::of(&world, &person).await, "/security/authenticator/off");
        let body = tab.answered(path, &[]).await;
        let done = once(&world, || tab.request(path, &body), way, "account.totp.off").await;
        assert_eq!(went_to(&done), "/security", "{way:?}");
        assert_eq!(person.get("/account").await.json()["two_factor"], false, "{way:?}");
    }
}

#[tokio::test]
async fn the_link_of_a_mail_disables_once() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    for (number, way) in WAYS.into_iter().enumerate() {
        let (name, _) = named(number);
        let id = person.key(&name).await["api_key"].as_str().unwrap().to_owned();
        let mail = world.mails(&person.email).await.remove(0);
        let link = mail.split("https://keys.example").nth(1).unwrap().split_whitespace().next().unwrap();
        let done = once(&world, || form(link, "", &SAME, ""), way, "key.brake").await;
        assert!(done.status == 200 && done.text.contains("1 key"), "{way:?}: {}", done.text);
        assert_eq!(person.get(&format!("/keys/{id}")).await.field("state"), "disabled", "{way:?}");
        world.pass_ms(FORM_ANSWER_MS);
        let later = world.send(HOME, form(link, "", &SAME, "")).await;
        assert!(later.text.contains("0 keys"), "{way:?}: a later one finds nothing: {}", later.text);
    }
}

/// Forms of people without a full session, handled once too: what the answer may be repeated without a session for.
const VISITORS: &[(&str, &str)] = &[
    ("/sign-in/factor", "the half session is replaced, and its token with it"),
    ("/sign-in/passkey", "the answer of a device is good once"),
    ("/register", "a second one would send a second code"),
    ("/register/confirm", "the code is used up"),
    ("/recover/confirm", "the code is used up"),
    ("/brake/{link}", "the second one would say that it disabled nothing"),
];

/// What is handled each time.
const EACH: &[(&str, &str)] = &[
    ("/sign-in", "the second answer is as good as the first: each opens a half session of its own"),
    ("/sign-in/passkey/options", "each is another question"),
    ("/sign-out", "the second one finds no session and leads to the same page"),
    (
        "/recover",
        "holds an address alone, and a stranger on the same network must not share its owner's challenge",
    ),
    ("/recover/passkey", "each is another question"),
    ("/found", "tells nothing of what it holds, and stops a key once"),
    ("/environment", "remembers a choice, and does so again without harm"),
    ("/acting", "remembers a choice, and does so again without harm"),
    ("/keys/check", "judges what is typed and changes nothing"),
    ("/keys/download", "makes a file of what it is sent and changes nothing"),
    ("/alerts/channels/{id}/test", "each is a message that its sender waits for"),
    ("/security/sessions/end-others", "ends what is open now, and does so again without harm"),
    ("/apps/{id}/ranges/check", "judges what is typed and changes nothing"),
    ("/operations/apps/{id}/ranges/check", "judges what is typed and changes nothing"),
    (
        "/operations/apps/{id}/ranges/{number}",
        "each reading is an audit record, and ranges are kept nowhere else",
    ),
];

#[test]
fn every_form_says_what_becomes_of_it_when_it_arrives_twice() {
    let forms: Vec<_> = page_routes()
        .into_iter()
        .filter_map(|route| Some((route.path, route.access, route.forms?)))
        .collect();
    let listed = |list: &[(&str, &str)], path: &str| list.iter().any(|(listed, _)| *listed == path);
    for (path, access, kind) in &forms {
        // A form of a signed-in user is handled once without a word; any other says why.
        assert_eq!(listed(VISITORS, path), *kind == Forms::OncePerVisitor, "{path}");
        assert_eq!(listed(EACH, path), *kind == Forms::Each, "{path}");
        let open = matches!(access, Access::Everybody(_));
        assert!(open || *kind != Forms::OncePerVisitor, "{path} needs a session");
    }
    let others = forms.iter().filter(|(_, _, kind)| *kind != Forms::Once).count();
    assert_eq!(others, VISITORS.len() + EACH.len(), "every listed path is a route");
}
