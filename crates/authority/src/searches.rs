//! Searches under way: a few at a time for one account, because each may look through many rows.

use std::sync::Arc;

use keyward_rules::counts::Counts;
use keyward_rules::grant::Actor;
use keyward_rules::id::AccountId;
use keyward_rules::limits::{SEARCHES, SEARCHES_PER_ACCOUNT};
use parking_lot::Mutex;

use crate::ActionError;

/// How many searches each account has under way, on this node.
#[derive(Default)]
pub struct Searches {
    under_way: Arc<Mutex<Counts<AccountId>>>,
}

/// One search under way, over when dropped, also when the client has left. An export keeps it until its file was taken.
pub struct Searching {
    under_way: Arc<Mutex<Counts<AccountId>>>,
    account: Option<AccountId>,
}

impl Searches {
    /// Begins a search; who works at the host is not counted.
    ///
    /// # Errors
    /// [`ActionError::Searching`] when the person has [`SEARCHES_PER_ACCOUNT`] under way;
    /// [`ActionError::TooManySearches`] when all accounts together have [`SEARCHES`].
    pub fn begin(&self, actor: &Actor) -> Result<Searching, ActionError> {
        let account = actor.person().map(|holder| holder.account);
        if let Some(account) = account {
            self.count(account)?;
        }
        Ok(Searching { under_way: Arc::clone(&self.under_way), account })
    }

    /// How many searches are under way.
    #[must_use]
    pub fn under_way(&self) -> usize {
        self.under_way.lock().total()
    }

    fn count(&self, account: AccountId) -> Result<(), ActionError> {
        let mut under_way = self.under_way.lock();
        if under_way.of(&account) >= SEARCHES_PER_ACCOUNT {
            return Err(ActionError::Searching);
        }
        if under_way.total() < SEARCHES && under_way.add(account, 1, SEARCHES_PER_ACCOUNT) {
            Ok(())
        } else {
            Err(ActionError::TooManySearches)
        }
    }
}

impl Drop for Searching {
    fn drop(&mut self) {
        if let Some(account) = self.account {
            self.under_way.lock().take(&account, 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Searches, Searching};
    use crate::ActionError;
    use keyward_rules::grant::{Actor, Holder, Origin};
    use keyward_rules::id::AccountId;
    use keyward_rules::limits::{SEARCHES, SEARCHES_PER_ACCOUNT};
    use keyward_rules::person::{Device, SessionId};
    use keyward_rules::time::Moment;

    fn holder(number: u64) -> Actor {
        let origin = Origin { address: "203.0.113.9".parse().unwrap(), device: Device::of("test") };
        let account = AccountId::from_u64(number).unwrap();
        Actor::Holder(Holder {
            account,
            acting: None,
            session: SessionId::from_entropy([7; 16]),
            device_since: Moment::EPOCH,
            origin,
        })
    }

    #[test]
    fn one_account_has_few_at_a_time_and_all_together_are_bounded() {
        let searches = Searches::default();
        let mut under_way: Vec<Searching> = Vec::new();
        for _ in 0..SEARCHES_PER_ACCOUNT {
            under_way.push(searches.begin(&holder(1)).unwrap());
        }
        assert!(matches!(searches.begin(&holder(1)), Err(ActionError::Searching)));
        for number in 2.. {
            match searches.begin(&holder(number)) {
                Ok(search) => under_way.push(search),
                Err(refused) => {
                    assert!(matches!(refused, ActionError::TooManySearches));
                    break;
                }
            }
        }
        assert_eq!(searches.under_way(), SEARCHES);
        assert!(searches.begin(&Actor::Host("ops".to_owned())).is_ok(), "the host is not counted");
        drop(under_way);
        assert!(searches.under_way.lock().parties() == 0);
        assert!(searches.begin(&holder(1)).is_ok());
    }
}
