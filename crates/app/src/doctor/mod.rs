//! `keyward doctor`: what is wrong with a set-up, each finding with a name that stays.
//!
//! Owns: the checks, one file per subject. What a machine says is read in one function and judged in another, which is
//! tested. `serve` refuses to start on those of [`files`] that are refused.

mod checkpoints;
mod clock;
pub mod files;
mod finding;
mod host;
mod mail;
mod network;
mod proxy;
mod space;
mod store;

pub use finding::{Finding, Level};
pub use mail::{send_test, untested};

use crate::config::{Config, ConfigError};

const CONFIG: &str = "doctor.config";

/// All findings; good ones among them.
pub async fn examine(config: &Config) -> Vec<Finding> {
    let mut found = vec![Finding::good(CONFIG, "The configuration has no mistake.")];
    found.extend(files::examine(config));
    found.extend(space::examine(config));
    found.extend(host::Host::look().judge());
    found.extend(clock::examine().await);
    found.extend(store::examine(config).await);
    found.extend(network::examine(config).await);
    found.extend(proxy::examine(config));
    found.extend(mail::examine(config).await);
    found
}

/// What is found without a configuration that can be used: its mistakes, and what the machine says by itself.
pub async fn without_config(problem: &ConfigError) -> Vec<Finding> {
    const ADVICE: &str =
        "Correct the file, or name another with --config; `keyward config example` explains every setting.";
    let mistakes = problem.mistakes().iter();
    let mut found: Vec<Finding> =
        mistakes.map(|mistake| Finding::refused(CONFIG, format!("{mistake}."), ADVICE)).collect();
    found.extend(host::Host::look().judge());
    found.extend(clock::examine().await);
    found
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    const PAGE: &str = include_str!("../../../../docs/operating/hosting.md");

    /// What stands between `mark` and the next one, if it is the name of a finding.
    fn names(text: &str, mark: char) -> BTreeSet<String> {
        let name = |part: &&str| part.starts_with("doctor.") && !part.contains(char::is_whitespace);
        text.split(mark).filter(name).map(str::to_owned).collect()
    }

    #[test]
    fn the_page_for_operators_names_every_finding_and_no_other() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/doctor");
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let code: BTreeSet<String> = files
            .flat_map(|file| {
                let text = std::fs::read_to_string(file).unwrap();
                names(text.split("#[cfg(test)]").next().unwrap(), '"')
            })
            .collect();
        assert!(code.len() > 20, "{code:?}");
        assert_eq!(code, names(PAGE, '`'));
    }
}
