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
    csrf: String,
}

impl<'w> Tab<'w> {
    pub async fn of(world: &'w World, person: &'w Person<'w>) -> Self {
        let mut tab = Self { world, person, cookie: browser(world, person).await, csrf: String::new() };
        tab.csrf = value(&tab.get("/keys/disable-all").await.text, "csrf");
        tab
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
        let mut body = format!("csrf={}", self.csrf);
        for (name, value) in fields {
            let value: String = value.bytes().map(|byte| format!("%{byte:02x}")).collect();
            body.push_str(&format!("&{name}={value}"));
        }
        let same = [("sec-fetch-site", "same-origin")];
        self.world.send(HOME, form(path, &self.cookie, &same, &body)).await
    }

    /// A form whose fields are all given, its token too.
    pub async fn forged(&self, path: &str, body: &str) -> Reply {
        self.world.send(HOME, form(path, &self.cookie, &[("sec-fetch-site", "same-origin")], body)).await
    }

    /// Sends a form, answers the step-up that its page asks for, and sends it again.
    pub async fn stepped_up(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let asked = self.post(path, fields).await;
        assert!(asked.text.contains("Code from the mail"), "{path}: {}", asked.text);
        let (challenge, code) = (value(&asked.text, "challenge"), self.world.code(&self.person.email).await);
        let factor = self.person.totp();
        let mut fields = fields.to_vec();
        fields.extend([("challenge", challenge.as_str()), ("mail_code", &code), ("factor", &factor)]);
        self.post(path, &fields).await
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

/// The value of the first input of a name.
pub fn value(page: &str, name: &str) -> String {
    let found =
        page.split(&format!("name=\"{name}\" value=\"")).nth(1).and_then(|rest| rest.split('"').next());
    found.unwrap_or_else(|| panic!("no {name} in {page}")).to_owned()
}
