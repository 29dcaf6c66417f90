//! What a backup says about itself, and the tag that holds it to that.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use keyward_rules::id::Revision;
use keyward_rules::time::Moment;
use keyward_store::{BACKUP_PARTS, Copied, MasterKey, Seen, Steps, fingerprint, known_steps};
use serde::{Deserialize, Serialize};

/// The manifest's name in a backup.
pub const MANIFEST_FILE: &str = "manifest.json";
/// The one form there is.
const FORM: &str = "keyward backup 1";
/// No manifest is longer.
const LONGEST: u64 = 64 * 1024;

/// What a backup holds.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    form: String,
    /// The version of the program that wrote it.
    pub program: String,
    /// When changes were held to copy it, in milliseconds.
    pub taken_at_ms: u64,
    schema_main: u64,
    schema_activity: u64,
    /// The newest change in it.
    pub revision: u64,
    /// Its audit records.
    pub audit_size: u64,
    /// The root over these.
    pub audit_root: String,
    master_key: String,
    parts: Vec<PartEntry>,
    /// Over everything before it.
    #[serde(default)]
    tag: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PartEntry {
    name: String,
    bytes: u64,
    blake3: String,
}

impl Manifest {
    /// Of a copy, tagged by the master key.
    pub fn of(copied: &Copied, master: &MasterKey, now: Moment) -> Result<Self> {
        if !copied.master_key.is_empty() && copied.master_key != master.id().to_string() {
            bail!(
                "the store is under the master key called {}, and this is {}: put the right one in place, or finish the \
                 rotation with `keyward master-key rotate`",
                copied.master_key,
                master.id()
            );
        }
        let parts = copied.parts.iter();
        let entry = |name: &str, bytes, blake3: &str| {
            let (name, blake3) = (name.to_owned(), blake3.to_owned());
            PartEntry { name, bytes, blake3 }
        };
        let mut manifest = Self {
            form: FORM.to_owned(),
            program: env!("CARGO_PKG_VERSION").to_owned(),
            taken_at_ms: now.unix_ms(),
            schema_main: copied.steps.main,
            schema_activity: copied.steps.activity,
            revision: copied.seen.revision.0,
            audit_size: copied.seen.audit,
            audit_root: copied.root.to_string(),
            master_key: master.id().to_string(),
            parts: parts.map(|part| entry(part.name, part.bytes, &part.blake3)).collect(),
            tag: String::new(),
        };
        manifest.tag = master.manifest_tag(&serde_json::to_vec(&manifest)?);
        Ok(manifest)
    }

    /// Reads a backup's manifest and refuses what is no whole backup of this deployment for this program.
    pub fn read(backup: &Path, master: &MasterKey) -> Result<Self> {
        let file = backup.join(MANIFEST_FILE);
        let unreadable = || format!("{} cannot be read", file.display());
        if std::fs::metadata(&file).with_context(unreadable)?.len() > LONGEST {
            bail!("{} is too large for a manifest", file.display());
        }
        let text = std::fs::read(&file).with_context(unreadable)?;
        let mut manifest: Self = serde_json::from_slice(&text)
            .with_context(|| format!("{} is no manifest of a backup", file.display()))?;
        if manifest.form != FORM {
            bail!("{} is of a form that this program does not know; use the newer program", file.display());
        }
        if manifest.master_key != master.id().to_string() {
            bail!(
                "the backup was made under another master key, called {:.16}; if that key was replaced since, name its file \
                 with --taken-under",
                manifest.master_key
            );
        }
        let tag = std::mem::take(&mut manifest.tag);
        if !master.is_manifest_tag(&serde_json::to_vec(&manifest)?, &tag) {
            bail!("{} was altered", file.display());
        }
        manifest.tag = tag;
        let known: Steps = known_steps();
        if manifest.schema_main > known.main || manifest.schema_activity > known.activity {
            bail!("the backup was made by version {}, which is newer; use that program", manifest.program);
        }
        if !manifest.parts.iter().map(|part| part.name.as_str()).eq(BACKUP_PARTS) {
            bail!("{} does not name the parts of a backup", file.display());
        }
        Ok(manifest)
    }

    /// Refuses a folder whose parts are not those of the manifest.
    pub fn check_parts(&self, folder: &Path) -> Result<()> {
        for part in &self.parts {
            let file = folder.join(&part.name);
            let found = fingerprint(&file).with_context(|| format!("{} cannot be read", file.display()))?;
            if found != (part.bytes, part.blake3.clone()) {
                bail!("{} does not match the manifest: it was altered or damaged", file.display());
            }
        }
        Ok(())
    }

    /// How far it goes.
    pub fn seen(&self) -> Seen {
        Seen { revision: Revision(self.revision), audit: self.audit_size }
    }
}

#[cfg(test)]
mod tests {
    use keyward_rules::id::Revision;
    use keyward_rules::log::Hash;
    use keyward_rules::time::Moment;
    use keyward_store::{BACKUP_PARTS, Copied, MasterKey, Part, Seen, known_steps};

    use super::{MANIFEST_FILE, Manifest};

    fn told(text: &str, master: u8) -> String {
        let folder = std::env::temp_dir().join(format!("keyward-manifest-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(MANIFEST_FILE), text).unwrap();
        let read = Manifest::read(&folder, &MasterKey::new([master; 32]));
        std::fs::remove_dir_all(&folder).unwrap();
        read.map_or_else(|problem| format!("{problem:#}"), |_| String::new())
    }

    #[test]
    fn only_this_deployments_own_manifest_counts() {
        let part = |name| Part { name, bytes: 1, blake3: "00".to_owned() };
        let parts = BACKUP_PARTS.map(part).to_vec();
        let seen = Seen { revision: Revision(7), audit: 9 };
        let copied =
            Copied { steps: known_steps(), seen, root: Hash::of_nothing(), master_key: String::new(), parts };
        let write = |copied: &Copied| {
            let manifest = Manifest::of(copied, &MasterKey::new([3; 32]), Moment::from_unix_ms(1));
            serde_json::to_string(&manifest.unwrap()).unwrap()
        };
        let good = write(&copied);
        assert_eq!(told(&good, 3), "");
        assert!(told(&good, 4).contains("another master key"));
        assert!(told(&good.replace("\"revision\":7", "\"revision\":8"), 3).contains("altered"));
        assert!(
            told(&good.replace("\"audit_size\":9", "\"audit_size\":9,\"x\":1"), 3).contains("no manifest")
        );
        assert!(told(&good.replace("backup 1", "backup 2"), 3).contains("newer program"));
        let mut newer = copied.clone();
        newer.steps.main += 1;
        assert!(told(&write(&newer), 3).contains("which is newer"));
        let fewer = Copied { parts: Vec::new(), ..copied };
        assert!(told(&write(&fewer), 3).contains("does not name the parts"));
    }
}
