//! `keyward config …`.

use anyhow::Result;

use crate::arguments::Config;
use crate::config;
use crate::doctor::{self, Level};

/// Runs one of the configuration commands.
pub fn run(command: Config) -> Result<()> {
    match command {
        Config::Example => print!("{}", config::EXAMPLE),
        Config::Check(options) => {
            let found = doctor::start_checks(&config::read(&options.config)?, &options.config);
            config::refuse_unsafe(&found)?;
            println!("{} is good", options.config.display());
            for one in found.iter().filter(|one| one.level != Level::Ok) {
                eprintln!("{}: {} {}", one.name, one.means, one.advice);
            }
        }
        Config::Show(options) => print!("{}", toml::to_string(&config::read(&options.config)?)?),
    }
    Ok(())
}
