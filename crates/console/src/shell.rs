//! What every handler works with.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use keyward_api::day_sums::DaySums;
use keyward_api::health::Health;
use keyward_api::open_sockets::OpenSockets;
use keyward_authority::questions::unseen_alerts;
use keyward_authority::{ActionContext, Authority};
use keyward_edge::{Complaints, Peer};
use keyward_rules::grant::Actor;
use keyward_rules::id::AccountId;
use keyward_rules::person::Token;
use keyward_rules::route::RouteTable;
use keyward_rules::secret::Secret;
use keyward_rules::time::Moment;
use tracing::warn;

use crate::once::AnswerCache;

/// How long the store may take to answer before it counts as away.
const PATIENCE: Duration = Duration::from_millis(800);

/// A mail of the sandbox's mailbox page.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DevMessage {
    /// To whom.
    pub to: String,
    /// Its subject.
    pub subject: String,
    /// Its text.
    pub text: String,
    /// When it was sent.
    pub sent_at: Moment,
}

/// The sandbox's mailbox; a server has none.
pub trait DevMail: Send + Sync {
    /// All mails, newest first.
    fn newest_first(&self) -> Vec<DevMessage>;
}

/// What the deployment says of the console.
pub struct Settings {
    /// Its address as browsers see it, without a slash at the end: `https://keys.example`.
    pub origin: String,
    /// The gateway's address, for the snippets that a new key comes with.
    pub gateway: String,
    /// The sandbox's mailbox.
    pub mail: Option<Box<dyn DevMail>>,
    /// The open sockets of the gateway in the same process.
    pub sockets: Arc<dyn OpenSockets>,
    /// What keys have taken from the sums of their limits today, as the gateway in the same process counts.
    pub day_sums: Arc<dyn DaySums>,
    /// The configuration as operators see it.
    pub shown: Vec<SettingShown>,
}

/// A setting of the configuration, for the page of settings in force; never a secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SettingShown {
    /// Its name: `gateway.listen`.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Where it came from.
    pub source: &'static str,
}

/// The shell's parts.
pub struct Parts {
    /// The actions and questions.
    pub authority: Arc<Authority>,
    /// The routes, for "what can this key do".
    pub routes: RouteTable,
    /// The settings.
    pub settings: Settings,
    /// The clock.
    pub now: Arc<dyn Fn() -> Moment + Send + Sync>,
    /// What the log says of proxies.
    pub complaints: Complaints,
    /// The answers to forms that may arrive again.
    pub answer_cache: AnswerCache,
}

/// What every handler works with; clones share it.
#[derive(Clone)]
pub struct Shell {
    parts: Arc<Parts>,
}

impl Shell {
    /// Puts the parts together.
    #[must_use]
    pub fn new(
        authority: Arc<Authority>,
        routes: RouteTable,
        settings: Settings,
        now: Arc<dyn Fn() -> Moment + Send + Sync>,
    ) -> Self {
        let mut key = [0; 32];
        (authority.entropy)(&mut key);
        let answer_cache = AnswerCache::new(Secret::new(key));
        let complaints = Complaints::default();
        Self { parts: Arc::new(Parts { authority, routes, settings, now, complaints, answer_cache }) }
    }

    /// Whether the console can do its work: the store answers, and soon.
    pub async fn health(&self) -> Health {
        let stale = match AccountId::from_u64(1) {
            Some(anybody) => {
                let context = self.context(Actor::System("ready"));
                match tokio::time::timeout(PATIENCE, unseen_alerts(&context, anybody)).await {
                    Ok(Ok(_)) => None,
                    Ok(Err(problem)) => {
                        warn!(problem = problem.for_the_log(), "not ready");
                        Some(problem.out_of_reach().map_or_else(
                            || "the store refuses to answer".to_owned(),
                            |why| format!("the database cannot be reached: {why}"),
                        ))
                    }
                    Err(_) => Some("the store does not answer in time".to_owned()),
                }
            }
            None => None,
        };
        Health { ready: stale.is_none(), stale: stale.into_iter().collect() }
    }

    /// The context of what `actor` does now.
    pub(crate) fn context(&self, actor: Actor) -> ActionContext<'_> {
        self.parts.authority.context(actor, self.now())
    }

    /// Now.
    pub(crate) fn now(&self) -> Moment {
        (self.parts.now)()
    }

    /// Says in the log that a trusted proxy does not name its client.
    pub(crate) fn complain(&self, peer: Peer, problem: &(dyn Error + 'static)) {
        self.parts.complaints.unclear(peer.address(), problem, self.now());
    }

    /// The answers to forms that may arrive again.
    pub(crate) fn answer_cache(&self) -> &AnswerCache {
        &self.parts.answer_cache
    }

    /// The settings.
    pub(crate) fn settings(&self) -> &Settings {
        &self.parts.settings
    }

    /// The actions and questions.
    pub(crate) fn authority(&self) -> &Authority {
        &self.parts.authority
    }

    /// The link of a set-up token. It stands behind `#`, which no browser sends and no log keeps.
    pub(crate) fn set_up_link(&self, token: &Token) -> String {
        format!("{}/set-up#{}", self.parts.settings.origin, token.expose())
    }

    /// The routes.
    pub(crate) fn routes(&self) -> &RouteTable {
        &self.parts.routes
    }
}
