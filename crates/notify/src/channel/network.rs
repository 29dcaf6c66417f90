//! The two things that the client asks of the network, apart, so that what is connected to is what was checked.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;

use tokio::net::{TcpStream, lookup_host};

/// An answer of the network, later.
pub type Later<'f, T> = Pin<Box<dyn Future<Output = io::Result<T>> + Send + 'f>>;

/// Names to addresses, addresses to connections.
pub trait Network: Send + Sync {
    /// All addresses of a name.
    fn resolve(&self, name: String) -> Later<'_, Vec<IpAddr>>;

    /// A connection to exactly this address.
    fn connect(&self, address: SocketAddr) -> Later<'_, TcpStream>;
}

/// The system's resolver and sockets.
pub struct System;

impl Network for System {
    fn resolve(&self, name: String) -> Later<'_, Vec<IpAddr>> {
        Box::pin(async move { Ok(lookup_host((name, 0)).await?.map(|found| found.ip()).collect()) })
    }

    fn connect(&self, address: SocketAddr) -> Later<'_, TcpStream> {
        Box::pin(TcpStream::connect(address))
    }
}
