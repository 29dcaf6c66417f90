//! `keyward master-key …`: another master key takes the place of today's, without a pause.
//!
//! The store has one root key, and the master key only wraps that. So a rotation is one row, written with its audit
//! record, and then two files that change names. A run that is broken off between the two is finished by the next.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use keyward_authority::operators::{Approvers, rotate_master_key};
use keyward_store::{MasterKey, Store, StoreError};
use serde_json::json;

use super::{Place, host, place};
use crate::arguments::Output;
use crate::arguments::master_key::{MasterKey as Command, WhichStore};
use crate::checkpoint::Checkpoint;
use crate::files::write_private;
use crate::master_key_source::{new_master_key, read_file};
use crate::{ambient, node, output};

/// Runs one of the commands.
pub async fn run(command: Command) -> Result<()> {
    match command {
        Command::Show(options) => show(&options).await,
        Command::New(options) => new(&options).await,
        Command::Rotate(options) => rotate(&options).await,
    }
}

/// Where the next master key waits.
pub fn next_file(key_file: &Path) -> PathBuf {
    let mut name = key_file.as_os_str().to_owned();
    name.push(".next");
    PathBuf::from(name)
}

async fn show(options: &WhichStore) -> Result<()> {
    let place = place(&options.store)?;
    let file = place.master()?.id();
    // Only a file has the next one beside it.
    let next = place.master_key.own_file().map(next_file).filter(|next| next.exists());
    let next = next.map(|next| read_file(&next)).transpose()?.map(|key| key.id());
    let opens = open(&place, &place.master()?).await?;
    if let Some(store) = &opens {
        store.close().await;
    }
    if options.output.json {
        let next = next.map(|id| id.to_string());
        return output::data(json!({"master_key": file.to_string(), "opens": opens.is_some(), "next": next}));
    }
    output::data(file)?;
    match (opens, next) {
        (None, Some(_)) => output::note(
            "It does not open the store. A rotation was interrupted: run `keyward master-key rotate` again.",
        ),
        (None, None) => output::note("It does not open the store: this is another store's master key."),
        (Some(_), Some(next)) => output::note(format_args!(
            "It opens the store. The next master key, {next}, must be approved and put in place."
        )),
        (Some(_), None) => output::note("It opens the store."),
    }
    Ok(())
}

async fn new(options: &WhichStore) -> Result<()> {
    let place = place(&options.store)?;
    place.master()?;
    let file = next_file(place.key_file()?);
    if file.exists() {
        let (today, next) = (place.master()?, read_file(&file)?);
        if open(&place, &today).await?.is_none() && open(&place, &next).await?.is_some() {
            bail!(
                "a rotation was interrupted, and the store needs {} now: run `keyward master-key rotate`",
                file.display()
            );
        }
        bail!("{} is there already, called {}; use it, or remove it", file.display(), read_file(&file)?.id());
    }
    let next = new_master_key();
    write_private(&file, next.to_text().expose())?;
    let shown = if options.output.json {
        output::data(json!({"file": file, "master_key": next.id().to_string()}))
    } else {
        let shown = output::data(next.id());
        output::note(format_args!(
            "It waits in {}. Now an operator proposes the master key of this name, in the console under Operations, \
             Settings, and others approve it. Then run `keyward master-key rotate` here.",
            file.display()
        ));
        shown
    };
    shown.with_context(|| format!("{} was written, but not shown", file.display()))
}

async fn rotate(options: &WhichStore) -> Result<()> {
    let place = place(&options.store)?;
    let (today, next_file) = (place.master()?, next_file(place.key_file()?));
    if !next_file.exists() {
        bail!("there is no {}; make it with `keyward master-key new`", next_file.display());
    }
    let next = read_file(&next_file)?;
    // The store must never need a key that a power cut could take.
    sync(&next_file).with_context(|| format!("{} cannot be made durable", next_file.display()))?;
    let mut first = false;
    let approvers = match open(&place, &today).await? {
        Some(store) => {
            first = store.root().is(&today);
            let authority = node::authority(&store, place.rules.clone());
            let done = rotate_master_key(&authority.context(host(), ambient::now()), &today, &next).await;
            store.close().await;
            Some(done?)
        }
        None => {
            // Broken off after the store had it: what is left is to give the files their names.
            let store = open(&place, &next).await?;
            store.context("neither the current nor the next master key opens the store")?.close().await;
            None
        }
    };
    let kept = change_names(place.key_file()?, &next_file, &today)?;
    let shown = tell(&options.output, (&today, &next), approvers, &kept);
    if first {
        output::note(format_args!(
            "This store is from before root keys, and its first master key, {}, stays its root: anybody who has that and any \
             copy of the database, older or newer, still opens it. docs/operating/keys.md says more.",
            today.id()
        ));
    }
    shown.with_context(|| format!("the master key {} is in place, but that was not shown", next.id()))
}

/// The store, if this master key opens it.
async fn open(place: &Place, master: &MasterKey) -> Result<Option<Store>> {
    match Store::open(&place.location, master, ambient::entropy(), ambient::now()).await {
        Ok(store) => Ok(Some(match &place.checkpoint {
            Some(file) => {
                let (checkpoint, seen) = Checkpoint::follow(file)?;
                store.witnessed(std::sync::Arc::new(checkpoint).witness(), seen)
            }
            None => store,
        })),
        Err(StoreError::WrongMasterKey) => Ok(None),
        Err(other) => Err(other.into()),
    }
}

/// Keeps today's file under a name of its own and puts the next in its place; at no moment is there none.
fn change_names(key_file: &Path, next_file: &Path, today: &MasterKey) -> Result<PathBuf> {
    let mut kept = key_file.as_os_str().to_owned();
    kept.push(format!(".until-{}", today.id()));
    let kept = PathBuf::from(kept);
    let by_hand = || {
        format!(
            "the store needs the next master key from now on, but {} cannot take its place: put it there yourself before the \
             next start, and keep the old one for older backups",
            next_file.display()
        )
    };
    if !kept.exists() {
        std::fs::hard_link(key_file, &kept).with_context(by_hand)?;
    }
    std::fs::rename(next_file, key_file).with_context(by_hand)?;
    sync(key_file).with_context(by_hand)?;
    Ok(kept)
}

/// A file and its name, on the disk.
fn sync(file: &Path) -> std::io::Result<()> {
    std::fs::File::open(file)?.sync_all()?;
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::File::open(folder)?.sync_all()
}

fn tell(
    output: &Output,
    (today, next): (&MasterKey, &MasterKey),
    approvers: Option<Approvers>,
    kept: &Path,
) -> Result<()> {
    let proposal = match approvers {
        Some(Approvers::Operators(id)) => Some(id.to_string()),
        Some(Approvers::HostAlone) | None => None,
    };
    if output.json {
        return output::data(
            json!({"master_key": next.id().to_string(), "until_now": today.id().to_string(),
            "proposal": proposal, "kept": kept}),
        );
    }
    let shown = output::data(next.id());
    match approvers {
        Some(Approvers::Operators(id)) => output::note(format_args!("Proposal {id} is carried out.")),
        Some(Approvers::HostAlone) => {
            output::note("This deployment has no operators, so nobody else was asked.");
        }
        None => output::note("The interrupted rotation is finished."),
    }
    output::note(format_args!(
        "Servers that run go on; the next start uses the new key. Keep a copy of it elsewhere. The old one is in {}: only \
         backups from before need it (`keyward restore --taken-under`). Every other node needs the new file as well.",
        kept.display()
    ));
    shown
}
