//! `keyward init`: a master key and a configuration to start from.

use anyhow::{Context as _, Result, bail};

use crate::arguments::Init;
use crate::commands::master_key::new_master_key;
use crate::sandbox::write_private;
use crate::{config, output};

/// Writes both files; never over existing ones.
pub fn run(options: &Init) -> Result<()> {
    let (key_file, config_file) = (options.dir.join("master.key"), options.dir.join("keyward.toml"));
    if key_file.exists() || config_file.exists() {
        bail!("{} already holds a master key or a configuration; nothing was written", options.dir.display());
    }
    std::fs::create_dir_all(&options.dir)
        .with_context(|| format!("cannot make {}", options.dir.display()))?;
    write_private(&key_file, new_master_key().to_text().expose())?;
    let example = config::EXAMPLE.replace("/etc/keyward/master.key", &key_file.display().to_string());
    write_private(&config_file, &example)?;
    let (key_file, config_file) = (key_file.display(), config_file.display());
    let shown = output::data(format_args!("{key_file}\n{config_file}"));
    output::note("Keep a copy of the master key elsewhere: without it, nothing in the store can be opened.");
    shown.with_context(|| format!("{key_file} and {config_file} were written, but not shown"))
}
