//! What operators do, and what they and auditors look up (product.md 5).
//!
//! Tightening takes one operator. Everything that loosens is a proposal: its words are bound by hash, other
//! operators approve it, and it is carried out once, with membership looked at again at that moment.

mod changes;
mod freeze;
mod lookup;
mod master_key;
mod name;
mod policy;
mod policy_in_force;
mod proposals;
mod restore;
mod roles;

pub use freeze::{freeze_account, freeze_one_key, plan_freeze_account, plan_freeze_key};
pub(crate) use freeze::{frozen_now, refuse_frozen};
pub use lookup::{
    OverseenAccount, Overview, overseen_account, overseen_key, overview, search_accounts, search_keys,
};
pub use master_key::{Approvers, master_key_id, note_identity_key, rotate_master_key};
pub use name::name_of;
pub use policy::{plan_tightening, tighten_policy};
pub(crate) use policy_in_force::policy_now;
pub use policy_in_force::{InForce, PolicySource, policy_in_force};
pub use proposals::{
    Progress, ProposalView, approve, cancel_proposal, carry_out, carry_out_if_complete, check_proposal,
    list_proposals, plan_approval, plan_cancellation, plan_proposal, propose, show_proposal,
};
pub use restore::{Since, note_restore};
pub use roles::{
    PendingLink, SetUp, check_set_up, invite_operator, offer_set_up, plan_invitation, plan_revocation,
    plan_set_up, prepare_set_up, revoke_role, role_of, set_up_is_open, staff, take_set_up,
};
pub(crate) use roles::{acting, refuse_too_few};
