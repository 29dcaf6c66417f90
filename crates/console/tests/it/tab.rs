//! A browser on the pages, without scripts: it sends forms and answers what their pages ask for.

use axum::body::Body;
use axum::http::{Request, header};

use crate::doors::{browser, form};
use crate::world::{HOME, PASSWORD, Person, Reply, World};

/// A browser that is signed in.
pub struct Tab<'w> {
    world: &'w World,
    person: &'w Person<'w>,
    cookie: String,
    pub csrf: String,
}

impl<'w> Tab<'w> {
    pub async fn of(world: &'w World, person: &'w Person<'w>) -> Self {
        let mut tab = Self { world, person, cookie: browser(world, person).await, csrf: String::new() };
        tab.csrf = value(&tab.get("/keys/disable-all").await.text, "csrf");
        tab
    }

    /// Acts for a sub-account from now on, or for its own account again.
    pub async fn switch(&mut self, sub_account: &str) {
        let done = self.post("/acting", &[("account", sub_account), ("part", "keys")]).await;
        assert_eq!(done.status, 303, "{}", done.text);
        let set = done.headers[header::SET_COOKIE].to_str().unwrap();
        let (name, _) = set.split_once('=').unwrap();
        let mut cookies: Vec<&str> = self.cookie.split("; ").collect();
        cookies.retain(|cookie| !cookie.starts_with(name));
        cookies.push(set.split(';').next().unwrap());
        self.cookie = cookies.join("; ");
        self.csrf = value(&self.get("/keys/disable-all").await.text, "csrf");
    }

    /// The same page, in a browser whose cookies are now another's.
    pub fn with_cookie_of(&self, other: &Self) -> Self {
        let (world, person) = (self.world, self.person);
        Self { world, person, cookie: other.cookie.clone(), csrf: self.csrf.clone() }
    }

    pub async fn get(&self, path: &str) -> Reply {
        let page =
            Request::builder().uri(path).header(header::COOKIE, &self.cookie).body(Body::empty()).unwrap();
        let reply = self.world.send(HOME, page).await;
        assert!(!reply.text.contains(" style=") && !reply.text.contains("<script>"), "{path}");
        reply
    }

    /// A part of a page, as a script asks for it.
    pub async fn part(&self, path: &str) -> Reply {
        let part = Request::builder().uri(path).header(header::COOKIE, &self.cookie);
        self.world.send(HOME, part.header("hx-request", "true").body(Body::empty()).unwrap()).await
    }

    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        self.world.send(HOME, self.request(path, &self.body(fields))).await
    }

    /// A form as the browser writes it.
    pub fn body(&self, fields: &[(&str, &str)]) -> String {
        format!("csrf={}&{}", self.csrf, encoded(fields))
    }

    /// The request that sends a form.
    pub fn request(&self, path: &str, body: &str) -> Request<Body> {
        form(path, &self.cookie, &[("sec-fetch-site", "same-origin")], body)
    }

    /// A form whose fields are all given, its token too.
    pub async fn forged(&self, path: &str, body: &str) -> Reply {
        self.world.send(HOME, form(path, &self.cookie, &[("sec-fetch-site", "same-origin")], body)).await
    }

    /// Sends a form, answers the step-up that its page asks for, and sends it again.
    pub async fn stepped_up(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let body = self.answered(path, fields).await;
        self.world.send(HOME, self.request(path, &body)).await
    }

    /// Sends a form; the form that answers the step-up which its page asks for.
    pub async fn answered(&self, path: &str, fields: &[(&str, &str)]) -> String {
        let asked = self.post(path, fields).await;
        assert!(asked.text.contains("Code from the mail"), "{path}: {}", asked.text);
        let (challenge, code) = (value(&asked.text, "challenge"), self.world.code(&self.person.email).await);
        let factor = self.person.totp();
        let mut fields = fields.to_vec();
        fields.extend([("challenge", challenge.as_str()), ("mail_code", &code), ("factor", &factor)]);
        self.body(&fields)
    }

    /// Sends a form whose page asks for a factor, and sends it again with one.
    pub async fn confirmed(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let asked = self.post(path, fields).await;
        assert!(asked.text.contains("name=\"factor\""), "{path}: {}", asked.text);
        let mut fields = fields.to_vec();
        fields.push(("factor", PASSWORD));
        self.post(path, &fields).await
    }
}

/// Fields as a browser writes them.
pub fn encoded(fields: &[(&str, &str)]) -> String {
    let pair = |(name, value): &(&str, &str)| {
        let value: String = value.bytes().map(|byte| format!("%{byte:02x}")).collect();
        format!("{name}={value}")
    };
    fields.iter().map(pair).collect::<Vec<_>>().join("&")
}

/// The value of the first input of a name.
pub fn value(page: &str, name: &str) -> String {
    let found =
        page.split(&format!("name=\"{name}\" value=\"")).nth(1).and_then(|rest| rest.split('"').next());
    found.unwrap_or_else(|| panic!("no {name} in {page}")).to_owned()
}

/// A page without the tokens of its forms, whose mask is another one each time.
pub fn unmasked(page: &str) -> String {
    let mut parts = page.split("name=\"csrf\" value=\"");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push_str(part.split_once('"').map_or(part, |(_, rest)| rest));
    }
    text
}
