//! What a gateway asks the control plane about transfers by sub-accounts' keys. The gateway decides nothing and keeps nothing of
//! it: it asks, passes the answer to the rules, and gives back what was certainly not sent.

use std::future::Future;
use std::pin::Pin;

use keyward_rules::approval::{ApprovalAnswer, AskedTransfer, Consent, RequestApproval};
use keyward_rules::id::{AccountId, ApprovalId};

/// An answer that comes later.
pub type Later<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What is known of an approval.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum KnownApproval {
    /// It is this one.
    Found(Box<RequestApproval>),
    /// The account has none with this number.
    Missing,
    /// Nobody can tell.
    Failed,
}

/// Where transfers are approved.
pub trait TransferApprovals: Send + Sync {
    /// Whether a transfer may go out now, once; it is used up, durably, before the answer. Where nobody has decided, the master
    /// is asked. An answer that its asker does not wait for is given back.
    fn ask(&self, asked: AskedTransfer) -> Later<ApprovalAnswer>;

    /// Gives back what a transfer used up that was certainly not sent. It is done whether the answer is awaited or not.
    fn give_back(&self, asked: AskedTransfer, consent: Consent) -> Later<()>;

    /// The approval with this number, if a key of this account asked for it.
    fn look_up(&self, account: AccountId, id: ApprovalId) -> Later<KnownApproval>;
}
