//! The verified identity: read from a request's headers, checked, and only then believed.

use http::HeaderMap;
use keyward_rules::identity::{self, Identity, IdentityKey, is_identity_header};

use crate::ledger::Owner;
use crate::parameters::decoded;
use crate::refusal::Refusal;

/// All identity headers there are. One of another name never comes from the gateway.
const KNOWN: [&str; 12] = [
    identity::ACCOUNT,
    identity::SUB_ACCOUNT,
    identity::KEY,
    identity::LABEL,
    identity::ADDRESSES,
    identity::PERMISSIONS,
    identity::ENVIRONMENT,
    identity::ROUTE,
    identity::REQUEST_ID,
    identity::DEADLINE,
    identity::CLIENT_ADDRESS,
    identity::IDENTITY,
];

/// An account's request, as verified.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Caller {
    pub(crate) owner: Owner,
    pub(crate) permissions: String,
    /// The key's name.
    pub(crate) label: String,
    /// The key's own addresses.
    pub(crate) addresses: String,
}

/// A request that bears the gateway's identity, in time. Only [`verified`] makes one.
pub(crate) struct Verified {
    request_id: String,
    caller: Option<Caller>,
}

impl Verified {
    /// The gateway's id of the request.
    pub(crate) fn request_id(&self) -> &str {
        &self.request_id
    }

    /// Who asks; nobody on a public route.
    pub(crate) const fn caller(&self) -> Option<&Caller> {
        self.caller.as_ref()
    }
}

/// The parts of a request that the identity covers.
#[derive(Clone, Copy)]
pub(crate) struct Parts<'a> {
    pub(crate) method: &'a str,
    pub(crate) target: &'a str,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
}

/// Checks the identity, then its deadline.
pub(crate) fn verified(key: &IdentityKey, parts: Parts<'_>, now_ms: u64) -> Result<Verified, Refusal> {
    if parts.headers.keys().any(|name| is_identity_header(name.as_str()) && !KNOWN.contains(&name.as_str())) {
        return Err(Refusal::NotFromGateway);
    }
    let told = read(parts.headers)?;
    let signature = needed(parts.headers, identity::IDENTITY)?;
    key.verify(&told, parts.method, parts.target.as_bytes(), parts.body, signature)
        .map_err(|_| Refusal::NotFromGateway)?;
    if told.deadline_ms < now_ms {
        return Err(Refusal::Late);
    }
    Ok(Verified { request_id: told.request_id.to_owned(), caller: caller(&told)? })
}

fn read(headers: &HeaderMap) -> Result<Identity<'_>, Refusal> {
    let deadline = needed(headers, identity::DEADLINE)?;
    let deadline_ms: u64 = deadline.parse().map_err(|_| Refusal::NotFromGateway)?;
    Ok(Identity {
        account: header(headers, identity::ACCOUNT)?,
        sub_account: header(headers, identity::SUB_ACCOUNT)?,
        key: header(headers, identity::KEY)?,
        label: header(headers, identity::LABEL)?,
        addresses: header(headers, identity::ADDRESSES)?,
        permissions: needed(headers, identity::PERMISSIONS)?,
        environment: needed(headers, identity::ENVIRONMENT)?,
        route: needed(headers, identity::ROUTE)?,
        request_id: needed(headers, identity::REQUEST_ID)?,
        deadline_ms,
        client_address: needed(headers, identity::CLIENT_ADDRESS)?,
    })
}

/// A header that is there once, or not at all.
fn header<'h>(headers: &'h HeaderMap, name: &str) -> Result<Option<&'h str>, Refusal> {
    let mut all = headers.get_all(name).iter();
    let (first, second) = (all.next(), all.next());
    match (first, second) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| Refusal::NotFromGateway),
        (Some(_), Some(_)) => Err(Refusal::NotFromGateway),
    }
}

fn needed<'h>(headers: &'h HeaderMap, name: &str) -> Result<&'h str, Refusal> {
    header(headers, name)?.ok_or(Refusal::NotFromGateway)
}

fn caller(told: &Identity<'_>) -> Result<Option<Caller>, Refusal> {
    let Some(account) = told.account else { return Ok(None) };
    let owner = Owner {
        environment: told.environment.parse().map_err(|_| Refusal::NotFromGateway)?,
        account: account.to_owned(),
        sub_account: told.sub_account.map(str::to_owned),
    };
    Ok(Some(Caller {
        owner,
        permissions: told.permissions.to_owned(),
        label: decoded(told.label.unwrap_or_default()),
        addresses: told.addresses.unwrap_or_default().to_owned(),
    }))
}
