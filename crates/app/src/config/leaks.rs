//! The part of the configuration that names whose reports of leaked secrets are believed.

use keyward_rules::leak::{Reporter, Reporters};
use serde::{Deserialize, Serialize};

/// Reports of leaked secrets.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct LeakSettings {
    /// Scanners whose signed reports are believed.
    pub reporters: Vec<ReporterSettings>,
}

/// One of them.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ReporterSettings {
    /// Its name, which the owners of keys see.
    pub name: String,
    /// The id of its key, as it stands in the header of a report.
    pub key_id: String,
    /// Its public key, in PEM.
    pub public_key: String,
}

impl LeakSettings {
    /// The same as the rules take it.
    ///
    /// # Errors
    /// All that is wrong, each as a sentence without its full stop.
    pub fn reporters(&self) -> Result<Reporters, Vec<String>> {
        let mut wrong = Vec::new();
        let mut reporters = Vec::new();
        for one in &self.reporters {
            match Reporter::new(&one.name, &one.key_id, &one.public_key) {
                Ok(reporter) => reporters.push(reporter),
                Err(why) => wrong.push(format!("leaks.reporters `{}`: {why}", one.name.escape_debug())),
            }
        }
        let all = Reporters::new(reporters).map_err(|why| wrong.push(format!("leaks.reporters: {why}")));
        if let (Ok(all), true) = (all, wrong.is_empty()) { Ok(all) } else { Err(wrong) }
    }
}

#[cfg(test)]
mod tests {
    use super::{LeakSettings, ReporterSettings};

    const KEY: &str = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAERIQEj1p2SIp7ixUpUcn/4iZ/7OHS\n\
        4kdRfxIoh5g4y2ngKPX7om2LDhVy1zUskxmU3fNs+U67bujkB1JuGBX37Q==\n-----END PUBLIC KEY-----\n";

    fn mistakes(reporters: &[(&str, &str, &str)]) -> String {
        let one = |(name, key_id, public_key): &(&str, &str, &str)| ReporterSettings {
            name: (*name).to_owned(),
            key_id: (*key_id).to_owned(),
            public_key: (*public_key).to_owned(),
        };
        let settings = LeakSettings { reporters: reporters.iter().map(one).collect() };
        settings.reporters().err().unwrap_or_default().join("; ")
    }

    #[test]
    fn a_reporter_has_a_name_and_a_key_of_its_own() {
        assert_eq!(mistakes(&[]), "");
        assert_eq!(mistakes(&[("GitHub", "a", KEY), ("Our scanner", "b", &KEY.replace('\n', " "))]), "");
        assert!(mistakes(&[("GitHub", "a", KEY), ("Other", "a", KEY)]).contains("a key_id of its own"));
        let all = mistakes(&[("", "a", KEY), ("GitHub", "", KEY), ("Other", "c", "nonsense")]);
        for part in ["name has 1 to 40", "key_id has 1 to 128", "`Other`: a reporter's public_key"] {
            assert!(all.contains(part), "{all}");
        }
    }
}
