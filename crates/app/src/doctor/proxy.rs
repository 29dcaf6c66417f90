//! Who stands between people and us. No header about a client is believed, so a proxy's address counts as theirs.

use std::net::SocketAddr;

use super::Finding;
use crate::config::{Config, ConsoleSettings};

const GATEWAY: &str = "doctor.proxy.gateway";
const CONSOLE: &str = "doctor.proxy.console";

/// The findings about proxies, from what the configuration says; what stands in between is not seen from here.
pub fn examine(config: &Config) -> Vec<Finding> {
    let reached = [config.gateway.listen, config.gateway.tls_listen];
    let mut found = vec![gateway(reached.into_iter().flatten().collect())];
    found.extend(config.console.as_ref().map(console));
    found
}

fn gateway(listeners: Vec<SocketAddr>) -> Finding {
    let outside: Vec<String> =
        listeners.iter().filter(|one| !one.ip().is_loopback()).map(ToString::to_string).collect();
    if outside.is_empty() {
        return Finding::warning(
            GATEWAY,
            "The gateway listens on this machine only: clients elsewhere come by a proxy, whose address counts as \
             theirs for bound keys, rates and closed sources, because no header is believed.",
            "Let clients connect to gateway.tls_listen themselves. If all of them run on this machine, all is well.",
        );
    }
    Finding::note(
        GATEWAY,
        format!(
            "Who connects to {} is the client, and no header says otherwise; a proxy before it is not seen from here.",
            outside.join(" and ")
        ),
        "Put nothing before the gateway that makes connections of its own: its address would count as everybody's.",
    )
}

fn console(settings: &ConsoleSettings) -> Finding {
    if settings.origin.starts_with("http://") {
        return Finding::good(
            CONSOLE,
            "Browsers on this machine reach the console themselves, without a proxy.",
        );
    }
    Finding::note(
        CONSOLE,
        format!(
            "A proxy with TLS must answer for {} and pass requests to {}. Its address counts as everybody's: limits per \
             source are shared, and audit and alerts show it. Whether it passes Host unchanged is not seen from here.",
            settings.origin, settings.listen
        ),
        "Let the proxy limit tries per address, and keep its log beside the audit log.",
    )
}

#[cfg(test)]
mod tests {
    use super::examine;
    use crate::config::{Config, EXAMPLE};
    use crate::doctor::Level;

    /// The levels for gateway and console.
    fn levels(config: &str) -> Vec<(&'static str, Level)> {
        let config: Config = toml::from_str(config).unwrap();
        examine(&config).iter().map(|one| (one.name, one.level)).collect()
    }

    #[test]
    fn a_gateway_for_this_machine_only_has_a_proxy_before_it() {
        let with = |listen: &str| EXAMPLE.replace("listen = \"127.0.0.1:8481\"", listen);
        assert_eq!(levels(EXAMPLE), [("doctor.proxy.gateway", Level::Warning)]);
        for outside in ["listen = \"[::]:8481\"", "tls_listen = \"203.0.113.1:8482\""] {
            assert_eq!(levels(&with(outside)), [("doctor.proxy.gateway", Level::Note)], "{outside}");
        }
    }

    #[test]
    fn a_console_with_tls_has_a_proxy_before_it() {
        for (origin, expected) in
            [("https://keys.example.com", Level::Note), ("http://localhost:8480", Level::Ok)]
        {
            let console =
                format!("[console]\nlisten = \"127.0.0.1:8480\"\norigin = \"{origin}\"\ngateway = \"\"\n");
            assert_eq!(levels(&format!("{EXAMPLE}\n{console}"))[1], ("doctor.proxy.console", expected));
        }
    }
}
