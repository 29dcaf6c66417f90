//! Sources that are closed out, in a file beside the gateway, and as rules for the kernel's firewall.
//!
//! The gateway has no right to change a firewall, and needs none: it writes the file, and `keyward bans` makes rules of it, run by
//! somebody who may.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use keyward_gateway::RequestContext;
use keyward_rules::address::Source;
use keyward_rules::time::Moment;
use tracing::error;

use crate::ambient;
use crate::files::write_private;
use crate::tasks::Heartbeat;

/// How often it is looked whether there is another ban.
const LOOK: Duration = Duration::from_secs(1);
/// The first line of the file.
const HEAD: &str = "# sources that keyward has closed out, and until when (milliseconds since 1970)";

/// A source that is closed out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ban {
    /// An IPv4 address, or the first address of an IPv6 /64.
    pub address: IpAddr,
    /// Until when.
    pub until: Moment,
}

impl Ban {
    /// For how many seconds it still lasts, rounded up.
    pub fn seconds_left(&self, now: Moment) -> u64 {
        self.until.ms_since(now).div_ceil(1_000)
    }

    /// The source, as people write it.
    pub fn source(&self) -> Source {
        Source::of(self.address)
    }
}

/// Keeps the file as the gateway's bans are.
pub async fn keep(context: Arc<RequestContext>, file: PathBuf, pulse: Heartbeat) {
    let mut written: Option<String> = None;
    loop {
        let now_ms = context.clock().now().unix_ms();
        let text = text_of(&context.counters.sources.bans(now_ms));
        if written.as_ref() != Some(&text) {
            let (file, lines) = (file.clone(), text.clone());
            match tokio::task::spawn_blocking(move || write_private(&file, &lines)).await {
                Ok(Ok(())) => written = Some(text),
                Ok(Err(problem)) if pulse.may_tell() => {
                    error!(
                        problem = format!("{problem:#}"),
                        "the file of bans cannot be written; this is logged once a minute"
                    );
                }
                Ok(Err(_)) | Err(_) => {}
            }
        }
        if written.is_some() {
            pulse.beat();
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn text_of(bans: &[(IpAddr, u64)]) -> String {
    let lines: BTreeSet<String> = bans.iter().map(|(address, until)| format!("{address} {until}")).collect();
    let lines = lines.into_iter().map(|line| line + "\n");
    std::iter::once(format!("{HEAD}\n")).chain(lines).collect()
}

/// Reads the file; bans that are over are left out.
pub fn read(file: &Path) -> Result<Vec<Ban>> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("cannot read {}: is the gateway running?", file.display()))?;
    let now = ambient::now();
    let mut bans = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let read = line.split_once(' ').and_then(|(address, until)| {
            Some(Ban { address: address.parse().ok()?, until: Moment::from_unix_ms(until.parse().ok()?) })
        });
        match read {
            Some(ban) if ban.until > now => bans.push(ban),
            Some(_) => {}
            None => bail!("{}: `{line}` is no ban", file.display()),
        }
    }
    Ok(bans)
}

/// Rules for `nft -f`, which drop what these sources send to the gateway's ports. One transaction: they take the place of those from
/// before. Each ban ends by itself, also when nobody runs this again.
pub fn rules(bans: &[Ban], ports: &BTreeSet<u16>, now: Moment) -> String {
    let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
    let ports = ports.join(", ");
    let (mut v4, mut v6) = (Vec::new(), Vec::new());
    for ban in bans {
        let seconds = ban.seconds_left(now).max(1);
        let set = if ban.address.is_ipv4() { &mut v4 } else { &mut v6 };
        set.push(format!("{} timeout {seconds}s", ban.source()));
    }
    let elements = |all: &[String]| match all {
        [] => String::new(),
        all => format!("\t\telements = {{ {} }}\n", all.join(",\n\t\t\t")),
    };
    let mut text = String::from("table inet keyward\ndelete table inet keyward\ntable inet keyward {\n");
    // Writing into memory does not fail.
    let _ = write!(
        text,
        "\tset banned_v4 {{\n\t\ttype ipv4_addr\n\t\tflags timeout\n{}\t}}\n\
         \tset banned_v6 {{\n\t\ttype ipv6_addr\n\t\tflags interval, timeout\n{}\t}}\n\
         \tchain input {{\n\t\ttype filter hook input priority -10; policy accept;\n\
         \t\tip saddr @banned_v4 tcp dport {{ {ports} }} drop\n\
         \t\tip6 saddr @banned_v6 tcp dport {{ {ports} }} drop\n\t}}\n}}\n",
        elements(&v4),
        elements(&v6)
    );
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use keyward_rules::time::Moment;

    use super::{Ban, rules, text_of};

    #[test]
    fn rules_name_sources_ports_and_times() {
        let ban = |address: &str, until| Ban {
            address: address.parse().unwrap(),
            until: Moment::from_unix_ms(until),
        };
        let bans = [ban("203.0.113.9", 61_000), ban("2001:db8::", 1_500)];
        let text = rules(&bans, &BTreeSet::from([8481, 8482]), Moment::from_unix_ms(1_000));
        for part in [
            "delete table inet keyward",
            "elements = { 203.0.113.9 timeout 60s }",
            "elements = { 2001:db8::/64 timeout 1s }",
            "ip saddr @banned_v4 tcp dport { 8481, 8482 } drop",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!rules(&[], &BTreeSet::from([1]), Moment::from_unix_ms(0)).contains("elements"));
        let listed = text_of(&[("203.0.113.9".parse().unwrap(), 5), ("192.0.2.1".parse().unwrap(), 4)]);
        assert!(listed.ends_with("\n192.0.2.1 4\n203.0.113.9 5\n"), "{listed}");
    }
}
