//! Pages that say what went wrong: in the frame of who is signed in, with the way back; bare for strangers.

use axum::body::Body;
use axum::http::{Request, header};
use keyward_rules::grant::{Actor, Holder, Origin};
use keyward_rules::key::SecretKey;
use keyward_rules::person::{Device, SessionId};
use serde_json::{Value, json};

use crate::apps::registered;
use crate::audit::records;
use crate::channels::{added, public_hook};
use crate::doors::form;
use crate::operators::{id_of, propose, two_operators};
use crate::tab::{Tab, encoded};
use crate::world::{HOME, PASSPHRASE, PASSWORD, Person, Reply, World, wish};

const SAME: [(&str, &str); 1] = [("sec-fetch-site", "same-origin")];

/// The navigation and the way out: what makes a frame.
pub fn is_framed(reply: &Reply) -> bool {
    reply.text.contains("<nav aria-label=\"Main\">") && reply.text.contains("action=\"/sign-out\"")
}

/// Whether the page itself, beside its navigation, leads somewhere.
pub fn leads_to(reply: &Reply, href: &str) -> bool {
    let main = reply.text.split("<main").nth(1).unwrap_or_default();
    main.split("<footer").next().unwrap_or_default().contains(&format!("href=\"{href}\""))
}

#[tokio::test]
async fn errors_keep_the_frame_and_lead_back() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let key = person.key("bot").await["api_key"].as_str().unwrap().to_owned();
    let tab = Tab::of(&world, &person).await;
    let gone = "0b7c2f1e-8a43-4d0f-9b2a-3c5d6e7f8091";
    let missing = [
        ("/nowhere".to_owned(), "/keys"),
        ("/keys/nonsense".to_owned(), "/keys"),
        (format!("/keys/{gone}"), "/keys"),
        (format!("/keys/{gone}/disable"), "/keys"),
        (format!("/keys/{gone}/activity"), "/keys"),
        ("/alerts/channels/nonsense".to_owned(), "/alerts"),
        ("/security/passkeys/nonsense/rename".to_owned(), "/security"),
        ("/trail/nonsense/proof".to_owned(), "/security"),
        ("/apps/1".to_owned(), "/keys"),
        ("/operations".to_owned(), "/keys"),
        ("/operations/audit".to_owned(), "/keys"),
        ("/dev/mail".to_owned(), "/keys"),
    ];
    for (path, back) in missing {
        let shown = tab.get(&path).await;
        assert!(shown.status == 404 && is_framed(&shown), "{path}: {} {}", shown.status, shown.text);
        let way = format!("<a class=\"button\" href=\"{back}\">");
        assert!(shown.text.contains(&way), "{path}: {}", shown.text);
        assert!(shown.headers["content-security-policy"].to_str().unwrap().contains("default-src 'none'"));
        let length =
            shown.headers.get(header::CONTENT_LENGTH).map(|text| text.to_str().unwrap().parse().unwrap());
        assert!(length.is_none_or(|length: usize| length == shown.text.len()), "{path}");
    }
    // Refusals of a form: by a rule, by its token, by its size.
    let refused = tab.post(&format!("/keys/{key}/end-overlap"), &[("name", "bot"), ("factor", "x")]).await;
    assert!(is_framed(&refused), "{}", refused.text);
    let unknown = tab.post("/security/sessions/end", &[("session", "x")]).await;
    assert!(unknown.status == 404 && is_framed(&unknown), "{}", unknown.text);
    let long = "x".repeat(70_000);
    let large = tab.post(&format!("/keys/{key}"), &[("name", long.as_str())]).await;
    assert!(large.status == 413 && is_framed(&large), "{} {}", large.status, large.text);
    let foreign = tab.post(&format!("/keys/{key}"), &[]).await;
    assert!(is_framed(&foreign), "{}", foreign.text);
}

/// A form, and where the page leads that refuses it. Without fields it is a page that is asked for.
type Refused<'f> = (String, Vec<(&'f str, &'f str)>, String);

/// Sends a form as somebody who is signed in.
async fn sent(tab: &Tab<'_>, path: &str, fields: &[(&str, &str)]) -> Reply {
    if fields.is_empty() { tab.get(path).await } else { tab.post(path, fields).await }
}

/// The same by somebody without a session.
async fn sent_by_nobody(world: &World, path: &str, fields: &[(&str, &str)]) -> Reply {
    if fields.is_empty() {
        let page = Request::builder().uri(path).body(Body::empty()).unwrap();
        return world.send(HOME, page).await;
    }
    world.send(HOME, form(path, "", &SAME, &encoded(fields))).await
}

async fn key(person: &Person<'_>, name: &str) -> String {
    person.key(name).await["api_key"].as_str().unwrap().to_owned()
}

/// Asserts that each is refused in the frame with a way back, changes nothing, and shows a stranger no frame.
async fn assert_refused_in_the_frame(world: &World, tab: &Tab<'_>, status: u16, rows: &[Refused<'_>]) {
    let before = records(world).len();
    for (path, fields, back) in rows {
        let shown = sent(tab, path, fields).await;
        assert_eq!(shown.status, status, "{path} {fields:?}: {}", shown.text);
        assert!(is_framed(&shown), "{path} {fields:?}: {}", shown.text);
        assert!(leads_to(&shown, back), "{path} {fields:?} to {back}: {}", shown.text);
        let stranger = sent_by_nobody(world, path, fields).await;
        assert!(!is_framed(&stranger), "{path} {fields:?}: {}", stranger.text);
    }
    assert_eq!(records(world).len(), before, "nothing was changed");
}

#[tokio::test]
async fn what_a_rule_refuses_keeps_the_frame_and_leads_back() {
    let world = World::new().await;
    let (ann, _) = two_operators(&world).await;
    let (bot, gone) = (key(&ann, "bot").await, key(&ann, "gone").await);
    let body = json!({"name": "gone", "factor": PASSWORD});
    assert_eq!(ann.api("DELETE", &format!("/keys/{gone}"), body).await.status, 200);
    let app = registered(&ann, "Amber Desk").await;
    assert_eq!(ann.api("POST", &format!("/apps/{app}/submit"), Value::Null).await.status, 200);
    let own = propose(&ann, "policy.loosen operators_needed 1").await;
    let (number, hash) = (own.field("id"), own.field("hash"));
    let tab = Tab::of(&world, &ann).await;
    let secret = SecretKey::from_entropy([7; 32]);
    let record = world.store.log().size().await.unwrap().to_string();
    let over = [("challenge", "x"), ("mail_code", "12345678"), ("factor", "123456")];
    let with = |more: &[(&'static str, &'static str)]| [more, &over].concat();
    let [alive, ended] = [&bot, &gone].map(|key| format!("/keys/{key}"));
    let new = [
        ("name", "other"),
        ("permission", "read"),
        ("reach", "addresses"),
        ("addresses", "127.0.0.1"),
        ("passphrase", PASSPHRASE),
    ];
    let hook = [("kind", "webhook"), ("name", "ops"), ("url", "https://hooks.example.com/x")];
    let to = |path: &str| path.to_owned();
    let rows: Vec<Refused<'_>> = vec![
        (format!("{alive}/end-overlap"), vec![("name", "bot"), ("factor", PASSWORD)], alive.clone()),
        (format!("{alive}/enable"), vec![], alive.clone()),
        (format!("{alive}/leaked"), vec![("name", "Bot"), ("factor", PASSWORD)], alive.clone()),
        (format!("{alive}/delete"), vec![("name", "other"), ("factor", PASSWORD)], alive.clone()),
        (format!("{alive}/activity?from=yesterday"), vec![], alive.clone()),
        (format!("{alive}/activity/export?source=here"), vec![], alive.clone()),
        (ended.clone(), vec![("name", "gone 2"), ("tags", "")], ended.clone()),
        (format!("{ended}/rotate"), vec![], ended.clone()),
        (format!("{ended}/addresses"), vec![("reach", "anywhere")], ended.clone()),
        (format!("{ended}/disable"), vec![("name", "gone"), ("factor", PASSWORD)], ended),
        (to("/keys/new"), with(&new), to("/keys")),
        (
            to("/keys/download"),
            vec![
                ("api_key", bot.as_str()),
                ("secret", secret.expose()),
                ("passphrase", PASSPHRASE),
                ("format", "age"),
                ("words", "password1234"),
            ],
            to("/keys"),
        ),
        (to("/security/password"), with(&[("password", "brass-tulip-88-north-canoe")]), to("/security")),
        (to("/security/email"), with(&[("email", "next@keyward.example")]), to("/security")),
        (to("/security/email/confirm"), vec![("challenge", "x"), ("code", "12345678")], to("/security")),
        (to("/security/recovery-codes"), with(&[]), to("/security")),
        (to("/security/authenticator/off"), with(&[]), to("/security")),
        (format!("/trail/{record}/proof"), vec![], to("/security")),
        (to("/alerts/channels/new"), with(&hook), to("/alerts")),
        (format!("/apps/{app}/submit"), vec![("x", "x")], to("/apps")),
        (format!("/apps/{app}/ranges"), with(&[("ranges", "203.0.113.0/24")]), to("/apps")),
        (to("/set-up"), vec![("token", "!!"), ("operators", "2")], to("/keys")),
        (format!("/operations/proposals/{number}/approve"), vec![("hash", hash.as_str())], to("/operations")),
        (to("/operations/settings"), vec![("name", "max_key_age_days"), ("value", "")], to("/operations")),
        (
            to("/operations/proposals/new"),
            vec![("change", "policy.loosen operators_needed 3")],
            to("/operations"),
        ),
        (to("/operations/audit?account=ann"), vec![], to("/operations")),
    ];
    assert_refused_in_the_frame(&world, &tab, 422, &rows).await;
}

#[tokio::test]
async fn what_is_too_much_keeps_the_frame_and_leads_back() {
    let world = World::new().await;
    let (ann, _) = two_operators(&world).await;
    let (bot, app) = (key(&ann, "bot").await, registered(&ann, "Amber Desk").await);
    let (channel, _) = added(&ann, public_hook()).await;
    let tab = Tab::of(&world, &ann).await;
    // Ten tests, sixty questions for passkeys, two searches, and as many codes as an hour has.
    for _ in 0..10 {
        let path = format!("/channels/{channel}/test");
        assert_eq!(ann.api("POST", &path, Value::Null).await.status, 202);
    }
    for _ in 0..60 {
        ann.asked_to_add().await;
    }
    let holder = Actor::Holder(Holder {
        acting: None,
        account: id_of(&ann).await.parse().unwrap(),
        session: SessionId::from_entropy([1; 16]),
        device_since: keyward_rules::time::Moment::EPOCH,
        origin: Origin { address: HOME.parse().unwrap(), device: Device::of("tests") },
    });
    let searches = &world.authority.searches;
    let _searching = (searches.begin(&holder).unwrap(), searches.begin(&holder).unwrap());
    for _ in 0..10 {
        ann.api("POST", "/keys", wish("one more")).await;
    }
    let path = format!("/keys/{bot}");
    let new = vec![
        ("name", "other"),
        ("permission", "read"),
        ("reach", "addresses"),
        ("addresses", "127.0.0.1"),
        ("passphrase", PASSPHRASE),
    ];
    let next = vec![("name", "bot 2"), ("passphrase", "Other-Pass1!"), ("hours", "24")];
    let hook = vec![("kind", "webhook"), ("name", "two"), ("url", "https://hooks.example.com/x")];
    let change = vec![("change", "policy.loosen operators_needed 1")];
    let ranges = format!("/apps/{app}/ranges");
    let to = |path: &str| path.to_owned();
    let rows: Vec<Refused<'_>> = vec![
        (to("/security/passkeys/new"), vec![], to("/security")),
        (to("/security/passkeys/new"), vec![("name", ""), ("new_passkey", "x")], to("/security")),
        (format!("/alerts/channels/{channel}/test"), vec![("x", "x")], to("/alerts")),
        (format!("{path}/activity"), vec![], path.clone()),
        (format!("{path}/activity?range=week&verdict=50110"), vec![], path.clone()),
        (format!("{path}/live"), vec![], path.clone()),
        (format!("{path}/activity/export?format=csv"), vec![], path.clone()),
        (format!("{path}/activity/export?format=jsonl"), vec![], path.clone()),
        (to("/operations/audit"), vec![], to("/operations")),
        (to("/operations/audit?q=bot"), vec![], to("/operations")),
        (to("/operations/audit?action=key.issue"), vec![], to("/operations")),
        (to("/keys/new"), new, to("/keys/new")),
        (format!("{path}/rotate"), next, path.clone()),
        (format!("{path}/addresses"), vec![("reach", "anywhere")], path),
        (to("/security/password"), vec![("password", "brass-tulip-88-north-canoe")], to("/security")),
        (to("/security/email"), vec![("email", "next@keyward.example")], to("/security")),
        (to("/security/recovery-codes"), vec![("x", "x")], to("/security")),
        (to("/security/authenticator/off"), vec![("x", "x")], to("/security")),
        (to("/alerts/channels/new"), hook, to("/alerts/channels")),
        (ranges.clone(), vec![("ranges", "203.0.113.0/24")], ranges),
        (to("/operations/proposals/new"), change, to("/operations/settings")),
    ];
    assert_refused_in_the_frame(&world, &tab, 429, &rows).await;
}

#[tokio::test]
async fn what_is_refused_before_the_door_has_no_frame() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let body = encoded(&[("email", &person.email), ("password", PASSWORD)]);
    let half = world.send(HOME, form("/sign-in", "", &SAME, &body)).await;
    let half = half.headers[header::SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
    let over = [("challenge", "x"), ("email", "b@keyward.example"), ("code", "12345678")];
    let rows = [
        ("", "/sign-in", vec![("email", "a@keyward.example"), ("password", "wrong password 1")], 401),
        ("", "/sign-in", vec![("email", "nobody"), ("password", "x")], 401),
        (&half, "/sign-in/factor", vec![("code", "000000")], 401),
        (&half, "/sign-in/factor", vec![("code", "no code")], 401),
        ("", "/register", vec![("email", "nobody"), ("password", PASSWORD)], 422),
        ("", "/register", vec![("email", "b@keyward.example"), ("password", "short")], 422),
        ("", "/register/confirm", over.to_vec(), 422),
        (&half, "/register/confirm", over.to_vec(), 422),
        ("", "/recover", vec![("email", "nobody")], 422),
        ("", "/recover/confirm", vec![("challenge", "x"), ("mail_code", "x"), ("password", PASSWORD)], 422),
        ("", "/recover/confirm", vec![("challenge", "x"), ("password", "short")], 422),
    ];
    for (cookie, path, fields, status) in rows {
        let refused = world.send(HOME, form(path, cookie, &SAME, &encoded(&fields))).await;
        assert_eq!(refused.status, status, "{path} {fields:?}: {}", refused.text);
        assert!(!is_framed(&refused), "{path} {fields:?}: {}", refused.text);
    }
    // Codes before a sign-in are counted by the source, whoever else is there.
    for number in 0..10 {
        let from = form("/recover", "", &SAME, &encoded(&[("email", &format!("p{number}@keyward.example"))]));
        world.send("198.51.100.7", from).await;
    }
    for path in ["/register", "/recover"] {
        for email in ["b@keyward.example", person.email.as_str(), "c@keyward.example"] {
            let fields = encoded(&[("email", email), ("password", PASSWORD)]);
            let later = world.send("198.51.100.7", form(path, "", &SAME, &fields)).await;
            assert_eq!(later.status, 429, "{path} {email}: {}", later.text);
            assert!(!is_framed(&later) && later.headers.contains_key(header::RETRY_AFTER), "{path} {email}");
        }
    }
}

#[tokio::test]
async fn a_form_of_another_session_is_refused_in_the_frame() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let tab = Tab::of(&world, &person).await;
    let refused = tab.forged("/alerts", "csrf=00000000000000000000000000000000&upto=1").await;
    assert!(refused.status == 403 && is_framed(&refused), "{}", refused.text);
    assert!(refused.text.contains("That form is not from this session"));
    assert!(
        refused.text.contains("<a class=\"button\" href=\"/alerts\">Go to alerts</a>"),
        "{}",
        refused.text
    );
}

#[tokio::test]
async fn operators_are_led_back_to_their_own_pages() {
    let world = World::new().await;
    let (officer, _) = two_operators(&world).await;
    let tab = Tab::of(&world, &officer).await;
    for path in ["/operations/keys/nonsense", "/operations/accounts/999999", "/operations/proposals/nonsense"]
    {
        let shown = tab.get(path).await;
        assert!(shown.status == 404 && is_framed(&shown), "{path}: {}", shown.text);
        let back = "<a class=\"button\" href=\"/operations\">Go to operations</a>";
        assert!(shown.text.contains(back), "{path}");
    }
    let searched = tab.get("/operations/audit?from=yesterday").await;
    assert!(searched.status == 422 && is_framed(&searched), "{}", searched.text);
}

#[tokio::test]
async fn strangers_and_parts_of_pages_get_no_frame() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let tab = Tab::of(&world, &person).await;
    let part = tab.part("/nowhere").await;
    assert!(part.status == 404 && !is_framed(&part), "a script puts it into a page that has one");
    for cookie in
        ["", "__Host-keyward=kwp_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "__Host-keyward=nonsense"]
    {
        for path in ["/nowhere", "/prove/1/2/3", "/brake/nonsense", "/dev/mail"] {
            let page =
                Request::builder().uri(path).header(header::COOKIE, cookie).body(Body::empty()).unwrap();
            let shown = world.send(HOME, page).await;
            assert!(shown.status >= 400 && !is_framed(&shown), "{path} with {cookie}: {}", shown.text);
            assert!(!shown.text.contains(&person.email));
        }
    }
}

#[tokio::test]
async fn an_error_page_keeps_no_session_alive() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let tab = Tab::of(&world, &person).await;
    world.pass_ms(20 * 60_000);
    let shown = tab.get("/nowhere").await;
    assert!(shown.status == 404 && is_framed(&shown));
    world.pass_ms(11 * 60_000);
    let late = tab.get("/nowhere").await;
    assert!(late.status == 404 && !is_framed(&late), "nobody has done anything for half an hour");
}
