//! The part of the configuration that names trusted proxies.

use keyward_edge::{ClientAddressForm, Proxies};
use serde::{Deserialize, Serialize};

/// The proxies before gateway and console.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProxySettings {
    /// Addresses and blocks of proxies that may name their clients.
    pub trusted: Vec<String>,
    /// In which form: `forwarded` or `proxy-protocol`.
    pub client_address: Option<String>,
}

impl ProxySettings {
    /// The same as gateway and console take it.
    ///
    /// # Errors
    /// What is wrong, as a sentence without its full stop.
    pub fn proxies(&self) -> Result<Proxies, String> {
        let form = match &self.client_address {
            None => ClientAddressForm::default(),
            Some(word) => ClientAddressForm::from_word(word)
                .ok_or("proxies.client_address must be \"forwarded\" or \"proxy-protocol\"")?,
        };
        Proxies::new(&self.trusted, form).map_err(|problem| format!("proxies.trusted: {}", in_full(&problem)))
    }
}

/// An error and its causes in one line.
fn in_full(problem: &dyn std::error::Error) -> String {
    let cause = problem.source().map(|cause| format!(": {}", in_full(cause))).unwrap_or_default();
    format!("{problem}{cause}")
}

#[cfg(test)]
mod tests {
    use super::ProxySettings;

    fn mistake(trusted: &str, client_address: &str) -> String {
        let trusted = vec![trusted.to_owned()];
        let client_address = Some(client_address.to_owned());
        ProxySettings { trusted, client_address }.proxies().err().unwrap_or_default()
    }

    #[test]
    fn a_proxy_is_trusted_by_its_own_address_only() {
        for wrong in ["0.0.0.0/0", "::/0", "proxy.example.com", "10.0.0.1/8", ""] {
            assert!(mistake(wrong, "forwarded").starts_with("proxies.trusted"), "{wrong}");
        }
        assert!(mistake("10.0.0.7", "header").contains("client_address"));
        for form in ["forwarded", "proxy-protocol"] {
            assert_eq!(mistake("10.0.0.7", form), "");
        }
        assert_eq!(ProxySettings::default().proxies().err(), None);
    }
}
