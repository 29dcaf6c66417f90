//! What a gateway hands over to the control plane: verified requests for OKX's endpoints that administer sub-accounts. The gateway
//! has looked at key, signature, permission and address; it knows nothing of what the requests do.

use std::net::IpAddr;

use bytes::Bytes;
use keyward_rules::denial::Denial;
use keyward_rules::id::{AccountId, ApprovalId, KeyId, RequestId};
use keyward_rules::key::Environment;
use keyward_rules::okx::sub_accounts::{Endpoint, EndpointRefusal};

use crate::okx;
use crate::transfer_approvals::Later;

/// A verified request. Its body may hold a passphrase, so it has no `Debug`.
pub struct EndpointCall {
    /// Its id.
    pub request: RequestId,
    /// The key that signed it.
    pub key: KeyId,
    /// The key's account, a master account.
    pub account: AccountId,
    /// Live or demo.
    pub environment: Environment,
    /// Where it came from.
    pub source: IpAddr,
    /// What the client says it is; empty when it says nothing.
    pub agent: String,
    /// Which endpoint.
    pub endpoint: Endpoint,
    /// Path and query, as signed.
    pub target: Bytes,
    /// The body, as signed.
    pub body: Bytes,
}

/// The answer. Its body may hold a secret, so it has no `Debug`.
pub struct EndpointReply {
    /// The HTTP status.
    pub status: u16,
    /// OKX's code; `0` when it was done.
    pub code: &'static str,
    /// The envelope.
    pub body: Bytes,
}

impl EndpointReply {
    /// It was done; `data` is the array of the envelope.
    #[must_use]
    pub fn done(data: &str) -> Self {
        let body = Bytes::from(format!("{{\"code\":\"0\",\"data\":{data},\"msg\":\"\"}}"));
        Self { status: 200, code: "0", body }
    }

    /// It was not done.
    #[must_use]
    pub fn refused(refusal: &EndpointRefusal) -> Self {
        let body = okx::body(refusal.code(), &refusal.text());
        Self { status: refusal.status(), code: refusal.code(), body }
    }

    /// It waits for the master account, with an approval for each of several sub-accounts.
    #[must_use]
    pub fn waiting(approvals: &[(ApprovalId, &str)]) -> Self {
        let entry = Denial::ApprovalNeeded.entry();
        Self { status: entry.status, code: entry.code, body: okx::waiting_for(approvals) }
    }

    /// It waits for the master account, or was refused by it.
    #[must_use]
    pub fn denied(denial: &Denial) -> Self {
        let entry = denial.entry();
        Self { status: entry.status, code: entry.code, body: okx::refusal_of(denial, "", b"") }
    }
}

/// Where such requests are carried out.
pub trait SubAccountEndpoints: Send + Sync {
    /// Carries a request out. It is done whether the answer is awaited or not.
    fn call(&self, call: EndpointCall) -> Later<EndpointReply>;

    /// What a key is called; `None` when nobody can tell.
    fn name_of(&self, key: KeyId) -> Later<Option<String>>;
}
