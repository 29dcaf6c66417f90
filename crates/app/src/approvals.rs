//! What a gateway asks about transfers, answered by the actions of `authority` on a thread of its own: the threads that serve
//! requests never wait for the store.

use std::future::ready;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use keyward_api::transfer_approvals::{KnownApproval, Later, TransferApprovals};
use keyward_authority::approvals::{ask_for_transfer, give_back_transfer};
use keyward_authority::questions::approval_of;
use keyward_authority::{ActionContext, ActionError, Authority};
use keyward_rules::approval::{ApprovalAnswer, AskedTransfer, Consent};
use keyward_rules::grant::Actor;
use keyward_rules::id::{AccountId, ApprovalId};
use tokio::sync::{Semaphore, oneshot};
use tracing::{error, warn};

use crate::ambient;
use crate::tasks::OwnThread;

/// Questions under way; more are refused at once.
const QUESTIONS: usize = 1_024;

/// The actions, as the gateway's port.
pub struct Approvals {
    authority: Arc<Authority>,
    thread: OwnThread,
    room: Arc<Semaphore>,
}

impl Approvals {
    /// Starts the thread.
    pub fn start(authority: Arc<Authority>) -> Result<Self> {
        let thread = OwnThread::start("approvals").context("no thread for approvals")?;
        Ok(Self { authority, thread, room: Arc::new(Semaphore::new(QUESTIONS)) })
    }
}

/// The system itself, which decides nothing: it asks, and uses up what the master approved.
fn context(authority: &Authority) -> ActionContext<'_> {
    authority.context(Actor::System("gateway"), ambient::now())
}

async fn give_back(authority: &Authority, asked: &AskedTransfer, consent: Consent) {
    if let Err(problem) = give_back_transfer(&context(authority), asked, consent).await {
        // It stays used: the client asks again, and the master decides again.
        warn!(
            request = %consent.request,
            problem = problem.for_the_log(),
            "the approval of a transfer that was not sent cannot be given back"
        );
    }
}

impl TransferApprovals for Approvals {
    fn ask(&self, asked: AskedTransfer) -> Later<ApprovalAnswer> {
        let Ok(place) = Arc::clone(&self.room).try_acquire_owned() else {
            return Box::pin(ready(ApprovalAnswer::Failed));
        };
        let (answer, answered) = oneshot::channel();
        let authority = Arc::clone(&self.authority);
        self.thread.spawn(async move {
            let _place = place;
            let found = ask_for_transfer(&context(&authority), &asked).await.unwrap_or_else(|problem| {
                error!(request = %asked.request, problem = problem.for_the_log(), "a transfer's approval cannot be looked up");
                ApprovalAnswer::Failed
            });
            if let Err(ApprovalAnswer::Passed(consent)) = answer.send(found) {
                // Whoever asked has gone: nothing was sent.
                give_back(&authority, &asked, consent).await;
            }
        });
        Box::pin(async move { answered.await.unwrap_or(ApprovalAnswer::Failed) })
    }

    fn give_back(&self, asked: AskedTransfer, consent: Consent) -> Later<()> {
        let authority = Arc::clone(&self.authority);
        let given = self.thread.spawn(async move { give_back(&authority, &asked, consent).await });
        Box::pin(async move { drop(given.await) })
    }

    fn look_up(&self, account: AccountId, id: ApprovalId) -> Later<KnownApproval> {
        let Ok(place) = Arc::clone(&self.room).try_acquire_owned() else {
            return Box::pin(ready(KnownApproval::Failed));
        };
        let (answer, answered) = oneshot::channel();
        let authority = Arc::clone(&self.authority);
        self.thread.spawn(async move {
            let _place = place;
            let known = match approval_of(&context(&authority), account, id).await {
                Ok(approval) => KnownApproval::Found(Box::new(approval)),
                Err(ActionError::NoApproval) => KnownApproval::Missing,
                Err(problem) => {
                    error!(problem = problem.for_the_log(), "a transfer's approval cannot be read");
                    KnownApproval::Failed
                }
            };
            let _ = answer.send(known);
        });
        Box::pin(async move { answered.await.unwrap_or(KnownApproval::Failed) })
    }
}
