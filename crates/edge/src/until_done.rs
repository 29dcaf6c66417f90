//! One connection from its first request to its end, which never comes between the parts of a request.

use std::pin::Pin;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::connections::{Connection, MustClose};

/// What answers say of how long a connection may be silent. Balancers keep theirs for 60 s, and must be the first to close.
pub const KEEP_ALIVE: &str = "timeout=75";
/// The same in milliseconds.
const ANNOUNCED_MS: u64 = 75_000;
/// A request that was sent in the last moment of it is on its way for so long at most.
const ON_ITS_WAY_MS: u64 = 3_000;
/// How often it is looked whether a request that has begun is complete, once the listener stops.
const LOOK: Duration = Duration::from_millis(20);
/// How long a client may take to hear that its connection ends.
const FAREWELL: Duration = Duration::from_secs(1);

/// Whether a limit of silence keeps what [`KEEP_ALIVE`] says.
#[must_use]
pub const fn keeps_what_is_announced(idle_ms: u64) -> bool {
    idle_ms >= ANNOUNCED_MS + ON_ITS_WAY_MS
}

/// Serves a connection to its end. Once `stop` is over it ends soon, but not before a request that has begun to arrive was
/// answered. A client that is late is told, where its protocol can (HTTP/2). `end_soon` asks the connection to end after
/// the request under way.
pub async fn until_done<C: Future>(
    served: C,
    end_soon: impl FnOnce(Pin<&mut C>),
    connection: &Connection,
    stop: impl Future<Output = ()>,
) {
    tokio::pin!(served, stop);
    let activity = connection.activity();
    tokio::select! {
        biased;
        _ = served.as_mut() => return,
        why = connection.must_close() => match why {
            MustClose::MakesRoom => return,
            MustClose::IsLate => {
                end_soon(served.as_mut());
                let _ = timeout(FAREWELL, served).await;
                return;
            }
        },
        () = stop => {}
    }
    while activity.has_begun() {
        tokio::select! {
            biased;
            _ = served.as_mut() => return,
            _ = connection.must_close() => return,
            () = sleep(LOOK) => {}
        }
    }
    end_soon(served.as_mut());
    tokio::select! {
        biased;
        _ = served => {}
        _ = connection.must_close() => {}
    }
}
