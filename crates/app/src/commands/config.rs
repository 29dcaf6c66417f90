//! `keyward config …`.

use anyhow::Result;

use crate::arguments::Config;
use crate::doctor::{self, Level};
use crate::{config, output};

/// Runs one of the configuration commands.
pub fn run(command: Config) -> Result<()> {
    match command {
        Config::Example => output::data(config::EXAMPLE),
        Config::Check(options) => {
            let found = doctor::start_checks(&config::read(&options.config)?, &options.config);
            doctor::refuse_unsafe(&found)?;
            for one in found.iter().filter(|one| one.level != Level::Ok) {
                output::note(format_args!("{}: {} {}", one.name, one.means, one.advice));
            }
            output::data(format_args!("{} is good", options.config.display()))
        }
        Config::Show(options) => output::data(toml::to_string(&config::read(&options.config)?)?),
    }
}
