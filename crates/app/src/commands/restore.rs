//! `keyward restore`: puts a backup back without bringing a dead key back to life.
//!
//! The store is made ready in a folder of its own: opened with the master key, its log checked, what may have ended
//! switched off. Only then does it take the place of what was there, and last the checkpoint.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use keyward_authority::Action as _;
use keyward_authority::operators::{FinishRestore, Since};
use keyward_rules::grant::Proof;
use keyward_rules::limits::TIMESTAMP_WINDOW_MS;
use keyward_rules::time::Moment;
use keyward_store::{Location, MasterKey, Seen, Signer, Store, Verification};
use serde_json::json;

use super::{Place, host, place};
use crate::arguments::backup::Restore;
use crate::backup::{Manifest, Staging, holds_a_store, move_aside};
use crate::checkpoint::{NodeState, Signed};
use crate::files::private_folder;
use crate::master_key_source::read_file;
use crate::{ambient, checkpoint, node, output};

/// Where the store is made ready, inside the data folder.
const STAGING: &str = "restore.partial";

/// Puts the backup back.
pub async fn run(options: Restore) -> Result<()> {
    let place = place(&options.store)?;
    let folder = place.folder()?.to_owned();
    let (master, taken_under) = (place.master()?, options.taken_under.as_deref());
    let former = taken_under.map(read_file).transpose()?;
    let opens = former.as_ref().unwrap_or(&master);
    private_folder(&folder)?;
    let _lock = node::lock(&folder).context("stop the server first")?;
    if holds_a_store(&folder) && !options.replace {
        bail!("{} already holds a store; use --replace to move it away first", folder.display());
    }
    let manifest = Manifest::read(&options.from, opens)?;
    manifest.check_parts(&options.from)?;
    let since = since(&place, &manifest)?;
    if since == Since::Unknown && !options.accept_rollback {
        bail!("{}", refusal(&place, &manifest)?);
    }
    let staging = Staging::new(folder.join(STAGING))?;
    staging.fill(&options.from)?;
    // What was copied is what was checked, whatever happened to the backup meanwhile.
    manifest.check_parts(staging.path())?;
    let now = ambient::now();
    let location = Location::Folder(staging.path().to_owned());
    let store = Store::open(&location, opens, ambient::entropy(), now).await?;
    let ready = make_ready(&store, &place, (&manifest, since, now), (opens, &master)).await;
    store.close().await;
    let (state, disabled) = ready?;
    let aside = match holds_a_store(&folder) {
        true => Some(move_aside(&folder, &format!("replaced-{}", now.unix_ms()))?),
        false => None,
    };
    staging.move_into(&folder)?;
    if let Some(file) = &place.checkpoint {
        checkpoint::replace(file, state)?;
    }
    let shown = if options.output.json {
        output::data(
            json!({"restored": folder, "revision": manifest.revision, "audit_size": manifest.audit_size,
            "rollback": since == Since::Unknown, "keys_disabled": disabled, "moved_aside": aside}),
        )
    } else {
        let shown = output::data(folder.display());
        tell(since, disabled, aside);
        shown
    };
    shown.with_context(|| format!("{} was restored, but that was not shown", folder.display()))
}

/// What is known of changes after the backup.
fn since(place: &Place, manifest: &Manifest) -> Result<Since> {
    let kept = place.checkpoint.as_deref().map(checkpoint::read).transpose()?.flatten();
    let whole = |kept: Seen| {
        let backup = manifest.seen();
        // A checkpoint of the first form did not count audit records, so it proves nothing.
        kept.audit > 0 && kept.revision <= backup.revision && kept.audit <= backup.audit
    };
    Ok(if kept.map(|kept| kept.seen).is_some_and(whole) { Since::Nothing } else { Since::Unknown })
}

fn refusal(place: &Place, manifest: &Manifest) -> Result<String> {
    let kept = place.checkpoint.as_deref().map(checkpoint::read).transpose()?.flatten();
    let missing = match kept {
        Some(kept) => format!(
            "the backup goes up to change {} and audit record {}, but this node has seen {} and {}",
            manifest.revision, manifest.audit_size, kept.seen.revision.0, kept.seen.audit
        ),
        None => "no checkpoint says which changes were made after the backup".to_owned(),
    };
    Ok(format!(
        "{missing}: keys that were disabled or deleted since would work again. Use a newer backup, or --accept-rollback, \
         which disables every key until its holder enables it again, and ends every session"
    ))
}

/// Checks the log against the manifest and itself, switches off what may have ended, and forgets which requests may
/// be sent again.
async fn make_ready(
    store: &Store,
    place: &Place,
    (manifest, since, now): (&Manifest, Since, Moment),
    (former, master): (&MasterKey, &MasterKey),
) -> Result<(NodeState, usize)> {
    let signer = Signer::Own(place.audit.key(store.root())?.verifier().clone());
    let verification = Verification { signer, kept: Vec::new(), witnessed: None };
    let verdict = store.log().verify(&verification, |_, _| {}).await?;
    if let Some(finding) = verdict.findings.first() {
        bail!("the backup's audit log is not as it was written: {finding}");
    }
    if (verdict.records, verdict.root.to_string()) != (manifest.audit_size, manifest.audit_root.clone()) {
        bail!("the backup's audit log is not the one that its manifest names");
    }
    let authority = node::authority(store, place.rules.clone());
    let finish = FinishRestore { kept: manifest.seen(), since, former, master };
    let disabled = finish.perform(&authority.context(host(), now), Proof::None).await?;
    // Requests of the last half minute may have been accepted by the store that was lost, with clocks that run ahead.
    let journal = store.journal();
    journal.take_marks(node::NODE, now).await?;
    let until = ambient::now().unix_ms() + TIMESTAMP_WINDOW_MS;
    journal.advance_horizon(node::NODE, Moment::from_unix_ms(until)).await?;
    // What was signed since the backup is not in it, and nobody dropped it.
    let (count, newest) = store.log().checkpoint_count().await?;
    Ok((NodeState { seen: store.seen().await?, signed: Signed { count, newest } }, disabled))
}

fn tell(since: Since, disabled: usize, aside: Option<PathBuf>) {
    match since {
        Since::Nothing => output::note("No acknowledged change is missing; no key was changed."),
        Since::Unknown => output::note(format_args!(
            "Changes after the backup may be missing. {disabled} keys were disabled until their holders enable them \
             again, and every session was ended. docs/operating/backup.md says what else to look at before you start."
        )),
    }
    if let Some(aside) = aside {
        output::note(format_args!("The previous store is now in {}.", aside.display()));
    }
    output::note("Requests that change something are refused with 50013 for half a minute.");
}
