//! Where things are kept: the only SQL, on SQLite and PostgreSQL with one text per statement.
//!
//! Owns: tables, migrations, sealing under the master key, the change feed, the bulk load, the journal.
//! Leaves to others: what may change and why (`rules`, `authority`).
//!
//! Invariants: a write transaction takes a [`keyward_rules::grant::Grant`] and commits only together with its
//! audit [`keyward_rules::event::Event`]; every change that gateways must know takes the next number of the
//! feed in the same transaction; a sealed row is opened before it is changed.

mod account_limits;
mod accounts;
mod acting;
mod activity;
mod alerts;
mod announcements;
mod app_keys;
mod apps;
mod asked;
mod backup;
mod baselines;
mod brokers;
mod bulk;
mod channels;
mod charts;
mod deliveries;
mod door;
mod error;
mod exchange_notices;
mod feed;
mod head;
mod journal;
mod keys;
mod loaded_key;
mod log;
mod master;
mod names;
mod newer;
mod node;
mod notes;
mod open;
mod outbox;
mod overseen;
mod passkeys;
mod people;
mod policies;
mod proposals;
mod ranges;
mod reader;
mod request;
mod request_approvals;
mod reserve;
mod retention;
mod reviews;
mod seal;
mod search;
mod secret_prints;
mod sessions;
mod spool;
mod sql;
mod staff;
mod statements;
mod sub_accounts;
mod thresholds;
mod tidy;
mod usage;
mod writer;

// A statement is compiled here, once, whoever awaits it.
pub(crate) use async_recursion::async_recursion as boxed;

pub use accounts::{AccountKind, AccountRecord};
pub use acting::Membership;
pub use activity::{Activity, Place, Quarter, RequestFilter, RequestRow};
pub use alerts::{AlertRecord, Inbox};
pub use announcements::Announcement;
pub use app_keys::{AppKeyCounts, AppNews};
pub use apps::{AppRecord, AppState};
pub use backup::{BACKUP_PARTS, Copied, Part, Steps, copy, fingerprint, known_steps};
pub use baselines::Baselines;
pub use brokers::{AppProfile, Demand};
pub use bulk::watch::Glance;
pub use channels::ChannelRecord;
pub use charts::{Counted, LATENCIES_MS, Rolled, Rollup, Span, Subject as Charted};
pub use deliveries::{Attempt, Deliveries, DeliveryRecord, DeliveryResult, DeliveryState};
pub use door::{AttemptLimit, Door, NewChallenge, Opened, Quota, Try};
pub use error::StoreError;
pub use exchange_notices::{DueNotice, ExchangeNotices, NoticeEnd, NoticeKey, NoticesWaiting};
pub use feed::{Change, Feed, Loaded, Position, Subject, Watch};
pub use journal::{
    Intent, Journal, JournalBatch, JournalWriter, Outcome, OutcomeStatus, Record, Released, ReplaySnapshot,
    Reserved, SavedReplayEntry, Taken, Unfinished,
};
pub use keys::{KeyDraft, KeyRecord, Purpose};
pub use loaded_key::LoadedKey;
pub use log::{
    AuditFilter, AuditRecord, Concern, Finding, Kept, Log, Signer, StateVerdict, States, Verdict,
    Verification, Witnessed,
};
pub use master::{MasterKey, NotAMasterKey};
pub use names::{Names, NamesWanted};
pub use newer::{AccountRequestRow, Newer};
pub use node::NodeClaim;
pub use notes::KeyMetadata;
pub use open::{Location, Store};
pub use outbox::{Claimed, Outbox};
pub use overseen::{Counts, Overseen};
pub use passkeys::{NewCeremony, NewPasskey, PasskeyRecord, Use};
pub use people::UserRecord;
pub use policies::PolicyRecord;
pub use proposals::ProposalRecord;
pub use ranges::RangeVersion;
pub use reader::Reader;
pub use request::RequestDetail;
pub use reserve::FreeBytes;
pub use retention::Forgotten;
pub use reviews::{ReviewDue, ReviewRecord};
pub use seal::RootKey;
pub use search::{Bounds, Found};
pub use secret_prints::SecretPrints;
pub use sessions::{SessionKind, SessionRecord, Stage};
pub use spool::{SPOOL_FILE, Spool};
pub use sql::{DatabaseError, UrlError};
pub use staff::Member;
pub use statements::STATEMENTS;
pub use sub_accounts::{Invitation, SubAccount};
pub use thresholds::TransferSums;
pub use usage::{LastUse, Usage};
pub use writer::{CommitObserver, Seen, Tx, Writer};

/// Fills a buffer with random bytes; handed in, so that tests can seed it.
pub type Entropy = std::sync::Arc<dyn Fn(&mut [u8]) + Send + Sync>;
