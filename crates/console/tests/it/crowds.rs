//! What strangers do at a shared source, or with an address or a password that they know, does not keep owners out.

use axum::body::Body;
use axum::http::{Request, header};
use futures_util::future::join_all;
use keyward_authority::HashPriority;
use keyward_authority::duties::tell_unfinished;
use keyward_rules::address::Source;
use keyward_rules::grant::Actor;
use keyward_rules::key::SecretKey;
use keyward_rules::person::Password;
use serde_json::json;

use crate::tab::Tab;
use crate::world::{HOME, PASSPHRASE, PASSWORD, World};

const ELSEWHERE: &str = "198.51.100.200";
const STRANGER: &str = "203.0.113.66";

/// Wrong sign-ins from an address, for accounts that do not exist.
async fn fill(world: &World, from: &str, count: u32) {
    for number in 0..count {
        let body =
            json!({"email": format!("nobody{number}@keyward.example"), "password": "not the password"});
        assert_eq!(world.api(from, "", "POST", "/session", &body).await.status, 401);
    }
}

#[tokio::test]
async fn a_source_that_others_have_paused_lets_known_browsers_in() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    fill(&world, HOME, 40).await;
    assert_eq!(person.sign_in(PASSWORD, None).await.status, 401, "an unknown browser waits");
    assert_eq!(person.sign_in(PASSWORD, Some(&person.device)).await.status, 200, "a known one does not");
    let body = json!({"email": person.email, "password": PASSWORD});
    assert_eq!(world.api(ELSEWHERE, "", "POST", "/session", &body).await.status, 200, "nor other sources");
}

#[tokio::test]
async fn wrong_tries_of_a_source_are_forgotten_one_by_one() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    // As many typos as an office of people makes in two hours, right sign-ins between them.
    for number in 0..11 {
        fill(&world, HOME, 3).await;
        world.pass_ms(10 * 60 * 1_000);
        assert_eq!(person.sign_in(PASSWORD, None).await.status, 200, "after {number} rounds");
    }
    fill(&world, HOME, 40).await;
    assert_eq!(person.sign_in(PASSWORD, None).await.status, 401);
    world.pass_ms(60 * 60 * 1_000);
    assert_eq!(person.sign_in(PASSWORD, None).await.status, 200, "an hour later it is as before");
}

#[tokio::test]
async fn who_asks_for_resets_of_an_address_does_not_mute_its_owner() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let mut accepted = 0;
    for _ in 0..30 {
        let asked = world.api(STRANGER, "", "POST", "/recoveries", &json!({"email": person.email})).await;
        accepted += u32::from(asked.status == 202);
        world.pass_ms(1_500);
    }
    assert_eq!(accepted, 10, "a source has ten in an hour");
    let before = world.mails(&person.email).await.len();
    let asked = world.api(ELSEWHERE, "", "POST", "/recoveries", &json!({"email": person.email})).await;
    assert_eq!(asked.status, 202);
    assert_eq!(world.mails(&person.email).await.len(), before + 1, "the owner gets a code on a new device");
    let body = json!({"mail_code": world.code(&person.email).await, "factor": person.totp(),
        "password": "brass-tulip-88-north-canoe"});
    let path = format!("/recoveries/{}/confirm", asked.field("id"));
    assert_eq!(world.api(ELSEWHERE, "", "POST", &path, &body).await.status, 204);
}

#[tokio::test]
async fn many_strangers_do_not_mute_an_owners_own_browser() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let wish = json!({"email": person.email});
    let asked = (0..180).map(|number| {
        let (world, wish, from) = (&world, &wish, format!("203.0.113.{}", number / 3));
        async move { world.api(&from, "", "POST", "/recoveries", wish).await }
    });
    assert!(join_all(asked).await.iter().all(|answer| answer.status == 202));
    let mails = world.mails(&person.email).await.len();
    assert!(mails < 40, "an inbox is not flooded either: {mails}");
    let body = json!({"email": person.email, "device": person.device});
    assert_eq!(world.api(HOME, "", "POST", "/recoveries", &body).await.status, 202);
    assert_eq!(world.mails(&person.email).await.len(), mails + 1);
}

#[tokio::test]
async fn a_password_alone_ends_no_session() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let body = json!({"email": person.email, "password": PASSWORD});
    let mut halves = Vec::new();
    for source in 0..30 {
        let from = format!("203.0.113.{source}");
        halves.push(world.api(&from, "", "POST", "/session", &body).await.field("token"));
    }
    assert_eq!(person.get("/account").await.status, 200, "the owner's session goes on");
    let mut alive = 0;
    for half in &halves {
        let answer =
            world.api(STRANGER, half, "POST", "/session/second-factor", &json!({"code": "000000"})).await;
        alive += u32::from(answer.status != 401);
    }
    assert!(alive <= 5, "{alive} sign-ins wait for their second factor");
    let told = async || {
        let mails = world.mails(&person.email).await;
        mails.iter().filter(|mail| mail.contains("no second factor")).count()
    };
    assert_eq!(told().await, 1, "and its owner is told once a day");
    world.pass_ms(10 * 60 * 1_000);
    let late = json!({"code": person.totp_now()});
    let answer = world.api(STRANGER, &halves[29], "POST", "/session/second-factor", &late).await;
    assert_eq!(answer.status, 401, "and not for longer than ten minutes");
    // The next day the sweep finds what was left over, and the day after what nobody follows.
    let sweep = async || {
        let context = world.authority.context(Actor::System("sweep"), world.now());
        tell_unfinished(&context).await.unwrap()
    };
    world.pass_days(1);
    assert_eq!((sweep().await, sweep().await, told().await), (5, 0, 2));
    world.pass_days(1);
    assert_eq!(world.api(STRANGER, "", "POST", "/session", &body).await.status, 200);
    assert_eq!((sweep().await, told().await), (0, 2), "its second factor may still come");
    world.pass_ms(10 * 60 * 1_000);
    assert_eq!((sweep().await, told().await), (1, 3));
}

#[tokio::test]
async fn full_sessions_are_bounded_too() {
    let mut world = World::new().await;
    let world = &mut world;
    let person = world.person("a@keyward.example").await;
    for _ in 0..25 {
        world.pass_ms(60_000);
        let again = person.sign_in_again().await;
        assert_eq!(again.get("/account").await.status, 200);
    }
    assert_eq!(person.get("/account").await.status, 401, "the session that was unused for longest has ended");
}

#[tokio::test]
async fn our_mails_carry_no_words_of_strangers() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let body = json!({"email": person.email}).to_string();
    let asked = Request::builder()
        .method("POST")
        .uri("/api/v1/recoveries")
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::USER_AGENT, "Your account is closed: call 555 0100")
        .body(Body::from(body))
        .unwrap();
    assert_eq!(world.send(STRANGER, asked).await.status, 202);
    let mails = world.mails(&person.email).await;
    assert!(mails.iter().any(|mail| mail.contains("an unnamed program")), "{mails:?}");
    assert!(!mails.iter().any(|mail| mail.contains("555 0100")), "{mails:?}");
}

#[tokio::test]
async fn a_phrase_is_no_advertisement() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    for phrase in ["win at https://evil.example", "evil.example", "call 5550100 now", "mail me@evil"] {
        let body = json!({"phrase": phrase, "factor": PASSWORD});
        assert_eq!(person.api("PUT", "/account/phrase", body).await.status, 422, "{phrase}");
    }
    let own = json!({"phrase": "blue-bell 42", "factor": PASSWORD});
    let set = person.api("PUT", "/account/phrase", own).await;
    assert!(set.status < 300, "{}", set.text);
    // Somebody else's address gets neither the phrase nor more mails than strangers may cause.
    for _ in 0..8 {
        let body = json!({"email": "victim@keyward.example"});
        person.approved("PUT", "/account/email", body).await;
        world.pass_ms(15 * 60 * 1_000);
    }
    let mails = world.mails("victim@keyward.example").await;
    assert!(!mails.is_empty() && mails.len() <= 8, "{}", mails.len());
    assert!(!mails.iter().any(|mail| mail.contains("blue-bell")), "{mails:?}");
}

#[tokio::test]
async fn a_crowd_keeps_no_known_browser_out_and_busy_is_no_wrong_try() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let body = json!({"email": person.email, "password": PASSWORD});
    let known = json!({"email": person.email, "password": PASSWORD, "device": person.device});
    // As many as strangers have places for; those of the address that is asked from come last, and so wait for longest.
    let crowd = (0..64_u8).map(|number| {
        let from = if number < 56 { format!("203.0.113.{number}") } else { ELSEWHERE.to_owned() };
        let source = Source::of(from.parse().unwrap());
        let password = Password::present(PASSWORD).unwrap();
        world.authority.hasher.hash((source, HashPriority::Strangers), password, [7; 16])
    });
    let strange = join_all((0..12).map(|_| world.api(ELSEWHERE, "", "POST", "/session", &body)));
    let own = world.api(HOME, "", "POST", "/session", &known);
    let (crowd, strange, own) = futures_util::future::join3(join_all(crowd), strange, own).await;
    assert!(crowd.iter().all(Result::is_ok));
    assert_eq!(own.status, 200, "the known browser gets in: {}", own.text);
    let busy = strange.iter().filter(|answer| answer.code() == "busy").count();
    assert!(busy > 2, "the crowd was in the way of a strange browser {busy} times");
    let after = world.api(ELSEWHERE, "", "POST", "/session", &body).await;
    assert_eq!(after.status, 200, "busy was no wrong try: {}", after.text);
}

#[tokio::test]
async fn one_accounts_downloads_are_few_at_a_time_and_hold_up_no_other() {
    let world = World::new().await;
    let (ann, ben) = (world.person("a@keyward.example").await, world.person("b@keyward.example").await);
    let (ann, ben) = (Tab::of(&world, &ann).await, Tab::of(&world, &ben).await);
    let secret = SecretKey::from_entropy([7; 32]);
    let fields = [
        ("api_key", "123e4567-e89b-42d3-a456-426614174000"),
        ("secret", secret.expose()),
        ("passphrase", PASSPHRASE),
        ("format", "age"),
        ("words", "violet otter juggles ninety maps"),
    ];
    let many = join_all((0..30).map(|_| ann.post("/keys/download", &fields)));
    let (many, other) = futures_util::future::join(many, ben.post("/keys/download", &fields)).await;
    let served = many.iter().filter(|answer| answer.status == 200).count();
    let refused = many.iter().filter(|answer| answer.status == 503).count();
    assert!(served >= 2 && refused >= 10 && served + refused == 30, "{served} served, {refused} refused");
    assert_eq!(other.status, 200, "{}", other.text);
    assert_eq!(ann.post("/keys/download", &fields).await.status, 200, "and again afterwards");
}

#[tokio::test]
async fn requests_that_do_not_end_take_the_places_of_their_source_alone() {
    let world = World::new().await;
    let endless = |_| {
        let request = Request::builder().method("POST").uri("/api/v1/session");
        let request = request.header(header::CONTENT_TYPE, "application/json");
        let body = Body::from_stream(futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>());
        world.send(STRANGER, request.body(body).unwrap())
    };
    let held = join_all((0..64).map(endless));
    let asks = async {
        let sign_in = |from: &'static str| {
            let body = json!({"email": "nobody@keyward.example", "password": "not the password"});
            let world = &world;
            async move { world.api(from, "", "POST", "/session", &body).await.status }
        };
        assert_eq!(sign_in(STRANGER).await, 503);
        assert_eq!(sign_in(ELSEWHERE).await, 401);
    };
    match futures_util::future::select(Box::pin(held), Box::pin(asks)).await {
        futures_util::future::Either::Left(_) => panic!("a body that does not come was waited for no longer"),
        futures_util::future::Either::Right(((), held)) => drop(held),
    }
}
