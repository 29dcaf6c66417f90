//! Who stands between people and us: whose word on the client's address is believed.

use std::net::SocketAddr;

use super::Finding;
use crate::config::{Config, ConsoleSettings, ProxySettings};

const GATEWAY: &str = "doctor.proxy.gateway";
const CONSOLE: &str = "doctor.proxy.console";

/// The findings about proxies, from what the configuration says; what stands in between is not seen from here.
pub fn examine(config: &Config) -> Vec<Finding> {
    let settings = &config.gateway;
    let reached = [settings.listen, settings.tls_listen, settings.apps_listen, settings.apps_tls_listen];
    let mut found = vec![gateway(reached.into_iter().flatten().collect(), &config.proxies)];
    found.extend(config.console.as_ref().map(|settings| console(settings, &config.proxies)));
    found
}

/// Whose word counts, and in which form.
fn trusted(proxies: &ProxySettings) -> String {
    let form = match proxies.client_address.as_deref() {
        Some("proxy-protocol") => "the PROXY protocol",
        Some(_) | None => "X-Forwarded-For or Forwarded",
    };
    format!("Connections from {} name their clients by {form}.", proxies.trusted.join(", "))
}

fn gateway(listeners: Vec<SocketAddr>, proxies: &ProxySettings) -> Finding {
    if !proxies.trusted.is_empty() {
        return Finding::note(
            GATEWAY,
            trusted(proxies),
            "Make sure that only your proxies have these addresses, and that they replace what clients write into \
             these headers.",
        );
    }
    let outside: Vec<String> =
        listeners.iter().filter(|one| !one.ip().is_loopback()).map(ToString::to_string).collect();
    if outside.is_empty() {
        return Finding::warning(
            GATEWAY,
            "The gateway listens on this machine only: clients elsewhere come by a proxy, whose address counts as \
             theirs for bound keys, rates and closed sources, because no proxy is trusted.",
            "Name the proxy in [proxies] trusted, or let clients connect to gateway.tls_listen themselves. If all of \
             them run on this machine, all is well.",
        );
    }
    Finding::note(
        GATEWAY,
        format!("No proxy is trusted: the client is the address that connects to {}.", outside.join(" and ")),
        "If a proxy stands before it, name it in [proxies] trusted: otherwise all clients seem to have its address.",
    )
}

fn console(settings: &ConsoleSettings, proxies: &ProxySettings) -> Finding {
    if settings.origin.starts_with("http://") {
        return Finding::good(
            CONSOLE,
            "Browsers on this machine reach the console themselves, without a proxy.",
        );
    }
    let passes = format!(
        "A proxy with TLS must answer for {} and pass requests to {}.",
        settings.origin, settings.listen
    );
    if proxies.trusted.is_empty() {
        return Finding::warning(
            CONSOLE,
            format!("{passes} None is trusted, so all clients share its address and its limits."),
            "Name the proxy in [proxies] trusted.",
        );
    }
    Finding::note(
        CONSOLE,
        format!("{passes} {}", trusted(proxies)),
        "Whether it passes Host unchanged is not seen from here.",
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
            [("https://keys.example.com", Level::Warning), ("http://localhost:8480", Level::Ok)]
        {
            let console =
                format!("[console]\nlisten = \"127.0.0.1:8480\"\norigin = \"{origin}\"\ngateway = \"\"\n");
            assert_eq!(levels(&format!("{EXAMPLE}\n{console}"))[1], ("doctor.proxy.console", expected));
        }
    }

    #[test]
    fn who_is_trusted_is_told() {
        let config = format!(
            "{EXAMPLE}\n[proxies]\ntrusted = [\"10.0.0.7\"]\n[console]\nlisten = \"127.0.0.1:8480\"\n\
             origin = \"https://keys.example.com\"\ngateway = \"\"\n"
        );
        assert_eq!(
            levels(&config),
            [("doctor.proxy.gateway", Level::Note), ("doctor.proxy.console", Level::Note)]
        );
        let config: Config = toml::from_str(&config).unwrap();
        assert!(examine(&config).iter().all(|one| one.means.contains("10.0.0.7")));
    }
}
