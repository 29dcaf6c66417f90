//! OKX's endpoints for sub-accounts, carried out on a thread of their own: the threads that serve requests never wait for the store.

use std::future::ready;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use keyward_api::sub_accounts::{EndpointCall, EndpointReply, SubAccountEndpoints};
use keyward_api::transfer_approvals::Later;
use keyward_authority::Authority;
use keyward_authority::questions::name_of_key;
use keyward_console::okx::answer;
use keyward_rules::grant::Actor;
use keyward_rules::id::KeyId;
use keyward_rules::okx::sub_accounts::EndpointRefusal;
use tokio::sync::{Semaphore, oneshot};

use crate::ambient;
use crate::tasks::OwnThread;

/// Requests under way; more are refused at once.
const REQUESTS: usize = 256;

/// The endpoints, as the gateway's port.
pub struct Endpoints {
    authority: Arc<Authority>,
    thread: OwnThread,
    room: Arc<Semaphore>,
}

impl Endpoints {
    /// Starts the thread.
    pub fn start(authority: Arc<Authority>) -> Result<Self> {
        let thread = OwnThread::start("sub-accounts").context("no thread for requests about sub-accounts")?;
        Ok(Self { authority, thread, room: Arc::new(Semaphore::new(REQUESTS)) })
    }
}

fn unavailable() -> EndpointReply {
    EndpointReply::refused(&EndpointRefusal::Unavailable)
}

impl SubAccountEndpoints for Endpoints {
    fn call(&self, call: EndpointCall) -> Later<EndpointReply> {
        let Ok(place) = Arc::clone(&self.room).try_acquire_owned() else {
            return Box::pin(ready(unavailable()));
        };
        let (reply, replied) = oneshot::channel();
        let authority = Arc::clone(&self.authority);
        self.thread.spawn(async move {
            let _place = place;
            // Nobody may be left to read it: the change stands, and its client finds it.
            let _ = reply.send(answer(&authority, &call, ambient::now()).await);
        });
        Box::pin(async move { replied.await.unwrap_or_else(|_| unavailable()) })
    }

    fn name_of(&self, key: KeyId) -> Later<Option<String>> {
        let Ok(place) = Arc::clone(&self.room).try_acquire_owned() else { return Box::pin(ready(None)) };
        let (name, named) = oneshot::channel();
        let authority = Arc::clone(&self.authority);
        self.thread.spawn(async move {
            let _place = place;
            let context = authority.context(Actor::System("gateway"), ambient::now());
            let _ = name.send(name_of_key(&context, key).await.ok().map(|name| name.to_string()));
        });
        Box::pin(async move { named.await.ok().flatten() })
    }
}
