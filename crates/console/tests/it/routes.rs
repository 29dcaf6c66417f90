//! Every route of the pages and the API, asked by everybody: nobody signed in, a holder, an auditor, an operator.
//!
//! The routes are data (`page_routes`, and the document of the API), so a new route is visited without a line here. What it
//! declares is compared with what it does: a route that is declared for a user and answers everybody fails.

use axum::body::Body;
use axum::http::{Request, header};
use keyward_console::{Access, page_routes};
use serde_json::{Value, json};

use crate::doors::browser;
use crate::operators::two_operators;
use crate::tab::Tab;
use crate::world::{HOME, Person, Reply, World};

fn filled(path: &str) -> String {
    path.replace("{id}", "1").replace("{n}", "1").replace("{number}", "1")
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
    let (auditor_tab, holder_tab) = (Tab::of(&world, &dan).await, Tab::of(&world, &eve).await);
    let routes = page_routes();
    for route in &routes {
        let (path, to) = (route.path, filled(route.path));
        let Access::Everybody(reason) = route.access else {
            refuses_strangers(&world, &to, route.reads).await;
            for cookie in [&operator, &auditor, &holder] {
                let forged = post(&world, cookie, &to).await;
                assert!(
                    matches!(forged.status, 403 | 405),
                    "POST {path} without its token: {}",
                    forged.status
                );
            }
            if route.forms.is_some() {
                refuses_forms_of_others(route.access, &to, &auditor_tab, &holder_tab).await;
            }
            if route.reads {
                let by = async |cookie: &str| get(&world, cookie, &to).await;
                answers_its_readers(
                    route.access,
                    path,
                    [by(&operator).await, by(&auditor).await, by(&holder).await],
                );
            }
            continue;
        };
        assert!(reason.len() > 15, "{path} says why it is open");
    }
    let number_of = |access: Access| routes.iter().filter(|route| route.access == access).count();
    assert!(routes.len() > 85, "{}", routes.len());
    assert!(
        number_of(Access::User) > 40 && number_of(Access::Staff) > 10 && number_of(Access::Operator) > 10
    );
}

/// Nobody signed in is led to the door, whatever the method.
async fn refuses_strangers(world: &World, to: &str, reads: bool) {
    let nobody = post(world, "", to).await;
    assert!(matches!(nobody.status, 303 | 405), "POST {to} without a session: {}", nobody.status);
    if reads {
        let nobody = get(world, "", to).await;
        assert_eq!(nobody.status, 303, "GET {to} without a session");
        assert_eq!(nobody.headers[header::LOCATION], "/sign-in", "{to}");
    }
}

/// A form with the right token of a session, from somebody whose role may not send it.
async fn refuses_forms_of_others(access: Access, to: &str, auditor: &Tab<'_>, holder: &Tab<'_>) {
    if access == Access::Operator {
        let refused = auditor.post(to, &[]).await;
        assert!(
            refused.text.contains("may not"),
            "POST {to} by an auditor: {} {}",
            refused.status,
            refused.text
        );
    }
    if matches!(access, Access::Operator | Access::Staff) {
        let refused = holder.post(to, &[]).await;
        assert!(refused.status == 404 && refused.text.contains("Page not found"), "POST {to} by a holder");
    }
}

/// What an operator, an auditor and a holder get from a page that each of them asks for.
fn answers_its_readers(access: Access, path: &str, [operator, auditor, holder]: [Reply; 3]) {
    let refused = |reply: &Reply| reply.text.contains("may not");
    match access {
        Access::User => {
            assert!(!matches!(holder.status, 303 | 401 | 403), "{path}: a holder's own: {}", holder.status);
        }
        Access::Staff | Access::Operator => {
            assert_eq!(holder.status, 404, "{path}: a holder has no such page");
            assert!(holder.text.contains("Page not found"), "{path}");
            assert_eq!(refused(&auditor), access == Access::Operator, "{path}: what an auditor gets");
            assert!(!refused(&operator), "{path}: what an operator gets");
        }
        Access::Everybody(_) => {}
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
                (_, path)
                    if ["/freeze", "/stop-trading", "/reject"].iter().any(|end| path.ends_with(end)) =>
                {
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
