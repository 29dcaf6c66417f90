//! What is reached and who reaches us: exchange, listeners.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::Finding;
use crate::config::{Config, without_password};
use crate::node;

const UPSTREAM: &str = "doctor.upstream";
const UNSIGNED: &str = "doctor.upstream.answers_unsigned";
const CLEAR: &str = "doctor.listen.public_without_tls";

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// A private route without a signature: whoever is behind us must not answer it.
const PROBE: &str = "GET /api/v5/account/balance HTTP/1.1\r\nConnection: close\r\nHost: ";

/// The findings about the network.
pub async fn examine(config: &Config) -> Vec<Finding> {
    let mut found = upstream(&config.upstream.url).await;
    let console = config.console.as_ref().map(|console| console.listen);
    let plain: Vec<SocketAddr> =
        [config.gateway.listen, config.gateway.apps_listen, console].into_iter().flatten().collect();
    found.extend(clear(&plain));
    found
}

async fn upstream(url: &str) -> Vec<Finding> {
    let Ok(backend) = node::backend(url, &[]) else { return Vec::new() };
    let url = without_password(url);
    match tokio::time::timeout(PATIENCE, probe(&backend.address)).await {
        Ok(Ok(answer)) => {
            let good = answer.starts_with("HTTP/1.1 2") && answer.contains("\"code\":\"0\"");
            let reached = Finding::good(UPSTREAM, format!("{url} answers."));
            let unsigned = Finding::warning(
                UNSIGNED,
                "The exchange answers a private route without a verified identity: anyone who reaches it needs no key.",
                "Let it check Keyward-Identity (docs/IDENTITY.md), and let only the gateway reach it.",
            );
            if good { vec![reached, unsigned] } else { vec![reached] }
        }
        Ok(Err(_)) | Err(_) => vec![Finding::refused(
            UPSTREAM,
            format!("{url} does not answer."),
            "Start the exchange, or set upstream.url to where it is; until then every request gets 50026 or the like.",
        )],
    }
}

async fn probe(address: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(format!("{PROBE}{address}\r\n\r\n").as_bytes()).await?;
    let mut answer = Vec::new();
    let mut block = [0; 4096];
    loop {
        let count = stream.read(&mut block).await?;
        answer.extend(block.iter().take(count));
        // The envelope begins with its code; a server that keeps the connection open is not waited for.
        if count == 0 || answer.len() > 65_536 || answer.windows(6).any(|six| six == b"\"code\"") {
            break;
        }
    }
    if answer.is_empty() {
        Err(std::io::ErrorKind::UnexpectedEof.into())
    } else {
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }
}

fn clear(listeners: &[SocketAddr]) -> Vec<Finding> {
    let open: Vec<&SocketAddr> = listeners.iter().filter(|one| !one.ip().is_loopback()).collect();
    if open.is_empty() {
        return vec![Finding::good(CLEAR, "No listener without TLS is reached from other machines.")];
    }
    let warning = |address: &&SocketAddr| {
        Finding::warning(
            CLEAR,
            format!(
                "{address} is reached from other machines and speaks no TLS: passphrases and cookies can be read."
            ),
            "Listen on loopback behind a TLS proxy, or use gateway.tls_listen.",
        )
    };
    open.iter().map(warning).collect()
}

#[cfg(test)]
mod tests {
    use super::clear;
    use crate::doctor::Level;

    #[test]
    fn every_open_listener_without_tls_is_named() {
        let levels = |listeners: &[&str]| {
            let parsed: Vec<_> = listeners.iter().map(|one| one.parse().unwrap()).collect();
            clear(&parsed).iter().map(|one| (one.level, one.means.clone())).collect::<Vec<_>>()
        };
        assert_eq!(levels(&["127.0.0.1:1", "[::1]:2"])[0].0, Level::Ok);
        let open = levels(&["0.0.0.0:1", "127.0.0.1:2", "[2001:db8::1]:3"]);
        assert_eq!(open.len(), 2);
        assert!(open[0].1.contains("0.0.0.0:1") && open[1].1.contains("[2001:db8::1]:3"), "{open:?}");
        assert!(open.iter().all(|(level, _)| *level == Level::Warning));
    }
}
