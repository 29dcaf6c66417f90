//! Requests about sub-accounts, which the control plane carries out: nothing of them goes to the exchange.

use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::header::USER_AGENT;
use keyward_api::sub_accounts::{EndpointCall, EndpointReply};
use keyward_rules::decision::Permit;
use keyward_rules::denial::Denial;
use keyward_rules::id::RequestId;
use keyward_rules::okx::sub_accounts::Endpoint;

use crate::context::RequestContext;

/// How long a client waits. The request is carried out all the same: its client reads afterwards what became of it.
const PATIENCE: Duration = Duration::from_secs(10);
/// What is kept of a client's name for itself, in bytes.
const AGENT_BYTES: usize = 200;

/// Hands a permitted request over.
///
/// # Errors
/// 50005 for a route that is no endpoint, 50004 when the answer takes too long.
pub async fn carry_out(
    context: &RequestContext,
    permit: &Permit<'_>,
    (request, source): (RequestId, IpAddr),
    headers: &HeaderMap,
) -> Result<EndpointReply, Denial> {
    let facts = permit.facts();
    let call = EndpointCall {
        request,
        key: facts.id,
        account: facts.account,
        environment: facts.environment,
        source,
        agent: agent(headers),
        endpoint: Endpoint::of(permit.route()).ok_or(Denial::RouteUnknown)?,
        target: Bytes::copy_from_slice(permit.target()),
        body: permit.body().clone(),
    };
    let answer = tokio::time::timeout(PATIENCE, context.sub_accounts.call(call)).await;
    answer.map_err(|_| Denial::UpstreamTimeout)
}

fn agent(headers: &HeaderMap) -> String {
    let text = headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    text.get(..AGENT_BYTES).unwrap_or(text).to_owned()
}
