//! Action: close open sockets of a key.

use std::sync::Arc;

use async_trait::async_trait;
use keyward_api::open_sockets::OpenSockets;
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::id::{AccountId, KeyId};

use crate::{Action, ActionContext, ActionError, PendingAction};

/// Which sockets of a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WhichSockets {
    /// The one with this number.
    One(u64),
    /// All that are open.
    All,
}

/// Close open sockets of a key. The program can connect again as long as the key works, so the session is enough.
#[derive(Clone)]
pub struct CloseSockets {
    /// The key.
    pub key: KeyId,
    /// Which of its sockets.
    pub which: WhichSockets,
    /// Where they are open.
    pub sockets: Arc<dyn OpenSockets>,
}

impl CloseSockets {
    /// The numbers of those that are open now.
    fn open(&self, account: AccountId) -> Result<Vec<u64>, ActionError> {
        let open = self.sockets.of_key(account, self.key);
        let mut numbers: Vec<u64> = open.into_iter().map(|socket| socket.id).collect();
        if let WhichSockets::One(one) = self.which {
            numbers.retain(|number| *number == one);
            if numbers.is_empty() {
                return Err(ActionError::NoSocket);
            }
        }
        Ok(numbers)
    }
}

#[async_trait]
impl Action for CloseSockets {
    /// How many were closed. One that ended by itself meanwhile does not count.
    type Reply = usize;

    async fn plan(&self, context: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        let reader = &context.authority.access.reader;
        let key = reader.key(context.actor.scope(), self.key).await?.ok_or(ActionError::NoKey)?;
        let open = self.open(key.account)?.len();
        let of = format!("of the API key “{}” ({})", key.name, key.id);
        let (sockets, words) = match self.which {
            WhichSockets::One(number) => (number.to_string(), vec![format!("Close a socket {of}")]),
            WhichSockets::All => {
                ("all".to_owned(), vec![format!("Close all sockets {of}"), format!("Open now: {open}.")])
            }
        };
        let facts = vec![("key", self.key.to_string()), ("sockets", sockets)];
        Ok(PendingAction { action: ActionKind::CloseSockets, facts, words })
    }

    /// # Errors
    /// [`ActionError::NoKey`]; [`ActionError::NoSocket`] when the one that is named is not open, or is another key's. To close
    /// all when none is open does nothing, and leaves no record.
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let grant = context.actor.may(ActionKind::CloseSockets, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        let account = tx.key(self.key).await?.ok_or(ActionError::NoKey)?.account;
        let open = self.open(account)?;
        if open.is_empty() {
            return Ok(0);
        }
        let facts = [("sockets", open.len().to_string())];
        let event = Event::of(tx.grant(), context.now, &format!("key:{}", self.key), &facts);
        tx.commit(event).await?;
        // Not before the record is committed: no socket is closed without one.
        Ok(open.into_iter().filter(|number| self.sockets.close(account, *number)).count())
    }
}
