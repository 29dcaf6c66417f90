//! The verified identity: read from a request's headers or a frame's first line, checked, and only then believed.

use keyward_rules::identity::{self, Identity, IdentityKey};

use crate::claims::Claims;
use crate::ledger::Owner;
use crate::parameters::decoded;
use crate::refusal::Refusal;

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
    route: String,
    caller: Option<Caller>,
}

impl Verified {
    /// The gateway's id of the request.
    pub(crate) fn request_id(&self) -> &str {
        &self.request_id
    }

    /// The route in the identity.
    pub(crate) fn route(&self) -> &str {
        &self.route
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
    pub(crate) claims: Claims<'a>,
    pub(crate) body: &'a [u8],
}

/// Checks the identity, then its deadline.
pub(crate) fn verified(key: &IdentityKey, parts: Parts<'_>, now_ms: u64) -> Result<Verified, Refusal> {
    if !parts.claims.are_known() {
        return Err(Refusal::NotFromGateway);
    }
    let told = read(parts.claims)?;
    let signature = parts.claims.needed(identity::IDENTITY)?;
    key.verify(&told, parts.method, parts.target.as_bytes(), parts.body, signature)
        .map_err(|_| Refusal::NotFromGateway)?;
    if told.deadline_ms < now_ms {
        return Err(Refusal::Late);
    }
    let (request_id, route) = (told.request_id.to_owned(), told.route.to_owned());
    Ok(Verified { request_id, route, caller: caller(&told)? })
}

fn read(claims: Claims<'_>) -> Result<Identity<'_>, Refusal> {
    let deadline = claims.needed(identity::DEADLINE)?;
    let deadline_ms: u64 = deadline.parse().map_err(|_| Refusal::NotFromGateway)?;
    Ok(Identity {
        account: claims.once(identity::ACCOUNT)?,
        sub_account: claims.once(identity::SUB_ACCOUNT)?,
        key: claims.once(identity::KEY)?,
        label: claims.once(identity::LABEL)?,
        addresses: claims.once(identity::ADDRESSES)?,
        permissions: claims.needed(identity::PERMISSIONS)?,
        environment: claims.needed(identity::ENVIRONMENT)?,
        route: claims.needed(identity::ROUTE)?,
        request_id: claims.needed(identity::REQUEST_ID)?,
        deadline_ms,
        client_address: claims.needed(identity::CLIENT_ADDRESS)?,
    })
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
