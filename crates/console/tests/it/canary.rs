//! Secrets are searched for everywhere that they must not be: pages, API, mails, alerts, audit, the database's files.

use axum::body::Body;
use axum::http::{Request, header};
use serde_json::json;

use crate::world::{HOME, PASSWORD, World};

#[tokio::test]
async fn a_secret_is_shown_once_and_is_nowhere_afterwards() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let made = person.key("canary").await;
    let id = made["api_key"].as_str().unwrap();
    let secret = made["secret"].as_str().unwrap();
    let phrase = crate::world::wish("canary")["passphrase"].as_str().unwrap().to_owned();
    let asked = person.api("POST", "/keys", crate::world::wish("pending")).await;
    let pending = world.code(&person.email).await;
    assert_eq!(asked.code(), "step_up_required");

    let mut surfaces = Vec::new();
    for path in [
        format!("/keys/{id}"),
        format!("/keys/{id}/activity"),
        format!("/keys/{id}/outlook"),
        "/keys?ended=true".into(),
        "/alerts".into(),
        "/trail?limit=100".into(),
        "/account".into(),
        "/sessions".into(),
    ] {
        surfaces.push((path.clone(), person.get(&path).await.text));
    }
    let pages = Request::builder().uri("/api").header(header::COOKIE, "x=y").body(Body::empty()).unwrap();
    surfaces.push(("/api".into(), world.send(HOME, pages).await.text));
    let secrets = [
        secret,
        phrase.as_str(),
        PASSWORD,
        person.secret.as_str(),
        person.recovery[0].as_str(),
        person.token.as_str(),
    ];
    for mail in world.mails(&person.email).await {
        surfaces.push(("mail".into(), mail));
    }
    for (name, text) in &surfaces {
        for canary in secrets {
            assert!(!text.contains(canary), "{name} holds a secret");
        }
    }
    // The files of the database, without the master key: no secret, no password, no code that still works.
    for entry in std::fs::read_dir(&world.folder).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let bare = person.recovery[0].replace('-', "");
        let keys = [
            secret,
            phrase.as_str(),
            PASSWORD,
            person.secret.as_str(),
            person.recovery[0].as_str(),
            bare.as_str(),
            person.token.as_str(),
            pending.as_str(),
            person.device.as_str(),
        ];
        for canary in keys {
            let found = bytes.windows(canary.len()).any(|window| window == canary.as_bytes());
            assert!(!found, "{} holds a secret", path.display());
        }
    }
    // Errors repeat nothing either.
    let refused = person
        .api("POST", "/keys", json!({"name": "x", "passphrase": "Leaky-Canary1!", "permissions": 5}))
        .await;
    assert!(!refused.text.contains("Leaky-Canary1!"), "{}", refused.text);
}
