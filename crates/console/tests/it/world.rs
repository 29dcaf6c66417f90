//! A console of one's own: a store in a folder, a clock moved by hand, counted randomness, mails that can be read.

use std::net::IpAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, header};
use http_body_util::BodyExt as _;
use keyward_authority::{Authenticator, Authority, Settings as Rules};
use keyward_console::{Console, Settings, Shell};
use keyward_notify::{MailWorker, Mailbox, Transport};
use keyward_rules::route::RouteTable;
use keyward_rules::time::Moment;
use keyward_store::{Entropy, Location, MasterKey, Store};
use keyward_testkit::postgres::Postgres;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::sockets::FakeSockets;

pub const PASSWORD: &str = "amber-kite-47-fjord-lantern";
pub const PASSPHRASE: &str = "Console-Pass1!";
pub const HOME: &str = "203.0.113.9";
pub const ORIGIN: &str = "https://keys.example";

pub struct World {
    pub store: Store,
    pub authority: Arc<Authority>,
    pub folder: PathBuf,
    /// The sockets that a gateway beside the console would have.
    pub sockets: Arc<FakeSockets>,
    location: Location,
    console: Console,
    clock: Arc<AtomicU64>,
    mailbox: Mailbox,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub headers: axum::http::HeaderMap,
    pub text: String,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    /// The problem's code.
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    pub fn field(&self, name: &str) -> String {
        self.json()[name]
            .as_str()
            .unwrap_or_else(|| panic!("no {name} in {} {}", self.status, self.text))
            .to_owned()
    }
}

/// Whether a future still waits once it was polled.
pub async fn is_pending<F: Future>(future: &mut Pin<Box<F>>) -> bool {
    std::future::poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_pending())).await
}

pub fn entropy() -> Entropy {
    static COUNT: AtomicU64 = AtomicU64::new(1);
    Arc::new(|bytes: &mut [u8]| {
        for chunk in bytes.chunks_mut(8) {
            let number = COUNT.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            chunk.copy_from_slice(&(number ^ (number >> 29)).to_be_bytes()[..chunk.len()]);
        }
    })
}

impl World {
    pub async fn new() -> Self {
        Self::under(Rules::default()).await
    }

    /// A world under other rules.
    pub async fn under(rules: Rules) -> Self {
        let folder = Self::folder();
        Self::on(Location::Folder(folder.clone()), folder, Self::clock(), Mailbox::default(), rules).await
    }

    /// A world whose store is PostgreSQL.
    pub async fn postgres() -> Self {
        let url = Postgres::shared().unwrap().fresh_database().unwrap();
        let location = Location::parse(&url).unwrap();
        Self::on(location, Self::folder(), Self::clock(), Mailbox::default(), Rules::default()).await
    }

    fn folder() -> PathBuf {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name =
            format!("keyward-console-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn clock() -> Arc<AtomicU64> {
        Arc::new(AtomicU64::new(1_800_000_000_000))
    }

    /// The same store under other rules.
    pub async fn ruled(&self, rules: Rules) -> Self {
        let (clock, mailbox) = (Arc::clone(&self.clock), self.mailbox.clone());
        Self::on(self.location.clone(), self.folder.clone(), clock, mailbox, rules).await
    }

    async fn on(
        location: Location,
        folder: PathBuf,
        clock: Arc<AtomicU64>,
        mailbox: Mailbox,
        rules: Rules,
    ) -> Self {
        let master = MasterKey::new([9; 32]);
        let now = Moment::from_unix_ms(clock.load(Ordering::Relaxed));
        let store = Store::open(&location, &master, entropy(), now).await.unwrap();
        let rules = Rules { origin: ORIGIN.to_owned(), ..rules };
        let authority = Arc::new(Authority::new(&store, entropy(), rules));
        let ticks = Arc::clone(&clock);
        let sockets = Arc::new(FakeSockets::beside(folder.join("keyward.db")));
        let shell = Shell::new(
            Arc::clone(&authority),
            RouteTable::okx_v5(1).unwrap(),
            Settings {
                origin: ORIGIN.to_owned(),
                gateway: "https://api.example".to_owned(),
                mail: None,
                sockets: Arc::<FakeSockets>::clone(&sockets),
                day_sums: Arc::new(keyward_api::day_sums::NoDaySums),
                shown: Vec::new(),
            },
            Arc::new(move || Moment::from_unix_ms(ticks.load(Ordering::Relaxed))),
        );
        Self { store, authority, folder, sockets, location, console: Console::new(shell), clock, mailbox }
    }

    /// The clock, for workers.
    pub fn ticks(&self) -> Arc<dyn Fn() -> Moment + Send + Sync> {
        let ticks = Arc::clone(&self.clock);
        Arc::new(move || Moment::from_unix_ms(ticks.load(Ordering::Relaxed)))
    }

    /// A second node on the same store and clock.
    pub async fn second_node(&self) -> Self {
        self.ruled(Rules::default()).await
    }

    pub fn now(&self) -> Moment {
        Moment::from_unix_ms(self.clock.load(Ordering::Relaxed))
    }

    pub fn pass_ms(&self, ms: u64) {
        self.clock.fetch_add(ms, Ordering::Relaxed);
    }

    pub fn pass_days(&self, days: u64) {
        self.pass_ms(days * 86_400_000);
    }

    pub fn router(&self, from: &str) -> Router {
        self.console.router_for(from.parse::<IpAddr>().unwrap())
    }

    /// Delivers what waits, then gives all mails to an address, newest first.
    pub async fn mails(&self, to: &str) -> Vec<String> {
        let ticks = Arc::clone(&self.clock);
        let courier = MailWorker {
            outbox: self.store.outbox(),
            transport: Transport::Mailbox(self.mailbox.clone()),
            console: ORIGIN.to_owned(),
            now: Arc::new(move || Moment::from_unix_ms(ticks.load(Ordering::Relaxed))),
        };
        while courier.round().await.unwrap() > 0 {}
        let all = self.mailbox.newest_first().into_iter().filter(|kept| kept.mail.to == to);
        all.map(|kept| format!("{}\n{}", kept.mail.subject, kept.mail.text)).collect()
    }

    /// The code of the newest mail that has one.
    pub async fn code(&self, to: &str) -> String {
        let mails = self.mails(to).await;
        let code = mails.iter().find_map(|mail| {
            mail.lines().find_map(|line| {
                let digits = line.strip_prefix("    ")?.replace(' ', "");
                (digits.len() == 8 && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(digits)
            })
        });
        code.unwrap_or_else(|| panic!("no code for {to}: {mails:?}"))
    }

    pub async fn send(&self, from: &str, request: Request<Body>) -> Reply {
        let answer = self.router(from).oneshot(request).await.unwrap();
        let (parts, body) = answer.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Reply {
            status: parts.status.as_u16(),
            headers: parts.headers,
            text: String::from_utf8_lossy(&bytes).into_owned(),
        }
    }

    /// One API request.
    pub async fn api(&self, from: &str, token: &str, method: &str, path: &str, body: &Value) -> Reply {
        self.api_for(from, (token, ""), method, path, body).await
    }

    /// The same for a sub-account, unless its id is empty.
    pub async fn api_for(
        &self,
        from: &str,
        (token, acting): (&str, &str),
        method: &str,
        path: &str,
        body: &Value,
    ) -> Reply {
        let mut request = Request::builder()
            .method(Method::from_bytes(method.as_bytes()).unwrap())
            .uri(format!("/api/v1{path}"))
            .header(header::USER_AGENT, "keyward-tests/1");
        if !token.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if !acting.is_empty() {
            request = request.header("keyward-account", acting);
        }
        let body = if body.is_null() {
            Body::empty()
        } else {
            request = request.header(header::CONTENT_TYPE, "application/json");
            Body::from(body.to_string())
        };
        self.send(from, request.body(body).unwrap()).await
    }

    /// Registers, proves the address, sets an authenticator up.
    pub async fn person(&self, email: &str) -> Person<'_> {
        let mut person = self.without_factor(email).await;
        person.enrol().await;
        person
    }

    /// Registers and proves the address.
    pub async fn without_factor(&self, email: &str) -> Person<'_> {
        let asked = self
            .api(HOME, "", "POST", "/registrations", &json!({"email": email, "password": PASSWORD}))
            .await;
        assert_eq!(asked.status, 202, "{}", asked.text);
        let path = format!("/registrations/{}/confirm", asked.field("id"));
        let made = self.api(HOME, "", "POST", &path, &json!({"code": self.code(email).await})).await;
        assert_eq!(made.status, 201, "{}", made.text);
        Person {
            world: self,
            email: email.to_owned(),
            token: made.field("token"),
            device: made.field("device"),
            from: HOME.to_owned(),
            secret: String::new(),
            recovery: Vec::new(),
            acting: String::new(),
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Somebody with an account, as a program sees it.
#[derive(Clone)]
pub struct Person<'w> {
    pub world: &'w World,
    pub email: String,
    pub token: String,
    pub device: String,
    pub from: String,
    pub secret: String,
    pub recovery: Vec<String>,
    /// The sub-account that requests are for; empty for the person's own account.
    pub acting: String,
}

impl Person<'_> {
    pub async fn api(&self, method: &str, path: &str, body: Value) -> Reply {
        let who = (self.token.as_str(), self.acting.as_str());
        self.world.api_for(&self.from, who, method, path, &body).await
    }

    /// The same person, acting for a sub-account.
    pub fn acting_for(&self, sub_account: &str) -> Self {
        Self { acting: sub_account.to_owned(), ..self.clone() }
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.api("GET", path, Value::Null).await
    }

    /// The authenticator's code now; the clock moves on, so that the next one is fresh.
    pub fn totp(&self) -> String {
        self.world.pass_ms(30_000);
        self.totp_now()
    }

    pub fn totp_now(&self) -> String {
        Authenticator::from_base32(&self.secret).unwrap().code_at(self.world.now())
    }

    async fn enrol(&mut self) {
        let proposed = self.api("POST", "/account/authenticator/propose", Value::Null).await;
        self.secret = proposed.field("secret");
        let body = json!({"secret": self.secret, "code": self.totp_now()});
        let asked = self.api("PUT", "/account/authenticator", body).await;
        assert_eq!(asked.code(), "step_up_required", "{}", asked.text);
        let step_up = json!({
            "challenge": asked.field("challenge"), "mail_code": self.world.code(&self.email).await, "factor": PASSWORD
        });
        let body = json!({"secret": self.secret, "code": self.totp_now(), "step_up": step_up});
        let enrolled = self.api("PUT", "/account/authenticator", body).await;
        assert_eq!(enrolled.status, 200, "{}", enrolled.text);
        let codes = enrolled.json()["recovery_codes"].clone();
        self.recovery = serde_json::from_value(codes).unwrap();
        assert_eq!(self.recovery.len(), 10);
    }

    /// Sends a request, answers its step-up, sends it again.
    pub async fn approved(&self, method: &str, path: &str, body: Value) -> Reply {
        let asked = self.api(method, path, body.clone()).await;
        if asked.code() != "step_up_required" {
            return asked;
        }
        self.answer(method, path, body, &asked.field("challenge")).await
    }

    pub async fn answer(&self, method: &str, path: &str, mut body: Value, challenge: &str) -> Reply {
        let mail_code = self.world.code(&self.email).await;
        body["step_up"] = json!({"challenge": challenge, "mail_code": mail_code, "factor": self.totp()});
        self.api(method, path, body).await
    }

    /// The same person in a new session, after the old one has ended.
    pub async fn sign_in_again(&self) -> Self {
        let token = self.sign_in(PASSWORD, Some(&self.device)).await.field("token");
        Self { token, ..self.clone() }
    }

    pub async fn key(&self, name: &str) -> Value {
        let made = self.approved("POST", "/keys", wish(name)).await;
        assert_eq!(made.status, 201, "{}", made.text);
        made.json()
    }

    /// Signs in anew, both steps; the answer of the last.
    pub async fn sign_in(&self, password: &str, device: Option<&str>) -> Reply {
        let mut body = json!({"email": self.email, "password": password});
        if let Some(device) = device {
            body["device"] = device.into();
        }
        let first = self.world.api(&self.from, "", "POST", "/session", &body).await;
        if first.status != 200 || first.json()["next"] == "done" {
            return first;
        }
        let mut body = json!({"code": self.totp()});
        if let Some(device) = device {
            body["device"] = device.into();
        }
        self.world.api(&self.from, &first.field("token"), "POST", "/session/second-factor", &body).await
    }
}

/// A plain key to ask for; each name has a passphrase of its own.
pub fn wish(name: &str) -> Value {
    let tail: String = name.bytes().map(|byte| format!("{byte:02x}")).collect();
    let tail = &tail[tail.len().saturating_sub(16)..];
    json!({
        "name": name, "permissions": ["read", "trade"], "passphrase": format!("Aa1!{tail}zz"),
        "from": {"reach": "addresses", "addresses": ["127.0.0.1", "::1"]}
    })
}
