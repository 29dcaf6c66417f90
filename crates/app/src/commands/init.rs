//! `keyward init`: a master key and a configuration to start from.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::arguments::Init;
use crate::files::{private_folder, write_private};
use crate::master_key_source::new_master_key;
use crate::{config, output};

/// The folder that the example configuration is written for; its store is a folder that the system keeps.
const USUAL: &str = "/etc/keyward";

/// Writes both files; never over existing ones.
pub fn run(options: &Init) -> Result<()> {
    let dir = std::path::absolute(&options.dir)
        .with_context(|| format!("{} is no folder", options.dir.display()))?;
    let (key_file, config_file) = (dir.join("master.key"), dir.join("keyward.toml"));
    if key_file.exists() || config_file.exists() {
        bail!("{} already holds a master key or a configuration; nothing was written", dir.display());
    }
    let text = configuration(&dir)?;
    private_folder(&dir)?;
    write_private(&key_file, new_master_key().to_text().expose())?;
    write_private(&config_file, &text)?;
    let (key_file, config_file) = (key_file.display(), config_file.display());
    let shown = output::data(format_args!("{key_file}\n{config_file}"));
    output::note(
        "Keep a copy of the master key elsewhere: without it, nothing in the store can be opened. Both files are for the \
         user who ran this; `keyward serve` must run as the same user.",
    );
    shown.with_context(|| format!("{key_file} and {config_file} were written, but not shown"))
}

/// The example with the paths of `dir`: the store lies in it too, so that the user who made it can serve.
fn configuration(dir: &Path) -> Result<String> {
    if dir == Path::new(USUAL) {
        return Ok(config::EXAMPLE.to_owned());
    }
    let quoted = |path: PathBuf| {
        let text = path.to_str().map(str::to_owned);
        let text = text.with_context(|| format!("{} is no text that TOML can hold", path.display()))?;
        anyhow::Ok(toml::Value::String(text).to_string())
    };
    let (url, key) = (quoted(dir.join("data"))?, quoted(dir.join("master.key"))?);
    Ok(config::EXAMPLE
        .replace("url = \"/var/lib/keyward\"", &format!("url = {url}"))
        .replace("master_key_file = \"/etc/keyward/master.key\"", &format!("master_key_file = {key}")))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    use std::path::Path;

    use super::configuration;
    use crate::config::{Config, EXAMPLE};

    #[test]
    fn every_path_is_read_back_as_it_was_written() {
        for dir in [
            "/srv/keyward",
            "/srv/key ward",
            "/srv/it's",
            "/srv/a\"b",
            "/srv/a\\b",
            "/srv/a\\nb",
            "/srv/$HOME",
            "/srv/#1",
            "/srv/sch\u{fc}tz",
            "/srv/a\tb",
            "/srv/a\nb",
            "/srv/'''",
            "/srv/\"\"\"",
        ] {
            let config: Config = toml::from_str(&configuration(Path::new(dir)).unwrap()).unwrap();
            assert_eq!(config.store.url, format!("{dir}/data"));
            assert_eq!(config.store.master_key_file, Some(Path::new(dir).join("master.key")));
        }
        assert!(configuration(Path::new(OsStr::from_bytes(b"/srv/\xff"))).is_err());
    }

    #[test]
    fn the_usual_folder_has_the_usual_store() {
        assert_eq!(configuration(Path::new("/etc/keyward")).unwrap(), EXAMPLE);
        assert_eq!(configuration(Path::new("/etc/keyward/")).unwrap(), EXAMPLE);
        assert_ne!(configuration(Path::new("/etc/keyward/one")).unwrap(), EXAMPLE);
    }
}
