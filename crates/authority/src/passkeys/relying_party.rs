//! Who asks: the console's host, as authenticators know it.

use keyward_rules::id::AccountId;
use webauthn_rs::prelude::{Url, Uuid, Webauthn, WebauthnBuilder};

use crate::Desk;

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

/// What an authenticator is told of the account: a keyed hash, which says nothing to whoever finds the device.
pub(crate) fn user_handle(desk: &Desk<'_>, account: AccountId) -> Uuid {
    let tag = desk.authority.secrets.codes.tag("passkey holder", &account.to_string(), &[]);
    let mut bytes = [0; 16];
    for (byte, from) in bytes.iter_mut().zip(tag.as_bytes()) {
        *byte = *from;
    }
    Uuid::from_bytes(bytes)
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
