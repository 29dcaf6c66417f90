//! The settings of sources: what one may send, and when it is closed out.

use std::path::PathBuf;

use keyward_rules::address::{HostBits, Network};
use serde::{Deserialize, Serialize};

/// The limits that a deployment may choose. A source is an IPv4 address or an IPv6 /64.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct SourceSettings {
    /// Requests of one source in a second, before any check.
    pub requests_per_second: u32,
    /// Bad credentials of one source in a minute; with more of them it is closed out.
    pub bad_credentials_per_minute: u32,
    /// For how many minutes.
    pub ban_minutes: u32,
    /// Addresses and blocks that are never closed out. Trusted proxies never are.
    pub never_ban: Vec<String>,
    /// Where the gateway keeps who is closed out, for `keyward bans`.
    pub ban_file: Option<PathBuf>,
}

impl Default for SourceSettings {
    fn default() -> Self {
        Self {
            requests_per_second: 1_000,
            bad_credentials_per_minute: 100,
            ban_minutes: 10,
            never_ban: Vec::new(),
            ban_file: None,
        }
    }
}

/// A week: who is kept out longer belongs into the firewall.
const LONGEST_BAN_MINUTES: u32 = 7 * 24 * 60;
/// Entries of the list.
const NEVER_BANNED: usize = 1_000;

impl SourceSettings {
    /// What cannot be used.
    pub fn mistakes(&self) -> Vec<String> {
        let counts = [
            ("sources.requests_per_second", self.requests_per_second, 1_000_000),
            ("sources.bad_credentials_per_minute", self.bad_credentials_per_minute, 1_000_000),
            ("sources.ban_minutes", self.ban_minutes, LONGEST_BAN_MINUTES),
        ];
        let odd = counts.into_iter().filter(|(_, count, most)| !(1..=*most).contains(count));
        let mut found: Vec<String> =
            odd.map(|(name, _, most)| format!("{name} must be from 1 to {most}")).collect();
        found.extend(self.never_banned().err());
        found
    }

    /// The networks that are never closed out.
    ///
    /// # Errors
    /// What is wrong, as a sentence without its full stop.
    pub fn never_banned(&self) -> Result<Vec<Network>, String> {
        if self.never_ban.len() > NEVER_BANNED {
            return Err(format!("sources.never_ban has {NEVER_BANNED} entries at most"));
        }
        let read = |text: &String| {
            let network = Network::parse(text, HostBits::Refuse);
            let network = network.map_err(|wrong| format!("sources.never_ban: {text}: {wrong}"))?;
            let all = [Network::V4(0, 0), Network::V6(0, 0)];
            if all.contains(&network) {
                return Err("sources.never_ban: a block of all addresses would switch bans off".to_owned());
            }
            Ok(network)
        };
        self.never_ban.iter().map(read).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::SourceSettings;

    #[test]
    fn what_cannot_be_used_is_named() {
        let with = |never_ban: &[&str]| SourceSettings {
            never_ban: never_ban.iter().map(|&text| text.to_owned()).collect(),
            ..SourceSettings::default()
        };
        assert!(with(&["192.0.2.0/24", "2001:db8::/48"]).mistakes().is_empty());
        for wrong in ["0.0.0.0/0", "::/0", "192.0.2.1/24", "office", ""] {
            assert_eq!(with(&[wrong]).mistakes().len(), 1, "{wrong}");
        }
        let zero = SourceSettings { ban_minutes: 0, requests_per_second: 0, ..SourceSettings::default() };
        assert_eq!(zero.mistakes().len(), 2);
    }
}
