//! `keyward config …`.

use anyhow::Result;

use crate::arguments::Config;
use crate::config;

/// Runs one of the configuration commands.
pub fn run(command: Config) -> Result<()> {
    match command {
        Config::Example => print!("{}", config::EXAMPLE),
        Config::Check(options) => {
            config::read(&options.config)?;
            println!("{} is good", options.config.display());
        }
        Config::Show(options) => print!("{}", toml::to_string(&config::read(&options.config)?)?),
    }
    Ok(())
}
