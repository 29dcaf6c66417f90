//! Every route of the pages and the API, asked by everybody: nobody signed in, a holder, an auditor, an operator.
//!
//! A route that nobody has to sign in for stands in `OPEN` with its reason; a route that is in no list fails the test.

use axum::body::Body;
use axum::http::{Request, header};
use serde_json::{Value, json};

use crate::doors::browser;
use crate::operators::two_operators;
use crate::world::{HOME, Person, Reply, World};

/// Pages without a session, each with the reason and with what holds it instead.
pub const OPEN: &[(&str, &str)] = &[
    ("/", "leads to the keys"),
    ("/sign-in", "the door itself: tries are counted"),
    ("/sign-in/factor", "the door's second half: a half session, tries are counted"),
    ("/sign-in/passkey", "the door itself: the question is ours, is answered once, and is counted by source"),
    (
        "/sign-in/passkey/options",
        "a question for whoever answers it: holds nothing of anybody, and is counted by source",
    ),
    ("/register", "a code by mail, counted by source"),
    ("/register/confirm", "a code by mail, counted by source"),
    ("/recover", "a code by mail and the other factor, counted"),
    (
        "/recover/passkey",
        "a question for whoever answers it: holds nothing of anybody, and is counted by source",
    ),
    ("/recover/confirm", "a code by mail and the other factor, counted"),
    ("/prove/{app}/{number}/{token}", "counts an address of the app that the token names, and nothing else"),
    ("/brake/{link}", "a signed link that can only disable"),
    ("/api", "the reference holds nothing of anybody"),
    ("/dev/mail", "the sandbox's mailbox; a server has none"),
    ("/dev/mail.json", "the sandbox's mailbox; a server has none"),
    ("/healthz", "says that the process lives"),
    ("/readyz", "says that the store answers"),
];

/// Pages of those who act: an auditor, who only looks, is refused before any form.
const ACTING: &[&str] = &[
    "/operations/accounts/{id}/freeze",
    "/operations/keys/{id}/freeze",
    "/operations/staff/invite",
    "/operations/staff/{id}/revoke",
    "/operations/proposals/new",
    "/operations/proposals/{id}/approve",
    "/operations/proposals/{id}/cancel",
];

/// The paths that a router's source declares, with whether they answer GET.
pub fn declared() -> Vec<(String, bool)> {
    let sources = [include_str!("../../src/pages/mod.rs"), include_str!("../../src/pages/operations/mod.rs")];
    let mut found = Vec::new();
    for source in sources {
        for part in source.split(".route(").skip(1) {
            let path = part.split('"').nth(1).unwrap().to_owned();
            let handlers = part.split_once('"').unwrap().1.split(".route(").next().unwrap();
            found.push((path, handlers.contains("get(")));
        }
    }
    found
}

fn filled(path: &str) -> String {
    path.replace("{id}", "1").replace("{n}", "1").replace("{link}", "x")
}

pub async fn get(world: &World, cookie: &str, path: &str) -> Reply {
    let mut request = Request::builder().uri(path);
    if !cookie.is_empty() {
        request = request.header(header::COOKIE, cookie);
    }
    world.send(HOME, request.body(Body::empty()).unwrap()).await
}

async fn post(world: &World, cookie: &str, path: &str) -> Reply {
    let mut request = Request::builder()
        .method("POST")
        .uri(path)
        .header("sec-fetch-site", "same-origin")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    if !cookie.is_empty() {
        request = request.header(header::COOKIE, cookie);
    }
    world.send(HOME, request.body(Body::from("csrf=0")).unwrap()).await
}

/// An operator, an auditor and a holder.
async fn staffed(world: &World) -> (Person<'_>, Person<'_>, Person<'_>) {
    let (ann, ben) = two_operators(world).await;
    let (dan, eve) = (world.person("dan@keyward.example").await, world.person("eve@keyward.example").await);
    let id = dan.get("/account").await.field("id");
    let change = json!({"change": format!("role.grant {id} auditor")});
    let proposed = ann.approved("POST", "/operations/proposals", change).await.json();
    let path = format!("/operations/proposals/{}", proposed["id"].as_str().unwrap());
    let read = json!({"hash": proposed["hash"]});
    assert_eq!(ben.approved("POST", &format!("{path}/approve"), read).await.status, 200);
    assert_eq!(ben.api("POST", &format!("{path}/carry-out"), Value::Null).await.status, 200);
    (ann, dan, eve)
}

#[tokio::test]
async fn every_page_asks_who_it_is() {
    let world = World::new().await;
    let (ann, dan, eve) = staffed(&world).await;
    let operator = browser(&world, &ann).await;
    let auditor = browser(&world, &dan).await;
    let holder = browser(&world, &eve).await;
    let mut pages = 0;
    for (path, readable) in declared() {
        let open = OPEN.iter().any(|(listed, _)| *listed == path);
        let to = filled(&path);
        let staff = path.starts_with("/operations");
        pages += 1;
        if open {
            continue;
        }
        let nobody = post(&world, "", &to).await;
        assert!(matches!(nobody.status, 303 | 405), "POST {path} without a session: {}", nobody.status);
        for cookie in [&operator, &auditor, &holder] {
            let forged = post(&world, cookie, &to).await;
            assert!(matches!(forged.status, 403 | 405), "POST {path} without its token: {}", forged.status);
        }
        if !readable {
            continue;
        }
        let nobody = get(&world, "", &to).await;
        assert_eq!(nobody.status, 303, "GET {path} without a session");
        assert_eq!(nobody.headers[header::LOCATION], "/sign-in", "{path}");
        let by = async |cookie: &str| get(&world, cookie, &to).await;
        if staff {
            let refused = by(&holder).await;
            assert_eq!(refused.status, 404, "{path}: a holder has no such page");
            assert!(refused.text.contains("There is no such page"), "{path}");
            let refused = by(&auditor).await.text.contains("may not");
            assert_eq!(refused, ACTING.contains(&path.as_str()), "{path}: what an auditor gets");
            assert!(!by(&operator).await.text.contains("may not"), "{path}: what an operator gets");
        } else {
            assert!(!matches!(by(&holder).await.status, 303 | 401 | 403), "{path}: a holder's own");
        }
    }
    assert!(pages > 60, "{pages}");
    for (listed, _) in OPEN {
        assert!(declared().iter().any(|(path, _)| path == listed), "{listed} is listed and is no route");
    }
}

#[tokio::test]
async fn every_operation_asks_for_its_role() {
    let world = World::new().await;
    let (ann, dan, eve) = staffed(&world).await;
    let document = serde_json::to_value(keyward_console::api::document()).unwrap();
    let mut tried = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        let Some(rest) = path.strip_prefix("/api/v1") else { continue };
        if !rest.starts_with("/operations") || rest == "/operations/set-up" {
            continue;
        }
        let id = if rest.contains("/keys/") { "0b7c2f1e-8a43-4d0f-9b2a-3c5d6e7f8091" } else { "1" };
        let to = rest
            .replace("{id}", id)
            .replace("{n}", "1")
            .replace("{number}", "1")
            .replace("{name}", "max_key_age_days");
        for method in item.as_object().unwrap().keys() {
            let method = method.to_uppercase();
            let body = match (method.as_str(), rest) {
                ("GET", _) | ("POST", "/operations/proposals/{id}/carry-out") => Value::Null,
                (_, path) if path.ends_with("/read") => Value::Null,
                ("POST", path) if path.ends_with("/demand") => {
                    json!({"due_ms": 1, "why": "x", "factor": "wrong"})
                }
                (_, path) if path.ends_with("{id}/ranges") => {
                    json!({"ranges": "192.0.2.1", "factor": "wrong"})
                }
                (_, path) if path.ends_with("/freeze") || path.ends_with("/reject") => {
                    json!({"why": "x", "factor": "wrong"})
                }
                ("PUT", _) => json!({"value": "1", "factor": "wrong"}),
                (_, "/operations/proposals") => json!({"change": "account.thaw 1"}),
                (_, path) if path.ends_with("/approve") => json!({"hash": "0".repeat(64)}),
                (_, "/operations/invitations") => json!({}),
                (_, _) => json!({"factor": "wrong"}),
            };
            tried += 1;
            assert_eq!(
                eve.api(&method, &to, body.clone()).await.code(),
                "no_role",
                "{method} {path}: a holder"
            );
            let (auditor, operator) =
                (dan.api(&method, &to, body.clone()).await.code(), ann.api(&method, &to, body).await.code());
            if method == "GET" {
                assert!(
                    !matches!(auditor.as_str(), "no_role" | "not_allowed"),
                    "{path}: an auditor looks: {auditor}"
                );
            } else {
                assert_eq!(auditor, "not_allowed", "{method} {path}: an auditor changes nothing");
            }
            assert!(!matches!(operator.as_str(), "no_role" | "not_allowed"), "{method} {path}: {operator}");
        }
    }
    assert!(tried >= 31, "{tried}");
}
