//! The caller's own audit records.

use std::collections::BTreeMap;

use axum::Json;
use keyward_authority::questions::{RecordProof, TrailView, own_trail, prove_record};
use keyward_rules::limits::PAGE_MAX;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::body::{Asked, Id, limit};
use super::caller::Caller;
use super::problem::{Problem, Problems};

/// Which records.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TrailQuery {
    /// Only those before this `next` cursor
    #[serde(default)]
    #[param(minimum = 0)]
    cursor: Option<u64>,
    /// At most so many, 1 to 100
    #[serde(default)]
    #[param(minimum = 1, maximum = 100)]
    limit: Option<usize>,
}

/// An audit record.
#[derive(Serialize, ToSchema)]
pub struct TrailRecord {
    /// Its number in the log.
    n: u64,
    /// When, RFC 3339.
    at: String,
    /// Who: `account:…`, `host:…`, `system:…` or `visitor`.
    actor: String,
    /// What: a stable word.
    action: String,
    /// To what: `key:…`, `account:…`, `session:…`.
    subject: String,
    /// From which address, for people on the network.
    from: String,
    /// With what browser or program.
    device: String,
    /// On what proof.
    factors: String,
    /// What was before and after, by name; empty where a duty touched others as well.
    facts: BTreeMap<String, String>,
}

impl From<TrailView> for TrailRecord {
    fn from(view: TrailView) -> Self {
        let entry = view.entry;
        Self {
            n: view.n,
            at: entry.at,
            actor: entry.actor,
            action: entry.action,
            subject: entry.subject,
            from: entry.from,
            device: entry.device,
            factors: entry.factors,
            facts: entry.facts,
        }
    }
}

/// A record's number, in its one spelling.
pub struct RecordNumber(pub u64);

impl std::str::FromStr for RecordNumber {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let number: u64 = text.parse().map_err(|_| ())?;
        if number.to_string() == text { Ok(Self(number)) } else { Err(()) }
    }
}

/// A page of records, newest first.
#[derive(Serialize, ToSchema)]
pub struct TrailPage {
    /// The records.
    records: Vec<TrailRecord>,
    /// The cursor of the next page, if there may be one.
    next: Option<u64>,
}

impl TrailPage {
    /// A page of records.
    pub fn of(views: Vec<TrailView>, next: Option<u64>) -> Self {
        Self { records: views.into_iter().map(TrailRecord::from).collect(), next }
    }
}

/// What proves that a record stands in the log (RFC 6962).
#[derive(Serialize, ToSchema)]
pub struct TrailProof {
    /// The record's number.
    n: u64,
    /// The leaf's index, from 0.
    index: u64,
    /// The record's bytes, whose leaf hash is proven; absent where they tell of others as well.
    record: Option<String>,
    /// The leaf's hash, in base64.
    leaf: String,
    /// The hashes from the leaf's neighbour to the root's child, in base64.
    path: Vec<String>,
    /// How many records the checkpoint covers.
    size: u64,
    /// The signed checkpoint (c2sp.org/tlog-checkpoint).
    checkpoint: String,
}

impl From<RecordProof> for TrailProof {
    fn from(proof: RecordProof) -> Self {
        Self {
            n: proof.n,
            index: proof.n.saturating_sub(1),
            record: proof.record,
            leaf: proof.leaf.to_string(),
            path: proof.path.iter().map(ToString::to_string).collect(),
            size: proof.size,
            checkpoint: proof.checkpoint,
        }
    }
}

/// List the account's audit records
#[utoipa::path(get, path = "/api/v1/trail", tag = "trail", params(TrailQuery), security(("bearer" = [])),
    responses((status = 200, description = "Newest first", body = TrailPage), Problems))]
pub async fn list(caller: Caller, Asked(query): Asked<TrailQuery>) -> Result<Json<TrailPage>, Problem> {
    let limit = limit(query.limit, PAGE_MAX)?;
    let views = own_trail(&caller.context(), caller.acts_for(), query.cursor, limit).await?;
    let next = views.last().map(|view| view.n).filter(|_| views.len() == limit);
    Ok(Json(TrailPage::of(views, next)))
}

/// Prove that a record is in the log
#[utoipa::path(get, path = "/api/v1/trail/{n}/proof", tag = "trail", security(("bearer" = [])),
    params(("n" = u64, Path, description = "The record's number")),
    responses((status = 200, description = "Against the newest checkpoint", body = TrailProof), Problems))]
pub async fn proof(
    caller: Caller,
    Id(RecordNumber(n)): Id<RecordNumber>,
) -> Result<Json<TrailProof>, Problem> {
    Ok(Json(prove_record(&caller.context(), n).await?.into()))
}
