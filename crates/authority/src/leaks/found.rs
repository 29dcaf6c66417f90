//! Taking in what was found: a text that somebody pastes, or the signed report of a scanner.

use keyward_rules::grant::Scope;
use keyward_rules::id::KeyId;
use keyward_rules::leak::{Candidates, read_report, report_hash, token_hash};
use keyward_store::{AttemptLimit, KeyRecord, StoreError, Try};

use super::stop::{FoundBy, stop_leaked, tell_of_key};
use crate::prove::source;
use crate::{ActionContext, ActionError};

/// One finding of a report, as its reporter hears of it: what came, by its hash, and whether it was a secret of a living key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LabelledFinding {
    /// The SHA-256 of the token in hexadecimal digits.
    pub token_hash: String,
    /// The reporter's own word for what it looks for.
    pub kind: String,
    /// Whether it was the secret of a living key, which is stopped now.
    pub leaked: bool,
}

/// Takes in a text that somebody pastes who is not signed in. They hear nothing of what was found. Counted by source before
/// anything is looked at.
///
/// # Errors
/// [`ActionError::TooManyReports`]; [`ActionError::Store`].
#[crate::boxed]
pub async fn take_found(context: &ActionContext<'_>, text: &str) -> Result<(), ActionError> {
    count(context, "found").await?;
    judge(context, &Candidates::read(text), FoundBy::Finder).await.map(drop)
}

/// Takes in the report of a scanner: `key_id` and `signature` are those of its headers, `body` is what was signed. Reports that
/// nobody known has signed are counted by source; nothing of them is read. The same report again and again is counted by itself.
///
/// # Errors
/// [`ActionError::NoReporters`] when nobody's reports are believed, [`ActionError::TooManyReports`], [`ActionError::NotSigned`],
/// [`ActionError::Report`]; [`ActionError::Store`], and then the report can be sent again as it is.
#[crate::boxed]
pub async fn take_report(
    context: &ActionContext<'_>,
    (key_id, signature): (&str, &str),
    body: &[u8],
) -> Result<Vec<LabelledFinding>, ActionError> {
    let reporters = &context.authority.settings.reporters;
    if reporters.is_empty() {
        return Err(ActionError::NoReporters);
    }
    let (subject, counted) = count(context, "report").await?;
    let reporter = reporters.signer(key_id, signature, body)?;
    // Somebody who has seen a report can send it again: a scanner that sends it some times more is answered, and nobody is without end.
    // Such a one stays counted by its source too.
    let repeated = format!("leaks:repeated:{}", report_hash(signature, body));
    if context.authority.access.door.count_try(&repeated, AttemptLimit::Source, context.now).await?
        == Try::Paused
    {
        return Err(ActionError::TooManyReports);
    }
    context.authority.access.door.refund_try(&subject, counted).await?;
    let (mut labelled, mut failed) = (Vec::new(), None);
    for finding in read_report(body)? {
        let by = FoundBy::Reporter(reporter.name(), &finding.place);
        match judge(context, &Candidates::read(finding.token.expose()), by).await {
            Ok(leaked) => labelled.push(LabelledFinding {
                token_hash: token_hash(&finding.token),
                leaked,
                kind: finding.kind,
            }),
            Err(problem) => failed = failed.or(Some(problem)),
        }
    }
    match failed {
        None => Ok(labelled),
        Some(problem) => Err(problem),
    }
}

/// Counts a text or a report of a source, unless it sent too many.
async fn count(context: &ActionContext<'_>, what: &str) -> Result<(String, Try), ActionError> {
    let subject = format!("leaks:{what}:{}", source(context));
    let door = &context.authority.access.door;
    match door.count_try(&subject, AttemptLimit::Source, context.now).await? {
        counted @ Try::Counted { .. } => Ok((subject, counted)),
        Try::Paused => Err(ActionError::TooManyReports),
    }
}

/// Stops every key whose secret is there, and tells the owners of API keys that stand alone. Whether a key was stopped, now or
/// before.
async fn judge(
    context: &ActionContext<'_>,
    found: &Candidates,
    by: FoundBy<'_>,
) -> Result<bool, ActionError> {
    let (mut proven, mut named) = (Vec::new(), Vec::new());
    for secret in &found.secrets {
        // Also where the API key stands beside it: people mix up which secret belongs to which.
        if let Some(key) = context.authority.access.secret_prints.find(secret).await? {
            proven.push(key.id);
        }
    }
    for id in &found.keys {
        if proven.contains(id) {
            continue;
        }
        // A key from before there were prints, until the duty has given it one.
        let made = |key: &KeyRecord| found.secrets.iter().any(|secret| key.is_made_with(secret));
        match living(context, *id).await? {
            // Anybody can make API keys up: for one that is not there, no change is begun.
            None => {}
            Some(key) if made(&key) => proven.push(*id),
            Some(_) => named.push(*id),
        }
    }
    // What stops a thief comes first, and nothing that fails for one key keeps the next from being stopped.
    let mut failed = None;
    for id in &proven {
        failed = failed.or(stop_leaked(context, *id, by).await.err());
    }
    for id in named {
        failed = failed.or(tell_of_key(context, id, by).await.err());
    }
    if let Some(problem) = failed {
        return Err(problem);
    }
    Ok(!proven.is_empty())
}

/// A living key of anybody's, if its row is intact.
async fn living(context: &ActionContext<'_>, id: KeyId) -> Result<Option<KeyRecord>, ActionError> {
    match context.authority.access.reader.key(Scope::All, id).await {
        Ok(key) => Ok(key.filter(|key| key.lives(context.now))),
        Err(StoreError::Tampered { .. }) => Ok(None),
        Err(problem) => Err(problem.into()),
    }
}
