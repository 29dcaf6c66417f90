//! Whether the store opens with the master key; and what then can be asked of it.

use keyward_store::{Location, Store, StoreError};

use super::node::{self, Served};
use super::{Finding, checkpoints, clock, sub_accounts};
use crate::ambient;
use crate::commands::master_key::next_file;
use crate::config::Config;
use crate::master_key_source::MasterKeySource;

const STORE: &str = "doctor.store";
const NEXT: &str = "doctor.master_key.next";

/// The findings about the store, which is only read, and who serves on it where it is a database; none without the master
/// key, which [`files`](super::files) looks at. An empty place is not filled.
pub async fn examine(config: &Config) -> (Vec<Finding>, Served) {
    let mut found = Vec::new();
    let Ok(source) = config.store.master_key() else { return (found, Served::Unknown) };
    let Ok(master) = source.read() else { return (found, Served::Unknown) };
    let Ok(location) = Location::parse(&config.store.url) else { return (found, Served::Unknown) };
    let mut served = Served::Unknown;
    if let Location::Folder(folder) = &location
        && !folder.join("keyward.db").exists()
    {
        let means = format!("{} holds no store yet.", folder.display());
        let advice = "The first start makes one. If there was one, restore a backup before you start.";
        found.push(Finding::warning(STORE, means, advice));
        return (found, served);
    }
    match Store::look_at(&location, &master, ambient::entropy(), ambient::now()).await {
        Ok(store) => {
            found.push(Finding::good(STORE, "The store opens with the master key."));
            if next_waits(&source) {
                found.push(Finding::note(
                    NEXT,
                    "The next master key is in a file next to the current one.",
                    "Put it in place with `keyward master-key rotate` once operators approved it, or remove the file.",
                ));
            }
            served = node::database(&store).await;
            found.extend(clock::beside(&store).await);
            found.extend(checkpoints::examine(config, &store).await);
            found.extend(sub_accounts::examine(config, &store).await);
            store.close().await;
        }
        Err(StoreError::OlderSchema { found: 0, .. }) => found.push(Finding::warning(
            STORE,
            "The database holds no store yet.",
            "The first start makes one. If there was one, restore a backup before you start.",
        )),
        Err(problem @ StoreError::OlderSchema { .. }) => found.push(Finding::note(
            STORE,
            format!("The store is of an older version: {problem}."),
            "Back it up before you start this program; the older one cannot read it afterwards.",
        )),
        Err(StoreError::WrongMasterKey) if next_waits(&source) => {
            found.push(Finding::refused(
                STORE,
                "The store does not open with the master key, and the next one is in a file next to it: a rotation was interrupted.",
                "Run `keyward master-key rotate` again; it finishes.",
            ));
        }
        Err(problem) if problem.is_out_of_reach() => found.push(Finding::refused(
            STORE,
            format!("The database is not reached: {:#}.", anyhow::Error::from(problem)),
            "Start the database, or look at store.url, the network, the firewall, user and password. Nothing is wrong with \
             the store itself.",
        )),
        Err(problem) => found.push(Finding::refused(
            STORE,
            format!("The store does not open: {:#}.", anyhow::Error::from(problem)),
            "Use the master key and the program that belong to it, or restore a backup.",
        )),
    }
    (found, served)
}

/// Whether the next master key lies beside today's.
fn next_waits(source: &MasterKeySource) -> bool {
    source.own_file().is_some_and(|file| next_file(file).exists())
}
