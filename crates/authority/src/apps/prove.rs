//! Proof of control, where a deployment asks for it: an approved version is in force once its token was fetched from an
//! address in each of its ranges.

use std::net::IpAddr;

use async_trait::async_trait;
use keyward_rules::address::Network;
use keyward_rules::app::VersionStanding;
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Actor, Proof};
use keyward_rules::id::AppId;
use keyward_store::RangeVersion;

use super::activate::activate;
use super::print_of;
use crate::{Action, ActionContext, ActionError, PendingAction};

/// How far a proof has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progress {
    /// Ranges that were shown.
    pub proven: usize,
    /// Ranges of the version.
    pub all: usize,
}

/// The token of one version: nobody else can name it, and it opens nothing.
#[must_use]
pub fn proof_token(context: &ActionContext<'_>, app: AppId, number: u64) -> String {
    let tag =
        context.authority.secrets.codes.tag("proof of control", &app.to_string(), &number.to_be_bytes());
    tag.as_bytes().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// Note that a version's token was fetched from an address; the last range puts the version in force. The token is the
/// proof, so anybody may ask.
#[derive(Clone)]
pub struct ProveControl {
    /// The app.
    pub app: AppId,
    /// The version's number.
    pub number: u64,
    /// The token that was named, as [`proof_token`] gives it.
    pub token: String,
    /// The address that it was fetched from.
    pub source: IpAddr,
}

#[async_trait]
impl Action for ProveControl {
    type Reply = Progress;

    async fn plan(&self, _: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        Ok(PendingAction {
            action: ActionKind::ProveControl,
            facts: vec![
                ("app", self.app.to_string()),
                ("version", self.number.to_string()),
                ("token", self.token.clone()),
                ("source", self.source.to_string()),
            ],
            words: vec![format!("Note proof of control for version {} of app {}", self.number, self.app)],
        })
    }

    /// # Errors
    /// [`ActionError::NoVersion`] for every other token, version or source: a stranger learns nothing.
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let Self { app, number, token, source } = self;
        if !matches!(context.actor, Actor::Visitor(_)) {
            return Err(ActionError::NoVersion);
        }
        let expected = proof_token(context, app, number);
        let right = subtle::ConstantTimeEq::ct_eq(expected.as_bytes(), token.as_bytes());
        // Nothing is read for a wrong token: how long that takes would tell of the version.
        if !bool::from(right) {
            return Err(ActionError::NoVersion);
        }
        let seen = context.authority.access.reader.range_version(app, number).await?;
        let within = |version: &RangeVersion| {
            let address = Network::single(source);
            version.unproven().into_iter().find(|network| network.covers(address))
        };
        let waits = |version: &RangeVersion| version.standing == VersionStanding::Approved;
        let found = seen.filter(|version| waits(version) && version.ranges.contains(source));
        let version = found.ok_or(ActionError::NoVersion)?;
        let all = version.ranges.networks().len();
        if within(&version).is_none() {
            return Ok(Progress { proven: version.proven.len(), all });
        }
        let grant = Actor::System("proof").may(ActionKind::ProveControl, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        let version = tx.range_version(app, number).await?.filter(waits).ok_or(ActionError::NoVersion)?;
        let Some(range) = within(&version) else {
            return Ok(Progress { proven: version.proven.len(), all });
        };
        let profile = tx.any_app_profile(app).await?.ok_or(ActionError::NoVersion)?;
        let mut proven = version.proven.clone();
        proven.push(range);
        let facts = [
            ("version", number.to_string()),
            ("print", print_of(context, &version.ranges)),
            ("proven", format!("{} of {all}", proven.len())),
        ];
        let progress = Progress { proven: proven.len(), all };
        let after = RangeVersion { proven, version: version.version + 1, ..version };
        tx.put_range_version(&after).await?;
        if progress.proven == all {
            activate(context, &mut tx, &profile, after).await?;
        }
        let event = Event::of(tx.grant(), context.now, &format!("app:{app}"), &facts);
        tx.commit(event).await?;
        Ok(progress)
    }
}
