//! `keyward doctor`: what is wrong with a set-up, each finding with a name that stays.
//!
//! Owns: the checks, one file per subject. What a machine says is read in one function and judged in another, which is
//! tested. [`start_checks`] are those that `serve` makes before it opens anything; it does not start on what they refuse.

mod channels;
mod checkpoints;
mod clock;
mod files;
mod finding;
mod host;
mod listeners;
mod mail;
mod network;
mod node;
mod own_group;
mod places;
mod proxy;
mod space;
mod store;
mod sub_accounts;
mod tls;

pub use finding::{Finding, Level};
pub use mail::{send_test, untested};

use std::path::Path;

use crate::ambient;
use crate::config::{Config, ConfigError};

const CONFIG: &str = "doctor.config";

/// What this machine says of a start, for `serve`, `doctor` and `config check` alike. `file` is the configuration itself.
/// Nothing is opened, and nothing outside this machine is asked.
pub fn start_checks(config: &Config, file: &Path) -> Vec<Finding> {
    let served = node::folder(config);
    let mut found = files::examine(config, file);
    found.extend(tls::examine(config, ambient::now()));
    found.extend(places::examine(config));
    found.extend(
        [mail::usable(config), channels::examine(config), sub_accounts::authority(config)]
            .into_iter()
            .flatten(),
    );
    found.push(host::Host::look().open_files());
    found.extend(listeners::examine(config, served));
    found.extend(node::finding(served));
    found
}

/// What `keyward doctor` refuses of this machine is no set-up to serve with.
pub fn refuse_unsafe(found: &[Finding]) -> Result<(), ConfigError> {
    let refused = found.iter().filter(|one| one.level == Level::Refused);
    let mistakes: Vec<String> =
        refused.map(|one| format!("{}: {} {}", one.name, one.means, one.advice)).collect();
    if mistakes.is_empty() { Ok(()) } else { Err(ConfigError::of(mistakes)) }
}

/// All findings; good ones among them. `file` is the configuration itself. What others must answer is asked at once, so that
/// the slowest says how long it takes.
pub async fn examine(config: &Config, file: &Path) -> Vec<Finding> {
    let (clock, (store, served), network, mail) = tokio::join!(
        clock::examine(),
        store::examine(config),
        network::examine(config),
        mail::examine(config)
    );
    let mut found = vec![Finding::good(CONFIG, "The configuration has no mistake.")];
    let mut start = start_checks(config, file);
    if served == node::Served::Here {
        listeners::excuse(&mut start);
    }
    found.extend(start);
    found.extend(node::finding(served));
    found.extend(space::examine(config));
    found.extend(host::Host::look().judge());
    found.extend(clock);
    found.extend(store);
    found.extend(network);
    found.extend(proxy::examine(config));
    found.extend(mail);
    found
}

/// What is found without a configuration that can be used: its mistakes, and what the machine says by itself.
pub async fn without_config(problem: &ConfigError) -> Vec<Finding> {
    const ADVICE: &str =
        "Correct the file, or name another with --config; `keyward config example` explains every setting.";
    let mistakes = problem.mistakes().iter();
    let mut found: Vec<Finding> =
        mistakes.map(|mistake| Finding::refused(CONFIG, format!("{mistake}."), ADVICE)).collect();
    found.push(host::Host::look().open_files());
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
