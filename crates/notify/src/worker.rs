//! The worker: takes what waits in the outbox, delivers it, and tries again what did not arrive.

use std::sync::Arc;
use std::time::Duration;

use keyward_rules::time::Moment;
use keyward_store::{Claimed, Outbox};
use tracing::{error, info, warn};

use crate::mailbox::Mailbox;
use crate::render::render;
use crate::smtp::{MailError, Smtp};

/// How often the outbox is asked at most, while much is written.
const LOOK: Duration = Duration::from_millis(200);
/// How often the outbox is asked while nothing comes in: second tries become due by themselves.
const ASK: Duration = Duration::from_secs(5);
/// A claimed mail is nobody else's for this long.
const LEASE_MS: u64 = 2 * 60 * 1_000;
/// Mails claimed at a time.
const BATCH: u64 = 16;
/// Tries until a mail is given up: about two days with the pauses between.
const TRIES: u32 = 56;
/// The longest pause between two tries.
const LONGEST_MS: u64 = 60 * 60 * 1_000;

/// Where mails go.
pub enum Transport {
    /// To a server.
    Smtp(Box<Smtp>),
    /// To the sandbox's mailbox.
    Mailbox(Mailbox),
}

/// The worker.
pub struct MailWorker {
    /// What waits.
    pub outbox: Outbox,
    /// Where it goes.
    pub transport: Transport,
    /// The console's address, for the one link of a mail.
    pub console: String,
    /// The clock.
    pub now: Arc<dyn Fn() -> Moment + Send + Sync>,
}

/// Milliseconds to wait after the `tries`-th failed delivery: five seconds, doubled, up to an hour.
#[must_use]
pub const fn pause_before_try(tries: u32) -> u64 {
    let doublings = tries.saturating_sub(1);
    if doublings >= 10 { LONGEST_MS } else { 5_000 << doublings }
}

impl MailWorker {
    /// Runs until aborted.
    pub async fn run(self) {
        let mut glance = self.outbox.glance();
        loop {
            match self.round().await {
                Ok(0) => {
                    tokio::time::sleep(LOOK).await;
                    glance.moved(ASK, LOOK).await;
                }
                Ok(_) => {}
                Err(problem) => {
                    error!(%problem, "the outbox cannot be read");
                    tokio::time::sleep(LOOK * 10).await;
                }
            }
        }
    }

    /// Delivers what is due; gives how many mails were claimed.
    ///
    /// # Errors
    /// [`keyward_store::StoreError`] when the outbox cannot be read.
    pub async fn round(&self) -> Result<usize, keyward_store::StoreError> {
        if !self.outbox.has_due((self.now)()).await? {
            return Ok(0);
        }
        let claimed = self.outbox.claim((self.now)(), LEASE_MS, BATCH).await?;
        let count = claimed.len();
        for one in claimed {
            self.deliver(one).await?;
        }
        Ok(count)
    }

    async fn deliver(&self, claimed: Claimed) -> Result<(), keyward_store::StoreError> {
        let Some(letter) = claimed.letter else {
            error!(id = claimed.id, "a mail in the outbox was altered outside the program, and is dropped");
            return self.outbox.failed(claimed.id).await;
        };
        let mail = render(&letter, &self.console);
        let sent = match &self.transport {
            Transport::Smtp(smtp) => smtp.send(&mail, &claimed.name).await,
            Transport::Mailbox(mailbox) => {
                mailbox.put(mail, (self.now)());
                Ok(())
            }
        };
        match sent {
            Ok(()) => self.outbox.delivered(claimed.id).await,
            Err(problem) if claimed.tries >= TRIES => {
                error!(id = claimed.id, tries = claimed.tries, %problem, "a mail could not be delivered and is given up");
                self.outbox.failed(claimed.id).await
            }
            Err(problem) => {
                self.log(claimed.id, claimed.tries, &problem);
                let due = (self.now)().plus_ms(pause_before_try(claimed.tries));
                self.outbox.delayed(claimed.id, due).await
            }
        }
    }

    /// The cause is told, the recipient is not.
    fn log(&self, id: i64, tries: u32, problem: &MailError) {
        let cause = std::error::Error::source(problem).map(ToString::to_string).unwrap_or_default();
        if tries == 1 {
            warn!(id, %problem, cause, "a mail will be tried again");
        } else {
            info!(id, tries, %problem, cause, "a mail will be tried again");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{LONGEST_MS, TRIES, pause_before_try};

    #[test]
    fn pauses_double_up_to_an_hour_and_span_two_days() {
        assert_eq!(pause_before_try(1), 5_000);
        assert_eq!(pause_before_try(2), 10_000);
        assert_eq!(pause_before_try(20), LONGEST_MS);
        let span_ms: u64 = (1..TRIES).map(pause_before_try).sum();
        assert!((40..60).contains(&(span_ms / 3_600_000)));
    }
}
