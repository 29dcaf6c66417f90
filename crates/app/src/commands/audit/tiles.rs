//! `keyward audit export --tiles`: the log up to its newest checkpoint as a folder that the tools of others read
//! (c2sp.org/tlog-tiles).

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use keyward_rules::log::{Checkpoint, Frontier, Hash, Tile, VerifierKey, entry};
use keyward_store::Log;

use crate::output;

/// Writes the folder, its checkpoint last and only if the records give its root.
pub async fn write(log: &Log, key: &VerifierKey, folder: &Path) -> Result<()> {
    let Some((_, note)) = log.newest_checkpoint().await? else {
        bail!("there is no checkpoint yet: `keyward serve` signs one every minute");
    };
    let checkpoint = Checkpoint::open_any_name(&note, key).context("the newest checkpoint does not count")?;
    std::fs::create_dir(folder).with_context(|| format!("{} cannot be created", folder.display()))?;
    let mut tree = Frontier::default();
    for tile in Tile::all(checkpoint.size) {
        let hashes = match tile.entries_path() {
            Some(path) => {
                let (bundle, hashes) = records(log, tile).await?;
                put(folder, &path, &bundle)?;
                for hash in &hashes {
                    tree.push(*hash);
                }
                hashes
            }
            None => log.stored(tile.stored()).await?,
        };
        let bytes: Vec<u8> = hashes.iter().flat_map(|hash| *hash.as_bytes()).collect();
        put(folder, &tile.path(), &bytes)?;
    }
    if tree.root() != checkpoint.root {
        bail!("the records do not give the root that was signed: run `keyward audit verify`");
    }
    put(folder, "checkpoint", note.as_bytes())?;
    output::note(format_args!("{} records in {}", checkpoint.size, folder.display()));
    Ok(())
}

/// The bundle of a tile's records, and their hashes.
async fn records(log: &Log, tile: Tile) -> Result<(Vec<u8>, Vec<Hash>)> {
    let (first, count) = tile.leaves();
    let (mut bundle, mut hashes) = (Vec::new(), Vec::new());
    // A page is longer than a tile is wide.
    let page = log.records(first + 1).await?;
    for (wanted, (n, record)) in (first + 1..=first + count).zip(&page) {
        if wanted != *n {
            bail!("record {wanted} is not there: run `keyward audit verify`");
        }
        bundle.extend(entry(record.as_bytes()).with_context(|| format!("record {n}"))?);
        hashes.push(Hash::of_leaf(record.as_bytes()));
    }
    Ok((bundle, hashes))
}

fn put(folder: &Path, path: &str, bytes: &[u8]) -> Result<()> {
    let file = folder.join(path);
    if let Some(parent) = file.parent() {
        std::fs::create_dir_all(parent)?;
    }
    std::fs::write(&file, bytes).with_context(|| format!("{} cannot be written", file.display()))
}
