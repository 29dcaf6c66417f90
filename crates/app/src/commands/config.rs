//! `keyward config …`.

use anyhow::Result;

use crate::arguments::Config;
use crate::{config, output};

/// Runs one of the configuration commands.
pub fn run(command: Config) -> Result<()> {
    match command {
        Config::Example => output::data(config::EXAMPLE),
        Config::Check(options) => {
            config::read(&options.config)?;
            output::data(format_args!("{} is good", options.config.display()))
        }
        Config::Show(options) => output::data(toml::to_string(&config::read(&options.config)?)?),
    }
}
