//! Who listens to which account: changes go from the ledger to the owner's sockets, in their order.
//!
//! Owns: the queues. Leaves to others: what changed (`ledger`), and how it is written (`sockets`).
//!
//! Invariant: every queue is bounded. The queue of one who does not take what comes ends, and takes nothing more.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::mpsc;

use crate::ledger::{Ledger, News, Owner};

/// Changes that may wait for one listener.
pub(crate) const QUEUE: usize = 256;

/// The queues of all accounts.
#[derive(Default)]
pub(crate) struct Hub {
    listeners: Mutex<Listeners>,
}

#[derive(Default)]
struct Listeners {
    joined: u64,
    by_owner: HashMap<Owner, HashMap<u64, mpsc::Sender<Arc<News>>>>,
}

impl Hub {
    /// Begins to listen to an account.
    pub(crate) fn join(self: &Arc<Self>, owner: &Owner) -> Listener {
        let (sender, queue) = mpsc::channel(QUEUE);
        let mut listeners = self.listeners.lock();
        listeners.joined += 1;
        let id = listeners.joined;
        listeners.by_owner.entry(owner.clone()).or_default().insert(id, sender);
        Listener { hub: Arc::clone(self), owner: owner.clone(), id, queue }
    }

    /// Tells what changed while the ledger was held, and lets it go.
    pub(crate) fn publish(&self, mut ledger: MutexGuard<'_, Ledger>, now_ms: u64) {
        let all = ledger.news(now_ms);
        if all.is_empty() {
            return;
        }
        // Taken before the ledger is let go, so that no later change comes before this one.
        let mut listeners = self.listeners.lock();
        drop(ledger);
        for news in all {
            listeners.tell(news);
        }
    }

    fn leave(&self, owner: &Owner, id: u64) {
        let mut listeners = self.listeners.lock();
        if let Some(all) = listeners.by_owner.get_mut(owner) {
            all.remove(&id);
            if all.is_empty() {
                listeners.by_owner.remove(owner);
            }
        }
    }
}

impl Listeners {
    fn tell(&mut self, news: News) {
        let Some(all) = self.by_owner.get_mut(&news.owner) else { return };
        let news = Arc::new(news);
        // Without its sender a queue ends once it was emptied, which its reader takes as the end.
        all.retain(|_, queue| queue.try_send(Arc::clone(&news)).is_ok());
    }
}

/// One who listens to an account, until dropped.
pub(crate) struct Listener {
    hub: Arc<Hub>,
    owner: Owner,
    id: u64,
    queue: mpsc::Receiver<Arc<News>>,
}

impl Listener {
    /// The next change; none when too many were waiting.
    pub(crate) async fn next(&mut self) -> Option<Arc<News>> {
        self.queue.recv().await
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.hub.leave(&self.owner, self.id);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use keyward_rules::key::Environment;
    use parking_lot::Mutex;

    use super::{Hub, QUEUE};
    use crate::amount::Amount;
    use crate::ledger::{Ledger, Owner, TransferRequest, Wallet, Way};
    use crate::markets::Currency;

    fn owner(account: &str, environment: Environment) -> Owner {
        Owner { environment, account: account.to_owned(), sub_account: None }
    }

    fn change(hub: &Hub, ledger: &Mutex<Ledger>, owner: &Owner) {
        let wish = TransferRequest {
            way: Way::Within,
            currency: Currency::Usdt,
            amount: Amount::new(1, 0),
            from: Wallet::Funding,
            to: Wallet::Trading,
            client_id: String::new(),
        };
        let mut ledger = ledger.lock();
        ledger.transfer(owner, wish, 1).unwrap();
        hub.publish(ledger, 1);
    }

    #[tokio::test]
    async fn each_hears_of_its_own_account_in_order() {
        let (hub, ledger) = (Arc::new(Hub::default()), Mutex::new(Ledger::new(1)));
        let (own, other) = (owner("1", Environment::Live), owner("2", Environment::Live));
        let demo = owner("1", Environment::Demo);
        let mut listeners = [hub.join(&own), hub.join(&own)];
        let mut stranger = hub.join(&demo);
        for owner in [&own, &other, &own, &demo] {
            change(&hub, &ledger, owner);
        }
        for listener in &mut listeners {
            let (first, second) = (listener.next().await.unwrap(), listener.next().await.unwrap());
            assert_eq!((&first.owner, &second.owner), (&own, &own));
            assert_eq!((first.number, second.number), (1, 3));
        }
        assert_eq!(stranger.next().await.unwrap().number, 4);
    }

    #[tokio::test]
    async fn a_full_queue_ends_and_the_others_go_on() {
        let (hub, ledger) = (Arc::new(Hub::default()), Mutex::new(Ledger::new(1)));
        let own = owner("1", Environment::Live);
        let (mut slow, mut quick) = (hub.join(&own), hub.join(&own));
        for _ in 0..=QUEUE {
            change(&hub, &ledger, &own);
            assert!(quick.next().await.is_some());
        }
        for _ in 0..QUEUE {
            assert!(slow.next().await.is_some());
        }
        assert!(slow.next().await.is_none());
        drop((slow, quick));
        assert!(hub.listeners.lock().by_owner.is_empty(), "who left is forgotten");
    }
}
