//! The open sockets of a gateway, as the control plane sees and closes them. In memory only: who asks a gateway gets what is
//! open now.

use std::net::IpAddr;

use keyward_rules::id::{AccountId, KeyId};
use keyward_rules::time::Moment;

/// One open socket of a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OpenSocket {
    /// Its number in the gateway's process; no two have the same.
    pub id: u64,
    /// The key that logged in.
    pub key: KeyId,
    /// The key's account.
    pub account: AccountId,
    /// The last part of its path: `public`, `private` or `business`.
    pub endpoint: &'static str,
    /// When it logged in.
    pub since: Moment,
    /// Where from, in canonical form.
    pub source: IpAddr,
    /// What it is subscribed to, such as `orders SPOT` and `books BTC-USDT`: sorted, at most 100.
    pub channels: Vec<String>,
    /// Frames from the client.
    pub received: u64,
    /// Frames to the client.
    pub sent: u64,
}

/// What the control plane may ask a gateway about its sockets.
pub trait OpenSockets: Send + Sync {
    /// Those that logged in with this key of this account; newest first.
    fn of_key(&self, account: AccountId, key: KeyId) -> Vec<OpenSocket>;

    /// Closes one of this account; whether it was there.
    fn close(&self, account: AccountId, id: u64) -> bool;
}
