//! Where a running sandbox is reached.

use std::net::SocketAddr;
use std::path::PathBuf;

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
