//! Who asks: the console's host, as authenticators know it.

use webauthn_rs::prelude::{Url, Webauthn, WebauthnBuilder};

/// The relying party of this deployment.
pub(crate) struct RelyingParty {
    /// The checks, under this party's id and origin.
    pub webauthn: Webauthn,
}

impl RelyingParty {
    /// The party that lives at `origin`. `None` where browsers make no passkeys: at an address without a host name.
    pub fn at(origin: &str, name: &str) -> Option<Self> {
        let url = Url::parse(origin).ok()?;
        let host = url.domain()?;
        let webauthn = WebauthnBuilder::new(host, &url).ok()?.rp_name(name).build().ok()?;
        Some(Self { webauthn })
    }
}

#[cfg(test)]
mod tests {
    use super::RelyingParty;

    #[test]
    fn a_party_needs_a_host_name() {
        for good in ["https://keys.example", "https://keys.example:8443", "http://localhost:9000"] {
            assert!(RelyingParty::at(good, "Keyward").is_some(), "{good}");
        }
        for bad in ["", "https://203.0.113.9", "https://[::1]:9000", "keys.example"] {
            assert!(RelyingParty::at(bad, "Keyward").is_none(), "{bad}");
        }
    }
}
