//! Two machines on one: network namespaces joined by a pair of virtual cards, so that real requests come from addresses
//! that this machine does not have.
//!
//! Owns: making the namespaces and running work inside them. Nothing gets a name and nothing is mounted: a namespace
//! lives as long as the file that is held open of it here, and its cards and addresses end with it, however this process
//! ends. Leaves to others: every socket.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::IpAddr;
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::process::{Command, Output, Stdio};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// Why there are no namespaces.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// A program or file could not be had, or the kernel refuses.
    #[error("cannot {what}: {error}")]
    System {
        /// What was tried.
        what: &'static str,
        /// Why not.
        #[source]
        error: std::io::Error,
    },
    /// A program ended without success.
    #[error("{program} failed: {output}")]
    Program {
        /// Which one.
        program: &'static str,
        /// What it said.
        output: String,
    },
}

/// A network of its own: addresses, routes, loopback.
#[derive(Debug)]
pub struct Namespace {
    /// Keeps it alive.
    file: File,
}

impl Namespace {
    /// An empty one.
    ///
    /// # Errors
    /// [`NetworkError`] where the kernel does not permit it.
    pub fn new() -> Result<Self, NetworkError> {
        let mut command = Command::new("unshare");
        command.args(["--net", "sh", "-c", "echo ready; read _"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut holder = command.spawn().map_err(system("start unshare"))?;
        let ready = holder.stdout.take().and_then(|said| BufReader::new(said).lines().next());
        let file = File::open(format!("/proc/{}/ns/net", holder.id()));
        // The file alone keeps the namespace from here on: the holder's pipe is closed, which ends it.
        drop(holder.stdin.take());
        let mut output = String::new();
        if let Some(mut errors) = holder.stderr.take() {
            errors.read_to_string(&mut output).map_err(system("read what unshare says"))?;
        }
        holder.wait().map_err(system("wait for unshare"))?;
        if ready.is_none() {
            return Err(NetworkError::Program { program: "unshare", output: output.trim().to_owned() });
        }
        Ok(Self { file: file.map_err(system("open the namespace"))? })
    }

    /// Does `work` on a thread that is inside. Sockets and processes that it makes stay inside, wherever they go.
    ///
    /// # Errors
    /// [`NetworkError::System`] where the thread may not enter.
    pub fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T, NetworkError> {
        let entered = || {
            move_into_link_name_space(self.file.as_fd(), Some(LinkNameSpaceType::Network))?;
            Ok(work())
        };
        let done = std::thread::scope(|scope| scope.spawn(entered).join());
        match done {
            Ok(done) => done.map_err(system("enter the namespace")),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }

    /// Lets `ip` carry out `lines` inside.
    fn configure(&self, lines: &[String]) -> Result<(), NetworkError> {
        let output = self.inside(|| ip(lines))?.map_err(system("run ip"))?;
        if output.status.success() {
            return Ok(());
        }
        let output = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(NetworkError::Program { program: "ip", output })
    }
}

/// Two namespaces and a wire between them.
#[derive(Debug)]
pub struct Network {
    /// Where servers run.
    pub servers: Namespace,
    /// Where their clients are.
    pub clients: Namespace,
}

impl Network {
    /// Joins both by a wire; each end gets addresses, such as `203.0.113.7/24`.
    ///
    /// # Errors
    /// [`NetworkError`] where the kernel does not permit it, or `unshare` or `ip` is missing.
    pub fn new(servers: &[(IpAddr, u8)], clients: &[(IpAddr, u8)]) -> Result<Self, NetworkError> {
        let network = Self { servers: Namespace::new()?, clients: Namespace::new()? };
        let other_end = format!("/proc/{}/fd/{}", std::process::id(), network.clients.file.as_raw_fd());
        let wire = format!("link add wire type veth peer name wire netns {other_end}");
        network.servers.configure(&[wire])?;
        network.servers.configure(&end(servers))?;
        network.clients.configure(&end(clients))?;
        Ok(network)
    }
}

/// What `ip` does at one end.
fn end(addresses: &[(IpAddr, u8)]) -> Vec<String> {
    let give = |(address, prefix): &(IpAddr, u8)| {
        // An IPv6 address that is looked for first cannot be used for a second.
        let at_once = if address.is_ipv6() { " nodad" } else { "" };
        format!("address add {address}/{prefix} dev wire{at_once}")
    };
    let up = ["link set lo up".to_owned(), "link set wire up".to_owned()];
    addresses.iter().map(give).chain(up).collect()
}

fn ip(lines: &[String]) -> std::io::Result<Output> {
    let mut command = Command::new("ip");
    command.args(["-batch", "-"]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(lines.join("\n").as_bytes())?;
    }
    child.wait_with_output()
}

fn system(what: &'static str) -> impl Fn(std::io::Error) -> NetworkError {
    move |error| NetworkError::System { what, error }
}
