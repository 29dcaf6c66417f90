//! Notices of PostgreSQL, on a connection of its own that comes back after a loss.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_postgres::{AsyncMessage, Client};

use super::connect::connect;
use super::error::DatabaseError;
use super::url::Settings;

/// How long to wait before listening again.
const RETRY: Duration = Duration::from_secs(1);

/// Listens until it is dropped.
pub(crate) struct Listener {
    woken: Arc<Notify>,
    task: JoinHandle<()>,
}

impl Listener {
    /// Starts to listen to `channel`.
    ///
    /// # Errors
    /// [`DatabaseError`] when the first connection fails; a later loss is mended.
    pub(super) async fn start(settings: Arc<Settings>, channel: &'static str) -> Result<Self, DatabaseError> {
        let woken = Arc::new(Notify::new());
        let ear = Ear { settings, channel, woken: Arc::clone(&woken) };
        let first = ear.listen().await?;
        Ok(Self { woken, task: tokio::spawn(ear.keep_listening(first)) })
    }

    /// Returns after a notice, or when some may have been missed; at once if that was since the last call.
    pub(crate) async fn woken(&self) {
        self.woken.notified().await;
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Ear {
    settings: Arc<Settings>,
    channel: &'static str,
    woken: Arc<Notify>,
}

impl Ear {
    /// One connection that listens, for as long as its client is kept; the task ends with it.
    async fn listen(&self) -> Result<(Client, JoinHandle<()>), DatabaseError> {
        let (client, mut connection) = connect(&self.settings).await?;
        let woken = Arc::clone(&self.woken);
        let task = tokio::spawn(async move {
            while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
                if let AsyncMessage::Notification(_) = message {
                    woken.notify_one();
                }
            }
        });
        client.batch_execute(&format!("LISTEN {}", self.channel)).await?;
        Ok((client, task))
    }

    async fn keep_listening(self, (mut client, mut task): (Client, JoinHandle<()>)) {
        loop {
            let _ = task.await;
            drop(client);
            (client, task) = loop {
                tokio::time::sleep(RETRY).await;
                if let Ok(again) = self.listen().await {
                    break again;
                }
            };
            // Notices of the time between are lost.
            self.woken.notify_one();
        }
    }
}
