//! From a permit, or a public request, to the exchange's answer.

use std::future::poll_fn;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Response};
use keyward_rules::decision::Permit;
use keyward_rules::denial::Denial;
use keyward_rules::id::{AccountId, KeyId, RequestId};
use keyward_rules::identity::{self, Identity};
use keyward_rules::key::{Environment, KeyFacts};
use keyward_rules::permission::Permissions;
use keyward_rules::route::Method;
use keyward_rules::time::Moment;

use crate::context::RequestContext;
use crate::framing::{Credentials, Encodings, passing};
use crate::reply::{Flowing, ReplyBody, name};
use crate::upstream::{Pool, Sent};

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
/// before the first byte goes out. Where the gateway reads the answer itself, the exchange may not compress it.
pub async fn forward(
    context: &RequestContext,
    pool: &Arc<Pool>,
    permit: Permit<'_>,
    (headers, encodings): (&HeaderMap, Encodings),
) -> Forwarded {
    let (facts, id) = (permit.facts(), permit.parts().id);
    let head = head(context, pool, &Outgoing::permitted(context, &permit), (headers, encodings));
    let go = || {
        // A key that changed meanwhile is judged anew when the client comes again: its verdict is not known here.
        let current = context.view.memory.is_current(facts);
        if !current || context.clock().now() > permit.deadline() { Err(Denial::Busy) } else { Ok(()) }
    };
    finish(context, pool.send(&head, permit.body(), go).await, id).await
}

/// Forwards a public request, without an account.
pub async fn forward_public(
    context: &RequestContext,
    pool: &Arc<Pool>,
    outgoing: Outgoing<'_>,
    headers: &HeaderMap,
) -> Forwarded {
    let head = public_head(context, pool, &outgoing, headers);
    finish(context, pool.send(&head, outgoing.body, || Ok(())).await, outgoing.id).await
}

/// The head of a public request.
pub fn public_head(
    context: &RequestContext,
    pool: &Pool,
    outgoing: &Outgoing<'_>,
    headers: &HeaderMap,
) -> Vec<u8> {
    head(context, pool, outgoing, (headers, Encodings::Keep))
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
    /// The route's name.
    pub label: &'r str,
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

impl Caller {
    /// The key's account, without a description of the key.
    #[must_use]
    pub fn of(facts: &KeyFacts) -> Self {
        let (owner, sub_account) =
            facts.master.map_or((facts.account, None), |master| (master, Some(facts.account)));
        Self { owner, sub_account, key: facts.id, permissions: facts.permissions, described: None }
    }
}

impl<'r> Outgoing<'r> {
    fn permitted(context: &RequestContext, permit: &Permit<'r>) -> Self {
        let (facts, route) = (permit.facts(), permit.route());
        let described = route.describes_key().then(|| {
            let label = context.view.memory.label(facts.id).unwrap_or_default();
            (percent_encoded(&label), facts.reach.own_addresses())
        });
        let caller = Caller { described, ..Caller::of(facts) };
        Self {
            id: permit.parts().id,
            method: permit.method(),
            target: permit.target(),
            body: permit.body(),
            label: &route.label,
            environment: facts.environment,
            deadline: permit.deadline(),
            client: permit.parts().source,
            caller: Some(caller),
        }
    }
}

/// The head of a new request from the verified parts: nothing of the client's framing survives.
fn head(
    context: &RequestContext,
    pool: &Pool,
    outgoing: &Outgoing<'_>,
    (client, encodings): (&HeaderMap, Encodings),
) -> Vec<u8> {
    let mut head = HeadText(Vec::with_capacity(HEAD_ROOM));
    let (method, target) = (outgoing.method.as_str(), outgoing.target);
    [method.as_bytes(), b" ", target, b" HTTP/1.1\r\n"].into_iter().for_each(|part| head.push(part));
    head.put("host", pool.backend().host.as_bytes());
    if !outgoing.body.is_empty() || outgoing.method == Method::Post {
        head.put("content-length", itoa::Buffer::new().format(outgoing.body.len()).as_bytes());
    }
    let credentials = if outgoing.caller.is_some() { Credentials::Keep } else { Credentials::Strip };
    for (name, value) in passing(client, (credentials, encodings), &pool.backend().pass) {
        head.put(name.as_str(), value.as_bytes());
    }
    tell(context, outgoing, outgoing.method.as_str(), |name, value| head.put(name, value.as_bytes()));
    head.push(b"\r\n");
    head.0
}

/// Bytes that most heads find room in.
const HEAD_ROOM: usize = 1_536;

/// A head on its way out, as text. What is put there has no line ends: names and values of the client's were parsed as such,
/// and our own are digits, words and percent-encoded text.
struct HeadText(Vec<u8>);

impl HeadText {
    fn push(&mut self, part: &[u8]) {
        self.0.extend_from_slice(part);
    }

    fn put(&mut self, name: &str, value: &[u8]) {
        [name.as_bytes(), b": ", value, b"\r\n"].into_iter().for_each(|part| self.push(part));
    }
}

/// Puts the verified identity on a request: what the backend is told, name by name, and the MAC over it.
pub fn tell(
    context: &RequestContext,
    outgoing: &Outgoing<'_>,
    method: &str,
    mut put: impl FnMut(&'static str, &str),
) {
    let (caller, request_id) = (outgoing.caller.as_ref(), outgoing.id.text());
    let client_address = address_text(outgoing.client);
    let key = caller.map(|caller| caller.key.text());
    let (mut account, mut sub_account, mut deadline) =
        (itoa::Buffer::new(), itoa::Buffer::new(), itoa::Buffer::new());
    let described = caller.and_then(|caller| caller.described.as_ref());
    let identity = Identity {
        account: caller.map(|caller| account.format(caller.owner.as_u64())),
        sub_account: caller.and_then(|caller| caller.sub_account).map(|sub| sub_account.format(sub.as_u64())),
        key: key.as_ref().and_then(|key| std::str::from_utf8(key).ok()),
        label: described.map(|(label, _)| label.as_str()),
        addresses: described.map(|(_, addresses)| addresses.as_str()),
        permissions: caller.map_or("", |caller| caller.permissions.words()),
        environment: outgoing.environment.word(),
        route: outgoing.label,
        request_id: std::str::from_utf8(&request_id).unwrap_or_default(),
        deadline_ms: outgoing.deadline.unix_ms(),
        client_address: &client_address,
    };
    let signed = context.keys.identity.sign(&identity, method, outgoing.target, outgoing.body);
    let told = [
        (identity::ACCOUNT, identity.account),
        (identity::SUB_ACCOUNT, identity.sub_account),
        (identity::KEY, identity.key),
        (identity::LABEL, identity.label),
        (identity::ADDRESSES, identity.addresses),
        (identity::ROUTE, Some(identity.route)),
        (identity::REQUEST_ID, Some(identity.request_id)),
        (identity::DEADLINE, Some(deadline.format(identity.deadline_ms))),
        (identity::CLIENT_ADDRESS, Some(identity.client_address)),
        (identity::PERMISSIONS, Some(identity.permissions)),
        (identity::ENVIRONMENT, Some(identity.environment)),
        (identity::IDENTITY, Some(signed.as_str())),
    ];
    for (name, value) in told {
        if let Some(value) = value {
            put(name, value);
        }
    }
}

/// An address as text; IPv4, which most are, without the formatter's detours.
fn address_text(address: IpAddr) -> String {
    let IpAddr::V4(v4) = address else { return address.to_string() };
    let (mut text, mut digits) = (String::with_capacity(15), itoa::Buffer::new());
    for (at, octet) in v4.octets().into_iter().enumerate() {
        if at > 0 {
            text.push('.');
        }
        text.push_str(digits.format(octet));
    }
    text
}

/// Gathers the beginning of the answer, so that one that breaks off early becomes a refusal with a code.
async fn finish(context: &RequestContext, sent: Sent, id: RequestId) -> Forwarded {
    let (head, mut body) = match sent {
        Sent::Answered(head, body) => (head, body),
        Sent::Unsent(denial) => return Forwarded::NotSent(denial),
        Sent::Unknown(denial) => return Forwarded::Unknown(denial),
    };
    let mut gathered = Gathered::default();
    let content = loop {
        match poll_fn(|context| body.poll_next(context)).await {
            None => break ReplyBody::whole(gathered.bytes()),
            Some(Ok(data)) => gathered.add(data),
            Some(Err(_)) => return Forwarded::Unknown(Denial::UpstreamTimeout),
        }
        if gathered.len() > context.limits().gather_bytes {
            break ReplyBody::flowing(Flowing::new(gathered.bytes(), body));
        }
    };
    let mut reply = Response::new(content);
    *reply.status_mut() = head.status;
    *reply.headers_mut() = head.headers;
    name(reply.headers_mut(), id);
    Forwarded::Answered(reply)
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

#[cfg(test)]
mod tests {
    use super::address_text;

    #[test]
    fn addresses_are_written_as_ever() {
        for text in ["0.0.0.0", "255.255.255.255", "10.0.200.7", "2001:db8::1", "::1"] {
            assert_eq!(address_text(text.parse().unwrap()), text);
        }
    }
}
