//! From a permit, or a public request, to the exchange's answer.

use std::rc::Rc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONNECTION, HOST, HeaderName, HeaderValue, TRANSFER_ENCODING};
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use keyward_rules::decision::Permit;
use keyward_rules::denial::Denial;
use keyward_rules::id::{AccountId, RequestId};
use keyward_rules::identity::{self, Identity};
use keyward_rules::key::Environment;
use keyward_rules::route::{Method, Route};

use crate::framing::{Credentials, passes};
use crate::gate::Gate;
use crate::reply::{Flowing, ReplyBody, name};
use crate::upstream::{Pool, Return, Sent};

/// How a forward ended.
pub enum Forwarded {
    /// With the exchange's answer.
    Answered(Response<ReplyBody>),
    /// Not a byte went out.
    NotSent(Denial),
    /// It may have taken effect.
    Unknown(Denial),
}

/// Forwards a permitted request, once. The permit's deadline and the key's record are looked at once more
/// before the first byte goes out.
pub async fn forward(gate: &Gate, pool: &Rc<Pool>, permit: Permit<'_>, headers: &HeaderMap) -> Forwarded {
    let facts = permit.facts();
    let whole = permit.whole();
    let (owner, sub) = facts.master.map_or((facts.account, None), |master| (master, Some(facts.account)));
    let texts = Texts {
        account: Some(owner.to_string()),
        sub_account: sub.map(|sub: AccountId| sub.to_string()),
        key: Some(facts.id.to_string()),
        described: permit.route().describes_key().then(|| {
            let label = gate.view.memory.label(facts.id).unwrap_or_default();
            (percent_encoded(&label), facts.reach.own_addresses())
        }),
        permissions: facts.permissions.to_string(),
        environment: facts.environment,
        request_id: whole.id,
        deadline_ms: permit.deadline().unix_ms(),
    };
    let parts = Outgoing {
        method: permit.method(),
        target: permit.target(),
        body: permit.body(),
        route: permit.route(),
    };
    let Some(request) = build(gate, pool, &texts, &parts, headers, Credentials::Keep) else {
        return Forwarded::NotSent(Denial::Malformed);
    };
    let go = || {
        // A key that changed meanwhile is judged anew when the client comes again: its verdict is not known here.
        let current = gate.view.memory.is_current(facts.id, facts.copy);
        if !current || gate.clock().now() > permit.deadline() { Err(Denial::Busy) } else { Ok(()) }
    };
    finish(gate, pool, pool.send(request, go).await, whole.id).await
}

/// Forwards a public request, without an account.
pub async fn forward_public(
    gate: &Gate,
    pool: &Rc<Pool>,
    id: RequestId,
    environment: Environment,
    outgoing: &Outgoing<'_>,
    headers: &HeaderMap,
) -> Forwarded {
    let texts = Texts {
        account: None,
        sub_account: None,
        key: None,
        described: None,
        permissions: String::new(),
        environment,
        request_id: id,
        deadline_ms: gate.clock().now().plus_ms(gate.limits().permit_ms).unix_ms(),
    };
    let Some(request) = build(gate, pool, &texts, outgoing, headers, Credentials::Strip) else {
        return Forwarded::NotSent(Denial::Malformed);
    };
    finish(gate, pool, pool.send(request, || Ok(())).await, id).await
}

/// The parts of a request that go out as they came in.
pub struct Outgoing<'r> {
    /// The method.
    pub method: Method,
    /// The target's bytes.
    pub target: &'r [u8],
    /// The body's bytes.
    pub body: &'r Bytes,
    /// The route.
    pub route: &'r Route,
}

/// The identity's fields as text.
struct Texts {
    account: Option<String>,
    sub_account: Option<String>,
    key: Option<String>,
    /// Label and addresses, where the route shows them.
    described: Option<(String, String)>,
    permissions: String,
    environment: Environment,
    request_id: RequestId,
    deadline_ms: u64,
}

/// A new request from the verified parts: nothing of the client's framing survives.
fn build(
    gate: &Gate,
    pool: &Pool,
    texts: &Texts,
    outgoing: &Outgoing<'_>,
    client: &HeaderMap,
    credentials: Credentials,
) -> Option<Request<Full<Bytes>>> {
    let mut request = Request::new(Full::new(outgoing.body.clone()));
    *request.method_mut() = match outgoing.method {
        Method::Get => http::Method::GET,
        Method::Post => http::Method::POST,
    };
    *request.uri_mut() = http::Uri::try_from(outgoing.target).ok()?;
    let headers = request.headers_mut();
    headers.reserve(client.len() + 12);
    for (header, value) in client {
        if passes(header, client, credentials) {
            headers.append(header, value.clone());
        }
    }
    headers.insert(HOST, pool.backend().host.clone());
    let request_id = texts.request_id.to_string();
    let identity = Identity {
        account: texts.account.as_deref(),
        sub_account: texts.sub_account.as_deref(),
        key: texts.key.as_deref(),
        label: texts.described.as_ref().map(|(label, _)| label.as_str()),
        addresses: texts.described.as_ref().map(|(_, addresses)| addresses.as_str()),
        permissions: &texts.permissions,
        environment: texts.environment.word(),
        route: &outgoing.route.label,
        request_id: &request_id,
        deadline_ms: texts.deadline_ms,
    };
    let signed = gate.keys.identity.sign(&identity, outgoing.method.as_str(), outgoing.target, outgoing.body);
    let mut put = |header: &'static str, value: Option<&str>| -> Option<()> {
        if let Some(value) = value {
            headers.insert(HeaderName::from_static(header), HeaderValue::from_str(value).ok()?);
        }
        Some(())
    };
    put(identity::ACCOUNT, identity.account)?;
    put(identity::SUB_ACCOUNT, identity.sub_account)?;
    put(identity::KEY, identity.key)?;
    put(identity::LABEL, identity.label)?;
    put(identity::ADDRESSES, identity.addresses)?;
    put(identity::PERMISSIONS, Some(identity.permissions))?;
    put(identity::ENVIRONMENT, Some(identity.environment))?;
    put(identity::ROUTE, Some(identity.route))?;
    put(identity::REQUEST_ID, Some(identity.request_id))?;
    put(identity::DEADLINE, Some(&texts.deadline_ms.to_string()))?;
    put(identity::IDENTITY, Some(&signed))?;
    Some(request)
}

/// Gathers the beginning of the answer, so that one that breaks off early becomes a refusal with a code.
async fn finish(gate: &Gate, pool: &Rc<Pool>, sent: Sent, id: RequestId) -> Forwarded {
    let (response, line) = match sent {
        Sent::Answered(response, line) => (response, line),
        Sent::Unsent(denial) => return Forwarded::NotSent(denial),
        Sent::Unknown(denial) => return Forwarded::Unknown(denial),
    };
    let (mut parts, mut body): (_, Incoming) = response.into_parts();
    let patience = Duration::from_millis(gate.limits().upstream_ms);
    let mut gathered = BytesMut::new();
    let line = Return { line, pool: Rc::clone(pool) };
    let flowing = loop {
        match tokio::time::timeout(patience, body.frame()).await {
            Ok(None) => {
                line.keep();
                break ReplyBody::whole(gathered.freeze());
            }
            Ok(Some(Ok(frame))) => {
                if let Ok(data) = frame.into_data() {
                    gathered.extend_from_slice(&data);
                }
                if gathered.len() > gate.limits().gather_bytes {
                    break ReplyBody::Flowing(Box::new(Flowing::new(
                        gathered.freeze(),
                        body,
                        line,
                        patience,
                    )));
                }
            }
            Ok(Some(Err(_))) | Err(_) => return Forwarded::Unknown(Denial::UpstreamTimeout),
        }
    };
    for hop in [CONNECTION, TRANSFER_ENCODING, HeaderName::from_static("keep-alive")] {
        parts.headers.remove(hop);
    }
    name(&mut parts.headers, id);
    Forwarded::Answered(Response::from_parts(parts, flowing))
}

/// Letters, digits and `-._~` as they are, everything else as `%XX` (RFC 3986, 2.1).
fn percent_encoded(text: &str) -> String {
    use std::fmt::Write as _;
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}
