//! The doors: nobody without a session, no request from elsewhere, no credential of one kind taken for another.

use axum::body::Body;
use axum::http::{Request, header};
use keyward_rules::policy::Policy;
use serde_json::{Value, json};

use crate::world::{HOME, ORIGIN, PASSWORD, World};

fn operations() -> Vec<(String, String)> {
    let document = serde_json::to_value(keyward_console::api::document()).unwrap();
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if operation["security"].is_array() {
                let path = path.replace("{id}", "0b7c2f1e-8a43-4d0f-9b2a-3c5d6e7f8091");
                found.push((method.to_uppercase(), path.trim_start_matches("/api/v1").to_owned()));
            }
        }
    }
    found
}

#[tokio::test]
async fn every_operation_needs_a_full_session_of_a_program() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let body = json!({"email": person.email, "password": PASSWORD});
    let half = world.api(HOME, "", "POST", "/session", &body).await.field("token");
    let operations = operations();
    assert!(operations.len() > 20);
    for (method, path) in operations {
        let second_factor = path.starts_with("/session/second-factor");
        for token in [
            "",
            "kwt_nonsense",
            "kwp_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            half.as_str(),
            person.device.as_str(),
        ] {
            if second_factor && token == half {
                continue;
            }
            let body = if method == "GET" { Value::Null } else { json!({"code": "x"}) };
            let answer = world.api(HOME, token, &method, &path, &body).await;
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (401, "not_signed_in"),
                "{method} {path} with {token}"
            );
        }
    }
}

pub fn form(path: &str, cookie: &str, headers: &[(&str, &str)], body: &str) -> Request<Body> {
    let mut request = Request::builder()
        .method("POST")
        .uri(path)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    if !cookie.is_empty() {
        request = request.header(header::COOKIE, cookie);
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::from(body.to_owned())).unwrap()
}

/// Signs a browser in; gives its cookies.
pub async fn browser(world: &World, person: &crate::world::Person<'_>) -> String {
    let same = [("sec-fetch-site", "same-origin")];
    let cookies = |reply: &crate::world::Reply| -> String {
        let all = reply.headers.get_all(header::SET_COOKIE).iter();
        all.map(|value| value.to_str().unwrap().split(';').next().unwrap().to_owned())
            .collect::<Vec<_>>()
            .join("; ")
    };
    let body = format!("email={}&password={PASSWORD}", person.email.replace('@', "%40"));
    let first = world.send(HOME, form("/sign-in", "", &same, &body)).await;
    assert_eq!(first.status, 303, "{}", first.text);
    for value in first.headers.get_all(header::SET_COOKIE) {
        let text = value.to_str().unwrap();
        assert!(
            text.starts_with("__Host-")
                && text.contains("HttpOnly")
                && text.contains("Secure")
                && text.contains("SameSite=Lax")
        );
    }
    let half = cookies(&first);
    let second =
        world.send(HOME, form("/sign-in/factor", &half, &same, &format!("code={}", person.totp()))).await;
    assert_eq!(second.status, 303, "{}", second.text);
    let full = cookies(&second);
    assert!(!full.contains(half.as_str()), "the token is replaced at sign-in");
    // The half session is gone.
    let page = Request::builder().uri("/keys").header(header::COOKIE, &half).body(Body::empty()).unwrap();
    assert_eq!(world.send(HOME, page).await.status, 303);
    full
}

#[tokio::test]
async fn a_form_needs_its_origin_and_its_token() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let cookie = browser(&world, &person).await;
    let page =
        Request::builder().uri("/keys/new").header(header::COOKIE, &cookie).body(Body::empty()).unwrap();
    let shown = world.send(HOME, page).await;
    assert_eq!(shown.status, 200);
    let csrf =
        shown.text.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let body = format!(
        "csrf={csrf}&name=bot&permission=read&reach=addresses&addresses=127.0.0.1&passphrase=Console-Pass1%21"
    );
    for headers in [
        vec![],
        vec![("sec-fetch-site", "cross-site")],
        vec![("sec-fetch-site", "same-site")],
        vec![("sec-fetch-site", "none")],
        vec![("origin", "https://evil.example")],
        vec![("origin", "null")],
        vec![("sec-fetch-site", "same-origin"), ("origin", "https://evil.example")],
    ] {
        let answer = world.send(HOME, form("/keys/new", &cookie, &headers, &body)).await;
        assert_eq!(answer.status, 403, "{headers:?}");
    }
    let good = [("sec-fetch-site", "same-origin"), ("origin", ORIGIN)];
    for token in ["", "00000000000000000000000000000000", &csrf[..31]] {
        let body = body.replace(&csrf, token);
        assert_eq!(world.send(HOME, form("/keys/new", &cookie, &good, &body)).await.status, 403, "{token}");
    }
    let other = world.person("b@keyward.example").await;
    let foreign = browser(&world, &other).await;
    assert_eq!(
        world.send(HOME, form("/keys/new", &foreign, &good, &body)).await.status,
        403,
        "another session's token"
    );
    // A proxy that adds `Referrer-Policy: no-referrer` makes browsers say `Origin: null` here too.
    for headers in [good, [("sec-fetch-site", "same-origin"), ("origin", "null")]] {
        let asked = world.send(HOME, form("/keys/new", &cookie, &headers, &body)).await;
        assert_eq!(asked.status, 200, "{}", asked.text);
        assert!(asked.text.contains("Code from the mail"));
    }
}

/// Proxies add `Referrer-Policy: no-referrer`, and browsers then say `Origin: null`; older browsers say nothing beside `Origin`.
#[tokio::test]
async fn forms_before_the_door_are_told_from_those_of_other_sites() {
    let world = World::new().await;
    let forms = [
        ("/sign-in", "email=a%40keyward.example&password=x"),
        ("/sign-in/factor", "code=123456"),
        ("/register", "email=a%40keyward.example&password=x"),
        ("/register/confirm", "email=a%40keyward.example&challenge=x&code=12345678"),
        ("/recover", "email=a%40keyward.example"),
        ("/recover/confirm", "email=a%40keyward.example&challenge=x&mail_code=12345678"),
    ];
    for (path, body) in forms {
        for headers in [
            &[("sec-fetch-site", "same-origin"), ("origin", ORIGIN)][..],
            &[("sec-fetch-site", "same-origin"), ("origin", "null")],
            &[("sec-fetch-site", "same-origin")],
            &[("origin", ORIGIN)],
        ] {
            let answer = world.send(HOME, form(path, "", headers, body)).await;
            assert!(!answer.text.contains("from another site"), "{path} {headers:?}");
        }
        for headers in [
            &[][..],
            &[("origin", "null")],
            &[("origin", "null"), ("sec-fetch-site", "cross-site")],
            &[("origin", "null"), ("sec-fetch-site", "same-site")],
            &[("origin", "null"), ("sec-fetch-site", "none")],
            &[("origin", "null"), ("sec-fetch-site", "Same-Origin")],
            &[("origin", ORIGIN), ("sec-fetch-site", "cross-site")],
            &[("origin", ORIGIN), ("sec-fetch-site", "same-site")],
            &[("origin", "https://evil.example"), ("sec-fetch-site", "same-origin")],
            &[("origin", "https://x.keys.example"), ("sec-fetch-site", "same-site")],
            &[("origin", "https://keys.example.evil.example")],
            &[("origin", ORIGIN), ("origin", "https://evil.example")],
            &[("origin", "https://evil.example"), ("origin", ORIGIN), ("sec-fetch-site", "same-origin")],
            &[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")],
            &[("origin", "NULL"), ("sec-fetch-site", "same-origin")],
        ] {
            let answer = world.send(HOME, form(path, "", headers, body)).await;
            assert_eq!(answer.status, 403, "{path} {headers:?}");
            assert!(answer.text.contains("from another site"), "{path} {headers:?}");
        }
    }
}

#[tokio::test]
async fn every_page_behind_the_door_leads_to_it() {
    let world = World::new().await;
    for path in [
        "/keys",
        "/keys/new",
        "/keys/disable-all",
        "/alerts",
        "/trail",
        "/trail/1/proof",
        "/alerts/channels",
        "/alerts/channels/new",
        "/alerts/channels/ch_00000000000000000000000000000000",
        "/alerts/channels/ch_00000000000000000000000000000000/remove",
        "/security",
        "/security/password",
        "/security/email",
        "/security/authenticator",
        "/security/authenticator/off",
        "/security/recovery-codes",
        "/keys/0b7c2f1e-8a43-4d0f-9b2a-3c5d6e7f8091",
        "/keys/0b7c2f1e-8a43-4d0f-9b2a-3c5d6e7f8091/delete",
    ] {
        let page = Request::builder().uri(path).body(Body::empty()).unwrap();
        let answer = world.send(HOME, page).await;
        assert_eq!(
            (answer.status, answer.headers[header::LOCATION].to_str().unwrap()),
            (303, "/sign-in"),
            "{path}"
        );
    }
    let part = Request::builder()
        .uri("/keys?fragment=rows")
        .header("hx-request", "true")
        .body(Body::empty())
        .unwrap();
    let answer = world.send(HOME, part).await;
    assert_eq!(
        (answer.status, answer.headers["hx-redirect"].to_str().unwrap()),
        (204, "/sign-in"),
        "the page, not its part"
    );
    let mail = Request::builder().uri("/dev/mail").body(Body::empty()).unwrap();
    assert_eq!(world.send(HOME, mail).await.status, 404, "a server has no mailbox page");
}

#[tokio::test]
async fn answers_are_never_cached_and_carry_the_policy() {
    let world = World::new().await;
    for path in ["/sign-in", "/api/v1/keys", "/api", "/nowhere", "/keys"] {
        let page = Request::builder().uri(path).body(Body::empty()).unwrap();
        let answer = world.send(HOME, page).await;
        let value = |name: &str| answer.headers[name].to_str().unwrap().to_owned();
        assert_eq!(value("cache-control"), "no-store", "{path}");
        assert!(
            value("content-security-policy").contains("default-src 'none'")
                && !value("content-security-policy").contains("unsafe")
        );
        assert_eq!(value("x-frame-options"), "DENY");
        assert!(value("strict-transport-security").starts_with("max-age="));
        assert!(
            !answer.text.contains("<style")
                && !answer.text.contains(" style=")
                && !answer.text.contains("onclick="),
            "{path}"
        );
    }
}

#[tokio::test]
async fn keys_may_be_for_desktop_browsers_only() {
    use keyward_authority::Settings;
    use keyward_rules::key::{KeyPolicy, Need};
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let cookie = browser(&world, &person).await;
    let keys = KeyPolicy { desktop_browser: Need::Required, ..KeyPolicy::default() };
    let ruled =
        world.ruled(Settings { policy: Policy { keys, ..Policy::default() }, ..Settings::default() }).await;
    let ask = |world: &World, agent: &str| {
        let page = Request::builder()
            .uri("/keys/new")
            .header(header::COOKIE, &cookie)
            .header(header::USER_AGENT, agent);
        let (router, page) = (world.router(HOME), page.body(Body::empty()).unwrap());
        async move { tower::ServiceExt::oneshot(router, page).await.unwrap().status().as_u16() }
    };
    let phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Safari/604.1";
    assert_eq!(ask(&ruled, phone).await, 403);
    assert_eq!(ask(&ruled, "Mozilla/5.0 (X11; Linux x86_64) Chrome/156.0 Safari/537.36").await, 200);
    assert_eq!(ask(&world, phone).await, 200, "off by default");
    std::mem::forget(ruled);
}

#[tokio::test]
async fn a_list_that_refreshes_itself_keeps_no_session_alive() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let cookie = browser(&world, &person).await;
    let ask = |path: &'static str| {
        let page = Request::builder().uri(path).header(header::COOKIE, &cookie).body(Body::empty()).unwrap();
        world.send(HOME, page)
    };
    for _ in 0..2 {
        world.pass_ms(14 * 60_000);
        assert_eq!(ask("/keys?fragment=rows&q=").await.status, 200);
    }
    world.pass_ms(2 * 60_000);
    assert_eq!(ask("/keys?fragment=rows&q=").await.status, 303, "nobody has touched it for half an hour");
}
