//! What a machine notices about a submission, for the operators who decide. None of it reaches the broker.

use keyward_rules::address::{HostBits, Network};
use keyward_rules::app::VersionStanding;
use keyward_rules::limits::DAY_MS;
use keyward_rules::time::Moment;
use keyward_store::RangeVersion;

use crate::{ActionContext, ActionError};

/// IPv4 addresses in one set above which it is called very wide: a /20.
const WIDE_V4: u64 = 4_096;
/// The same for IPv6, in networks of /64: a /48.
const WIDE_V6: u64 = 1 << 16;
/// Versions of other apps that are compared.
const COMPARED: usize = 2_000;
/// For how long a retired range still tells something.
const RECENT_MS: u64 = 90 * DAY_MS;

/// Blocks that clouds and carriers of content hand to many customers in turn: a wide range there is not one broker's alone. A
/// few well-known ones per provider, from what the providers publish; it is a hint and no complete list.
const SHARED: &[(&str, &str)] = &[
    ("Amazon", "3.208.0.0/12"),
    ("Amazon", "18.204.0.0/14"),
    ("Amazon", "52.0.0.0/15"),
    ("Amazon", "54.144.0.0/14"),
    ("Amazon", "2600:1f00::/24"),
    ("Cloudflare", "104.16.0.0/13"),
    ("Cloudflare", "162.158.0.0/15"),
    ("Cloudflare", "172.64.0.0/13"),
    ("Cloudflare", "2606:4700::/32"),
    ("Google", "34.64.0.0/10"),
    ("Google", "35.184.0.0/13"),
    ("Google", "2600:1900::/28"),
    ("Microsoft", "20.33.0.0/16"),
    ("Microsoft", "40.64.0.0/10"),
    ("Microsoft", "2603:1000::/24"),
    ("DigitalOcean", "134.209.0.0/16"),
    ("DigitalOcean", "2604:a880::/32"),
    ("Hetzner", "5.9.0.0/16"),
    ("Hetzner", "88.198.0.0/16"),
    ("Hetzner", "2a01:4f8::/32"),
    ("OVH", "51.68.0.0/16"),
    ("OVH", "2001:41d0::/32"),
];

/// What was noticed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Findings {
    /// Very wide, in words.
    pub wide: Option<String>,
    /// Other apps whose ranges in force share addresses with these: name and how many blocks.
    pub overlaps: Vec<(String, usize)>,
    /// Providers whose shared ranges these lie in, with the block.
    pub shared: Vec<(&'static str, Network)>,
    /// Other apps that gave such addresses up within 90 days.
    pub retired: Vec<String>,
}

impl Findings {
    /// Whether there is nothing to look at.
    #[must_use]
    pub fn are_none(&self) -> bool {
        *self == Self::default()
    }
}

fn shares(one: Network, other: Network) -> bool {
    one.covers(other) || other.covers(one)
}

fn shared_with(version: &RangeVersion, other: &RangeVersion) -> usize {
    version.ranges.networks().iter().filter(|one| other.ranges.touches(**one)).count()
}

/// Looks at a version beside all others.
pub(super) async fn find(
    context: &ActionContext<'_>,
    version: &RangeVersion,
) -> Result<Findings, ActionError> {
    let reader = &context.authority.access.reader;
    let mut findings = Findings { wide: wide(version), shared: clouds(version), ..Findings::default() };
    let since = Moment::from_unix_ms(context.now.unix_ms().saturating_sub(RECENT_MS));
    let mut others = reader.range_versions_that(VersionStanding::Active, COMPARED).await?;
    others.extend(reader.range_versions_that(VersionStanding::Retiring, COMPARED).await?);
    others.extend(reader.range_versions_retired(since, COMPARED).await?);
    for other in others {
        let count = shared_with(version, &other);
        if other.app == version.app || count == 0 {
            continue;
        }
        let name = reader.app_profile(other.app).await?.map(|profile| profile.name.to_string());
        let name = name.unwrap_or_else(|| other.app.to_string());
        if other.standing.is_in_force() {
            if !findings.overlaps.iter().any(|(known, _)| *known == name) {
                findings.overlaps.push((name, count));
            }
        } else if !findings.retired.contains(&name) {
            findings.retired.push(name);
        }
    }
    Ok(findings)
}

fn wide(version: &RangeVersion) -> Option<String> {
    let size = keyward_rules::app::Size::of(version.ranges.networks());
    (size.v4_addresses > WIDE_V4 || size.v6_networks > WIDE_V6).then(|| super::size_in_words(size))
}

fn clouds(version: &RangeVersion) -> Vec<(&'static str, Network)> {
    let mut found = Vec::new();
    for (provider, block) in SHARED {
        let Ok(block) = Network::parse(block, HostBits::Refuse) else { continue };
        let within = version.ranges.networks().iter().filter(|range| shares(block, **range));
        found.extend(within.map(|range| (*provider, *range)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::SHARED;
    use keyward_rules::address::{HostBits, Network};

    #[test]
    fn every_shared_block_can_be_read() {
        for (provider, block) in SHARED {
            assert!(Network::parse(block, HostBits::Refuse).is_ok(), "{provider} {block}");
        }
    }
}
