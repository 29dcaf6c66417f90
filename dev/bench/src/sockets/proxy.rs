//! A proxy under measurement, and what the system says of its processes.

use std::net::SocketAddr;

use crate::gateway::cpu_seconds;

/// Its name, where it listens, and whose CPU time and memory count.
pub struct Proxy {
    /// What tables call it.
    pub name: String,
    /// Where it listens.
    pub address: SocketAddr,
    processes: Vec<String>,
}

impl Proxy {
    /// Reads `NAME,URL,PID+PID…`: nginx has two processes.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = text.split(',');
        let (Some(name), Some(url), Some(processes), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(format!("`{text}` is not NAME,URL,PID+PID…"));
        };
        let address = url.strip_prefix("http://").and_then(|address| address.parse().ok());
        let address = address.ok_or_else(|| format!("`{url}` is not http://ADDRESS:PORT"))?;
        let processes = processes.split('+').map(str::to_owned).collect();
        Ok(Self { name: name.to_owned(), address, processes })
    }

    /// User and system time of all its processes.
    pub fn cpu_seconds(&self) -> Result<f64, String> {
        self.processes.iter().map(|process| cpu_seconds(process)).sum()
    }

    /// Resident memory of all its processes.
    pub fn resident_kib(&self) -> Result<f64, String> {
        self.processes.iter().map(|process| resident_kib(process)).sum()
    }
}

fn resident_kib(process: &str) -> Result<f64, String> {
    let file = format!("/proc/{process}/status");
    let status = std::fs::read_to_string(&file).map_err(|problem| format!("{file}: {problem}"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
    kib.ok_or_else(|| format!("{file} states no VmRSS"))
}

#[cfg(test)]
mod tests {
    use super::Proxy;

    #[test]
    fn a_proxy_is_a_name_an_address_and_processes() {
        let proxy = Proxy::parse("nginx,http://127.0.0.1:8080,12+13").unwrap();
        assert_eq!((proxy.name.as_str(), proxy.address), ("nginx", "127.0.0.1:8080".parse().unwrap()));
        assert_eq!(proxy.processes, ["12", "13"]);
        for text in ["nginx,http://127.0.0.1:8080", "nginx,127.0.0.1:8080,12", "nginx,http://127.0.0.1,12"] {
            assert!(Proxy::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_memory_of_all_processes_counts() {
        let this = std::process::id();
        let once = Proxy::parse(&format!("once,http://127.0.0.1:1,{this}")).unwrap();
        let twice = Proxy::parse(&format!("twice,http://127.0.0.1:1,{this}+{this}")).unwrap();
        assert!(twice.resident_kib().unwrap() > once.resident_kib().unwrap() * 1.5);
    }
}
