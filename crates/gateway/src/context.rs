//! What the path of a request may use, and nothing more.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use keyward_api::sub_accounts::SubAccountEndpoints;
use keyward_api::transfer_approvals::TransferApprovals;
use keyward_edge::Complaints;
use keyward_rules::decision::Door;
use keyward_rules::identity::IdentityKey;
use keyward_rules::key::PassphraseKey;
use keyward_rules::route::RouteTable;
use keyward_rules::socket::SocketTable;

use crate::alarms::ObservationSender;
use crate::clock::Clock;
use crate::clock_error::ClockError;
use crate::day_sums::DaySums;
use crate::lease::Lease;
use crate::market::Markets;
use crate::memory::Memory;
use crate::rates::Rates;
use crate::recorder::Recorder;
use crate::repeats::Repeats;
use crate::replay_cache::ReplayCache;
use crate::settings::Limits;
use crate::socket::Registry;
use crate::sources::Sources;
use crate::strangers::StrangerSender;
use crate::uses::LastUses;

/// The facts of this node and how fresh they are.
pub struct View {
    /// Keys and apps.
    pub memory: Arc<Memory>,
    /// When the store was last read.
    pub lease: Arc<Lease>,
    /// The exchange's instruments and prices, for limits that need them.
    pub markets: Arc<Markets>,
    /// How far this machine's clock is off the store's.
    pub clock_error: Arc<ClockError>,
}

/// What counts: sources, accounts, repetitions.
pub struct Counters {
    /// Per source.
    pub sources: Sources,
    /// Per account and route.
    pub rates: Rates,
    /// Per key or account and UTC day, for limits.
    pub day_sums: Arc<DaySums>,
    /// Orders of a short time ago, for limits.
    pub repeats: Repeats,
    /// Replay marks.
    pub replay_cache: Arc<ReplayCache>,
}

/// What leaves the path of a request beside its answer.
pub struct Reports {
    /// To the journal.
    pub recorder: Recorder,
    /// When keys were last used.
    pub uses: Arc<LastUses>,
    /// To the holder.
    pub alarms: Arc<ObservationSender>,
    /// To those who look for people that try keys.
    pub strangers: StrangerSender,
    /// How many requests were not watched for what is unusual, for want of room.
    pub unwatched: Arc<AtomicU64>,
    /// To the operator's log.
    pub complaints: Complaints,
}

/// The keys that the data plane holds.
pub struct Keys {
    /// For passphrases.
    pub passphrases: PassphraseKey,
    /// For the identity.
    pub identity: IdentityKey,
}

/// The context of every request.
pub struct RequestContext {
    /// The route table.
    pub routes: RouteTable,
    /// The channels and operations of sockets.
    pub channels: SocketTable,
    /// The facts.
    pub view: View,
    /// The counters.
    pub counters: Counters,
    /// The journal and the alarms.
    pub reports: Reports,
    /// Who is asked about transfers by sub-accounts' keys.
    pub approvals: Arc<dyn TransferApprovals>,
    /// Who carries out requests about sub-accounts.
    pub sub_accounts: Arc<dyn SubAccountEndpoints>,
    /// The open sockets.
    pub sockets: Arc<Registry>,
    /// The keys.
    pub keys: Keys,
    /// The bounds and clocks.
    pub bounds: (Limits, Clock),
}

impl RequestContext {
    /// Whether `client` is closed out for its bad credentials.
    #[must_use]
    pub fn is_banned(&self, client: IpAddr) -> bool {
        self.counters.sources.is_banned(client, || self.clock().now_us() / 1_000)
    }

    /// Whether a client may come by this listener: one for apps is for their servers only.
    #[must_use]
    pub fn admits(&self, door: Door, client: IpAddr) -> bool {
        match door {
            Door::Everybody => true,
            Door::Apps => self.view.memory.is_of_some_app(client),
        }
    }

    /// The bounds.
    #[must_use]
    pub const fn limits(&self) -> &Limits {
        &self.bounds.0
    }

    /// The clocks.
    #[must_use]
    pub const fn clock(&self) -> &Clock {
        &self.bounds.1
    }
}
