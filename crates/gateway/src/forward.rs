//! From a permit, or a public request, to the exchange's answer.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, HOST, HeaderName, HeaderValue};
use http::{HeaderMap, Request, Response};
use http_body::Body as _;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use keyward_rules::decision::Permit;
use keyward_rules::denial::Denial;
use keyward_rules::id::{AccountId, KeyId, RequestId};
use keyward_rules::identity::Identity;
use keyward_rules::key::Environment;
use keyward_rules::permission::Permissions;
use keyward_rules::route::{Method, Route};
use keyward_rules::time::Moment;

use crate::framing::{Credentials, passing, returning};
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
pub async fn forward(gate: &Gate, pool: &Arc<Pool>, permit: Permit<'_>, headers: &HeaderMap) -> Forwarded {
    let (facts, id) = (permit.facts(), permit.whole().id);
    let Some(request) = build(gate, pool, &Outgoing::permitted(gate, &permit), headers) else {
        return Forwarded::NotSent(Denial::Malformed);
    };
    let go = || {
        // A key that changed meanwhile is judged anew when the client comes again: its verdict is not known here.
        let current = gate.view.memory.is_current(facts);
        if !current || gate.clock().now() > permit.deadline() { Err(Denial::Busy) } else { Ok(()) }
    };
    finish(gate, pool, pool.send(request, go).await, id).await
}

/// Forwards a public request, without an account.
pub async fn forward_public(
    gate: &Gate,
    pool: &Arc<Pool>,
    outgoing: Outgoing<'_>,
    headers: &HeaderMap,
) -> Forwarded {
    let Some(request) = build(gate, pool, &outgoing, headers) else {
        return Forwarded::NotSent(Denial::Malformed);
    };
    finish(gate, pool, pool.send(request, || Ok(())).await, outgoing.id).await
}

/// A request on its way out: the parts that go as they came, and whose they are.
pub struct Outgoing<'r> {
    /// The gateway's name for it.
    pub id: RequestId,
    /// The method.
    pub method: Method,
    /// The target's bytes.
    pub target: &'r [u8],
    /// The body's bytes.
    pub body: &'r Bytes,
    /// The route.
    pub route: &'r Route,
    /// Live or demo.
    pub environment: Environment,
    /// After this the backend must not act.
    pub deadline: Moment,
    /// The address that the request came from.
    pub client: IpAddr,
    /// Whose request it is; nobody's on a public route.
    pub caller: Option<Caller>,
}

/// Who calls, as the backend is told.
pub struct Caller {
    owner: AccountId,
    sub_account: Option<AccountId>,
    key: KeyId,
    permissions: Permissions,
    /// Label and addresses, where the route shows them.
    described: Option<(String, String)>,
}

impl<'r> Outgoing<'r> {
    fn permitted(gate: &Gate, permit: &Permit<'r>) -> Self {
        let (facts, route) = (permit.facts(), permit.route());
        let (owner, sub_account) =
            facts.master.map_or((facts.account, None), |master| (master, Some(facts.account)));
        let described = route.describes_key().then(|| {
            let label = gate.view.memory.label(facts.id).unwrap_or_default();
            (percent_encoded(&label), facts.reach.own_addresses())
        });
        let caller = Caller { owner, sub_account, key: facts.id, permissions: facts.permissions, described };
        Self {
            id: permit.whole().id,
            method: permit.method(),
            target: permit.target(),
            body: permit.body(),
            route,
            environment: facts.environment,
            deadline: permit.deadline(),
            client: permit.whole().source,
            caller: Some(caller),
        }
    }
}

/// A new request from the verified parts: nothing of the client's framing survives.
fn build(
    gate: &Gate,
    pool: &Pool,
    outgoing: &Outgoing<'_>,
    client: &HeaderMap,
) -> Option<Request<Full<Bytes>>> {
    let credentials = if outgoing.caller.is_some() { Credentials::Keep } else { Credentials::Strip };
    let mut headers = passing(client, credentials, &pool.backend().pass, IDENTITY_HEADERS + 1);
    headers.insert(HOST, pool.backend().host.clone());
    sign(gate, outgoing, &mut headers)?;
    let mut request = Request::new(Full::new(outgoing.body.clone()));
    *request.method_mut() = match outgoing.method {
        Method::Get => http::Method::GET,
        Method::Post => http::Method::POST,
    };
    *request.uri_mut() = http::Uri::try_from(outgoing.target).ok()?;
    *request.headers_mut() = headers;
    Some(request)
}

/// Puts the verified identity on a request: what the backend is told, and the MAC over it.
fn sign(gate: &Gate, outgoing: &Outgoing<'_>, headers: &mut HeaderMap) -> Option<()> {
    let (caller, request_id) = (outgoing.caller.as_ref(), outgoing.id.text());
    let client_address = outgoing.client.to_string();
    let key = caller.map(|caller| caller.key.text());
    let account = caller.map(|caller| caller.owner.to_string());
    let sub_account = caller.and_then(|caller| caller.sub_account).map(|sub| sub.to_string());
    let described = caller.and_then(|caller| caller.described.as_ref());
    let (permissions, environment) =
        (caller.map_or("", |caller| caller.permissions.words()), outgoing.environment.word());
    let identity = Identity {
        account: account.as_deref(),
        sub_account: sub_account.as_deref(),
        key: key.as_ref().and_then(|key| std::str::from_utf8(key).ok()),
        label: described.map(|(label, _)| label.as_str()),
        addresses: described.map(|(_, addresses)| addresses.as_str()),
        permissions,
        environment,
        route: &outgoing.route.label,
        request_id: std::str::from_utf8(&request_id).ok()?,
        deadline_ms: outgoing.deadline.unix_ms(),
        client_address: &client_address,
    };
    let signed = gate.keys.identity.sign(&identity, outgoing.method.as_str(), outgoing.target, outgoing.body);
    let mut put = |name: HeaderName, value: Option<&str>| -> Option<()> {
        if let Some(value) = value {
            headers.insert(name, HeaderValue::from_str(value).ok()?);
        }
        Some(())
    };
    put(names::ACCOUNT, identity.account)?;
    put(names::SUB_ACCOUNT, identity.sub_account)?;
    put(names::KEY, identity.key)?;
    put(names::LABEL, identity.label)?;
    put(names::ADDRESSES, identity.addresses)?;
    put(names::ROUTE, Some(identity.route))?;
    put(names::REQUEST_ID, Some(identity.request_id))?;
    put(names::DEADLINE, Some(&identity.deadline_ms.to_string()))?;
    put(names::CLIENT_ADDRESS, Some(identity.client_address))?;
    put(names::IDENTITY, Some(&signed))?;
    headers.insert(names::PERMISSIONS, HeaderValue::from_static(permissions));
    headers.insert(names::ENVIRONMENT, HeaderValue::from_static(environment));
    Some(())
}

/// How many headers an identity has at most.
const IDENTITY_HEADERS: usize = 12;

/// The identity's header names, parsed when the program is compiled.
mod names {
    use http::HeaderName;
    use keyward_rules::identity;

    pub const ACCOUNT: HeaderName = HeaderName::from_static(identity::ACCOUNT);
    pub const SUB_ACCOUNT: HeaderName = HeaderName::from_static(identity::SUB_ACCOUNT);
    pub const KEY: HeaderName = HeaderName::from_static(identity::KEY);
    pub const LABEL: HeaderName = HeaderName::from_static(identity::LABEL);
    pub const ADDRESSES: HeaderName = HeaderName::from_static(identity::ADDRESSES);
    pub const PERMISSIONS: HeaderName = HeaderName::from_static(identity::PERMISSIONS);
    pub const ENVIRONMENT: HeaderName = HeaderName::from_static(identity::ENVIRONMENT);
    pub const ROUTE: HeaderName = HeaderName::from_static(identity::ROUTE);
    pub const REQUEST_ID: HeaderName = HeaderName::from_static(identity::REQUEST_ID);
    pub const DEADLINE: HeaderName = HeaderName::from_static(identity::DEADLINE);
    pub const CLIENT_ADDRESS: HeaderName = HeaderName::from_static(identity::CLIENT_ADDRESS);
    pub const IDENTITY: HeaderName = HeaderName::from_static(identity::IDENTITY);
}

/// Gathers the beginning of the answer, so that one that breaks off early becomes a refusal with a code.
async fn finish(gate: &Gate, pool: &Arc<Pool>, sent: Sent, id: RequestId) -> Forwarded {
    let (response, line) = match sent {
        Sent::Answered(response, line) if is_plain(&response) => (response, line),
        Sent::Answered(..) => return Forwarded::Unknown(Denial::UpstreamTimeout),
        Sent::Unsent(denial) => return Forwarded::NotSent(denial),
        Sent::Unknown(denial) => return Forwarded::Unknown(denial),
    };
    let (mut parts, mut body): (_, Incoming) = response.into_parts();
    let patience = Duration::from_millis(gate.limits().upstream_ms);
    let mut gathered = Gathered::default();
    let line = Return { line, pool: Arc::clone(pool) };
    let flowing = loop {
        if body.is_end_stream() {
            line.keep();
            break ReplyBody::whole(gathered.bytes());
        }
        match tokio::time::timeout(patience, body.frame()).await {
            Ok(None) => {
                line.keep();
                break ReplyBody::whole(gathered.bytes());
            }
            Ok(Some(Ok(frame))) => {
                if let Ok(data) = frame.into_data() {
                    gathered.add(data);
                }
                if gathered.len() > gate.limits().gather_bytes {
                    let flowing = Flowing::new(gathered.bytes(), body, line, patience);
                    break ReplyBody::flowing(flowing);
                }
            }
            Ok(Some(Err(_))) | Err(_) => return Forwarded::Unknown(Denial::UpstreamTimeout),
        }
    };
    let mut headers = returning(&parts.headers);
    name(&mut headers, id);
    parts.headers = headers;
    Forwarded::Answered(Response::from_parts(parts, flowing))
}

/// Whether an answer can be passed on: it switches no protocol, and says one length if it says any.
fn is_plain(response: &Response<Incoming>) -> bool {
    let mut lengths = response.headers().get_all(CONTENT_LENGTH).iter();
    let length = lengths.next().is_none_or(|length| length.as_bytes().iter().all(u8::is_ascii_digit));
    !response.status().is_informational() && length && lengths.next().is_none()
}

/// The beginning of an answer. Most come in one piece, which is passed on as it is.
#[derive(Default)]
struct Gathered {
    first: Bytes,
    rest: BytesMut,
}

impl Gathered {
    fn add(&mut self, data: Bytes) {
        if self.len() == 0 {
            self.first = data;
            return;
        }
        if self.rest.is_empty() {
            self.rest.extend_from_slice(&self.first);
        }
        self.rest.extend_from_slice(&data);
    }

    fn len(&self) -> usize {
        self.first.len().max(self.rest.len())
    }

    fn bytes(self) -> Bytes {
        if self.rest.is_empty() { self.first } else { self.rest.freeze() }
    }
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
