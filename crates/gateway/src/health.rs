//! `/healthz` and `/readyz`: what balancers ask, answered from memory alone, so that nothing that hangs holds it up.
//!
//! Answered before framing and sources are looked at: health checks of proxies come without Host, by HTTP/1.0, and
//! from the proxies themselves.

use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Method, Response, StatusCode, request};
use keyward_api::health::{Answer, Health, Question, Service};
use keyward_rules::route::Class;

use crate::context::RequestContext;
use crate::lease::lease_limit_ms;
use crate::reply::ReplyBody;

pub use crate::clock_error::ClockError;

/// How a service of this node stands.
#[must_use]
pub fn health(context: &RequestContext, service: Service) -> Health {
    let classes: &[Class] = match service {
        Service::Basic => &[Class::Read, Class::Cancel],
        Service::Trade => &[Class::Trade],
        Service::Funds => &[Class::Withdraw, Class::Funding],
        Service::Console => &[],
    };
    let age_ms = context.view.lease.age_ms((context.clock().steady_ms)());
    let stuck = context.reports.recorder.is_stuck();
    let clock = context.view.clock_error.words();
    let served = |class: &Class| age_ms <= lease_limit_ms(*class) && !(stuck && class.owes_record());
    let ready = clock.is_none() && classes.iter().all(served);
    let mut stale: Vec<String> = clock.into_iter().collect();
    if age_ms > lease_limit_ms(Class::Withdraw) {
        stale.push(format!("the store was last read {} s ago", age_ms / 1_000));
    }
    stale.extend(context.view.lease.failure().map(|why| format!("the store cannot be read: {why}")));
    if stuck {
        stale.push("the journal cannot be written".to_owned());
    }
    if context.reports.recorder.is_full() {
        stale.push("the disk or the spool is nearly full: requests are counted and not recorded".to_owned());
    }
    Health { ready, stale }
}

/// The answer, if the request is one of a balancer.
pub fn answer(context: &RequestContext, parts: &request::Parts) -> Option<Response<ReplyBody>> {
    if parts.method != Method::GET && parts.method != Method::HEAD {
        return None;
    }
    let answer = match Question::read(parts.uri.path(), parts.uri.query())? {
        Question::Alive => Answer::alive(),
        Question::Ready(Service::Console) | Question::Unknown => {
            Answer::unknown("a gateway reports on trade and funds, or on reads and cancels without a class")
        }
        Question::Ready(service) => Answer::of(&health(context, service)),
    };
    let mut reply = Response::new(ReplyBody::whole(answer.body));
    *reply.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Some(reply)
}
