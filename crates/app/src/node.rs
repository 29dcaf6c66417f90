//! The wiring of one node: each part gets only the capability that it may use.

use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use keyward_authority::duties::tell_interrupted;
use keyward_authority::{Authority, Settings};
use keyward_edge::{Complaints, Proxies};
use keyward_gateway::Lease;
use keyward_gateway::alarms::ObservationSender;
use keyward_gateway::day_sums::{DaySums, day_of};
use keyward_gateway::follow::{Facts, Follower};
use keyward_gateway::health::ClockError;
use keyward_gateway::market::MarketFollower;
use keyward_gateway::memory::Memory;
use keyward_gateway::rates::Rates;
use keyward_gateway::recorder::{Machine, Recorder, Writer, recorder};
use keyward_gateway::repeats::Repeats;
use keyward_gateway::replay_cache::ReplayCache;
use keyward_gateway::sources::{SourceLimits, Sources};
use keyward_gateway::uses::LastUses;
use keyward_gateway::{
    Backend, Counters, Gateway, Keys, Limits, Listener, Registry, Reports, RequestContext, Running, View,
};
use keyward_rules::grant::Actor;
use keyward_rules::identity::IdentityKey;
use keyward_rules::rate::Rate;
use keyward_rules::route::RouteTable;
use keyward_rules::socket::SocketTable;
use keyward_store::{Journal, NodeClaim, RootKey, Store};
use tokio::sync::Mutex;
use tracing::{info, warn};

use crate::approvals::Approvals;
use crate::audit::{self, Notary};
use crate::checkpoint::Checkpoint;
use crate::config::{SocketSettings, SourceSettings};
use crate::endpoints::Endpoints;
use crate::exchange::{Exchange, ExchangeLag};
use crate::files::private_folder;
use crate::retention::JournalSettings;
use crate::spooled::Spooled;
use crate::tasks::{Heartbeat, OwnThread, Tasks};
use crate::watch::{self, Watching};
use crate::{ambient, bans, descriptors, exchange, worker};

/// The name under which this node keeps its replay horizon; one gateway process per data folder.
pub const NODE: &str = "local";

/// The checkpoint's name in a data folder.
pub const CHECKPOINT_FILE: &str = "checkpoint";

/// The name of the file with the first operator's set-up link, in a data folder or beside the checkpoint.
pub const SET_UP_LINK_FILE: &str = "set-up-link";

/// How long a stop has for what waits in the spool: the next start takes the rest.
const FAREWELL: Duration = Duration::from_secs(5);

/// What a node needs to know.
pub struct NodeOptions {
    /// Where it listens.
    pub listeners: Vec<Listener>,
    /// The exchange.
    pub backend: Backend,
    /// What one source may send.
    pub sources: SourceSettings,
    /// Multiplies every rate.
    pub raise_rates: u32,
    /// Threads that serve.
    pub threads: usize,
    /// The claim on the store, where that is a database.
    pub claim: Option<NodeClaim>,
    /// The proxies that may name their clients.
    pub proxies: Arc<Proxies>,
    /// The open sockets, which the console sees too.
    pub sockets: Arc<Registry>,
    /// What keys have taken from the sums of their limits today, which the console sees too.
    pub day_sums: Arc<DaySums>,
    /// What actions share.
    pub authority: Arc<Authority>,
    /// How long the journal is kept, and how much of the disk it may take.
    pub retention: JournalSettings,
    /// Where the newest change seen is kept, to notice a store that was rolled back.
    pub checkpoint: Option<Arc<Checkpoint>>,
    /// Who signs checkpoints of the audit log.
    pub notary: Notary,
    /// The exchange, if it is told of sub-accounts.
    pub exchange: Option<Exchange>,
}

/// A running node.
pub struct Node {
    gateway: Running,
    request_context: Arc<RequestContext>,
    recorder: Recorder,
    writer: std::thread::JoinHandle<()>,
    tasks: Tasks,
    exchange: Option<Arc<ExchangeLag>>,
    watching: Arc<Mutex<Watching>>,
    /// Where the changes are followed.
    _feed: OwnThread,
    claim: Option<NodeClaim>,
    spool: Option<Arc<Mutex<Spooled>>>,
}

impl Node {
    /// Loads the facts, settles what the last run left open, and starts to serve.
    pub async fn start(store: &Store, options: NodeOptions) -> Result<Self> {
        let clock = ambient::clock();
        let claim = options.claim;
        worker::reserve(store.clone()).await;
        worker::make_parts(store).await;
        let mut spool = spool(store, options.retention.spool.as_deref()).await?;
        let (journal, replay_cache) =
            settle(store, spool.as_mut(), (&options.authority, &options.day_sums)).await?;
        let claimed_ms = (clock.steady_ms)();
        if let Some(claim) = &claim
            && !claim
                .renew(ambient::now().unix_ms())
                .await
                .context("the claim on the store cannot be renewed")?
        {
            bail!("another gateway has claimed the store meanwhile");
        }
        let (memory, lease) = (Arc::new(Memory::default()), Arc::new(Lease::default()));
        let clock_error = Arc::new(ClockError::default());
        let (alarms, sightings) = ObservationSender::new();
        let facts = Facts::new(Arc::clone(&memory), Arc::new(alarms));
        let alarms = Arc::clone(&facts.alarms);
        let now_ms = (clock.steady_ms)();
        let feed = OwnThread::start("feed").context("no thread for the feed")?;
        let follower = feed
            .spawn(Follower::start(store.feed(), facts, Arc::clone(&lease), now_ms))
            .await?
            .context("the facts cannot be loaded")?;
        let machine = Machine {
            steady_ms: Arc::clone(&clock.steady_ms),
            has_room: options.retention.room(
                store.folder().map(Path::to_path_buf),
                spool.as_ref().map(|spooled| Arc::clone(&spooled.used)),
            ),
        };
        let (strangers, tried) = keyward_gateway::strangers::channel();
        let (to_watch, seen, unwatched) = keyward_gateway::watch::channel()?;
        let (recorder, writer) =
            recorder(journal, Arc::clone(&replay_cache), NODE.to_owned(), (machine, to_watch))
                .context("the journal cannot be opened for writing")?;
        let uses = Arc::new(LastUses::new(store.usage(), Arc::clone(&clock.steady_ms)));
        let routes = RouteTable::okx_v5(options.raise_rates)?;
        let request_context = RequestContext {
            channels: SocketTable::okx_v5(&routes)?,
            routes,
            view: View { memory, markets: Arc::default(), lease, clock_error: Arc::clone(&clock_error) },
            counters: Counters {
                sources: Sources::new(
                    source_limits(&options.sources, options.raise_rates)?,
                    options.sources.never_banned().map_err(anyhow::Error::msg)?,
                    ambient::random_u64(),
                ),
                rates: Rates::new(ambient::random_u64()),
                day_sums: options.day_sums,
                repeats: Repeats::default(),
                replay_cache: Arc::clone(&replay_cache),
            },
            reports: Reports {
                recorder: recorder.clone(),
                uses: Arc::clone(&uses),
                alarms,
                strangers,
                unwatched: Arc::clone(&unwatched),
                complaints: Complaints::default(),
            },
            keys: Keys { passphrases: store.root().passphrase_key(), identity: identity_key(store.root()) },
            approvals: Arc::new(Approvals::start(Arc::clone(&options.authority))?),
            sub_accounts: Arc::new(Endpoints::start(Arc::clone(&options.authority))?),
            sockets: options.sockets,
            bounds: (limits(options.threads), clock.clone()),
        };
        let request_context = Arc::new(request_context);
        let market = (Arc::clone(&request_context), options.backend.clone());
        let gateway = Gateway {
            context: Arc::clone(&request_context),
            backend: options.backend,
            threads: options.threads,
            proxies: options.proxies,
            seed: ambient::seed(),
        };
        let running = gateway.start(options.listeners).context("the gateway cannot start")?;
        let exchange = options.exchange.map(|exchange| (Arc::new(exchange), Arc::clone(&options.authority)));
        let duties = Arc::new(worker::Duties {
            store: store.clone(),
            authority: options.authority,
            uses,
            replay_cache,
            clock,
            retention: options.retention,
            checkpoint: options.checkpoint,
            claimed_ms: AtomicU64::new(if claim.is_some() { claimed_ms } else { worker::ALWAYS }),
        });
        let watching =
            Watching::new(Arc::clone(&duties), Arc::clone(&request_context), (seen, tried), unwatched);
        let watching = Arc::new(Mutex::new(watching));
        let mut tasks = Tasks::default();
        let watched = Arc::clone(&watching);
        tasks.start("watch", move |pulse| watch::run(Arc::clone(&watched), pulse));
        worker::start(&mut tasks, (&feed, follower), sightings, &duties);
        if let Some(claim) = claim.clone() {
            let duties = Arc::clone(&duties);
            tasks.start("claim", move |pulse| worker::claim(claim.clone(), Arc::clone(&duties), pulse));
        }
        let store = store.clone();
        tasks.start("clocks", move |pulse| {
            worker::compare_clocks(store.clone(), Arc::clone(&clock_error), pulse)
        });
        let spool = spool.map(|spooled| Arc::new(Mutex::new(spooled)));
        if let Some(spool) = spool.clone() {
            tasks.start("spool", move |pulse| worker::ship(Arc::clone(&spool), pulse));
        }
        let lag = exchange.as_ref().map(|(exchange, _)| exchange.lag());
        if let Some((exchange, authority)) = exchange {
            tasks.start("exchange", move |pulse| {
                exchange::run(Arc::clone(&exchange), Arc::clone(&authority), pulse)
            });
        }
        tasks.start("market", move |pulse| {
            let (context, backend) = market.clone();
            MarketFollower::new(context, backend).run(move || pulse.beat())
        });
        if let Some(file) = options.sources.ban_file.clone() {
            let context = Arc::clone(&request_context);
            tasks.start("bans", move |pulse| bans::keep(Arc::clone(&context), file.clone(), pulse));
        }
        let notary = Arc::new(Mutex::new(options.notary));
        tasks.start("audit", move |pulse| audit::run(Arc::clone(&notary), pulse));
        let writer = journal_thread(writer)?;
        Ok(Self {
            gateway: running,
            request_context,
            recorder,
            writer,
            tasks,
            exchange: lag,
            watching,
            _feed: feed,
            claim,
            spool,
        })
    }

    /// The context of its requests, which knows how the gateway stands.
    pub fn request_context(&self) -> Arc<RequestContext> {
        Arc::clone(&self.request_context)
    }

    /// The signs of life of its tasks.
    pub fn pulses(&self) -> Vec<Heartbeat> {
        self.tasks.pulses()
    }

    /// How far the exchange lags that is told of sub-accounts, if one is.
    pub fn exchange_lag(&self) -> Option<Arc<ExchangeLag>> {
        self.exchange.clone()
    }

    /// Stops: no new connections, open requests end, the journal and last uses are written.
    pub async fn stop(self) -> Result<()> {
        let gateway = self.gateway;
        tokio::task::spawn_blocking(move || gateway.stop()).await.context("the gateway did not stop")?;
        self.tasks.stop().await;
        let flushed = self.request_context.reports.uses.flush_all().await;
        let (dropped, without_orders) = (self.recorder.dropped(), self.recorder.without_orders());
        let unrecorded = self.request_context.counters.sources.unrecorded();
        self.recorder.close();
        let ended = tokio::task::spawn_blocking(move || self.writer.join()).await;
        // The last records have reached the watch by now.
        watch::stop(self.watching).await;
        if !matches!(ended, Ok(Ok(()))) {
            bail!("the journal's writer failed");
        }
        if unrecorded > 0 {
            info!(unrecorded, "refusals before the signature were counted and not recorded");
        }
        if dropped > 0 {
            warn!(dropped, "journal records were dropped because there was no room");
        }
        if without_orders > 0 {
            warn!(without_orders, "journal records were kept without their orders because there was no room");
        }
        if let Some(claim) = self.claim
            && let Err(problem) = claim.leave().await
        {
            warn!(%problem, "the claim on the store cannot be released: the next start may have to wait for 35 seconds");
        }
        if let Some(spool) = self.spool {
            let mut spooled = spool.lock().await;
            if !matches!(tokio::time::timeout(FAREWELL, spooled.spool.ship_all()).await, Ok(Ok(()))) {
                warn!("records of requests wait in the spool for the next start");
            }
        }
        if !flushed {
            bail!("last uses could not be written");
        }
        info!("stopped");
        Ok(())
    }
}

/// Opens the spool in `folder`, locked to this process.
async fn spool(store: &Store, folder: Option<&Path>) -> Result<Option<Spooled>> {
    let Some(folder) = folder else { return Ok(None) };
    private_folder(folder)?;
    let lock = lock(folder)?;
    let spool = store.spool(folder, NODE).await.context("the journal's spool cannot be opened")?;
    Ok(Some(Spooled::new(spool, lock)))
}

/// Settles what the last run left open; gives the journal that this one writes, and its replay marks.
async fn settle(
    store: &Store,
    mut spooled: Option<&mut Spooled>,
    (authority, day_sums): (&Authority, &DaySums),
) -> Result<(Journal, Arc<ReplayCache>)> {
    let kept = store.journal();
    let journal = match &mut spooled {
        Some(Spooled { spool, .. }) => {
            // Records may be many and wait; intents are looked at below.
            spool.ship_all_intents().await.context("the store cannot take in the spool")?;
            spool.journal()
        }
        None => kept.clone(),
    };
    for open in kept.open_intents().await.context("the journal cannot be read")? {
        warn!(
            request = open.request,
            route = open.route,
            account = %open.account,
            "a request was forwarded when the last run ended: its outcome is unknown, and it is never sent again"
        );
        let context = authority.context(Actor::System("watch"), ambient::now());
        tell_interrupted(&context, &open).await.context("a holder cannot be told of it")?;
    }
    kept.abandon_open(ambient::now()).await.context("the journal cannot be settled")?;
    if spooled.is_some() {
        journal.abandon_open(ambient::now()).await.context("the spool cannot be settled")?;
    }
    let spool = spooled.map(|spooled| &mut spooled.spool);
    store.settle_in(spool, NODE, ambient::now()).await.context("the place of the replay marks is unknown")?;
    let horizon = journal.horizon(NODE).await.context("the replay horizon cannot be read")?;
    let today = day_of(ambient::now());
    let taken = journal.taken(today).await.context("the sums of the day cannot be read")?;
    day_sums.restore(taken);
    let taken = journal.take_marks(NODE, ambient::now()).await;
    let taken = taken.context("the replay marks cannot be read")?;
    Ok((journal, Arc::new(ReplayCache::restored(horizon, &taken))))
}

/// The limits of the data plane, as far as this machine's descriptors go.
fn limits(threads: usize) -> Limits {
    let open_files = descriptors::raise();
    if open_files < descriptors::ENOUGH {
        warn!(open_files, "the limit of open files is low: fewer clients are served at the same time");
    }
    let shares = descriptors::shares(open_files);
    let defaults = Limits::default();
    Limits {
        connections: shares.gateway,
        connections_per_source: defaults.connections_per_source.min(shares.gateway / 4).max(1),
        upstream_connections: (shares.upstream / threads.max(1)).max(1),
        ..defaults
    }
}

/// The open sockets of this process: none yet. The console is given them before the gateway serves.
pub fn sockets(settings: &SocketSettings) -> Arc<Registry> {
    Registry::new(settings.limits(descriptors::shares(descriptors::raise()).sockets))
}

/// Commits block, so the journal's writer has a thread of its own; its timers are the runtime's.
fn journal_thread(writer: Writer) -> Result<std::thread::JoinHandle<()>> {
    let runtime = tokio::runtime::Handle::current();
    let write = move || runtime.block_on(writer.run(ambient::now));
    std::thread::Builder::new().name("journal".to_owned()).spawn(write).context("no thread for the journal")
}

/// The identity key of the deployment.
pub fn identity_key(root: &RootKey) -> IdentityKey {
    IdentityKey::new(1, root.identity_key())
}

fn source_limits(settings: &SourceSettings, raise: u32) -> Result<SourceLimits> {
    let rate = |limit, window_ms| {
        Rate::new(limit, window_ms).map(|rate| rate.raised(raise)).context("a source rate is zero")
    };
    Ok(SourceLimits {
        arrivals: rate(settings.requests_per_second, 1_000)?,
        failures: rate(settings.bad_credentials_per_minute, 60_000)?,
        ban_ms: u64::from(settings.ban_minutes) * 60_000,
        records: rate(30, 60_000)?,
        all_records: rate(600, 60_000)?,
        sockets: rate(3, 1_000)?,
    })
}

/// The backend that a URL names: `http://host[:port]`.
pub fn backend(url: &str, pass: &[String]) -> Result<Backend> {
    let pass = passed(pass)?;
    let uri: http::Uri = url.parse().with_context(|| format!("`{url}` is no URL"))?;
    let authority = uri.authority().with_context(|| format!("`{url}` names no host"))?;
    if uri.scheme_str() != Some("http") {
        bail!("the upstream must be http:// for now; put TLS to the exchange into a local proxy");
    }
    let port = authority.port_u16().unwrap_or(80);
    Ok(Backend {
        address: format!("{}:{port}", authority.host()),
        host: http::HeaderValue::from_str(authority.as_str())
            .context("the upstream's host cannot be a header")?,
        pass,
    })
}

/// Names of headers that clients' requests may have on their way to the exchange.
pub fn passed(names: &[String]) -> Result<Vec<http::HeaderName>> {
    let read = |name: &String| {
        let lower = name.to_ascii_lowercase();
        let parsed = lower.parse().with_context(|| format!("`{name}` is no name of a header"))?;
        if !keyward_gateway::may_pass(&lower) {
            bail!("`{name}` cannot be passed on: HTTP's framing, the credentials or the identity need it");
        }
        Ok(parsed)
    };
    names.iter().map(read).collect()
}

/// Locks the folder to this process until the file is dropped.
pub fn lock(folder: &Path) -> Result<std::fs::File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = std::fs::OpenOptions::new();
    let file = options.write(true).create(true).truncate(false).mode(0o600).open(folder.join("gateway.lock"));
    let file = file.with_context(|| format!("{} cannot be written", folder.display()))?;
    file.try_lock().with_context(|| format!("another keyward gateway runs on {}", folder.display()))?;
    Ok(file)
}

/// Whether another process holds the lock of a folder; nothing is made there.
pub fn is_locked(folder: &Path) -> bool {
    let held = |file: std::fs::File| matches!(file.try_lock_shared(), Err(std::fs::TryLockError::WouldBlock));
    std::fs::File::open(folder.join("gateway.lock")).is_ok_and(held)
}

/// Claims a database for this process, before anything is done that only one gateway may do. A folder has its lock
/// ([`lock`]), which ends with the process.
pub async fn claim(store: &Store) -> Result<Option<NodeClaim>> {
    let Some(claim) = store.folder().is_none().then(|| store.node_claim()) else { return Ok(None) };
    claim.take(&ambient::place(), ambient::now().unix_ms(), ambient::is_over).await?;
    Ok(Some(claim))
}

/// A bound listener.
pub fn listen(address: std::net::SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).map_err(|problem| {
        let told = if problem.kind() == ErrorKind::AddrInUse {
            format!(
                "cannot listen on {address}: a sandbox or a server may be running already; stop it, or choose another \
                 address, or port 0"
            )
        } else {
            format!("cannot listen on {address}; choose another address, or port 0")
        };
        anyhow::Error::from(problem).context(told)
    })
}

/// The store that keeps its newest change in `file` before it calls it done, unless it is older than what stands there.
pub async fn checked(store: Store, file: Option<&Path>) -> Result<(Store, Option<Arc<Checkpoint>>)> {
    let Some(file) = file else { return Ok((store, None)) };
    let seen = store.seen().await.context("the store cannot be read")?;
    let checkpoint = Arc::new(Checkpoint::open(file, seen)?);
    Ok((store.witnessed(checkpoint.witness(), seen), Some(checkpoint)))
}

/// What actions share, on an open store.
pub fn authority(store: &Store, settings: Settings) -> Authority {
    Authority::new(store, ambient::entropy(), settings)
}
