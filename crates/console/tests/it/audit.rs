//! Audit: every change leaves exactly one record with who, from where, on what proof; none holds a secret, and nothing
//! that people send can break one.

use axum::body::Body;
use axum::http::{Request, header};
use serde_json::{Value, json};

use crate::world::{HOME, PASSWORD, Person, World, wish};

pub fn records(world: &World) -> Vec<String> {
    let file = rusqlite::Connection::open(world.folder.join("keyward.db")).unwrap();
    let mut statement = file.prepare("SELECT record FROM audit ORDER BY n").unwrap();
    let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

/// Does `change`, which must leave exactly one record; gives it.
async fn one<F: Future<Output = crate::world::Reply>>(person: &Person<'_>, change: F) -> Value {
    let before = records(person.world).len();
    let answer = change.await;
    assert!((200..300).contains(&answer.status), "{} {}", answer.status, answer.text);
    let all = records(person.world);
    assert_eq!(all.len(), before + 1, "{all:?}");
    serde_json::from_str(all.last().unwrap()).unwrap()
}

#[tokio::test]
async fn every_change_leaves_one_record_and_no_secret() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let account = person.get("/account").await.field("id");
    let made = one(&person, person.approved("POST", "/keys", wish("bot"))).await;
    let id = made["subject"].as_str().unwrap().strip_prefix("key:").unwrap().to_owned();
    assert_eq!(
        (&made["action"], &made["actor"], &made["from"], &made["device"], &made["factors"]),
        (
            &json!("key.issue"),
            &json!(format!("account:{account}")),
            &json!(HOME),
            &json!("an unnamed program"),
            &json!("totp, mail")
        )
    );
    let factor = json!({"name": "bot", "factor": PASSWORD});
    let rotate = json!({"name": "bot 2", "passphrase": "Other-Pass1!"});
    let narrow = json!({"name": "renamed", "factor": PASSWORD, "from": {"reach": "addresses", "addresses": ["127.0.0.1"]}});
    let wide =
        json!({"name": "renamed", "from": {"reach": "addresses", "addresses": ["127.0.0.1", "192.0.2.1"]}});
    let renamed = json!({"name": "renamed", "factor": PASSWORD});
    let added = one(&person, person.approved("POST", "/channels", crate::channels::public_hook())).await;
    assert_eq!((&added["action"], &added["factors"]), (&json!("channel.add"), &json!("totp, mail")));
    let channel = added["subject"].as_str().unwrap().strip_prefix("channel:").unwrap().to_owned();
    let critical =
        json!({"name": "ops", "choices": {"which": "critical", "digest": "at_once"}, "factor": PASSWORD});
    let steps = [
        ("channel.change", "PUT", format!("/channels/{channel}"), critical, "password"),
        ("channel.test", "POST", format!("/channels/{channel}/test"), Value::Null, ""),
        ("channel.remove", "DELETE", format!("/channels/{channel}"), json!({"factor": PASSWORD}), "password"),
        ("key.disable", "POST", format!("/keys/{id}/disable"), factor, "password"),
        ("key.enable", "POST", format!("/keys/{id}/enable"), json!({}), "totp, mail"),
        ("key.edit", "PATCH", format!("/keys/{id}"), json!({"name": "renamed", "tags": ["a"]}), ""),
        ("key.narrow", "PUT", format!("/keys/{id}/addresses"), narrow, "password"),
        ("key.widen", "PUT", format!("/keys/{id}/addresses"), wide, "totp, mail"),
        ("key.rotate", "POST", format!("/keys/{id}/rotate"), rotate, "totp, mail"),
        ("key.leaked", "POST", format!("/keys/{id}/leaked"), renamed.clone(), "password"),
        ("key.end_overlap", "POST", format!("/keys/{id}/end-overlap"), renamed, "password"),
        ("key.disable_all", "POST", "/keys/disable-all".to_owned(), json!({"factor": PASSWORD}), "password"),
        (
            "account.phrase",
            "PUT",
            "/account/phrase".to_owned(),
            json!({"phrase": "blue bell", "factor": PASSWORD}),
            "password",
        ),
        ("account.recovery_codes", "POST", "/account/recovery-codes".to_owned(), json!({}), "totp, mail"),
        (
            "account.email",
            "PUT",
            "/account/email".to_owned(),
            json!({"email": "b@keyward.example"}),
            "totp, mail",
        ),
        ("account.totp.off", "DELETE", "/account/authenticator".to_owned(), json!({}), "totp, mail"),
        ("session.end", "DELETE", "/sessions".to_owned(), Value::Null, ""),
    ];
    for (action, method, path, body, factors) in steps {
        let record = one(&person, person.approved(method, &path, body)).await;
        assert_eq!(
            (&record["action"], record["factors"].as_str().unwrap_or_default()),
            (&json!(action), factors),
            "{record}"
        );
        assert_eq!((&record["from"], &record["actor"]), (&json!(HOME), &json!(format!("account:{account}"))));
        assert!(record["at"].is_string() && record["subject"].is_string() && record["v"] == "1");
    }
    let all = records(&world).join("\n");
    let phrase = wish("bot")["passphrase"].as_str().unwrap().to_owned();
    for canary in [
        PASSWORD,
        "Other-Pass1!",
        &phrase,
        &person.secret,
        &person.recovery[0],
        &person.token,
        "kws_",
        "hooks.example.com",
    ] {
        assert!(!all.contains(canary), "a secret stands in the audit log");
    }
}

#[tokio::test]
async fn a_refusal_leaves_no_record_and_changes_nothing() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let key = person.key("bot").await;
    let before = records(&world).len();
    let path = format!("/keys/{}", key["api_key"].as_str().unwrap());
    for body in [
        json!({"name": "bot", "factor": "000000"}),
        json!({"name": "other", "factor": PASSWORD}),
        json!({"name": "bot"}),
        json!([]),
    ] {
        assert!(person.api("DELETE", &path, body).await.status >= 400);
    }
    assert_eq!(records(&world).len(), before);
    assert_eq!(person.get(&path).await.json()["state"], "active");
}

#[tokio::test]
async fn nothing_that_people_send_breaks_a_line_or_a_record() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let agent = r#"x"},{"action":"forged","a":"<script>\u001b[31m"#;
    let request = Request::builder()
        .method("DELETE")
        .uri("/api/v1/sessions")
        .header(header::AUTHORIZATION, format!("Bearer {}", person.token))
        .header(header::USER_AGENT, agent)
        .body(Body::empty())
        .unwrap();
    assert_eq!(world.send(HOME, request).await.status, 204);
    let last: Value = serde_json::from_str(records(&world).last().unwrap()).unwrap();
    assert_eq!((&last["action"], &last["device"]), (&json!("session.end"), &json!("an unnamed program")));
    for name in ["a\r\nb", "a\u{1b}[31mb", "a\u{2028}b", "a\0b"] {
        assert_eq!(person.api("POST", "/keys", wish(name)).await.code(), "bad_name", "{name:?}");
    }
    let odd = wish("\"><script>alert(1)</script>");
    assert_eq!(person.approved("POST", "/keys", odd).await.status, 201);
    let mail = world.mails(&person.email).await.remove(0);
    assert_eq!(mail.lines().next().unwrap(), "Keyward: An API key was created: \"><script>alert(1)</script>");
}
