//! The commands, one file each.

pub mod account;
pub mod audit;
pub mod config;
pub mod explain;
pub mod init;
pub mod key;
pub mod operator;
pub mod serve;
pub mod version;

use anyhow::{Context as _, Result};
use keyward_authority::{Authority, Settings};
use keyward_rules::grant::Actor;
use keyward_store::{Location, MasterKey, Store};

use crate::arguments::StoreChoice;
use crate::audit::AuditSettings;
use crate::{ambient, config as settings, node, sandbox};

/// A store that a command acts on.
struct Opened {
    store: Store,
    /// What its actions share.
    authority: Authority,
    master: MasterKey,
    audit: AuditSettings,
}

/// Opens the store that a command acts on, with what its actions share.
async fn open(choice: &StoreChoice) -> Result<(Store, Authority)> {
    let opened = opened(choice).await?;
    Ok((opened.store, opened.authority))
}

/// The same with what the audit log needs.
async fn opened(choice: &StoreChoice) -> Result<Opened> {
    let (mut policy, mut audit) = (Settings::default(), AuditSettings::default());
    let (location, key_file) = match (&choice.config, &choice.data) {
        (Some(file), _) => {
            let config = settings::read(file)?;
            let location = Location::parse(&config.store.url)?;
            if let Location::Folder(folder) = &location {
                node::private_folder(folder)?;
                settings::refuse_key_inside(folder, &config.store.master_key_file)?;
            }
            policy = config.settings();
            audit = config.audit;
            (location, config.store.master_key_file)
        }
        (None, Some(folder)) => (Location::Folder(folder.clone()), folder.join(sandbox::MASTER_KEY_FILE)),
        (None, None) => anyhow::bail!("say which store: --config FILE or --data DIR"),
    };
    let text = std::fs::read_to_string(&key_file)
        .with_context(|| format!("the master key {} cannot be read", key_file.display()))?;
    let master = MasterKey::parse(&text)?;
    let store = Store::open(&location, &master, ambient::entropy(), ambient::now()).await?;
    let authority = node::authority(&store, &master, policy);
    Ok(Opened { store, authority, master, audit })
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
