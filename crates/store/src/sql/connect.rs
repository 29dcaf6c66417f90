//! One connection to PostgreSQL: each host of the URL in turn, until one lets us in.

use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Connection, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::error::{DatabaseError, SILENT, reason, unreached};
use super::url::{Settings, places};

/// The half of a connection that sends and receives.
pub(super) type Link = Connection<Socket, <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream>;

/// Connects to the first host that lets us in.
///
/// # Errors
/// [`DatabaseError::Connect`], with what each of them said.
pub(super) async fn connect(settings: &Settings) -> Result<(Client, Link), DatabaseError> {
    let (mut said, mut in_short) = (Vec::new(), SILENT);
    for host in settings.in_turn() {
        let why =
            match tokio::time::timeout(settings.connect_within, host.connect(settings.tls.clone())).await {
                Ok(Ok(connected)) => return Ok(connected),
                Ok(Err(error)) => {
                    in_short = unreached(&error);
                    reason(&error)
                }
                Err(_) => {
                    in_short = SILENT;
                    format!("no answer within {} s", settings.connect_within.as_secs_f32())
                }
            };
        said.push((places(host), why));
    }
    let reason = match said.as_slice() {
        [(_, why)] => why.clone(),
        several => {
            several.iter().map(|(place, why)| format!("{place}: {why}")).collect::<Vec<_>>().join("; ")
        }
    };
    Err(DatabaseError::Connect { server: settings.server(), reason, in_short })
}
