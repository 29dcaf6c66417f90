//! Every bound on what may grow, in one place, units in the names, relations checked when compiling.
//!
//! The sources are `product.md` 2 and 3 for the product's figures, and OKX's contract where it is named.

/// Keys of one account or sub-account that are neither deleted nor expired (product.md 3.1; OKX 59501).
pub const KEYS_PER_ACCOUNT: usize = 50;
/// Address entries a key may be bound to, after merging (product.md 3.1; OKX 59503).
pub const ADDRESSES_PER_KEY: usize = 20;
/// Address entries of one app's range set (product.md 4).
pub const RANGES_PER_APP: usize = 1_000;
/// Bytes of text in which a list of addresses may arrive.
pub const ADDRESS_TEXT_BYTES: usize = 64 * 1024;
/// Characters of a key's name.
pub const KEY_NAME_CHARS: usize = 50;
/// Characters of a passphrase, shortest and longest (OKX 59505).
pub const PASSPHRASE_MIN_CHARS: usize = 8;
/// See [`PASSPHRASE_MIN_CHARS`].
pub const PASSPHRASE_MAX_CHARS: usize = 32;
/// Characters of a secret key at most.
pub const SECRET_MAX_CHARS: usize = 64;
/// Widest union of IPv4 ranges that still counts as a binding: a /8.
pub const BOUND_IPV4_ADDRESSES: u64 = 1 << 24;
/// Widest union of IPv6 ranges that still counts as a binding: a /32.
pub const BOUND_IPV6_ADDRESSES: u128 = 1 << 96;
/// Idle days after which an unbound live key is deleted (product.md 3.2).
pub const UNBOUND_IDLE_DAYS: u64 = 30;
/// Half width of the window around the gateway's clock in which a timestamp is fresh, inclusive.
pub const TIMESTAMP_WINDOW_MS: u64 = 30_000;
/// Bytes of a request target.
pub const TARGET_BYTES: usize = 8 * 1024;
/// Bytes of a request body (the default; a setting may lower or raise it).
pub const BODY_BYTES: usize = 1024 * 1024;
/// Characters of an e-mail address (RFC 5321, 4.5.3.1.3).
pub const EMAIL_CHARS: usize = 254;
/// Milliseconds in a day.
pub const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

const _: () = assert!(PASSPHRASE_MIN_CHARS < PASSPHRASE_MAX_CHARS);
const _: () = assert!(ADDRESSES_PER_KEY < RANGES_PER_APP);
const _: () = assert!(TARGET_BYTES < BODY_BYTES);
