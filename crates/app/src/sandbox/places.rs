//! Where a running sandbox is reached.

use std::net::SocketAddr;
use std::path::PathBuf;

use keyward_rules::socket::Endpoint;

/// Where the sandbox is reached.
pub struct Places {
    /// The gateway.
    pub plain: SocketAddr,
    /// The gateway with TLS.
    pub tls: SocketAddr,
    /// The console, by the name under which browsers treat it as safe.
    pub console: String,
    /// Metrics and health.
    pub metrics: SocketAddr,
    /// The authority to trust for TLS.
    pub ca_file: PathBuf,
}

impl Places {
    /// The gateway's private sockets; the public and the business ones are beside them.
    pub fn sockets(&self) -> String {
        format!("ws://{}{}", self.plain, Endpoint::Private.path())
    }

    /// The same with TLS.
    pub fn tls_sockets(&self) -> String {
        format!("wss://localhost:{}{}", self.tls.port(), Endpoint::Private.path())
    }
}
