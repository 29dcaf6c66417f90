//! Whether the store opens with the master key, and whether its audit log is signed and let out.

use keyward_rules::log::Checkpoint;
use keyward_store::{Location, MasterKey, Store};

use super::Finding;
use crate::ambient;
use crate::config::Config;

const KEY: &str = "doctor.master_key";
const STORE: &str = "doctor.store";
const LOG: &str = "doctor.audit.checkpoint";

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
            found.push(log(config, &store).await);
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

/// What is not covered by a checkpoint can be rewritten without a trace.
async fn log(config: &Config, store: &Store) -> Finding {
    let log = store.log();
    let newest = log.newest_checkpoint().await.ok().flatten().map(|(_, note)| note);
    let key = config.audit.key(store.root()).ok();
    let signed =
        newest.zip(key).and_then(|(note, key)| Checkpoint::open_any_name(&note, key.verifier()).ok());
    let covered = signed.map_or(0, |signed| signed.size);
    match log.size().await {
        Ok(size)
            if size == covered
                && config.audit.checkpoint_dir.is_none()
                && config.audit.checkpoint_url.is_none() =>
        {
            Finding::warning(
                LOG,
                "Checkpoints of the audit log stay in the store: who rewrites it rewrites them too.",
                "Set audit.checkpoint_dir or audit.checkpoint_url to a place on another machine.",
            )
        }
        Ok(size) if size == covered => Finding::good(LOG, format!("All {size} audit records are signed.")),
        Ok(size) => Finding::warning(
            LOG,
            format!("{} of {size} audit records are under no checkpoint.", size.saturating_sub(covered)),
            "A running server signs once a minute; if it runs, look for `no checkpoint` in its log.",
        ),
        Err(_) => Finding::refused(LOG, "The audit log cannot be read.", "Run `keyward audit verify`."),
    }
}
