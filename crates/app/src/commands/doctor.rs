//! `keyward doctor`: all findings, worst at a glance.

use std::io::IsTerminal as _;

use anyhow::{Result, bail};

use crate::arguments::Doctor;
use crate::doctor::{Finding, Level, examine};
use crate::{ambient, config};

/// Prints the findings; fails when one of them is refused.
pub async fn run(options: &Doctor) -> Result<()> {
    let config = config::read(&options.config)?;
    let found = examine(&config).await;
    if options.output.json {
        println!("{}", serde_json::to_string(&found)?);
    } else {
        show(&found);
    }
    match found.iter().filter(|one| one.level == Level::Refused).count() {
        0 => Ok(()),
        count => bail!("{count} findings must be settled first"),
    }
}

fn show(found: &[Finding]) {
    let coloured = std::io::stdout().is_terminal() && ambient::colours();
    let wide = found.iter().map(|one| one.name.len()).max().unwrap_or_default();
    for one in found {
        let (word, colour) = match one.level {
            Level::Ok => ("ok", "32"),
            Level::Warning => ("warning", "33"),
            Level::Refused => ("refused", "31"),
        };
        let word = format!("{word:<7}");
        let word = if coloured { format!("\x1b[{colour}m{word}\x1b[0m") } else { word };
        println!("{word}  {:<wide$}  {}", one.name, one.means);
        if !one.advice.is_empty() {
            println!("{:9}{:wide$}  {}", "", "", one.advice);
        }
    }
}
