//! Another account's things: every operation with an id, from the document, answers as if there were nothing.

use serde_json::{Value, json};

use crate::device::Device;
use crate::world::{PASSWORD, World};

#[tokio::test]
async fn nobody_reaches_another_accounts_things() {
    let world = World::new().await;
    let (owner, thief) = (world.person("a@keyward.example").await, world.person("b@keyward.example").await);
    let key = owner.key("bot").await;
    let id = key["api_key"].as_str().unwrap().to_owned();
    let passkey = {
        let added = owner.add(&mut Device::new(), "Phone", &owner.totp()).await;
        assert_eq!(added.status, 201, "{}", added.text);
        owner.get("/account/passkeys").await.json()[0]["id"].as_str().unwrap().to_owned()
    };
    let body = json!({"name": "alpha1", "factor": PASSWORD});
    let sub = owner.api("POST", "/sub-accounts", body).await.field("id");
    let sub_before = owner.get(&format!("/sub-accounts/{sub}")).await.text;
    let channel = crate::channels::public_hook();
    let channel = crate::channels::added(&owner, channel).await.0;
    let channel_before = owner.get(&format!("/channels/{channel}")).await.text;
    let app = crate::apps::registered(&owner, "Trade Pal").await;
    let app_before = owner.get(&format!("/apps/{app}")).await.text;
    let session = owner.get("/sessions").await.json()[0]["id"].as_str().unwrap().to_owned();
    let before = owner.get(&format!("/keys/{id}")).await.text;
    let document = serde_json::to_value(keyward_console::api::document()).unwrap();
    let mut tried = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        if !path.contains("{id}")
            || path.contains("registrations")
            || path.contains("recoveries")
            || path.contains("email")
        {
            continue;
        }
        let target = match path {
            path if path.contains("sessions") => &session,
            path if path.contains("channels") => &channel,
            path if path.contains("passkeys") => &passkey,
            path if path.contains("apps") => &app,
            path if path.contains("sub-accounts") => &sub,
            _ => &id,
        };
        let path = path.trim_start_matches("/api/v1").replace("{id}", target).replace("{number}", "1");
        for (method, operation) in item.as_object().unwrap() {
            let body = if operation["requestBody"].is_null() { Value::Null } else { body_for(method, &path) };
            let answer = match path.strip_suffix("/logo") {
                // A picture, and no JSON.
                Some(_) if method == "put" => crate::apps::logo(&thief, &path, "image/png", vec![0]).await,
                Some(_) | None => thief.api(&method.to_uppercase(), &path, body).await,
            };
            if path.starts_with("/operations/") {
                assert_eq!(answer.code(), "no_role", "{method} {path}: {}", answer.text);
                continue;
            }
            assert_eq!(answer.status, 404, "{method} {path}: {}", answer.text);
            assert!(!answer.text.contains("bot"), "{method} {path} tells its name");
            tried += 1;
        }
    }
    assert!(tried >= 31, "{tried}");
    assert_eq!(owner.get(&format!("/keys/{id}")).await.text, before, "nothing changed");
    assert_eq!(owner.get(&format!("/channels/{channel}")).await.text, channel_before, "nor the channel");
    assert_eq!(owner.get(&format!("/apps/{app}")).await.text, app_before, "nor the app");
    assert_eq!(owner.get(&format!("/sub-accounts/{sub}")).await.text, sub_before, "nor the sub-account");
    assert_eq!(owner.get("/account/passkeys").await.json()[0]["name"], "Phone", "nor the passkey");
    assert_eq!(owner.get("/account").await.status, 200, "the session lives");
    assert_eq!(thief.get("/channels").await.json(), json!([]));
    assert_eq!(thief.get("/keys").await.json()["keys"], json!([]));
    let alerts = thief.get("/alerts").await.text;
    assert!(!alerts.contains(&id));
}

/// A body that each route accepts, so that the answer is about the id and not about the form.
fn body_for(method: &str, path: &str) -> Value {
    if path.starts_with("/apps/") {
        let rest = path.trim_start_matches("/apps/").trim_start_matches(|digit: char| digit.is_ascii_digit());
        crate::apps::body_for(method, rest)
    } else if path.starts_with("/sub-accounts/") {
        match path.rsplit('/').next().unwrap_or_default() {
            "members" if method == "post" => json!({"email": "b@keyward.example"}),
            "members" => json!({"email": "b@keyward.example", "factor": PASSWORD}),
            "allowed" => json!({"permissions": ["read"], "factor": PASSWORD}),
            "thaw" => json!({}),
            "close" => json!({"name": "alpha01"}),
            "accept" | "freeze" => json!({"factor": PASSWORD}),
            _ => json!({"label": "mine"}),
        }
    } else if method == "patch" {
        json!({"name": "mine"})
    } else if path.contains("/passkeys/") {
        json!({})
    } else if path.ends_with("/send-again") {
        json!({"message": format!("msg_{}", "0".repeat(32))})
    } else if path.contains("/channels/") && method == "put" {
        json!({"name": "mine", "choices": {"which": "all", "digest": "daily"}, "factor": PASSWORD})
    } else if path.contains("/channels/") {
        json!({"factor": PASSWORD})
    } else if path.ends_with("/addresses") {
        json!({"name": "bot", "factor": PASSWORD, "from": {"reach": "anywhere"}})
    } else if path.ends_with("/limits") {
        json!({"name": "bot", "factor": PASSWORD, "limits": {"daily_orders": 1}})
    } else if path.ends_with("/signals") {
        json!({"name": "bot", "factor": PASSWORD, "muted": ["burst"]})
    } else if path.ends_with("/enable")
        || path.ends_with("/lift-quarantine")
        || path.ends_with("/release")
        || path.ends_with("/sockets/close")
    {
        json!({})
    } else if path.ends_with("/rotate") {
        json!({"name": "mine", "passphrase": "Other-Pass1!"})
    } else {
        json!({"name": "bot", "factor": PASSWORD})
    }
}
