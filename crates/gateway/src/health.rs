//! `/healthz` and `/readyz`: what balancers ask, answered from memory alone, so that nothing that hangs holds it up.
//!
//! Answered before framing and sources are looked at: health checks of proxies come without Host, by HTTP/1.0, and
//! from the proxies themselves.

use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Method, Response, StatusCode, request};
use keyward_api::health;
use keyward_rules::route::Class;

use crate::admit::lease_limit_ms;
use crate::gate::Gate;
use crate::reply::ReplyBody;

/// What a balancer asks about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Question {
    /// Whether the process lives.
    Alive,
    /// Whether requests of these classes would be served rightly now.
    Ready(&'static [Class]),
    /// Something that there is no answer to.
    Unknown,
}

/// Asked without a class: a node that can still read and cancel must not be taken out.
const BASIC: &[Class] = &[Class::Read, Class::Cancel];

/// The answer, if the request is one of a balancer.
pub fn answer(gate: &Gate, parts: &request::Parts) -> Option<Response<ReplyBody>> {
    let question = question(parts)?;
    let age_ms = gate.view.lease.age_ms((gate.clock().steady_ms)());
    let stuck = gate.reports.recorder.is_stuck();
    let served = |class: &Class| age_ms <= lease_limit_ms(*class) && !(stuck && class.owes_record());
    let status = match question {
        Question::Alive => StatusCode::OK,
        Question::Ready(classes) if classes.iter().all(served) => StatusCode::OK,
        Question::Ready(_) => StatusCode::SERVICE_UNAVAILABLE,
        Question::Unknown => StatusCode::BAD_REQUEST,
    };
    let mut stale = Vec::new();
    if age_ms > lease_limit_ms(Class::Withdraw) {
        stale.push(format!("the store was last read {} s ago", age_ms / 1_000));
    }
    if stuck {
        stale.push("the journal cannot be written".to_owned());
    }
    if question == Question::Unknown {
        stale.push("this class is unknown; ask for trade or funds, or leave it out".to_owned());
    }
    let mut reply = Response::new(ReplyBody::whole(health::body(status.as_u16(), &stale)));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Some(reply)
}

fn question(parts: &request::Parts) -> Option<Question> {
    if parts.method != Method::GET && parts.method != Method::HEAD {
        return None;
    }
    match (parts.uri.path(), parts.uri.query()) {
        ("/healthz", _) => Some(Question::Alive),
        ("/readyz", None) => Some(Question::Ready(BASIC)),
        ("/readyz", Some("class=trade")) => Some(Question::Ready(&[Class::Trade])),
        ("/readyz", Some("class=funds")) => Some(Question::Ready(&[Class::Withdraw, Class::Funding])),
        ("/readyz", Some(_)) => Some(Question::Unknown),
        (_, _) => None,
    }
}
