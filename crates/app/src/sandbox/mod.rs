//! `keyward sandbox`: everything in one process on loopback, ready to trade.

mod banner;
mod credentials;
mod extra;
mod fixtures;
mod passphrase;
mod people;
mod places;
mod scanner;
pub mod tls;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use keyward_authority::Settings;
use keyward_gateway::Listener;
use keyward_gateway::day_sums::DaySums;
use keyward_notify::ExchangeClient;
use keyward_rules::app::PrivateRanges;
use keyward_rules::decision::Door;
use keyward_rules::policy::Policy;
use keyward_sandbox::{Exchange, NOTICES_PATH};
use keyward_store::{Location, MasterKey, Store};
use tokio::signal::unix::{SignalKind, signal};

use crate::audit::AuditSettings;
use crate::config::{ChannelSettings, ProxySettings, SocketSettings, SourceSettings};
use crate::control::{self, Control, Post};
use crate::files::{private_folder, write_private};
use crate::master_key_source::{new_master_key, read_file};
use crate::node::{self, Node, NodeOptions};
use crate::retention::JournalSettings;
use crate::status::{Status, Watched};
use crate::{ambient, arguments, exchange, retention};
use places::Places;

pub use passphrase::passphrase;

/// The master key's file in a sandbox's data folder; a server keeps it elsewhere.
pub const MASTER_KEY_FILE: &str = "master.key";

/// Runs until SIGINT or SIGTERM, or until its terminal is closed.
pub async fn run(options: arguments::Sandbox) -> Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let proxies =
        ProxySettings { trusted: options.trusted_proxies, client_address: Some(options.client_address) };
    let proxies = Arc::new(proxies.proxies().map_err(anyhow::Error::msg)?);
    let folder = Folder::open(options.data.as_deref())?;
    let _lock = node::lock(&folder.path)?;
    let master = master_key(&folder.path)?;
    let location = Location::Folder(folder.path.clone());
    let store = Store::open(&location, &master, ambient::entropy(), ambient::now()).await?;
    let store = retention::reserved(store);
    let (store, checkpoint) = node::checked(store, Some(&folder.path.join(node::CHECKPOINT_FILE))).await?;

    let (backend, task, told) = match &options.upstream {
        Some(url) => (node::backend(url, &[])?, None, exchange::open(&store, None).await?),
        None => {
            let (url, task) = start_exchange(&store).await?;
            // What it was told before went with the process that it lived in.
            store.exchange_notices().forget_told().await?;
            let key = node::identity_key(store.root());
            let client = ExchangeClient::new(&format!("{url}{NOTICES_PATH}"), key, None)?;
            (node::backend(&url, &[])?, Some(task), exchange::open(&store, Some(client)).await?)
        }
    };
    let tls = tls::prepare(&folder.path)?;
    let plain = node::listen(options.gateway)?;
    let secure = node::listen(options.gateway_tls)?;
    let pages = node::listen(options.console)?;
    let metrics = node::listen(options.metrics)?;
    let places = Places {
        plain: plain.local_addr()?,
        tls: secure.local_addr()?,
        console: format!("http://localhost:{}", pages.local_addr()?.port()),
        metrics: metrics.local_addr()?,
        ca_file: tls.ca_file.clone(),
    };

    let channels =
        ChannelSettings { allow: options.allow_receivers, ..ChannelSettings::default() }.client()?;
    let (channel_policy, origin) = (channels.policy().clone(), places.console.clone());
    let private_ranges = PrivateRanges::Admit;
    let reporters = scanner::reporters(&folder.path)?;
    // Its users have no devices yet, and people who try it out want to trade in the first minute. Operators can switch it on.
    let policy = Policy { new_device_hours: None, ..Policy::default() };
    let settings = Settings {
        policy,
        channels: channel_policy,
        origin,
        private_ranges,
        reporters,
        ..Settings::default()
    };
    let authority = Arc::new(node::authority(&store, settings));
    let fixtures = fixtures::make(&authority, &folder.path).await?;
    let document = credentials::document(&fixtures, &places, &scanner::key_file(&folder.path));
    write_private(&folder.path.join("credentials.json"), &document)?;
    extra::top_up(&store, options.extra_keys, options.credentials.as_deref()).await?;

    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let listeners = [(plain, None), (secure, Some(tls.config))];
    let listener = |(socket, tls)| Listener { socket, tls, door: Door::Everybody };
    let listeners = listeners.into_iter().map(listener).collect();
    let raise_rates = options.raise_rates;
    let notary = AuditSettings::default().notary(&store, checkpoint.clone())?;
    let retention = JournalSettings::default();
    let sockets = node::sockets(&SocketSettings { notice_seconds: 0, ..SocketSettings::default() });
    let day_sums = Arc::new(DaySums::default());
    let node_options = NodeOptions {
        listeners,
        backend,
        sources: SourceSettings::default(),
        raise_rates,
        threads,
        claim: None,
        proxies,
        sockets: Arc::clone(&sockets),
        day_sums: Arc::clone(&day_sums),
        authority,
        retention,
        checkpoint,
        notary,
        exchange: told,
    };
    let context = control::Options {
        listener: pages,
        origin: places.console.clone(),
        gateway: format!("http://{}", places.plain),
        post: Post::Mailbox,
        shown: Vec::new(),
        channels,
        sockets,
        day_sums,
        proxies: Arc::clone(&node_options.proxies),
    };
    let control = Control::start(&store, Arc::clone(&node_options.authority), context)?;
    let node = Node::start(&store, node_options).await?;
    let watched = Watched {
        request_context: node.request_context(),
        pulses: node.pulses(),
        exchange: node.exchange_lag(),
        console: Some(control.shell()),
    };
    let status = Status::start(metrics, watched)?;
    if let Some(file) = &options.credentials {
        write_private(file, &document)?;
    }
    banner::print(&places, &folder.path, options.credentials.as_deref()).await;

    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        _ = hangup.recv() => {}
    }
    node.request_context().sockets.farewell(std::future::pending()).await;
    control.stop().await;
    node.stop().await?;
    drop(status);
    if let Some(task) = task {
        task.abort();
    }
    store.close().await;
    Ok(())
}

/// Starts the sandbox's own exchange; gives its URL.
async fn start_exchange(store: &Store) -> Result<(String, tokio::task::JoinHandle<()>)> {
    let listener =
        tokio::net::TcpListener::bind("127.0.0.1:0").await.context("the exchange cannot listen")?;
    let url = format!("http://{}", listener.local_addr()?);
    let exchange = Exchange::new(node::identity_key(store.root()), 1, Box::new(|| ambient::now().unix_ms()));
    Ok((url, tokio::spawn(Arc::clone(&exchange).serve(listener))))
}

/// Reads the folder's master key, or makes one: only a sandbox keeps it beside its data.
fn master_key(folder: &Path) -> Result<MasterKey> {
    let file = folder.join(MASTER_KEY_FILE);
    if file.exists() {
        return read_file(&file);
    }
    let master = new_master_key();
    write_private(&file, master.to_text().expose())?;
    Ok(master)
}

/// The data folder; a temporary one is removed when dropped.
struct Folder {
    path: PathBuf,
    temporary: bool,
}

impl Folder {
    fn open(chosen: Option<&Path>) -> Result<Self> {
        let path = match chosen {
            Some(path) => path.to_owned(),
            None => std::env::temp_dir().join(format!("keyward-sandbox-{:016x}", ambient::random_u64())),
        };
        private_folder(&path)?;
        Ok(Self { path: path.canonicalize()?, temporary: chosen.is_none() })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.temporary
            && let Err(problem) = std::fs::remove_dir_all(&self.path)
        {
            tracing::warn!(%problem, folder = %self.path.display(), "the temporary folder could not be removed");
        }
    }
}
