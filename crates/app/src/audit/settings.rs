//! What the configuration says of the audit log.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use keyward_notify::Post;
use keyward_rules::log::{Origin, SigningKey};
use keyward_store::{RootKey, Store};
use serde::{Deserialize, Serialize};

use super::{Folder, Notary};
use crate::checkpoint::Checkpoint;

/// The audit log's settings.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuditSettings {
    /// The log's name, which is the name of the key that signs checkpoints.
    pub origin: String,
    /// The folder that checkpoints are written to.
    pub checkpoint_dir: Option<PathBuf>,
    /// The address that checkpoints are sent to.
    pub checkpoint_url: Option<String>,
}

impl Default for AuditSettings {
    fn default() -> Self {
        Self { origin: "keyward/audit".to_owned(), checkpoint_dir: None, checkpoint_url: None }
    }
}

impl AuditSettings {
    /// What cannot be used.
    pub fn mistakes(&self) -> Vec<String> {
        let mut found = Vec::new();
        if let Err(problem) = Origin::parse(&self.origin) {
            found.push(format!("audit.origin: {problem}"));
        }
        if let Some(Err(problem)) = self.checkpoint_url.as_deref().map(Post::new) {
            found.push(format!("audit.checkpoint_url: {problem}"));
        }
        if self.checkpoint_dir.as_ref().is_some_and(|folder| !folder.is_absolute()) {
            found.push("audit.checkpoint_dir must be an absolute path".to_owned());
        }
        found
    }

    /// The key that signs checkpoints.
    pub fn key(&self, root: &RootKey) -> Result<SigningKey> {
        let origin = Origin::parse(&self.origin).context("audit.origin")?;
        SigningKey::from_seed(origin, &root.checkpoint_seed()).context("the log has no key to sign with")
    }

    /// Who signs, with the places that checkpoints go to and the node's file that counts them.
    pub fn notary(&self, store: &Store, node: Option<Arc<Checkpoint>>) -> Result<Notary> {
        let folder = self.checkpoint_dir.as_deref().map(Folder::new);
        let post =
            self.checkpoint_url.as_deref().map(Post::new).transpose().context("audit.checkpoint_url")?;
        Ok(Notary::new(store.log(), self.key(store.root())?, folder, post).counted_in(node))
    }
}

#[cfg(test)]
mod tests {
    use super::AuditSettings;

    #[test]
    fn only_what_can_be_used_is_taken() {
        let mistakes = |text: &str| toml::from_str::<AuditSettings>(text).map(|read| read.mistakes());
        assert_eq!(mistakes("").unwrap(), [""; 0]);
        assert!(mistakes("origin = 'a b'").unwrap()[0].contains("audit.origin"));
        assert!(mistakes("checkpoint_url = 'http://a.example/'").unwrap()[0].contains("checkpoint_url"));
        assert!(mistakes("checkpoint_dir = 'here'").unwrap()[0].contains("absolute"));
        assert!(mistakes("checkpoint_command = 'rm'").is_err(), "there is nothing to run");
    }
}
