//! One address or CIDR block, read strictly, and the one form of an address.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// What to do with bits behind the prefix: the console clears them with a notice, the API refuses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HostBits {
    /// An entry with host bits is an error.
    Refuse,
    /// Host bits are cleared.
    Clear,
}

/// A block of addresses with no host bits; a bare address is a /32 or /128.
///
/// Ordered by family, then first address, then width with the wider one first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Network {
    /// First address and prefix length, 0 to 32.
    V4(u32, u8),
    /// First address and prefix length, 0 to 128.
    V6(u128, u8),
}

/// Why a text is no address or block.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotANetwork {
    /// Not an address, or in a spelling that other software reads differently.
    #[error("not an IPv4 or IPv6 address or CIDR block in plain spelling")]
    Address,
    /// The number behind the slash.
    #[error("the prefix length is not a plain number within 0 to 32 (IPv4) or 0 to 128 (IPv6)")]
    Prefix,
    /// The block starts in the middle.
    #[error("the address has bits behind the prefix length")]
    HostBits,
    /// A block that holds IPv4-mapped addresses and others.
    #[error("the block mixes IPv4-mapped and other IPv6 addresses")]
    MixedMapped,
}

impl Network {
    /// Reads `192.0.2.1`, `192.0.2.0/24`, `2001:db8::1`, `2001:db8::/32`.
    ///
    /// Refused: leading zeros, zone ids, brackets, ports, white space, signs in the prefix. IPv4-mapped IPv6
    /// becomes IPv4, also as a block from /96 on.
    ///
    /// # Errors
    /// [`NotANetwork`], by the part that is wrong.
    pub fn parse(text: &str, host_bits: HostBits) -> Result<Self, NotANetwork> {
        let (address, prefix) = match text.split_once('/') {
            None => (text, None),
            Some((address, digits)) => (address, Some(parse_prefix(digits)?)),
        };
        let network = match IpAddr::from_str(address).map_err(|_| NotANetwork::Address)? {
            IpAddr::V4(v4) => {
                let prefix = prefix.unwrap_or(32);
                if prefix > 32 {
                    return Err(NotANetwork::Prefix);
                }
                Self::V4(v4.to_bits(), prefix)
            }
            IpAddr::V6(v6) => unmapped(v6, prefix.unwrap_or(128))?,
        };
        match host_bits {
            HostBits::Refuse if network != network.without_host_bits() => Err(NotANetwork::HostBits),
            HostBits::Refuse | HostBits::Clear => Ok(network.without_host_bits()),
        }
    }

    /// The block of one address, in its canonical family.
    #[must_use]
    pub const fn single(address: IpAddr) -> Self {
        match canonical(address) {
            IpAddr::V4(v4) => Self::V4(v4.to_bits(), 32),
            IpAddr::V6(v6) => Self::V6(v6.to_bits(), 128),
        }
    }

    /// The network that an address stands for where its last digits say nothing: IPv4 by /24, IPv6 by /48.
    #[must_use]
    pub const fn around(address: IpAddr) -> Self {
        match canonical(address) {
            IpAddr::V4(v4) => Self::V4(v4.to_bits(), 24).without_host_bits(),
            IpAddr::V6(v6) => Self::V6(v6.to_bits(), 48).without_host_bits(),
        }
    }

    /// Whether every address of `other` lies in this block.
    #[must_use]
    pub const fn covers(self, other: Self) -> bool {
        match (self, other) {
            (Self::V4(base, prefix), Self::V4(inner, narrower)) => {
                prefix <= narrower && inner & mask_v4(prefix) == base
            }
            (Self::V6(base, prefix), Self::V6(inner, narrower)) => {
                prefix <= narrower && inner & mask_v6(prefix) == base
            }
            (Self::V4(..), Self::V6(..)) | (Self::V6(..), Self::V4(..)) => false,
        }
    }

    /// The block twice as wide that these two halves make up, when they do.
    #[must_use]
    pub const fn joined(self, other: Self) -> Option<Self> {
        let wider = match (self, other) {
            (Self::V4(base, prefix), Self::V4(_, same)) if prefix == same && prefix > 0 => {
                Self::V4(base & mask_v4(prefix - 1), prefix - 1)
            }
            (Self::V6(base, prefix), Self::V6(_, same)) if prefix == same && prefix > 0 => {
                Self::V6(base & mask_v6(prefix - 1), prefix - 1)
            }
            (Self::V4(..) | Self::V6(..), _) => return None,
        };
        let different = match (self, other) {
            (Self::V4(left, _), Self::V4(right, _)) => left != right,
            (Self::V6(left, _), Self::V6(right, _)) => left != right,
            (Self::V4(..) | Self::V6(..), _) => false,
        };
        if different && wider.covers(self) && wider.covers(other) { Some(wider) } else { None }
    }

    /// Its two halves; none of a single address.
    #[must_use]
    pub const fn halves(self) -> Option<[Self; 2]> {
        match self {
            Self::V4(base, prefix) if prefix < 32 => {
                Some([Self::V4(base, prefix + 1), Self::V4(base | 1 << (31 - prefix), prefix + 1)])
            }
            Self::V6(base, prefix) if prefix < 128 => {
                Some([Self::V6(base, prefix + 1), Self::V6(base | 1 << (127 - prefix), prefix + 1)])
            }
            Self::V4(..) | Self::V6(..) => None,
        }
    }

    const fn without_host_bits(self) -> Self {
        match self {
            Self::V4(base, prefix) => Self::V4(base & mask_v4(prefix), prefix),
            Self::V6(base, prefix) => Self::V6(base & mask_v6(prefix), prefix),
        }
    }
}

/// The one form of a client's address: IPv4-mapped IPv6 becomes IPv4 (RFC 4291, 2.5.5.2).
#[must_use]
pub const fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// The network mask of an IPv4 prefix length; every length over 32 counts as 32.
pub(super) const fn mask_v4(prefix: u8) -> u32 {
    match u32::MAX.checked_shl(32_u32.saturating_sub(prefix as u32)) {
        Some(mask) => mask,
        None => 0,
    }
}

/// The network mask of an IPv6 prefix length; every length over 128 counts as 128.
pub(super) const fn mask_v6(prefix: u8) -> u128 {
    match u128::MAX.checked_shl(128_u32.saturating_sub(prefix as u32)) {
        Some(mask) => mask,
        None => 0,
    }
}

/// Plain decimal digits without a sign or a leading zero.
fn parse_prefix(digits: &str) -> Result<u8, NotANetwork> {
    let plain =
        digits.bytes().all(|byte| byte.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
    digits.parse::<u8>().ok().filter(|length| plain && *length <= 128).ok_or(NotANetwork::Prefix)
}

/// IPv4-mapped blocks become IPv4 ones; blocks that contain mapped addresses beside others are refused,
/// unless they are as wide as `::/0`-like blocks without any mapped base, which stay IPv6.
fn unmapped(address: Ipv6Addr, prefix: u8) -> Result<Network, NotANetwork> {
    match address.to_ipv4_mapped() {
        Some(v4) if prefix >= 96 => Ok(Network::V4(Ipv4Addr::to_bits(v4), prefix - 96)),
        Some(_) => Err(NotANetwork::MixedMapped),
        None => Ok(Network::V6(address.to_bits(), prefix)),
    }
}

/// `192.0.2.1` for a single address, `192.0.2.0/24` for a block; IPv6 by RFC 5952.
impl fmt::Display for Network {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::V4(base, 32) => write!(out, "{}", Ipv4Addr::from_bits(base)),
            Self::V4(base, prefix) => write!(out, "{}/{prefix}", Ipv4Addr::from_bits(base)),
            Self::V6(base, 128) => write!(out, "{}", Ipv6Addr::from_bits(base)),
            Self::V6(base, prefix) => write!(out, "{}/{prefix}", Ipv6Addr::from_bits(base)),
        }
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Network({self})")
    }
}
