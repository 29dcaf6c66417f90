//! What is reached and who reaches us: exchange, mail server, listeners.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::Finding;
use crate::config::Config;
use crate::node;

const UPSTREAM: &str = "doctor.upstream";
const UNSIGNED: &str = "doctor.upstream.answers_unsigned";
const MAIL: &str = "doctor.mail";
const CLEAR: &str = "doctor.listen.public_without_tls";

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// A private route without a signature: whoever is behind us must not answer it.
const PROBE: &str = "GET /api/v5/account/balance HTTP/1.1\r\nConnection: close\r\nHost: ";

/// The findings about the network.
pub async fn examine(config: &Config) -> Vec<Finding> {
    let mut found = upstream(&config.upstream.url).await;
    found.extend(mail(config).await);
    let console = config.console.as_ref().map(|console| console.listen);
    let plain = [config.gateway.listen, console];
    found.extend(plain.into_iter().flatten().filter_map(clear));
    found
}

async fn upstream(url: &str) -> Vec<Finding> {
    let Ok(backend) = node::backend(url) else { return Vec::new() };
    match tokio::time::timeout(PATIENCE, probe(&backend.address)).await {
        Ok(Ok(answer)) => {
            let good = answer.starts_with("HTTP/1.1 2") && answer.contains("\"code\":\"0\"");
            let reached = Finding::good(UPSTREAM, format!("{url} answers."));
            let unsigned = Finding::warning(
                UNSIGNED,
                "The exchange answers a private route without a verified identity: who reaches it needs no key.",
                "Let it check Keyward-Identity (docs/IDENTITY.md), and let nobody but the gateway reach it.",
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

async fn mail(config: &Config) -> Option<Finding> {
    let settings = config.mail.as_ref()?;
    let tried = match settings.sender() {
        Ok(sender) => sender.try_out().await.map_err(anyhow::Error::from),
        Err(problem) => Err(problem),
    };
    Some(match tried {
        Ok(()) => Finding::good(MAIL, "The mail server takes us in."),
        Err(problem) => Finding::refused(
            MAIL,
            format!("Mail cannot be sent: {problem:#}."),
            "Look at [mail]: address, certificate, user and password. Codes and alerts wait until it works.",
        ),
    })
}

fn clear(address: SocketAddr) -> Option<Finding> {
    (!address.ip().is_loopback()).then(|| {
        Finding::warning(
            CLEAR,
            format!("{address} is reached from other machines and speaks no TLS: passphrases and cookies can be read."),
            "Listen on loopback behind a TLS proxy, or use gateway.tls_listen.",
        )
    })
}
