//! Whether the store opens with the master key; and what then can be asked of it.

use keyward_store::{Location, MasterKey, Store};

use super::{Finding, checkpoints, clock};
use crate::ambient;
use crate::config::Config;

const KEY: &str = "doctor.master_key";
const STORE: &str = "doctor.store";

/// The findings about the store; an empty place is not filled.
pub async fn examine(config: &Config) -> Vec<Finding> {
    let text = std::fs::read_to_string(&config.store.master_key_file).unwrap_or_default();
    let Ok(master) = MasterKey::parse(&text) else {
        return vec![Finding::refused(
            KEY,
            format!("{} holds no master key that can be read.", config.store.master_key_file.display()),
            "Put the master key there that the store was made with; `keyward init` makes one for a new store.",
        )];
    };
    let mut found = vec![Finding::good(KEY, "The master key can be read.")];
    let Ok(location) = Location::parse(&config.store.url) else { return found };
    if let Location::Folder(folder) = &location
        && !folder.join("keyward.db").exists()
    {
        let means = format!("{} holds no store yet.", folder.display());
        let advice = "The first start makes one. If there was one, restore a backup before you start.";
        found.push(Finding::warning(STORE, means, advice));
        return found;
    }
    match Store::open(&location, &master, ambient::entropy(), ambient::now()).await {
        Ok(store) => {
            found.push(Finding::good(STORE, "The store opens with the master key."));
            found.extend(clock::beside(&store).await);
            found.extend(checkpoints::examine(config, &store).await);
            store.close().await;
        }
        Err(problem) => found.push(Finding::refused(
            STORE,
            format!("The store does not open: {:#}.", anyhow::Error::from(problem)),
            "Use the master key and the program that belong to it, or restore a backup.",
        )),
    }
    found
}
