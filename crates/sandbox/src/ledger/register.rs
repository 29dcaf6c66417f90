//! What the gateway has told of sub-accounts: their names, and which of them are frozen or closed.
//!
//! Only for live and demo together: a sub-account is there in both. Notices of a master account are taken in order, and a repetition
//! is answered as before without being acted on again.

use std::collections::{BTreeMap, HashMap};

use keyward_rules::exchange_notice::{ExchangeNotice, NoticeKind};

use crate::ledger::Owner;
use crate::refusal::Refusal;

/// Master accounts of which something was told; past that a notice is refused, and comes again.
const MASTERS: usize = 100_000;
/// Sub-accounts of one of them, closed ones included.
const SUB_ACCOUNTS: usize = 1_000;

/// What is known of a sub-account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct KnownSubAccount {
    pub(crate) name: String,
    pub(crate) frozen: bool,
    pub(crate) closed: bool,
}

/// What was told of one master account.
#[derive(Default)]
struct Told {
    /// Number and time of the newest notice that was acted on, and what came of it.
    newest: (u64, u64),
    answer: Option<Result<(), Refusal>>,
    /// By their numbers.
    sub_accounts: BTreeMap<String, KnownSubAccount>,
}

/// All that was told.
#[derive(Default)]
pub(crate) struct Register {
    masters: HashMap<String, Told>,
}

impl Register {
    /// The number of a master's sub-account that is called `name`, or has that number; `None` for one that nobody told of.
    pub(crate) fn number_of(&self, master: &str, name: &str) -> Option<&str> {
        let all = &self.masters.get(master)?.sub_accounts;
        let found = all.iter().find(|(number, known)| known.name == name || number.as_str() == name);
        found.map(|(number, _)| number.as_str())
    }

    /// The name of a master's sub-account; its number if nobody told of it.
    pub(crate) fn name_of<'a>(&'a self, master: &Owner, number: &'a str) -> &'a str {
        self.known(&master.sub(number)).map_or(number, |known| known.name.as_str())
    }

    /// What was told of a sub-account.
    pub(crate) fn known(&self, owner: &Owner) -> Option<&KnownSubAccount> {
        self.masters.get(&owner.account)?.sub_accounts.get(owner.sub_account.as_ref()?)
    }

    /// Whether it was closed.
    pub(crate) fn is_closed(&self, owner: &Owner) -> bool {
        self.known(owner).is_some_and(|known| known.closed)
    }

    /// Takes a notice. `has_balances` says whether the sub-account has any, for one that is to be closed.
    pub(crate) fn take(
        &mut self,
        notice: &ExchangeNotice,
        has_balances: impl FnOnce() -> bool,
    ) -> Result<(), Refusal> {
        let master = notice.account.to_string();
        if !self.masters.contains_key(&master) && self.masters.len() >= MASTERS {
            return Err(Refusal::Full);
        }
        let told = self.masters.entry(master).or_default();
        let (number, at_ms) = (notice.number, notice.at.unix_ms());
        let is_new = number > told.newest.0 || at_ms > told.newest.1;
        if !is_new {
            // The newest as before; an older one was taken long ago.
            let repeated = number == told.newest.0;
            return if repeated { told.answer.unwrap_or(Ok(())) } else { Ok(()) };
        }
        let answer = told.act(notice, has_balances);
        if answer != Err(Refusal::Full) {
            (told.newest, told.answer) = ((number, at_ms), Some(answer));
        }
        answer
    }
}

impl Told {
    fn act(&mut self, notice: &ExchangeNotice, has_balances: impl FnOnce() -> bool) -> Result<(), Refusal> {
        let number = notice.sub_account.to_string();
        if !self.sub_accounts.contains_key(&number) && self.sub_accounts.len() >= SUB_ACCOUNTS {
            return Err(Refusal::Full);
        }
        let name = notice.name.as_str().to_owned();
        let known =
            self.sub_accounts.entry(number).or_insert(KnownSubAccount { name, frozen: false, closed: false });
        match notice.kind {
            NoticeKind::Created => {}
            NoticeKind::Frozen => known.frozen = true,
            NoticeKind::Unfrozen => known.frozen = false,
            NoticeKind::Closing if known.closed => {}
            NoticeKind::Closing if has_balances() => return Err(Refusal::HasBalances),
            NoticeKind::Closing => known.closed = true,
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use keyward_rules::account::SubAccountName;
    use keyward_rules::exchange_notice::{ExchangeNotice, NoticeKind};
    use keyward_rules::id::AccountId;
    use keyward_rules::key::Environment;
    use keyward_rules::time::Moment;

    use super::Register;
    use crate::ledger::Owner;
    use crate::refusal::Refusal;

    fn notice(number: u64, kind: NoticeKind) -> ExchangeNotice {
        ExchangeNotice {
            number,
            account: AccountId::from_entropy([1; 8]),
            sub_account: AccountId::from_entropy([2; 8]),
            name: SubAccountName::parse("alpha01").unwrap(),
            kind,
            at: Moment::from_unix_ms(number * 1_000),
        }
    }

    fn owner() -> Owner {
        let told = notice(1, NoticeKind::Created);
        Owner {
            environment: Environment::Live,
            account: told.account.to_string(),
            sub_account: Some(told.sub_account.to_string()),
        }
    }

    #[test]
    fn a_repetition_is_answered_as_before_and_not_acted_on() {
        let mut register = Register::default();
        let mut tell = |number, kind, balances| register.take(&notice(number, kind), || balances);
        assert_eq!(tell(1, NoticeKind::Created, true), Ok(()));
        assert_eq!(tell(1, NoticeKind::Created, true), Ok(()), "twice without harm");
        assert_eq!(tell(2, NoticeKind::Frozen, true), Ok(()));
        assert_eq!(tell(3, NoticeKind::Unfrozen, true), Ok(()));
        assert_eq!(tell(2, NoticeKind::Frozen, true), Ok(()), "an old one, sent again by somebody");
        assert_eq!(tell(4, NoticeKind::Closing, true), Err(Refusal::HasBalances));
        assert_eq!(tell(4, NoticeKind::Closing, false), Err(Refusal::HasBalances), "answered as before");
        assert_eq!(tell(5, NoticeKind::Closing, false), Ok(()));
        assert_eq!(tell(5, NoticeKind::Closing, true), Ok(()), "it is closed already");
        let known = register.known(&owner()).unwrap();
        assert!(known.closed && !known.frozen, "{known:?}");
        assert!(register.is_closed(&owner()));
    }

    #[test]
    fn a_store_that_was_put_back_is_believed_by_its_clock() {
        let mut register = Register::default();
        register.take(&notice(9, NoticeKind::Created), || false).unwrap();
        let later = ExchangeNotice { at: Moment::from_unix_ms(10_000), ..notice(3, NoticeKind::Frozen) };
        register.take(&later, || false).unwrap();
        assert!(register.known(&owner()).unwrap().frozen);
    }

    #[test]
    fn a_sub_account_is_found_by_its_name_and_below_its_master_only() {
        let mut register = Register::default();
        let told = notice(1, NoticeKind::Created);
        register.take(&told, || false).unwrap();
        let (master, number) = (told.account.to_string(), told.sub_account.to_string());
        for name in ["alpha01", &number] {
            assert_eq!(register.number_of(&master, name), Some(number.as_str()));
            assert_eq!(register.number_of("7", name), None);
        }
        assert_eq!(register.number_of(&master, "alpha02"), None);
    }
}
