//! The proxies whose word on the client's address is believed, and the one decision of who the client is.

use std::net::IpAddr;

use http::HeaderMap;
use keyward_rules::address::{HostBits, Network, NotANetwork, canonical};
use tokio::io::AsyncRead;

use crate::forwarded::{self, ClientAddressError};
use crate::proxy_protocol::{Announced, ProxyHeaderError, announced};

/// Entries of the list.
const TRUSTED: usize = 64;
/// A shorter prefix would trust a large part of the Internet.
const SHORTEST_V4: u8 = 8;
const SHORTEST_V6: u8 = 16;

/// In which form trusted proxies name their clients.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ClientAddressForm {
    /// `X-Forwarded-For` or `Forwarded` on each request.
    #[default]
    Forwarded,
    /// The PROXY protocol, version 1 or 2, at the beginning of each connection.
    ProxyProtocol,
}

impl ClientAddressForm {
    /// The form that a setting names.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "forwarded" => Some(Self::Forwarded),
            "proxy-protocol" => Some(Self::ProxyProtocol),
            _ => None,
        }
    }
}

/// Who is at the other end of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Peer {
    /// The client, by its socket or by what a trusted proxy announced.
    Client(IpAddr),
    /// A trusted proxy, whose requests name their clients.
    Proxy(IpAddr),
    /// A trusted proxy that speaks for itself, as its health checks do.
    ProxyItself(IpAddr),
}

impl Peer {
    /// The address of the connection's other end, as far as it is known.
    #[must_use]
    pub const fn address(self) -> IpAddr {
        match self {
            Self::Client(address) | Self::Proxy(address) | Self::ProxyItself(address) => address,
        }
    }
}

/// The proxies that are trusted; none by default.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Proxies {
    trusted: Vec<Network>,
    form: ClientAddressForm,
}

/// Why a list of proxies cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotProxies {
    /// An entry is no address or block.
    #[error("`{entry}` cannot be trusted")]
    Entry {
        /// The entry as written.
        entry: String,
        /// What is wrong with it.
        #[source]
        why: NotANetwork,
    },
    /// An entry holds a large part of the Internet.
    #[error("`{entry}` is too wide: name your proxies' own addresses, at most a /8 of IPv4 or a /16 of IPv6")]
    TooWide {
        /// The entry as written.
        entry: String,
    },
    /// Too many entries.
    #[error("more than {TRUSTED} trusted proxies")]
    TooMany,
}

impl Proxies {
    /// Reads addresses and blocks such as `10.0.0.7`, `10.1.0.0/24`, `2001:db8::/64`.
    ///
    /// # Errors
    /// [`NotProxies`], which names the entry.
    pub fn new(trusted: &[String], form: ClientAddressForm) -> Result<Self, NotProxies> {
        if trusted.len() > TRUSTED {
            return Err(NotProxies::TooMany);
        }
        let read = |entry: &String| {
            let network = Network::parse(entry, HostBits::Refuse)
                .map_err(|why| NotProxies::Entry { entry: entry.clone(), why })?;
            match network {
                Network::V4(_, prefix) if prefix < SHORTEST_V4 => {
                    Err(NotProxies::TooWide { entry: entry.clone() })
                }
                Network::V6(_, prefix) if prefix < SHORTEST_V6 => {
                    Err(NotProxies::TooWide { entry: entry.clone() })
                }
                Network::V4(..) | Network::V6(..) => Ok(network),
            }
        };
        Ok(Self { trusted: trusted.iter().map(read).collect::<Result<_, _>>()?, form })
    }

    /// Whether `address` is one of them.
    #[must_use]
    pub fn trust(&self, address: IpAddr) -> bool {
        let one = Network::single(address);
        self.trusted.iter().any(|network| network.covers(one))
    }

    /// Who is at the other end of a connection from `address`, as far as the socket tells.
    #[must_use]
    pub fn peer(&self, address: IpAddr) -> Peer {
        let address = canonical(address);
        if self.trust(address) { Peer::Proxy(address) } else { Peer::Client(address) }
    }

    /// Who is at the other end of a connection, once a trusted proxy that has to announce it did. The caller bounds the
    /// time.
    ///
    /// # Errors
    /// [`ProxyHeaderError`]; then the connection must be closed.
    pub async fn introduce(
        &self,
        stream: &mut (impl AsyncRead + Unpin),
        peer: Peer,
    ) -> Result<Peer, ProxyHeaderError> {
        match (peer, self.form) {
            (Peer::Proxy(proxy), ClientAddressForm::ProxyProtocol) => Ok(match announced(stream).await? {
                Announced::Client(client) => Peer::Client(client),
                Announced::Nobody => Peer::ProxyItself(proxy),
            }),
            (Peer::Client(_) | Peer::Proxy(_) | Peer::ProxyItself(_), _) => Ok(peer),
        }
    }

    /// The client of a request.
    ///
    /// # Errors
    /// [`ClientAddressError`] when a trusted proxy does not say clearly who it is. Such a request must be refused.
    pub fn client(&self, peer: Peer, headers: &HeaderMap) -> Result<IpAddr, ClientAddressError> {
        match peer {
            Peer::Client(address) => Ok(address),
            Peer::Proxy(_) => forwarded::client(headers, |address| self.trust(address)),
            Peer::ProxyItself(_) => Err(ClientAddressError::Missing),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ClientAddressForm, NotProxies, Peer, Proxies};

    fn proxies(list: &[&str]) -> Result<Proxies, NotProxies> {
        let list: Vec<String> = list.iter().map(|entry| (*entry).to_owned()).collect();
        Proxies::new(&list, ClientAddressForm::Forwarded)
    }

    #[test]
    fn only_what_is_named_is_trusted() {
        let trusted = proxies(&["10.0.0.7", "10.1.0.0/24", "2001:db8::/64"]).unwrap();
        for (address, expected) in [
            ("10.0.0.7", true),
            ("10.0.0.8", false),
            ("10.1.0.255", true),
            ("10.1.1.0", false),
            ("::ffff:10.0.0.7", true),
            ("2001:db8::9", true),
            ("2001:db8:0:1::9", false),
            ("127.0.0.1", false),
        ] {
            let address = address.parse().unwrap();
            assert_eq!(trusted.trust(address), expected, "{address}");
            assert_eq!(matches!(trusted.peer(address), Peer::Proxy(_)), expected, "{address}");
        }
        assert!(!Proxies::default().trust("127.0.0.1".parse().unwrap()));
    }

    #[test]
    fn everybody_is_never_trusted() {
        for wide in ["0.0.0.0/0", "::/0", "0.0.0.0/1", "128.0.0.0/7", "2000::/3", "2001::/15"] {
            assert!(proxies(&[wide]).is_err(), "{wide}");
        }
        assert!(proxies(&["10.0.0.0/8", "2001:db8::/32"]).is_ok());
        for wrong in ["", "*", "proxy.example.com", "10.0.0.1/24", "10.0.0.1:80", " 10.0.0.1"] {
            assert!(matches!(proxies(&[wrong]), Err(NotProxies::Entry { .. })), "{wrong}");
        }
        assert_eq!(proxies(&["10.0.0.1"; 65]), Err(NotProxies::TooMany));
    }
}
