//! `keyward serve`: the gateway in front of a real exchange.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use keyward_authority::Settings;
use keyward_gateway::day_sums::DaySums;
use keyward_gateway::{Listener, Registry};
use keyward_rules::decision::Door;
use keyward_store::{Location, Store};
use tokio::signal::unix::{SignalKind, signal};
use tracing::{error, info};

use crate::arguments::ConfigFile;
use crate::commands::operator;
use crate::config::GatewaySettings;
use crate::control::{self, Control, Post};
use crate::files::private_folder;
use crate::node::{self, Node, NodeOptions};
use crate::status::{Status, Watched};
use crate::tls::{self, Certificate};
use crate::{ambient, config, doctor, exchange, retention};

/// Runs until SIGINT or SIGTERM; SIGHUP has the certificate and the level of the log read again.
pub async fn run(file: &ConfigFile) -> Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let settings = config::read(&file.config)?;
    if settings.given.iter().any(|name| name == "log.level") {
        settings.log.apply();
    }
    doctor::refuse_unsafe(&doctor::start_checks(&settings, &file.config))?;
    let location = Location::parse(&settings.store.url)?;
    let _lock = match &location {
        Location::Folder(folder) => {
            private_folder(folder)?;
            Some(node::lock(folder)?)
        }
        Location::Postgres(_) => None,
    };
    let master = settings.store.master_key()?.read()?;
    let store = Store::open(&location, &master, ambient::entropy(), ambient::now()).await?;
    let store = retention::reserved(store);
    let claim = node::claim(&store).await?;
    let (store, checkpoint) = node::checked(store, settings.checkpoint_file(&location).as_deref()).await?;
    let exchange =
        exchange::open(&store, settings.exchange.client(node::identity_key(store.root()))?).await?;
    let certificate = Files::of(&settings.gateway).map(|files| files.read()).transpose()?;
    let certificate_in_use = certificate.as_ref().map(|(certificate, _)| certificate);
    let listeners = listeners(&settings.gateway, certificate_in_use)?;
    let metrics = settings.metrics.as_ref().map(|metrics| node::listen(metrics.listen)).transpose()?;
    let threads = settings
        .gateway
        .threads
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, std::num::NonZero::get));
    let backend = node::backend(&settings.upstream.url, &settings.upstream.pass_headers)?;
    let channels = settings.channels.client()?;
    let rules = Settings { channels: channels.policy().clone(), ..settings.settings() };
    let authority = Arc::new(node::authority(&store, rules));
    let shown = settings.shown();
    let proxies = Arc::new(settings.proxies.proxies().map_err(anyhow::Error::msg)?);
    let set_up_link = settings.set_up_link_file(&location);
    let sockets = node::sockets(&settings.sockets);
    let day_sums = Arc::new(DaySums::default());
    let control = match (settings.console, settings.mail) {
        (Some(console), Some(mail)) => {
            operator::offer_first(&authority, &console.origin, set_up_link.as_deref()).await?;
            let options = control::Options {
                listener: node::listen(console.listen)?,
                origin: console.origin,
                gateway: console.gateway,
                post: Post::Smtp(Box::new(mail.sender()?)),
                shown,
                channels,
                sockets: Arc::<Registry>::clone(&sockets),
                day_sums: Arc::<DaySums>::clone(&day_sums),
                proxies: Arc::clone(&proxies),
            };
            Some(Control::start(&store, Arc::clone(&authority), options)?)
        }
        (_, _) => None,
    };
    let notary = settings.audit.notary(&store, checkpoint.clone())?;
    let options = NodeOptions {
        listeners,
        backend,
        sources: settings.sources,
        raise_rates: 1,
        threads,
        claim,
        proxies,
        sockets,
        day_sums,
        authority,
        retention: settings.journal,
        checkpoint,
        notary,
        exchange,
    };
    let node = Node::start(&store, options).await?;
    let console = control.as_ref().map(Control::shell);
    let watched = Watched {
        request_context: node.request_context(),
        pulses: node.pulses(),
        exchange: node.exchange_lag(),
        console,
    };
    let status = metrics.map(|listener| Status::start(listener, watched)).transpose()?;
    info!(upstream = settings.upstream.url, "serving");
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hangup.recv() => reload(&file.config, certificate.as_ref()),
        }
    }
    info!("stopping; a second signal stops at once");
    let again = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    node.request_context().sockets.farewell(again).await;
    if let Some(control) = control {
        control.stop().await;
    }
    node.stop().await?;
    drop(status);
    store.close().await;
    Ok(())
}

/// Where certificate and key are.
struct Files {
    chain: PathBuf,
    key: PathBuf,
}

impl Files {
    fn of(gateway: &GatewaySettings) -> Option<Self> {
        let (chain, key) = (gateway.tls_certificate_file.clone()?, gateway.tls_key_file.clone()?);
        Some(Self { chain, key })
    }

    fn read(self) -> Result<(Arc<Certificate>, Self)> {
        Ok((Certificate::read(&self.chain, &self.key)?, self))
    }
}

fn reload(config: &Path, certificate: Option<&(Arc<Certificate>, Files)>) {
    match config::read(config) {
        Ok(settings) => settings.log.apply(),
        Err(problem) => error!("the log level was not changed: {problem:#}"),
    }
    match certificate.map(|(certificate, files)| certificate.replace(&files.chain, &files.key)) {
        None => info!("asked to read the certificate again, but there is none"),
        Some(Ok(())) => info!("the certificate was reloaded; new connections use it"),
        Some(Err(problem)) => error!("the certificate was not replaced: {problem:#}"),
    }
}

/// The gateway's listeners. Those with TLS have a certificate, as the settings were checked.
fn listeners(
    settings: &GatewaySettings,
    certificate: Option<&Arc<tls::Certificate>>,
) -> Result<Vec<Listener>> {
    let plain = [(settings.listen, Door::Everybody), (settings.apps_listen, Door::Apps)];
    let secure = [(settings.tls_listen, Door::Everybody), (settings.apps_tls_listen, Door::Apps)];
    let mut all = Vec::new();
    for (address, door) in plain {
        let socket = address.map(node::listen).transpose()?;
        all.extend(socket.map(|socket| Listener { socket, tls: None, door }));
    }
    for (address, door) in secure {
        if let (Some(address), Some(certificate)) = (address, certificate) {
            let tls = Some(tls::server_config(Arc::clone(certificate))?);
            all.push(Listener { socket: node::listen(address)?, tls, door });
        }
    }
    Ok(all)
}
