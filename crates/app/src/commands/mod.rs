//! The commands, one file each.

pub mod account;
pub mod approvals;
pub mod audit;
pub mod backup;
pub mod bans;
pub mod config;
pub mod doctor;
pub mod explain;
pub mod identity_key;
pub mod init;
pub mod key;
pub mod master_key;
pub mod operator;
pub mod restore;
pub mod review;
pub mod serve;
pub mod sub_account;
pub mod version;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use keyward_authority::{Authority, Settings};
use keyward_rules::grant::Actor;
use keyward_store::{Location, MasterKey, Store};

use crate::arguments::StoreChoice;
use crate::audit::AuditSettings;
use crate::checkpoint::{Checkpoint, NodeState};
use crate::files::{private_folder, refuse_key_inside};
use crate::master_key_source::MasterKeySource;
use crate::{ambient, checkpoint, config as settings, node, retention, sandbox};

/// A store that a command acts on.
struct Opened {
    store: Store,
    /// What its actions share.
    authority: Authority,
    audit: AuditSettings,
    /// What this node's file said before the store was opened, with its path.
    node: Option<(PathBuf, NodeState)>,
}

/// Opens the store that a command acts on, with what its actions share.
async fn open(choice: &StoreChoice) -> Result<(Store, Authority)> {
    let opened = opened(choice).await?;
    Ok((opened.store, opened.authority))
}

/// The same with what the audit log needs.
async fn opened(choice: &StoreChoice) -> Result<Opened> {
    let place = place(choice)?;
    let master = place.master()?;
    let state = place.checkpoint.as_deref().map(checkpoint::read).transpose()?.flatten();
    let store = Store::open(&place.location, &master, ambient::entropy(), ambient::now()).await?;
    let store = retention::reserved(store);
    // Whatever a command changes is kept there before the command says so, as the server does.
    let store = match &place.checkpoint {
        Some(file) => {
            let (checkpoint, seen) = Checkpoint::follow(file)?;
            store.witnessed(Arc::new(checkpoint).witness(), seen)
        }
        None => store,
    };
    let authority = node::authority(&store, place.rules);
    Ok(Opened { store, authority, audit: place.audit, node: place.checkpoint.zip(state) })
}

/// Where a command finds things.
struct Place {
    location: Location,
    master_key: MasterKeySource,
    /// Where the newest change seen is kept.
    checkpoint: Option<PathBuf>,
    rules: Settings,
    audit: AuditSettings,
}

impl Place {
    /// The master key, from where it is kept.
    fn master(&self) -> Result<MasterKey> {
        self.master_key.read()
    }

    /// Its file, for commands that make another one.
    fn key_file(&self) -> Result<&Path> {
        self.master_key.own_file().with_context(|| {
            format!(
                "the master key is {}, which this command cannot replace: keep it in a file to rotate it \
                 (docs/operating/keys.md)",
                self.master_key
            )
        })
    }

    /// The folder of SQLite's files; on PostgreSQL there is none.
    fn folder(&self) -> Result<&Path> {
        match &self.location {
            Location::Folder(folder) => Ok(folder),
            Location::Postgres(_) => anyhow::bail!(
                "the store is a PostgreSQL database: back it up and restore it with PostgreSQL's own tools, pg_dump or \
                 point-in-time recovery; docs/operating/backup.md says what to look at after a restore"
            ),
        }
    }
}

/// What the choice names; nothing is opened yet.
fn place(choice: &StoreChoice) -> Result<Place> {
    match (&choice.config, &choice.data) {
        (Some(file), _) => {
            let config = settings::read(file)?;
            let (location, master_key) = (Location::parse(&config.store.url)?, config.store.master_key()?);
            if let Location::Folder(folder) = &location {
                private_folder(folder)?;
                refuse_key_inside(folder, &master_key)?;
            }
            let (checkpoint, rules) = (config.checkpoint_file(&location), config.settings());
            Ok(Place { location, master_key, checkpoint, rules, audit: config.audit })
        }
        (None, Some(folder)) => Ok(Place {
            location: Location::Folder(folder.clone()),
            master_key: MasterKeySource::File(folder.join(sandbox::MASTER_KEY_FILE)),
            checkpoint: Some(folder.join(node::CHECKPOINT_FILE)),
            rules: Settings::default(),
            audit: AuditSettings::default(),
        }),
        (None, None) => anyhow::bail!("say which store: --config FILE or --data DIR"),
    }
}

/// The person at the host, as the system names them.
#[expect(clippy::disallowed_methods, reason = "the edge where the user's name comes in")]
fn host() -> Actor {
    let name = std::env::var("SUDO_USER")
        .or_else(|_| std::env::var("USER"))
        .unwrap_or_else(|_| "unknown".to_owned());
    let plain: String =
        name.chars().filter(|symbol| symbol.is_ascii_alphanumeric() || "-_.".contains(*symbol)).collect();
    Actor::Host(plain)
}
