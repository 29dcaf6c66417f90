//! Leaks: reports of scanners and pasted texts. What proves a leak stops the key; what does not tells its owner, or nobody.

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use axum::body::Body;
use axum::http::{Request, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keyward_authority::Settings;
use keyward_rules::key::SecretKey;
use keyward_rules::leak::{Reporter, Reporters, token_hash};
use keyward_rules::secret::Secret;
use serde_json::{Value, json};

use crate::audit::records;
use crate::doors::form;
use crate::tab::Tab;
use crate::world::{HOME, PASSWORD, Person, Reply, World, wish};

const KEY_ID: &str = "scanner-1";
const FAR: &str = "203.0.113.99";

/// A scanner with a key of its own.
struct Scanner(EcdsaKeyPair);

impl Scanner {
    fn new() -> Self {
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new());
        Self(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.unwrap().as_ref()).unwrap())
    }

    fn pem(&self) -> String {
        let der: PublicKeyX509Der<'_> = self.0.public_key().as_der().unwrap();
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der.as_ref()))
    }

    fn sign(&self, body: &str) -> String {
        STANDARD.encode(self.0.sign(&SystemRandom::new(), body.as_bytes()).unwrap())
    }

    async fn world(&self) -> World {
        let reporter = Reporter::new("Test scanner", KEY_ID, &self.pem()).unwrap();
        let reporters = Reporters::new(vec![reporter]).unwrap();
        World::under(Settings { reporters, ..Settings::default() }).await
    }

    async fn report(&self, world: &World, findings: Value) -> Reply {
        let body = findings.to_string();
        send(world, FAR, &[(IDENTIFIER, KEY_ID), (SIGNATURE, &self.sign(&body))], &body).await
    }
}

const IDENTIFIER: &str = "Github-Public-Key-Identifier";
const SIGNATURE: &str = "Github-Public-Key-Signature";

async fn send(world: &World, from: &str, headers: &[(&str, &str)], body: &str) -> Reply {
    let mut request = Request::post("/api/v1/leaks").header(header::CONTENT_TYPE, "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    world.send(from, request.body(Body::from(body.to_owned())).unwrap()).await
}

/// A key with its id and its secret.
async fn key(person: &Person<'_>, name: &str) -> (String, String) {
    let made = person.key(name).await;
    let text = |member: &str| made[member].as_str().unwrap().to_owned();
    (text("api_key"), text("secret"))
}

async fn shown(person: &Person<'_>, id: &str) -> Value {
    person.get(&format!("/keys/{id}")).await.json()
}

fn about(mails: &[String], title: &str) -> usize {
    mails.iter().filter(|mail| mail.contains(title)).count()
}

const STOPPED: &str = "The secret of an API key was found outside";
const ID_ALONE: &str = "An API key was found outside, without its secret";

#[tokio::test]
async fn a_signed_report_of_a_secret_stops_its_key_and_tells_the_owner_where_it_was() {
    let scanner = Scanner::new();
    let world = scanner.world().await;
    let person = world.person("a@keyward.example").await;
    let (id, secret) = key(&person, "leaked").await;
    let (other, _) = key(&person, "other").await;
    let finding = json!({"token": secret, "type": "keyward_secret", "source": "commit",
        "url": "https://git.example/a/b/blob/main/.env"});
    let reply = scanner.report(&world, json!([finding])).await;
    let hash = token_hash(&Secret::new(secret.clone()));
    let expected = json!([{"token_hash": hash, "token_type": "keyward_secret", "label": "true_positive"}]);
    assert_eq!((reply.status, reply.json()), (200, expected));
    assert!(!reply.text.contains(&secret) && !reply.text.contains(&id), "{}", reply.text);

    let view = shown(&person, &id).await;
    assert_eq!(view["state"], "held");
    assert_eq!(view["holds"], json!(["quarantine: its secret leaked, so nothing passes"]));
    assert_eq!(shown(&person, &other).await["state"], "active");
    let mails = world.mails("a@keyward.example").await;
    let told = mails.iter().find(|mail| mail.contains(STOPPED)).unwrap();
    let place = "Test scanner reported it. It was found at: https://git.example/a/b/blob/main/.env (commit)";
    assert!(told.contains(place) && !told.contains(&secret), "{told}");
    let record: Value = serde_json::from_str(records(&world).last().unwrap()).unwrap();
    assert_eq!((&record["action"], &record["actor"]), (&json!("key.stop_leaked"), &json!("system:leaks")));
    assert_eq!(record["facts"]["reporter"], "Test scanner");
    assert!(!records(&world).iter().any(|record| record.contains(&secret)));

    // Once more: still true, and nobody is told again.
    let again = scanner.report(&world, json!([{"token": format!("{id} {secret}")}])).await;
    assert_eq!(again.json()[0]["label"], "true_positive");
    assert_eq!(about(&world.mails("a@keyward.example").await, STOPPED), 1);

    // Nothing lifts it: a secret stays leaked. The page leads to a successor.
    let lifted = person.approved("POST", &format!("/keys/{id}/lift-quarantine"), json!({})).await;
    assert_eq!((lifted.status, lifted.code().as_str()), (409, "unchanged"));
    let tab = Tab::of(&world, &person).await;
    let page = tab.get(&format!("/keys/{id}")).await.text;
    assert!(page.contains("What to do after a leak") && page.contains("its secret leaked"), "{page}");
    let mut successor = wish("successor");
    successor["replaces"] = json!(id);
    assert_eq!(person.approved("POST", "/keys", successor).await.status, 201);
    let trail = tab.get("/trail").await.text;
    assert!(trail.contains("stopped") && trail.contains("because its secret leaked"), "{trail}");
}

#[tokio::test]
async fn what_proves_nothing_stops_nothing_and_looks_the_same_to_the_reporter() {
    let scanner = Scanner::new();
    let world = scanner.world().await;
    let person = world.person("a@keyward.example").await;
    let (id, secret) = key(&person, "used").await;
    let (gone, gone_secret) = key(&person, "gone").await;
    let deleted =
        person.api("DELETE", &format!("/keys/{gone}"), json!({"name": "gone", "factor": PASSWORD})).await;
    assert_eq!(deleted.status, 200);
    let nobodys = SecretKey::from_entropy([7; 32]);
    let look_alike = format!("{}000000", &secret[..47]);
    let tokens =
        [&*id, nobodys.expose(), &look_alike, &gone_secret, "hunter2", &format!("{id} {look_alike}")];
    let findings: Vec<Value> = tokens.iter().map(|token| json!({"token": token, "type": "t"})).collect();
    let reply = scanner.report(&world, json!(findings)).await;
    let labels: Vec<Value> =
        reply.json().as_array().unwrap().iter().map(|one| one["label"].clone()).collect();
    assert_eq!(labels, vec![json!("false_positive"); 6], "{}", reply.text);
    assert_eq!(shown(&person, &id).await["state"], "active");
    // The API key alone: its owner is told, once a day.
    let mails = world.mails("a@keyward.example").await;
    assert_eq!((about(&mails, STOPPED), about(&mails, ID_ALONE)), (0, 1), "{mails:?}");
    world.pass_days(1);
    scanner.report(&world, json!([{"token": id}])).await;
    assert_eq!(about(&world.mails("a@keyward.example").await, ID_ALONE), 2);
}

#[tokio::test]
async fn only_reports_of_known_reporters_are_read_and_strangers_are_bounded() {
    let scanner = Scanner::new();
    let world = scanner.world().await;
    let person = world.person("a@keyward.example").await;
    let (id, secret) = key(&person, "used").await;
    let body = json!([{"token": secret}]).to_string();
    let signature = scanner.sign(&body);
    let foreign = Scanner::new().sign(&body);
    let longer = format!("{body} ");
    let twice: [(&str, &str); 3] = [(IDENTIFIER, KEY_ID), (SIGNATURE, &signature), (SIGNATURE, &signature)];
    for (headers, body) in [
        (&[][..], &body),
        (&[(IDENTIFIER, KEY_ID)], &body),
        (&[(IDENTIFIER, "other"), (SIGNATURE, &signature)], &body),
        (&[(IDENTIFIER, KEY_ID), (SIGNATURE, &foreign)], &body),
        (&[(IDENTIFIER, KEY_ID), (SIGNATURE, &signature)], &longer),
        (&twice, &body),
    ] {
        let refused = send(&world, HOME, headers, body).await;
        assert_eq!((refused.status, refused.code().as_str()), (403, "not_signed"), "{}", refused.text);
    }
    assert_eq!(shown(&person, &id).await["state"], "active");
    // A stranger is paused, from then on also with the right signature; others are not.
    let mut paused = false;
    for _ in 0..60 {
        paused |=
            send(&world, HOME, &[(IDENTIFIER, KEY_ID), (SIGNATURE, &foreign)], &body).await.status == 429;
    }
    assert!(paused, "strangers are not bounded");
    let right: [(&str, &str); 2] = [(IDENTIFIER, KEY_ID), (SIGNATURE, &signature)];
    assert_eq!(send(&world, HOME, &right, &body).await.code(), "too_many_reports");
    // Signed reports are not counted: a scanner that finds much goes on.
    for _ in 0..60 {
        let unknown = json!([{"token": "nothing"}]);
        assert_eq!(scanner.report(&world, unknown).await.status, 200);
    }
    assert_eq!(send(&world, FAR, &right, &body).await.status, 200);
    assert_eq!(shown(&person, &id).await["state"], "held");
}

/// Who has seen a report has its signature too. A scanner may send one again, and others their own; nobody sends one without end, from
/// wherever it comes.
#[tokio::test]
async fn one_report_that_is_sent_again_and_again_is_bounded() {
    let scanner = Scanner::new();
    let world = scanner.world().await;
    let body = json!([{"token": "seen by others"}]).to_string();
    let signature = scanner.sign(&body);
    let headers: [(&str, &str); 2] = [(IDENTIFIER, KEY_ID), (SIGNATURE, &signature)];
    let mut answered = 0;
    for number in 0..100 {
        let reply = send(&world, &format!("198.51.{number}.7"), &headers, &body).await;
        assert!(reply.status == 200 || reply.code() == "too_many_reports", "{}", reply.text);
        answered += usize::from(reply.status == 200);
    }
    assert!((5..40).contains(&answered), "{answered}");
    assert_eq!(
        scanner.report(&world, json!([{"token": "seen by others"}])).await.status,
        200,
        "signed again"
    );
}

#[tokio::test]
async fn a_signed_report_of_another_form_or_size_is_refused_whole() {
    let scanner = Scanner::new();
    let world = scanner.world().await;
    let person = world.person("a@keyward.example").await;
    let (id, secret) = key(&person, "used").await;
    for body in ["{}", "[1]", r#"[{"type":"t"}]"#, &format!(r#"[{{"token":"{secret}"}},{{"token":1}}]"#)] {
        let reply = send(&world, FAR, &[(IDENTIFIER, KEY_ID), (SIGNATURE, &scanner.sign(body))], body).await;
        assert_eq!((reply.status, reply.code().as_str()), (422, "bad_report"), "{body}");
    }
    let many = json!(vec![json!({"token": secret}); 501]);
    assert_eq!(scanner.report(&world, many).await.code(), "bad_report");
    let large = json!([{"token": "a".repeat(1024 * 1024)}]);
    assert_eq!(scanner.report(&world, large).await.status, 413);
    let body = json!([{"token": secret}]).to_string();
    let plain = Request::post("/api/v1/leaks").header(IDENTIFIER, KEY_ID);
    let plain = plain.header(SIGNATURE, scanner.sign(&body)).body(Body::from(body)).unwrap();
    assert_eq!(world.send(FAR, plain).await.status, 415, "it must say that it is JSON");
    assert_eq!(shown(&person, &id).await["state"], "active");
}

#[tokio::test]
async fn without_reporters_there_are_no_reports() {
    let (world, scanner) = (World::new().await, Scanner::new());
    let person = world.person("a@keyward.example").await;
    let (id, secret) = key(&person, "used").await;
    let reply = scanner.report(&world, json!([{"token": secret}])).await;
    assert_eq!((reply.status, reply.code().as_str()), (404, "no_reporters"));
    assert!(reply.text.contains("/found"), "{}", reply.text);
    assert_eq!(shown(&person, &id).await["state"], "active");
}

async fn paste(world: &World, from: &str, site: &str, text: &str) -> Reply {
    let text: String = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
    world.send(from, form("/found", "", &[("sec-fetch-site", site)], &format!("text={text}"))).await
}

#[tokio::test]
async fn anybody_pastes_a_found_key_and_hears_nothing_of_it() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let (id, secret) = key(&person, "leaked").await;
    let (alone, _) = key(&person, "named").await;
    let page = world.send(FAR, Request::get("/found").body(Body::empty()).unwrap()).await;
    assert!(page.status == 200 && page.text.contains("Report a found key"), "{}", page.text);

    let nobodys = SecretKey::from_entropy([7; 32]);
    let found = format!("OKX_KEY={id}\nOKX_SECRET={secret}\n");
    let mut answers = Vec::new();
    for text in ["nothing of ours", nobodys.expose(), &alone, &found, &found] {
        let began = tokio::time::Instant::now();
        let reply = paste(&world, FAR, "same-origin", text).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        assert!(began.elapsed() >= std::time::Duration::from_millis(290), "{text}");
        assert!(
            !reply.text.contains(&id) && !reply.text.contains(&secret) && !reply.text.contains("leaked<")
        );
        answers.push(reply.text);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "one answer for all");
    assert!(
        answers[0].contains("If this is a key of this deployment, it is stopped now and its owner is told.")
    );

    assert_eq!(shown(&person, &id).await["state"], "held");
    assert_eq!(shown(&person, &alone).await["state"], "active");
    let mails = world.mails("a@keyward.example").await;
    assert_eq!((about(&mails, STOPPED), about(&mails, ID_ALONE)), (1, 1), "{mails:?}");
    let told = mails.iter().find(|mail| mail.contains(STOPPED)).unwrap();
    assert!(told.contains("page for found keys") && !told.contains(FAR) && !told.contains(&secret), "{told}");
}

/// A secret that somebody pastes is held whatever key it is of, so that the answers of the gateway tell no canary from another key.
#[tokio::test]
async fn a_pasted_secret_holds_a_canary_as_any_other_key() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let mut body = wish("bait");
    body.as_object_mut().unwrap().remove("from");
    (body["purpose"], body["permissions"]) = (json!("canary"), json!(["read"]));
    let made = person.approved("POST", "/keys", body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let (id, secret) = (made.field("api_key"), made.field("secret"));
    assert_eq!(paste(&world, FAR, "same-origin", &secret).await.status, 200);
    assert_eq!(shown(&person, &id).await["state"], "held");
}

#[tokio::test]
async fn the_page_for_found_keys_is_bounded_and_takes_forms_of_its_own_only() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let (id, secret) = key(&person, "used").await;
    assert_eq!(paste(&world, FAR, "cross-site", &secret).await.status, 403);
    assert_eq!(paste(&world, FAR, "same-origin", "  \n").await.status, 422);
    let long = paste(&world, FAR, "same-origin", &format!("{secret}{}", " ".repeat(17 * 1024))).await;
    assert!(long.status == 422 && long.text.contains("at most 16 KiB") && !long.text.contains(&secret));
    assert_eq!(shown(&person, &id).await["state"], "active", "nothing was read");
    let mut last = 200;
    for _ in 0..40 {
        let reply = paste(&world, "198.51.100.7", "same-origin", "nothing");
        last = reply.await.status;
        if last == 429 {
            break;
        }
    }
    assert_eq!(last, 429, "a source is not bounded");
    assert_eq!(paste(&world, "198.51.100.7", "same-origin", &secret).await.status, 429);
    assert_eq!(shown(&person, &id).await["state"], "active");
    assert_eq!(paste(&world, FAR, "same-origin", &secret).await.status, 200, "another source is not");
    assert_eq!(shown(&person, &id).await["state"], "held");
}
