//! All accounts, live and demo apart.

use std::collections::HashMap;
use std::mem;

use keyward_rules::exchange_notice::ExchangeNotice;
use keyward_rules::key::Environment;

use crate::ledger::history::Ids;
use crate::ledger::news::News;
use crate::ledger::{Account, Holdings, Owner, Register};
use crate::refusal::Refusal;

/// Accounts that have changed something and are kept; past that a new one is refused.
const ACCOUNTS: usize = 1_000_000;
/// Sub-accounts of a master that are known.
const SUB_ACCOUNTS: usize = 100;

/// The exchange's books.
pub(crate) struct Ledger {
    accounts: HashMap<Owner, Account>,
    /// Sub-accounts by master, in the order of their appearance.
    sub_accounts: HashMap<Owner, Vec<String>>,
    /// What the gateway has told of them.
    register: Register,
    ids: Ids,
    /// What an account is that has changed nothing yet; reading one stores nothing.
    untouched: Account,
    /// Who was opened since the last news, and what they held before.
    opened: Vec<(Owner, Holdings)>,
    /// How many changes there were; each is known by its number.
    changes: u64,
}

impl Ledger {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            accounts: HashMap::new(),
            sub_accounts: HashMap::new(),
            register: Register::default(),
            ids: Ids::new(seed),
            untouched: Account::seeded(),
            opened: Vec::new(),
            changes: 0,
        }
    }

    /// Notes a sub-account that the gateway vouches for: only these can be named in transfers.
    pub(crate) fn see(&mut self, owner: &Owner) {
        let Some(name) = &owner.sub_account else { return };
        let full = self.sub_accounts.len() >= ACCOUNTS;
        let master = owner.master();
        match self.sub_accounts.get_mut(&master) {
            Some(known) if known.contains(name) || known.len() >= SUB_ACCOUNTS => {}
            Some(known) => known.push(name.clone()),
            None if full => {}
            None => drop(self.sub_accounts.insert(master, vec![name.clone()])),
        }
    }

    /// The sub-accounts seen below a master.
    pub(crate) fn sub_accounts(&self, master: &Owner) -> &[String] {
        self.sub_accounts.get(master).map_or(&[], Vec::as_slice)
    }

    /// What the gateway has told of sub-accounts.
    pub(crate) const fn register(&self) -> &Register {
        &self.register
    }

    /// Takes a notice of the gateway. A sub-account is closed when it has nothing on the live ledger: what it has on the demo ledger
    /// is play money.
    pub(crate) fn take_notice(&mut self, notice: &ExchangeNotice) -> Result<(), Refusal> {
        let owner = Owner {
            environment: Environment::Live,
            account: notice.account.to_string(),
            sub_account: Some(notice.sub_account.to_string()),
        };
        let account = self.accounts.get(&owner).unwrap_or(&self.untouched);
        self.register.take(notice, || !account.holdings.is_empty())
    }

    /// An account to read.
    pub(crate) fn read(&self, owner: &Owner) -> &Account {
        self.accounts.get(owner).unwrap_or(&self.untouched)
    }

    /// An account to change, and the ids for what comes of it.
    pub(crate) fn open(&mut self, owner: &Owner) -> Result<(&mut Account, &mut Ids), Refusal> {
        if !self.accounts.contains_key(owner) {
            if self.accounts.len() >= ACCOUNTS {
                return Err(Refusal::Full);
            }
            self.accounts.insert(owner.clone(), self.untouched.clone());
        }
        let account = self.accounts.get_mut(owner).ok_or(Refusal::Full)?;
        if !self.opened.iter().any(|(known, _)| known == owner) {
            self.opened.push((owner.clone(), account.holdings.clone()));
        }
        Ok((account, &mut self.ids))
    }

    /// What changed since this was last asked, one for each account that did.
    pub(crate) fn news(&mut self, now_ms: u64) -> Vec<News> {
        let mut all = Vec::new();
        for (owner, before) in mem::take(&mut self.opened) {
            let Some(account) = self.accounts.get_mut(&owner) else { continue };
            let happened = mem::take(&mut account.happened);
            if happened.is_nothing() && before == account.holdings {
                continue;
            }
            self.changes += 1;
            let (number, after) = (self.changes, account.holdings.clone());
            all.push(News { owner, number, at_ms: now_ms, before, after, happened });
        }
        all
    }

    /// The number of the newest change.
    pub(crate) const fn newest(&self) -> u64 {
        self.changes
    }
}
