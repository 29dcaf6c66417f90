//! `keyward sandbox`: everything in one process on loopback, ready to trade.

mod banner;
mod credentials;
pub use credentials::write as write_private;
mod extra;
mod fixtures;
pub use fixtures::passphrase;
pub mod tls;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use keyward_gateway::{Backend, Listeners};
use keyward_sandbox::Exchange;
use keyward_store::{Location, MasterKey, Store};
use tokio::signal::unix::{SignalKind, signal};

use crate::node::{self, Node, NodeOptions};
use crate::{ambient, arguments};

/// The master key's file in a sandbox's data folder; a server keeps it elsewhere.
pub const MASTER_KEY_FILE: &str = "master.key";

/// Runs until SIGINT or SIGTERM.
pub async fn run(options: arguments::Sandbox) -> Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let folder = Folder::open(options.data.as_deref())?;
    let _lock = node::lock(&folder.path)?;
    let master = master_key(&folder.path)?;
    let location = Location::Folder(folder.path.clone());
    let store = Store::open(&location, &master, ambient::entropy(), ambient::now()).await?;

    let (backend, exchange) = match &options.upstream {
        Some(url) => (node::backend(url)?, None),
        None => {
            let (backend, task) = start_exchange(&master).await?;
            (backend, Some(task))
        }
    };
    let tls = tls::prepare(&folder.path)?;
    let plain = node::listen(options.gateway)?;
    let secure = node::listen(options.gateway_tls)?;
    let (plain_at, secure_at) = (plain.local_addr()?, secure.local_addr()?);

    let keys = fixtures::make(&store, &master, &folder.path).await?;
    let document = credentials::document(&keys, plain_at, secure_at, &tls.ca_file);
    credentials::write(&folder.path.join("credentials.json"), &document)?;
    extra::top_up(&store, &master, options.extra_keys, options.credentials.as_deref()).await?;

    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let listeners = Listeners { plain: Some(plain), tls: Some((secure, tls.config)) };
    let checkpoint = Some(folder.path.join(node::CHECKPOINT_FILE));
    let raise_rates = options.raise_rates;
    let node_options = NodeOptions { listeners, backend, raise_rates, threads, checkpoint };
    let node = Node::start(&store, &master, node_options).await?;
    if let Some(file) = &options.credentials {
        credentials::write(file, &document)?;
    }
    banner::print(plain_at, secure_at, &folder.path, options.credentials.as_deref());

    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    node.stop().await?;
    if let Some(exchange) = exchange {
        exchange.abort();
    }
    store.close().await;
    Ok(())
}

async fn start_exchange(master: &MasterKey) -> Result<(Backend, tokio::task::JoinHandle<()>)> {
    let listener =
        tokio::net::TcpListener::bind("127.0.0.1:0").await.context("the exchange cannot listen")?;
    let backend = node::backend(&format!("http://{}", listener.local_addr()?))?;
    let exchange = Exchange::new(node::identity_key(master), 1, Box::new(|| ambient::now().unix_ms()));
    Ok((backend, tokio::spawn(Arc::clone(&exchange).serve(listener))))
}

/// Reads the folder's master key, or makes one: only a sandbox keeps it beside its data.
fn master_key(folder: &Path) -> Result<MasterKey> {
    let file = folder.join(MASTER_KEY_FILE);
    if file.exists() {
        let text = std::fs::read_to_string(&file).context("the master key cannot be read")?;
        return Ok(MasterKey::parse(&text)?);
    }
    let mut bytes = [0; 32];
    ambient::entropy()(&mut bytes);
    let master = MasterKey::new(bytes);
    credentials::write(&file, master.to_text().expose())?;
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
        node::private_folder(&path)?;
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
