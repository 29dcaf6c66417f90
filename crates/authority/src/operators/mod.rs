//! What operators do, and what they and auditors look up (product.md 5).
//!
//! Tightening takes one operator. Everything that loosens is a proposal: its words are bound by hash, other
//! operators approve it, and it is carried out once, with membership looked at again at that moment.

mod changes;
mod freeze;
mod lookup;
mod master_key;
mod name;
mod overdue_reviews;
mod policy;
mod policy_in_force;
mod proposals;
mod quarantine;
mod restore;
mod roles;
mod work_queue;

pub use freeze::{FreezeAccount, FreezeKey};
pub(crate) use freeze::{frozen_now, refuse_frozen};
pub use lookup::{
    OverseenAccount, Overview, account_named, overseen_account, overseen_key, overview, search_accounts,
    search_keys,
};
pub use master_key::{Approvers, RecordIdentityKeyExport, master_key_id, rotate_master_key};
pub use name::name_of;
pub use overdue_reviews::{OverdueReview, overdue_reviews};
pub use policy::TightenPolicy;
pub(crate) use policy_in_force::policy_now;
pub use policy_in_force::{InForce, PolicySource, policy_in_force};
pub use proposals::{
    ApproveProposal, CancelProposal, Progress, ProposalView, ProposeChange, carry_out, carry_out_if_complete,
    check_proposal, list_proposals, show_proposal,
};
pub use quarantine::StopKey;
pub use restore::{FinishRestore, Since};
pub use roles::{
    InviteOperator, OfferSetUp, PendingLink, RevokeRole, SetUp, TakeSetUp, role_of, set_up_is_open, staff,
};
pub(crate) use roles::{acting, refuse_too_few};
pub use work_queue::{NextStep, WaitingProposal, Work, WorkItem, WorkQueue, work_queue};
