//! Where a server's master key comes from: a file, a variable of the environment, or a credential that systemd hands over;
//! and how a new one is made.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use keyward_store::MasterKey;

use crate::ambient;

/// The variable in which systemd names the folder of a service's credentials (systemd.exec(5), LoadCredential).
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

/// One of the three; the configuration names exactly one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MasterKeySource {
    /// A file.
    File(PathBuf),
    /// A variable of this process's environment, by its name.
    Variable(String),
    /// A credential of this service, by its name.
    Credential(String),
}

impl MasterKeySource {
    /// The one that is given.
    ///
    /// # Errors
    /// What is wrong, as a sentence without its full stop.
    pub fn of(
        file: Option<&Path>,
        variable: Option<&str>,
        credential: Option<&str>,
    ) -> Result<Self, &'static str> {
        match (file, variable, credential) {
            (Some(file), None, None) => Ok(Self::File(file.to_owned())),
            (None, Some(name), None) if is_variable(name) => Ok(Self::Variable(name.to_owned())),
            (None, Some(_), None) => {
                Err("store.master_key_env is the name of a variable: letters, digits and `_`, no digit first")
            }
            (None, None, Some(name)) if is_credential(name) => Ok(Self::Credential(name.to_owned())),
            (None, None, Some(_)) => {
                Err("store.master_key_credential is the name of a credential, not a path")
            }
            (_, _, _) => Err(
                "name the master key once: store.master_key_file, store.master_key_env or store.master_key_credential",
            ),
        }
    }

    /// The master key.
    ///
    /// # Errors
    /// When it is not there, or is none; the text never repeats what was found.
    pub fn read(&self) -> Result<MasterKey> {
        match self {
            Self::File(file) => read_file(file),
            Self::Variable(name) => {
                let text = ambient::secret_variable(name)
                    .with_context(|| format!("the variable {name} is not set, so there is no master key"))?;
                MasterKey::parse(text.expose()).with_context(|| format!("the variable {name}"))
            }
            Self::Credential(name) => {
                let folder = ambient::path_variable(CREDENTIALS).with_context(|| {
                    format!("the credential {name} is not there: {CREDENTIALS} is not set, as systemd does for a service")
                })?;
                read_file(&folder.join(name))
            }
        }
    }

    /// The file that the owner of a server keeps, which commands may replace; the others are somebody else's.
    pub fn own_file(&self) -> Option<&Path> {
        match self {
            Self::File(file) => Some(file),
            Self::Variable(_) | Self::Credential(_) => None,
        }
    }
}

impl fmt::Display for MasterKeySource {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file) => write!(out, "{}", file.display()),
            Self::Variable(name) => write!(out, "the variable {name}"),
            Self::Credential(name) => write!(out, "the credential {name}"),
        }
    }
}

/// A master key, from a file.
pub fn read_file(file: &Path) -> Result<MasterKey> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("the master key {} cannot be read", file.display()))?;
    MasterKey::parse(&text).with_context(|| file.display().to_string())
}

/// A new master key from the system's randomness.
pub fn new_master_key() -> MasterKey {
    let mut bytes = [0; 32];
    ambient::entropy()(&mut bytes);
    MasterKey::new(bytes)
}

fn is_variable(name: &str) -> bool {
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    plain && name.bytes().next().is_some_and(|first| !first.is_ascii_digit())
}

/// The name of a file, and nothing that leads out of the folder.
fn is_credential(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/')
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::MasterKeySource;

    #[test]
    fn exactly_one_source_is_named() {
        let file = Some(Path::new("/etc/keyward/master.key"));
        let of = MasterKeySource::of;
        for (file, variable, credential) in [
            (file, None, None),
            (None, Some("KEYWARD_MASTER_KEY"), None),
            (None, Some("_k1"), None),
            (None, None, Some("keyward.master-key")),
            (None, None, Some("master_key")),
        ] {
            assert!(of(file, variable, credential).is_ok(), "{variable:?} {credential:?}");
        }
        for (file, variable, credential) in [
            (None, None, None),
            (file, Some("K"), None),
            (file, None, Some("k")),
            (None, Some("K"), Some("k")),
            (file, Some("K"), Some("k")),
            (None, Some(""), None),
            (None, Some("1K"), None),
            (None, Some("A=B"), None),
            (None, Some("A-B"), None),
            (None, Some("K "), None),
            (None, None, Some("")),
            (None, None, Some(".")),
            (None, None, Some("..")),
            (None, None, Some("../master.key")),
            (None, None, Some("/etc/keyward/master.key")),
            (None, None, Some("a\nb")),
        ] {
            assert!(of(file, variable, credential).is_err(), "{variable:?} {credential:?}");
        }
    }

    #[test]
    fn what_is_not_there_is_named_and_what_is_there_is_not_repeated() {
        let unset = MasterKeySource::Variable("KEYWARD_NO_SUCH_VARIABLE".to_owned()).read().err().unwrap();
        assert!(format!("{unset:#}").contains("KEYWARD_NO_SUCH_VARIABLE is not set"));
        let wrong = MasterKeySource::Variable("PATH".to_owned()).read().err().unwrap();
        assert!(format!("{wrong:#}").contains("PATH") && !format!("{wrong:#}").contains('/'), "{wrong:#}");
        let missing = MasterKeySource::File("/nowhere/master.key".into()).read().err().unwrap();
        assert!(format!("{missing:#}").contains("/nowhere/master.key"));
    }
}
