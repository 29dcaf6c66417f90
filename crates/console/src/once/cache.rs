//! The answers that are kept: of people who are signed in and of visitors, each known by the hash of its request.

use std::sync::Arc;

use axum::http::header;
use axum::http::request::Parts;
use keyward_rules::address::Source;
use keyward_rules::limits::{
    FORM_ANSWERS, FORM_ANSWERS_BYTES, FORM_ANSWERS_BYTES_PER_SOURCE, FORM_ANSWERS_PER_SOURCE,
};
use keyward_rules::person::SessionId;
use keyward_rules::secret::Secret;
use keyward_rules::time::Moment;

use super::partition::{Bounds, Claim, Partition, Tag};
use crate::client::address;

/// Who sends a form.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FormOf {
    /// A signed-in person. The session must be open when the form arrives, and again when its answer is repeated.
    SignedIn,
    /// Somebody who has no full session: who signs in, registers, or resets a password. Often there is no cookie, so the form
    /// must hold what strangers on the same network cannot know.
    Visitor,
}

/// Forms under way, and answers that are kept.
pub struct AnswerCache {
    key: Secret<[u8; 32]>,
    /// Apart from each other, so that strangers take no room from people who are signed in.
    signed_in: Arc<Partition>,
    visitors: Arc<Partition>,
}

impl AnswerCache {
    /// An empty cache. The key is for the tags: random bytes of this process.
    #[must_use]
    pub fn new(key: Secret<[u8; 32]>) -> Self {
        let bounds = Bounds {
            answers: FORM_ANSWERS,
            answers_per_source: FORM_ANSWERS_PER_SOURCE,
            bytes: FORM_ANSWERS_BYTES,
            bytes_per_source: FORM_ANSWERS_BYTES_PER_SOURCE,
        };
        let [signed_in, visitors] = [Partition::new(bounds), Partition::new(bounds)];
        Self { key, signed_in, visitors }
    }

    pub(super) fn claim(
        &self,
        parts: &Parts,
        body: &[u8],
        of: FormOf,
        session: Option<SessionId>,
        now: Moment,
    ) -> Claim {
        let source = Source::of(address(parts));
        let partition = match of {
            FormOf::SignedIn => &self.signed_in,
            FormOf::Visitor => &self.visitors,
        };
        partition.claim(self.tag(parts, source, body), source, session, now)
    }

    /// Method, target, source, body and cookies, each with its length before it.
    fn tag(&self, parts: &Parts, source: Source, body: &[u8]) -> Tag {
        let mut hasher = blake3::Hasher::new_keyed(self.key.expose());
        let mut part = |bytes: &[u8]| {
            hasher.update(&u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
            hasher.update(bytes);
        };
        part(parts.method.as_str().as_bytes());
        part(parts.uri.path().as_bytes());
        part(parts.uri.query().unwrap_or_default().as_bytes());
        part(source.to_string().as_bytes());
        part(body);
        parts.headers.get_all(header::COOKIE).iter().for_each(|cookies| part(cookies.as_bytes()));
        *hasher.finalize().as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use axum::extract::Request;

    use super::*;

    fn source(last: u8) -> Source {
        Source::of([192, 0, 2, last].into())
    }

    #[test]
    fn every_part_of_a_request_changes_its_tag() {
        let answers = |byte: u8| AnswerCache::new(Secret::new([byte; 32]));
        let parts = |method: &str, target: &str, cookies: &[&str]| {
            let mut request = Request::builder().method(method).uri(target);
            for cookie in cookies {
                request = request.header(header::COOKIE, *cookie);
            }
            request.body(()).unwrap().into_parts().0
        };
        let usual = || parts("POST", "/keys/new?a=1", &["a=1; b=2"]);
        let one = answers(1);
        let tags = [
            one.tag(&usual(), source(1), b"name=bot"),
            one.tag(&usual(), source(1), b"name=bo"),
            one.tag(&usual(), source(1), b""),
            one.tag(&usual(), source(2), b"name=bot"),
            one.tag(&parts("PUT", "/keys/new?a=1", &["a=1; b=2"]), source(1), b"name=bot"),
            one.tag(&parts("POST", "/keys/new?a=2", &["a=1; b=2"]), source(1), b"name=bot"),
            one.tag(&parts("POST", "/keys/new", &["a=1; b=2"]), source(1), b"name=bot"),
            one.tag(&parts("POST", "/keys/newa=1", &["a=1; b=2"]), source(1), b"name=bot"),
            one.tag(&parts("POST", "/keys/new?a=1", &["a=1"]), source(1), b"name=bot"),
            one.tag(&parts("POST", "/keys/new?a=1", &["a=1", "b=2"]), source(1), b"name=bot"),
            one.tag(&parts("POST", "/keys/new?a=1", &[]), source(1), b"name=bot"),
            answers(2).tag(&usual(), source(1), b"name=bot"),
        ];
        assert_eq!(tags[0], one.tag(&usual(), source(1), b"name=bot"));
        for (at, tag) in tags.iter().enumerate() {
            assert!(!tags[..at].contains(tag), "{at}");
        }
    }
}
