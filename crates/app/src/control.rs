//! The wiring of the control plane: the console, and the courier that delivers what it says.

use std::net::TcpListener;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use keyward_api::day_sums::DaySums;
use keyward_api::open_sockets::OpenSockets;
use keyward_authority::Authority;
use keyward_console::{Console, DevMail, DevMessage, Running, SettingShown, Settings, Shell};
use keyward_edge::Proxies;
use keyward_notify::channel::{ChannelWorker, Client, Lanes};
use keyward_notify::{MailWorker, Mailbox, Smtp, Transport};
use keyward_rules::route::RouteTable;
use keyward_store::Store;
use tokio::runtime::{Handle, Runtime};
use tokio::task::JoinHandle;

use crate::{ambient, descriptors};

/// Where mails go.
pub enum Post {
    /// To a server.
    Smtp(Box<Smtp>),
    /// To a page of the sandbox.
    Mailbox,
}

/// The threads of the control plane. They give way to the gateway's: a crowd at the console must not slow orders down.
struct Threads {
    handle: Handle,
    /// Taken when this is dropped.
    runtime: Option<Runtime>,
}

/// Their nice value: large enough that requests pass first, and small enough that somebody can still disable keys while the
/// gateway is flooded (docs/decisions/0021).
const GIVE_WAY: i32 = 10;

impl Threads {
    fn start() -> std::io::Result<Self> {
        let give_way = || {
            // A machine that does not allow it serves all the same.
            let _ = rustix::process::nice(GIVE_WAY);
        };
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(2).thread_name("control").enable_all().on_thread_start(give_way);
        let runtime = builder.build()?;
        Ok(Self { handle: runtime.handle().clone(), runtime: Some(runtime) })
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        // Not waited for: this may be dropped where nothing may block, and what counts was awaited before.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// What the control plane needs to know.
pub struct Options {
    /// Where the console listens.
    pub listener: TcpListener,
    /// Its address as browsers see it.
    pub origin: String,
    /// The gateway's address, for snippets.
    pub gateway: String,
    /// Where mails go.
    pub post: Post,
    /// The configuration as operators see it.
    pub shown: Vec<SettingShown>,
    /// What sends to alert channels.
    pub channels: Client,
    /// The open sockets of the gateway in this process.
    pub sockets: Arc<dyn OpenSockets>,
    /// What keys have taken from the sums of their limits today.
    pub day_sums: Arc<dyn DaySums>,
    /// The proxies that may name their clients.
    pub proxies: Arc<Proxies>,
}

/// A running control plane.
pub struct Control {
    threads: Threads,
    shell: Shell,
    console: Running,
    couriers: [JoinHandle<()>; 2],
}

struct Page(Mailbox);

impl DevMail for Page {
    fn newest_first(&self) -> Vec<DevMessage> {
        let kept = self.0.newest_first().into_iter();
        kept.map(|one| DevMessage {
            to: one.mail.to,
            subject: one.mail.subject,
            text: one.mail.text,
            sent_at: one.at,
        })
        .collect()
    }
}

impl Control {
    /// Starts to serve and to deliver.
    pub fn start(store: &Store, authority: Arc<Authority>, options: Options) -> Result<Self> {
        let threads = Threads::start().context("no threads for the console")?;
        let (transport, mail) = match options.post {
            Post::Smtp(smtp) => (Transport::Smtp(smtp), None),
            Post::Mailbox => {
                let mailbox = Mailbox::default();
                (Transport::Mailbox(mailbox.clone()), Some(Box::new(Page(mailbox)) as Box<dyn DevMail>))
            }
        };
        let courier = MailWorker {
            outbox: store.outbox(),
            transport,
            console: options.origin.clone(),
            now: Arc::new(ambient::now),
        };
        let channels = ChannelWorker {
            deliveries: store.deliveries(),
            client: options.channels,
            now: Arc::new(ambient::now),
            entropy: ambient::entropy(),
            lanes: Lanes::default(),
        };
        let settings = Settings {
            origin: options.origin,
            gateway: options.gateway,
            mail,
            sockets: options.sockets,
            day_sums: options.day_sums,
            shown: options.shown,
        };
        let shell = Shell::new(authority, RouteTable::okx_v5(1)?, settings, Arc::new(ambient::now));
        let connections = descriptors::shares(descriptors::raise()).console;
        options.listener.set_nonblocking(true)?;
        let inside = threads.handle.enter();
        let listener = tokio::net::TcpListener::from_std(options.listener)
            .context("the console's listener cannot be used")?;
        let couriers = [tokio::spawn(courier.run()), tokio::spawn(channels.run())];
        let console = Console::new(shell.clone()).serve(listener, options.proxies, connections);
        drop(inside);
        Ok(Self { threads, shell, console, couriers })
    }

    /// The context of the console's handlers, which knows how the console stands, and where it may be asked.
    pub fn shell(&self) -> (Shell, Handle) {
        (self.shell.clone(), self.threads.handle.clone())
    }

    /// Stops: open requests end; what waits is delivered at the next start.
    pub async fn stop(self) {
        self.console.stop().await;
        for courier in self.couriers {
            courier.abort();
        }
        drop(self.threads);
    }
}
