//! What a deployment says of receivers: which of its own network are allowed, and where the chat services are.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use super::reach::{Unreachable, check_address};
use super::url::{Host, NotAUrl, Origin, Receiver, Scheme, port_of};

/// Names that never mean a public host (RFC 6761, 6762, 7686, 8375, 9476).
const OWN_NAMES: [&str; 8] =
    ["localhost", "local", "internal", "intranet", "home.arpa", "onion", "invalid", "alt"];

/// Exactly one host and port, as an operator allows it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Endpoint {
    host: Host,
    port: u16,
}

/// A text that is no endpoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a receiver is allowed as host:port, such as 10.0.0.5:8443 or [fd00::5]:8443")]
pub struct NotAnEndpoint;

impl FromStr for Endpoint {
    type Err = NotAnEndpoint;

    fn from_str(text: &str) -> Result<Self, NotAnEndpoint> {
        let (host, port) = text.rsplit_once(':').ok_or(NotAnEndpoint)?;
        let host = Host::parse(host).map_err(|_| NotAnEndpoint)?;
        Ok(Self { host, port: port_of(port).map_err(|_| NotAnEndpoint)? })
    }
}

/// Where a chat service is: scheme, host and port.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Base(Origin);

impl FromStr for Base {
    type Err = NotAUrl;

    fn from_str(text: &str) -> Result<Self, NotAUrl> {
        let receiver = Receiver::parse(text)?;
        if receiver.target().expose() == "/" && !text.ends_with('/') {
            Ok(Self(receiver.origin))
        } else {
            Err(NotAUrl::Character)
        }
    }
}

impl fmt::Display for Base {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

impl Base {
    pub(super) fn public(name: &str) -> Self {
        Self(Origin { scheme: Scheme::Https, host: Host::Name(name.to_owned()), port: 443 })
    }

    /// A receiver there.
    pub(super) fn receiver(&self, target: String) -> Receiver {
        Receiver::at(self.0.clone(), target)
    }

    /// What follows the base in `text`.
    pub(super) fn rest_of<'t>(&self, text: &'t str) -> Option<&'t str> {
        text.strip_prefix(&self.to_string())
    }
}

/// Why a receiver is not used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotAdmitted {
    /// Without TLS.
    #[error("a receiver must use https://; an operator can allow it without TLS in `[channels] allow`")]
    Plain,
    /// A port of another service.
    #[error("a receiver listens on port 443, or on 1024 or above")]
    Port,
    /// A name that means this machine or network.
    #[error(
        "this name is not public, but a receiver must be public; an operator can allow it in `[channels] allow`"
    )]
    Name,
    /// An address that is not public.
    #[error(transparent)]
    Address(#[from] Unreachable),
}

/// The policy of a deployment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChannelPolicy {
    /// Receivers that an operator vouches for: checked neither for their address nor for TLS.
    pub allow: BTreeSet<Endpoint>,
    /// Slack.
    pub slack: Base,
    /// GovSlack, which is a cloud of its own.
    pub slack_gov: Base,
    /// Telegram.
    pub telegram: Base,
    /// Discord.
    pub discord: Base,
}

impl Default for ChannelPolicy {
    fn default() -> Self {
        Self {
            allow: BTreeSet::new(),
            slack: Base::public("hooks.slack.com"),
            slack_gov: Base::public("hooks.slack-gov.com"),
            telegram: Base::public("api.telegram.org"),
            discord: Base::public("discord.com"),
        }
    }
}

impl ChannelPolicy {
    /// Whether an operator vouches for the receiver.
    #[must_use]
    pub fn vouches_for(&self, receiver: &Receiver) -> bool {
        let endpoint = Endpoint { host: receiver.host().clone(), port: receiver.port() };
        self.allow.contains(&endpoint)
    }

    /// Whether the receiver may be used, as far as its URL tells; what its name resolves to is checked at each delivery.
    ///
    /// # Errors
    /// [`NotAdmitted`], by rule.
    pub fn admit(&self, receiver: &Receiver) -> Result<(), NotAdmitted> {
        if self.vouches_for(receiver) {
            return Ok(());
        }
        if receiver.scheme() == Scheme::Http {
            return Err(NotAdmitted::Plain);
        }
        if receiver.port() != 443 && receiver.port() < 1024 {
            return Err(NotAdmitted::Port);
        }
        match receiver.host() {
            Host::Address(address) => Ok(check_address(*address)?),
            Host::Name(name) => {
                let under = |own: &&str| {
                    name == *own || name.strip_suffix(*own).is_some_and(|rest| rest.ends_with('.'))
                };
                let own = !name.contains('.') || OWN_NAMES.iter().any(under);
                if own { Err(NotAdmitted::Name) } else { Ok(()) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Base, ChannelPolicy, Endpoint, NotAdmitted, Receiver};

    fn admitted(policy: &ChannelPolicy, url: &str) -> Result<(), NotAdmitted> {
        policy.admit(&Receiver::parse(url).unwrap())
    }

    #[test]
    fn only_public_receivers_with_tls_are_admitted() {
        let policy = ChannelPolicy::default();
        for url in [
            "https://hooks.example.com/x",
            "https://hooks.example.com:8443/",
            "https://8.8.8.8/",
            "https://[2606:4700::1]/",
        ] {
            assert_eq!(admitted(&policy, url), Ok(()), "{url}");
        }
        for url in [
            "http://hooks.example.com/",
            "https://hooks.example.com:22/",
            "https://hooks.example.com:80/",
            "https://hooks.example.com:1023/",
            "https://localhost/",
            "https://a.localhost/",
            "https://printer.local/",
            "https://metadata.google.internal/",
            "https://intranet/",
            "https://nas.home.arpa/",
            "https://x.onion/",
            "https://127.0.0.1/",
            "https://10.0.0.5:8443/",
            "https://169.254.169.254/",
            "https://[::1]/",
            "https://[fd00:ec2::254]/",
            "https://[::ffff:127.0.0.1]/",
        ] {
            assert!(admitted(&policy, url).is_err(), "{url}");
        }
    }

    #[test]
    fn an_operator_allows_exactly_one_host_and_port() {
        let allow = ["10.0.0.5:8443", "receiver:8080", "[fd00::5]:8443"];
        let allow = allow.iter().map(|text| text.parse::<Endpoint>().unwrap()).collect();
        let policy = ChannelPolicy { allow, ..ChannelPolicy::default() };
        for url in [
            "https://10.0.0.5:8443/x",
            "http://10.0.0.5:8443/",
            "http://receiver:8080/",
            "https://[fd00::5]:8443/",
        ] {
            assert_eq!(admitted(&policy, url), Ok(()), "{url}");
        }
        for url in [
            "https://10.0.0.5/",
            "https://10.0.0.5:8444/",
            "https://10.0.0.6:8443/",
            "https://localhost:8443/",
            "http://receiver:8081/",
        ] {
            assert!(admitted(&policy, url).is_err(), "{url}");
        }
        for text in [
            "",
            "10.0.0.5",
            "10.0.0.5:",
            ":8443",
            "10.0.0.5:08443",
            "https://10.0.0.5:8443",
            "a b:1",
            "127.1:80",
            "::1:80",
        ] {
            assert!(text.parse::<Endpoint>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_base_is_an_origin() {
        assert_eq!("http://127.0.0.1:9000".parse::<Base>().unwrap().to_string(), "http://127.0.0.1:9000");
        for text in ["https://a.example/", "https://a.example/x", "a.example", "https://a.example?x"] {
            assert!(text.parse::<Base>().is_err(), "{text}");
        }
    }
}
