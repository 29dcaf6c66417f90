//! `keyward bans`.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use serde_json::json;

use crate::arguments::Bans;
use crate::bans::{Ban, read, rules};
use crate::{ambient, config, output};

/// Lists the sources that are closed out, or makes rules of them.
pub fn run(options: &Bans) -> Result<()> {
    let config = config::read(&options.config)?;
    let Some(file) = &config.sources.ban_file else {
        bail!(
            "set `ban_file` under [sources] in {} and restart the gateway: it keeps its bans in that file",
            options.config.display()
        );
    };
    let (bans, now) = (read(file)?, ambient::now());
    if options.nft || options.apply {
        let ports: BTreeSet<u16> = config
            .listeners()
            .into_iter()
            .filter(|(name, _)| name.starts_with("gateway."))
            .map(|(_, address)| address.port())
            .collect();
        let text = rules(&bans, &ports, now);
        if !options.apply {
            return output::data(text);
        }
        apply(&text)?;
        return output::data(format!("{} in the firewall's set", counted(bans.len())));
    }
    if options.output.json {
        let all: Vec<_> = bans
            .iter()
            .map(|ban| json!({"source": ban.source().to_string(), "until_ms": ban.until.unix_ms(), "seconds_left": ban.seconds_left(now)}))
            .collect();
        return output::data(json!(all));
    }
    if bans.is_empty() {
        return output::data("no source is closed out");
    }
    let line = |ban: &Ban| format!("{:<24} {} s left\n", ban.source().to_string(), ban.seconds_left(now));
    output::data(bans.iter().map(line).collect::<String>())
}

fn counted(count: usize) -> String {
    if count == 1 { "1 source is".to_owned() } else { format!("{count} sources are") }
}

fn apply(text: &str) -> Result<()> {
    let mut nft = Command::new("nft").args(["-f", "-"]).stdin(Stdio::piped()).spawn().context(
        "cannot run `nft`: install nftables, or print the rules with --nft and apply them elsewhere",
    )?;
    if let Some(mut input) = nft.stdin.take() {
        input.write_all(text.as_bytes()).context("`nft` does not read its rules")?;
    }
    let status = nft.wait().context("`nft` did not end")?;
    if !status.success() {
        bail!("`nft` refused the rules ({status}); it needs root or CAP_NET_ADMIN, and says more above");
    }
    Ok(())
}
