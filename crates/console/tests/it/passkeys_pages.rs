//! Passkeys on the pages, as a browser with its script sends them.

use axum::body::Body;
use axum::http::{Request, header};
use serde_json::{Value, json};

use crate::device::Device;
use crate::doors::{browser, form};
use crate::world::{HOME, Person, Reply, World, wish};

const SAME: [(&str, &str); 1] = [("sec-fetch-site", "same-origin")];

/// Fields as a form sends them.
fn encoded(fields: &[(&str, &str)]) -> String {
    let escaped = |text: &str| -> String { text.bytes().map(|byte| format!("%{byte:02X}")).collect() };
    let pairs: Vec<String> =
        fields.iter().map(|(name, value)| format!("{}={}", escaped(name), escaped(value))).collect();
    pairs.join("&")
}

/// The value that follows `before` on a page, up to the next quotation mark.
fn after(page: &str, before: &str) -> String {
    let (_, rest) = page.split_once(before).unwrap_or_else(|| panic!("no {before} in {page}"));
    rest.split('"').next().unwrap().replace("&quot;", "\"").replace("&#34;", "\"")
}

/// The question that a page's button carries.
fn question(page: &str) -> Value {
    serde_json::from_str(&after(page, "data-passkey-get=\"")).unwrap()
}

struct Browser<'w> {
    world: &'w World,
    cookie: String,
    csrf: String,
}

impl<'w> Browser<'w> {
    async fn of(person: &Person<'w>) -> Self {
        let cookie = browser(person.world, person).await;
        let mut made = Self { world: person.world, cookie, csrf: String::new() };
        made.csrf = after(&made.get("/security").await.text, "name=\"csrf\" value=\"");
        made
    }

    async fn get(&self, path: &str) -> Reply {
        let request = Request::builder().uri(path).header(header::COOKIE, &self.cookie);
        self.world.send(HOME, request.body(Body::empty()).unwrap()).await
    }

    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let mut all = vec![("csrf", self.csrf.as_str())];
        all.extend(fields);
        self.world.send(HOME, form(path, &self.cookie, &SAME, &encoded(&all))).await
    }
}

async fn with_device<'w>(world: &'w World, email: &str) -> (Person<'w>, Device) {
    let person = world.person(email).await;
    let mut device = Device::new();
    let added = person.add(&mut device, "Phone", &person.totp()).await;
    assert_eq!(added.status, 201, "{}", added.text);
    (person, device)
}

#[tokio::test]
async fn a_page_narrows_by_a_passkey_to_what_it_showed() {
    let world = World::new().await;
    let (person, mut device) = with_device(&world, "a@keyward.example").await;
    let made = person.approved("POST", "/keys", wish("bot")).await.field("api_key");
    let pages = Browser::of(&person).await;
    let path = format!("/keys/{made}/addresses");
    let to = |addresses: &'static str| [("reach", "addresses"), ("addresses", addresses)];
    let asked = pages.post(&path, &to("127.0.0.1")).await;
    assert!(asked.text.contains("From now on: 127.0.0.1"), "{}", asked.text);
    let answer = device.get(&question(&asked.text)).to_string();
    let [reach, other] = to("::1");
    let refused = pages.post(&path, &[reach, other, ("passkey", &answer), ("factor", "")]).await;
    assert_eq!(refused.status, 422);
    assert!(refused.text.contains("class=\"error\""), "other addresses than it showed: {}", refused.text);
    let [_, shown] = to("127.0.0.1");
    let asked = pages.post(&path, &[reach, shown]).await;
    let answer = device.get(&question(&asked.text)).to_string();
    let done = pages.post(&path, &[reach, shown, ("passkey", &answer), ("factor", "")]).await;
    assert_eq!(done.status, 303, "{}", done.text);
    let key = person.get(&format!("/keys/{made}")).await.json();
    assert_eq!(key["from"], json!("127.0.0.1"), "{key}");
}

#[tokio::test]
async fn a_page_resets_the_password_by_a_passkey() {
    let world = World::new().await;
    let (person, mut device) = with_device(&world, "a@keyward.example").await;
    let send = async |path: &str, fields: &[(&str, &str)]| {
        world.send("198.51.100.9", form(path, "", &SAME, &encoded(fields))).await
    };
    let mut pages = Vec::new();
    for email in ["nobody@keyward.example", &person.email] {
        let asked = send("/recover", &[("email", email)]).await;
        let challenge = after(&asked.text, "name=\"challenge\" value=\"");
        assert!(asked.text.contains("data-passkey-ask=\"/recover/passkey\""), "{}", asked.text);
        pages.push((asked.text.replace(email, "").replace(&challenge, ""), challenge));
    }
    assert_eq!(pages[0].0, pages[1].0, "one page for every address");
    let challenge = pages[1].1.as_str();
    let asked = send("/recover/passkey", &[("challenge", challenge)]).await;
    assert_eq!(asked.headers[header::CONTENT_TYPE], "application/json");
    let (code, answer) = (world.code(&person.email).await, device.get(&asked.json()).to_string());
    let all = |password: &'static str| {
        [("challenge", challenge), ("mail_code", &code), ("factor", ""), ("password", password)]
    };
    let weak = [all("password1234").as_slice(), &[("passkey", &answer)]].concat();
    assert_eq!(send("/recover/confirm", &weak).await.status, 422, "and the answer is still good");
    let good = [all("brass-tulip-88-north-canoe").as_slice(), &[("passkey", &answer)]].concat();
    let done = send("/recover/confirm", &good).await;
    assert_eq!(done.status, 200);
    assert!(
        done.text.contains("<h1>The password is changed</h1>") && done.text.contains("href=\"/sign-in\""),
        "{}",
        done.text
    );
    assert_eq!(send("/recover/passkey", &[("challenge", "x")]).await.status, 422);
}

#[tokio::test]
async fn a_page_renames_a_passkey() {
    let world = World::new().await;
    let (person, _) = with_device(&world, "a@keyward.example").await;
    let pages = Browser::of(&person).await;
    let id = person.get("/account/passkeys").await.json()[0]["id"].as_str().unwrap().to_owned();
    let path = format!("/security/passkeys/{id}/rename");
    assert!(pages.get(&path).await.text.contains("value=\"Phone\""));
    let refused = pages.post(&path, &[("name", "a\u{202e}b")]).await;
    assert_eq!(refused.status, 422);
    assert!(
        refused.text.contains("A name has no control, invisible or direction-changing"),
        "{}",
        refused.text
    );
    let done = pages.post(&path, &[("name", " <b>Blue</b> key ")]).await;
    assert_eq!(done.headers[header::LOCATION], "/security");
    let shown = pages.get("/security").await.text;
    assert!(shown.contains("The passkey is renamed."), "{shown}");
    assert!(shown.contains("&lt;b&gt;Blue&lt;/b&gt; key") || shown.contains("&#60;b&#62;Blue"), "{shown}");
    let (other, _) = with_device(&world, "b@keyward.example").await;
    let others = Browser::of(&other).await;
    assert_eq!(others.post(&path, &[("name", "Mine")]).await.status, 404);
}

#[tokio::test]
async fn opened_sign_in_pages_leave_the_button_its_questions() {
    let world = World::new().await;
    let ask = async |field: &str| {
        let body = encoded(&[("challenge", ""), ("field", field)]);
        world.send(HOME, form("/sign-in/passkey/options", "", &SAME, &body)).await.status
    };
    let shown = world.send(HOME, Request::builder().uri("/sign-in").body(Body::empty()).unwrap()).await;
    assert!(shown.text.contains("autocomplete=\"username webauthn\""), "{}", shown.text);
    for _ in 0..60 {
        assert_eq!(ask("field").await, 200);
    }
    assert_eq!((ask("field").await, ask("").await), (429, 200));
    world.pass_ms(5 * 60 * 1_000);
    assert_eq!(ask("field").await, 200, "they are over after five minutes");
}
