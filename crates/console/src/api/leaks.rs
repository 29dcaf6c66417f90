//! Reports of scanners: found secrets, signed by the reporter as a whole.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use keyward_authority::leaks::take_report;
use keyward_rules::grant::Actor;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::JsonBytes;
use super::problem::{Problem, Problems};
use crate::shell::Shell;
use crate::who::From as Origin;

/// The header that names the reporter's public key.
const KEY_ID: &str = "github-public-key-identifier";
/// The header with the signature of the body.
const SIGNATURE: &str = "github-public-key-signature";

/// One finding of a report. Other members are ignored.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes the body, whose bytes are signed and read by the rules")]
pub struct LeakFinding {
    /// What was found: a secret, alone or with its API key beside it.
    token: String,
    /// The reporter's own word for what it looks for.
    #[serde(default, rename = "type")]
    kind: Option<String>,
    /// Where it was found.
    #[serde(default)]
    url: Option<String>,
    /// What kind of place that is, such as `content` or `commit`.
    #[serde(default)]
    source: Option<String>,
}

/// What became of one finding.
#[derive(Serialize, ToSchema)]
pub struct LabelledLeak {
    /// The SHA-256 of the token, in hexadecimal digits.
    token_hash: String,
    /// The `type` of the finding.
    token_type: String,
    /// `true_positive` when it was the secret of a key that had not ended: the key is stopped now. Otherwise `false_positive`.
    label: &'static str,
}

/// The value of a header that is there once.
fn only<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    let mut values = headers.get_all(name).into_iter();
    let value = values.next().and_then(|value| value.to_str().ok()).unwrap_or_default();
    if values.next().is_some() { "" } else { value }
}

/// Report leaked secrets
///
/// For scanners that the deployment knows. The body is signed as it is sent: ECDSA over P-256 with SHA-256.
#[utoipa::path(post, path = "/api/v1/leaks", tag = "leaks", request_body = Vec<LeakFinding>,
    params(("Github-Public-Key-Identifier" = String, Header, description = "The id of the reporter's public key"),
        ("Github-Public-Key-Signature" = String, Header, description = "Base64 of the ASN.1 signature of the body")),
    responses((status = 200, description = "In the order of the report", body = Vec<LabelledLeak>), Problems))]
pub async fn report(
    State(shell): State<Shell>,
    Origin(origin): Origin,
    headers: HeaderMap,
    JsonBytes(body): JsonBytes,
) -> Result<Json<Vec<LabelledLeak>>, Problem> {
    let context = shell.context(Actor::Visitor(origin));
    let signed_by = (only(&headers, KEY_ID), only(&headers, SIGNATURE));
    let labelled = take_report(&context, signed_by, &body).await?;
    let labelled = labelled.into_iter().map(|finding| LabelledLeak {
        token_hash: finding.token_hash,
        token_type: finding.kind,
        label: if finding.leaked { "true_positive" } else { "false_positive" },
    });
    Ok(Json(labelled.collect()))
}
