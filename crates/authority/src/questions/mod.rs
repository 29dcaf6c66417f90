//! What people ask, each behind the scope of who asks. Answers carry no secret and, for app keys, no address.

mod account;
mod account_requests;
mod activity;
mod alerts;
mod approvals;
mod apps;
mod audit;
mod channels;
mod charts;
mod key_limits;
mod key_signals;
mod keys_that_rest;
mod list_keys;
mod living_keys;
mod managed_keys;
mod open_sockets;
mod outlook;
mod passkeys;
mod record_names;
mod review;
mod sessions;
mod show_key;
mod show_request;
mod sub_accounts;

pub use account::{AccountView, show_account};
pub use account_requests::{AccountRequest, AccountRequests, newer_account_requests};
pub use activity::{
    ActivityView, KeyRequest, NewerRequests, all_key_requests, counts_of_keys, key_activity, key_requests,
    newer_key_requests, newest_record,
};
pub use alerts::{
    AlertView, list_alerts, list_alerts_of_key, mark_alerts_seen, mark_these_seen, unseen_alerts,
};
pub use approvals::{
    ApprovalsView, UsedThreshold, approval_of, list_approvals, transfer_thresholds, waiting_approvals,
};
pub(crate) use apps::refuse_closed;
pub use apps::{
    AppCard, BrokerApp, OverseenApp, Queue, VersionView, app_card, app_logo, app_names, app_of_key,
    broker_app, broker_apps, is_broker, namesakes_before, open_apps, overseen_app, overseen_apps,
    review_queue,
};
pub use audit::{
    RecordProof, TrailFilter, TrailView, own_trail, prove_record, search_audit, search_own_trail,
    signed_records,
};
pub use channels::{ChannelState, ChannelView, DeliveryView, list_channels, list_deliveries, show_channel};
pub use charts::{ChartView, Piece, Range, account_chart, key_chart};
pub use key_limits::{LimitsView, UsedSum, account_limits, key_limits};
pub use key_signals::{SignalsView, key_signals};
pub use keys_that_rest::keys_that_rest;
pub(crate) use keys_that_rest::stopping;
pub use list_keys::list_keys;
pub use living_keys::{KeyReach, LivingKeys, living_keys};
pub use managed_keys::{ManagedKey, managed_keys, name_of_key};
pub use open_sockets::{SocketView, open_sockets};
pub use outlook::{Outlook, RequestKind, key_outlook};
pub use passkeys::{PasskeyView, list_passkeys, show_passkey};
pub use record_names::record_names;
pub(crate) use review::{KnownUses, evidence_of, known_uses};
pub use review::{ReviewView, ReviewedKey, past_reviews, review};
pub use sessions::{Presence, SessionView, list_sessions, open_session};
pub use show_key::{
    Ended, Ending, HELD_FOR_A_CHANGE, KeyView, READS_FOR_A_NEW_DEVICE, reach_in_words, reach_of, show_key,
    show_living_key,
};
pub use show_request::{RequestView, show_request};
pub use sub_accounts::{
    ActingChoice, InvitationView, KeyElsewhere, MemberView, SubAccountPeople, SubAccountView, acting_choices,
    acting_for, invitations_to, key_elsewhere, list_sub_accounts, show_sub_account,
};
