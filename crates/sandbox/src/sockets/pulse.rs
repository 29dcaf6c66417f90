//! What all sockets of a server hear together: each new second, and the end.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use crate::Exchange;

/// How often the clock is looked at.
const PERIOD: Duration = Duration::from_millis(100);

/// What a socket hears.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Beat {
    Second,
    End,
}

/// One listener's part.
#[derive(Clone)]
pub(crate) struct Pulse {
    seconds: watch::Receiver<u64>,
    ending: watch::Receiver<bool>,
}

impl Pulse {
    pub(crate) fn new(seconds: &watch::Sender<u64>, ending: &watch::Sender<bool>) -> Self {
        Self { seconds: seconds.subscribe(), ending: ending.subscribe() }
    }

    /// The next beat. Seconds that pass while nobody listens are one beat.
    pub(crate) async fn next(&mut self) -> Beat {
        tokio::select! {
            biased;
            () = until_end(&mut self.ending) => Beat::End,
            changed = self.seconds.changed() => if changed.is_ok() { Beat::Second } else { Beat::End },
        }
    }

    /// What hears of the end alone.
    pub(crate) fn ending(&self) -> watch::Receiver<bool> {
        self.ending.clone()
    }
}

/// Waits until the server ends, in order or not.
pub(crate) async fn until_end(ending: &mut watch::Receiver<bool>) {
    // Without its sender the server is gone.
    let _ = ending.wait_for(|ended| *ended).await;
}

/// Tells each new second of the exchange's clock, without an end.
pub(crate) async fn beat(exchange: &Exchange, seconds: &watch::Sender<u64>) {
    let mut looks = interval(PERIOD);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        let second = exchange.now_ms() / 1_000;
        seconds.send_if_modified(|last| std::mem::replace(last, second) != second);
    }
}
