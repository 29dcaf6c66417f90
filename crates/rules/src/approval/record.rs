//! An approval with all that it is bound to, what a gateway asks for, and what it is told.

use std::net::IpAddr;

use super::change::AskedChange;
use super::hash::ApprovalHash;
use super::life::{ApprovalError, ApprovalState, Standing};
use super::transfer::Transfer;
use super::wanted::Wanted;
use crate::id::{AccountId, ApprovalId, KeyId, RequestId};
use crate::key::Environment;
use crate::limits::APPROVAL_LIFE_MS;
use crate::time::Moment;

/// A transfer that a gateway must not forward by itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AskedTransfer {
    /// The request.
    pub request: RequestId,
    /// The key that signed it.
    pub key: KeyId,
    /// The key's sub-account.
    pub account: AccountId,
    /// The master account.
    pub master: AccountId,
    /// Live or demo.
    pub environment: Environment,
    /// Where it came from.
    pub source: IpAddr,
    /// What it means.
    pub transfer: Transfer,
    /// When it was complete.
    pub at: Moment,
}

impl AskedTransfer {
    /// What an approval of it is bound to.
    #[must_use]
    pub fn hash(&self) -> ApprovalHash {
        self.transfer.hash(self.environment, self.account)
    }
}

/// That a transfer may go out once: what the step of the decision takes as evidence.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Consent {
    /// The request that may.
    pub request: RequestId,
    /// The transfer that may.
    pub hash: ApprovalHash,
    /// Why.
    pub by: ConsentBy,
}

/// That the master approved a change which a key asked for. Only [`RequestApproval::consent`] makes one; the transaction that makes
/// the change uses the approval up.
#[derive(Debug)]
pub struct ChangeConsent {
    id: ApprovalId,
    request: RequestId,
    action: Box<str>,
    hash: ApprovalHash,
}

impl ChangeConsent {
    /// The approval.
    #[must_use]
    pub const fn id(&self) -> ApprovalId {
        self.id
    }

    /// The request that may.
    #[must_use]
    pub const fn request(&self) -> RequestId {
        self.request
    }

    /// The word of the action that was approved.
    #[must_use]
    pub fn action(&self) -> &str {
        &self.action
    }

    /// What exactly was approved.
    #[must_use]
    pub const fn hash(&self) -> ApprovalHash {
        self.hash
    }
}

/// Why a transfer may go out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ConsentBy {
    /// The master approved it; the approval is used up.
    Approval(ApprovalId),
    /// It is within a threshold, from whose sum of this UTC day it was taken.
    Threshold {
        /// Days since 1 January 1970.
        day: u64,
    },
}

/// The answer to [`AskedTransfer`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ApprovalAnswer {
    /// Nothing was owed.
    NotOwed,
    /// It may go out once; that is on disk.
    Passed(Consent),
    /// It waits for the master under this number.
    Waiting(ApprovalId),
    /// The master refused it; from the moment on it can be asked for again.
    Refused(ApprovalId, Moment),
    /// Too many transfers of the sub-account wait.
    TooMany,
    /// It leads to another sub-account, which its master has not allowed.
    TransferOutOff,
    /// Nobody can tell.
    Failed,
}

/// Who asked, for people.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Asker {
    /// The sub-account's name.
    pub sub_account: String,
    /// The key's name.
    pub key_name: String,
    /// From which address; not kept for a key of an app, whose addresses are confidential.
    pub source: Option<IpAddr>,
}

/// An approval.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RequestApproval {
    /// Its number.
    pub id: ApprovalId,
    /// The sub-account.
    pub account: AccountId,
    /// The master account, which decides.
    pub master: AccountId,
    /// The key that asked.
    pub key: KeyId,
    /// What sub-account and key were called then, and where it was asked from.
    pub asker: Asker,
    /// Live or demo.
    pub environment: Environment,
    /// What was asked for.
    pub wanted: Wanted,
    /// When it was asked for.
    pub made_at: Moment,
    /// When it is over, unless it is used or refused before.
    pub expires_at: Moment,
    /// What became of it.
    pub standing: Standing,
}

impl RequestApproval {
    /// A new one for a transfer, which waits.
    #[must_use]
    pub fn asked(id: ApprovalId, asked: &AskedTransfer, asker: Asker) -> Self {
        let AskedTransfer { account, master, key, environment, at, ref transfer, .. } = *asked;
        let wanted = Wanted::Transfer(transfer.clone());
        Self::waiting((id, asker), (account, master, key), environment, wanted, at)
    }

    /// A new one for a change, which waits.
    #[must_use]
    pub fn of_change(id: ApprovalId, asked: &AskedChange, asker: Asker) -> Self {
        let AskedChange { account, master, key, environment, at, ref change, .. } = *asked;
        let wanted = Wanted::Change(change.clone());
        Self::waiting((id, asker), (account, master, key), environment, wanted, at)
    }

    fn waiting(
        (id, asker): (ApprovalId, Asker),
        (account, master, key): (AccountId, AccountId, KeyId),
        environment: Environment,
        wanted: Wanted,
        made_at: Moment,
    ) -> Self {
        let (standing, expires_at) = (Standing::Waiting, made_at.plus_ms(APPROVAL_LIFE_MS));
        Self { id, account, master, key, asker, environment, wanted, made_at, expires_at, standing }
    }

    /// The account whose key asked: the sub-account for its transfer, the master account for a change.
    #[must_use]
    pub const fn asking_account(&self) -> AccountId {
        match self.wanted {
            Wanted::Transfer(_) => self.account,
            Wanted::Change(_) => self.master,
        }
    }

    /// What it is bound to.
    #[must_use]
    pub fn hash(&self) -> ApprovalHash {
        self.wanted.hash(self.environment, self.account)
    }

    /// What it is about, in words: `12.5 USDT from probeSub01 (funding) to the master account (trading)`.
    #[must_use]
    pub fn in_words(&self) -> String {
        let demo = if self.environment == Environment::Demo { ", demo" } else { "" };
        format!("{}{demo}", self.wanted.in_words(&self.asker.sub_account))
    }

    /// What it is at `now`.
    #[must_use]
    pub fn state(&self, now: Moment) -> ApprovalState {
        let over = now >= self.expires_at;
        match self.standing {
            Standing::Waiting | Standing::Approved(..) if over => ApprovalState::Expired,
            Standing::Waiting => ApprovalState::Waiting,
            Standing::Approved(..) => ApprovalState::Approved,
            Standing::Refused(..) => ApprovalState::Refused,
            Standing::Used(..) => ApprovalState::Used,
        }
    }

    /// The master approves; the transfer may be sent within 24 hours from now. Nobody in particular decides at the host.
    ///
    /// # Errors
    /// [`ApprovalError::NotTheMaster`], [`ApprovalError::Expired`], [`ApprovalError::Decided`].
    pub fn approve(self, by: Option<AccountId>, now: Moment) -> Result<Self, ApprovalError> {
        self.check_decider(by)?;
        match self.state(now) {
            ApprovalState::Waiting => Ok(Self {
                standing: Standing::Approved(now, by),
                expires_at: now.plus_ms(APPROVAL_LIFE_MS),
                ..self
            }),
            ApprovalState::Expired => Err(ApprovalError::Expired),
            ApprovalState::Approved | ApprovalState::Refused | ApprovalState::Used => {
                Err(ApprovalError::Decided)
            }
        }
    }

    /// The master refuses, or takes an approval back that is not used.
    ///
    /// # Errors
    /// As [`RequestApproval::approve`].
    pub fn refuse(self, by: Option<AccountId>, now: Moment) -> Result<Self, ApprovalError> {
        self.check_decider(by)?;
        match self.state(now) {
            ApprovalState::Waiting | ApprovalState::Approved => {
                Ok(Self { standing: Standing::Refused(now, by), ..self })
            }
            ApprovalState::Expired => Err(ApprovalError::Expired),
            ApprovalState::Refused | ApprovalState::Used => Err(ApprovalError::Decided),
        }
    }

    /// A transfer uses it up.
    ///
    /// # Errors
    /// [`ApprovalError::OtherRequest`], [`ApprovalError::Expired`], [`ApprovalError::Decided`] when it is not approved.
    pub fn spend(self, asked: &AskedTransfer, now: Moment) -> Result<Self, ApprovalError> {
        if self.master != asked.master {
            return Err(ApprovalError::OtherRequest);
        }
        self.use_up(asked.hash(), asked.request, now)
    }

    /// The evidence that a change may be made which a key asks for.
    ///
    /// # Errors
    /// As [`RequestApproval::spend`].
    pub fn consent(&self, asked: &AskedChange, now: Moment) -> Result<ChangeConsent, ApprovalError> {
        let same = self.master == asked.master && self.account == asked.account && self.key == asked.key;
        let Wanted::Change(change) = &self.wanted else { return Err(ApprovalError::OtherRequest) };
        // The words may differ: what is told of the state before is not what was approved.
        if !same || (&change.action, change.hash) != (&asked.change.action, asked.change.hash) {
            return Err(ApprovalError::OtherRequest);
        }
        let (hash, action) = (change.hash, change.action.clone());
        self.clone().use_up(hash, asked.request, now)?;
        Ok(ChangeConsent { id: self.id, request: asked.request, action, hash })
    }

    /// The change that was approved uses it up.
    ///
    /// # Errors
    /// As [`RequestApproval::spend`].
    pub fn spend_on_change(
        self,
        hash: ApprovalHash,
        request: RequestId,
        now: Moment,
    ) -> Result<Self, ApprovalError> {
        match self.wanted {
            Wanted::Change(_) => self.use_up(hash, request, now),
            Wanted::Transfer(_) => Err(ApprovalError::OtherRequest),
        }
    }

    fn use_up(self, hash: ApprovalHash, request: RequestId, now: Moment) -> Result<Self, ApprovalError> {
        if self.hash() != hash {
            return Err(ApprovalError::OtherRequest);
        }
        match (self.standing, self.state(now)) {
            (Standing::Approved(at, by), ApprovalState::Approved) => {
                Ok(Self { standing: Standing::Used((at, by), (now, request)), ..self })
            }
            (_, ApprovalState::Expired) => Err(ApprovalError::Expired),
            (_, _) => Err(ApprovalError::Decided),
        }
    }

    /// The request that used it was certainly not sent: it is approved as before.
    ///
    /// # Errors
    /// [`ApprovalError::Decided`] when another request used it, or none.
    pub fn give_back(self, request: RequestId) -> Result<Self, ApprovalError> {
        match self.standing {
            Standing::Used((at, by), (_, used_by)) if used_by == request => {
                Ok(Self { standing: Standing::Approved(at, by), ..self })
            }
            Standing::Used(..) | Standing::Waiting | Standing::Approved(..) | Standing::Refused(..) => {
                Err(ApprovalError::Decided)
            }
        }
    }

    /// A sub-account's own person, who has another account, never decides about it (threat F63).
    fn check_decider(&self, by: Option<AccountId>) -> Result<(), ApprovalError> {
        let is_master = by.is_none_or(|by| by == self.master) && self.master != self.account;
        if is_master { Ok(()) } else { Err(ApprovalError::NotTheMaster) }
    }
}

#[cfg(test)]
mod tests {
    use super::{AskedTransfer, Asker, RequestApproval};
    use crate::approval::{ApprovalError, ApprovalHash, ApprovalState, AskedChange, Transfer, WantedChange};
    use crate::id::{AccountId, ApprovalId, KeyId, RequestId};
    use crate::key::Environment;
    use crate::limits::APPROVAL_LIFE_MS;
    use crate::time::Moment;

    const NOW: Moment = Moment::from_unix_ms(1_800_000_000_000);

    fn account(number: u64) -> AccountId {
        AccountId::from_u64(number).unwrap()
    }

    fn asked(transfer: &str) -> AskedTransfer {
        AskedTransfer {
            request: RequestId(1),
            key: KeyId::from_entropy([3; 16]),
            account: account(2),
            master: account(1),
            environment: Environment::Live,
            source: "192.0.2.1".parse().unwrap(),
            transfer: Transfer::parse(transfer).unwrap(),
            at: NOW,
        }
    }

    fn waiting() -> RequestApproval {
        let id = ApprovalId::from_u64(9).unwrap();
        let asker = Asker { sub_account: "probeSub01".into(), key_name: "bot".into(), source: None };
        RequestApproval::asked(id, &asked("USDT 1.5 6 18 3 - - -"), asker)
    }

    #[test]
    fn it_is_approved_and_used_once() {
        let same = asked("USDT 1.5 6 18 3 - - -");
        assert_eq!(waiting().spend(&same, NOW), Err(ApprovalError::Decided), "nobody approved it");
        let approved = waiting().approve(Some(account(1)), NOW).unwrap();
        assert_eq!(approved.clone().approve(Some(account(1)), NOW), Err(ApprovalError::Decided));
        let used = approved.clone().spend(&same, NOW).unwrap();
        assert_eq!(used.state(NOW), ApprovalState::Used);
        assert_eq!(used.clone().spend(&same, NOW), Err(ApprovalError::Decided));
        assert_eq!(used.clone().refuse(Some(account(1)), NOW), Err(ApprovalError::Decided));
        assert_eq!(used.clone().give_back(RequestId(2)), Err(ApprovalError::Decided), "another's");
        assert_eq!(used.give_back(RequestId(1)), Ok(approved));
    }

    #[test]
    fn it_is_for_one_transfer_of_one_sub_account() {
        let approved = waiting().approve(None, NOW).unwrap();
        for transfer in ["USDT 1.51 6 18 3 - - -", "BTC 1.5 6 18 3 - - -", "USDT 1.5 6 18 3 - loan -"] {
            assert_eq!(approved.clone().spend(&asked(transfer), NOW), Err(ApprovalError::OtherRequest));
        }
        let same = asked("USDT 1.5 6 18 3 - - -");
        for other in [
            AskedTransfer { account: account(3), ..same.clone() },
            AskedTransfer { master: account(3), ..same.clone() },
            AskedTransfer { environment: Environment::Demo, ..same.clone() },
        ] {
            assert_eq!(approved.clone().spend(&other, NOW), Err(ApprovalError::OtherRequest));
        }
        assert!(approved.spend(&AskedTransfer { request: RequestId(5), ..same }, NOW).is_ok());
    }

    fn change(words: &str) -> AskedChange {
        let change = WantedChange {
            action: "key.widen".into(),
            hash: ApprovalHash::from_bytes(*blake3::hash(words.as_bytes()).as_bytes()),
            words: vec![words.to_owned()],
        };
        let asked = asked("USDT 1.5 6 18 3 - - -");
        AskedChange {
            request: asked.request,
            key: asked.key,
            account: asked.account,
            master: asked.master,
            environment: asked.environment,
            source: asked.source,
            change,
            at: asked.at,
        }
    }

    /// F5: an approval is for one change, that one key of one account asked for, and is used once.
    #[test]
    fn a_change_is_approved_and_made_once() {
        let asker = Asker { sub_account: "probeSub01".into(), key_name: "bot".into(), source: None };
        let same = change("from anywhere");
        let waiting = RequestApproval::of_change(ApprovalId::from_u64(9).unwrap(), &same, asker);
        assert!(waiting.consent(&same, NOW).is_err(), "nobody approved it");
        let approved = waiting.approve(Some(account(1)), NOW).unwrap();
        for other in [
            change("from elsewhere"),
            AskedChange { account: account(3), ..same.clone() },
            AskedChange { master: account(3), ..same.clone() },
            AskedChange { key: KeyId::from_entropy([4; 16]), ..same.clone() },
        ] {
            assert_eq!(approved.consent(&other, NOW).err(), Some(ApprovalError::OtherRequest));
        }
        let consent = approved.consent(&same, NOW).unwrap();
        assert_eq!(
            (consent.action(), consent.id(), consent.request()),
            ("key.widen", approved.id, RequestId(1))
        );
        assert!(approved.consent(&same, NOW.plus_ms(APPROVAL_LIFE_MS)).is_err());
        let transfer = asked("USDT 1.5 6 18 3 - - -");
        assert_eq!(approved.clone().spend(&transfer, NOW), Err(ApprovalError::OtherRequest));
        let used = approved.spend_on_change(consent.hash(), consent.request(), NOW).unwrap();
        assert_eq!(used.state(NOW), ApprovalState::Used);
        assert_eq!(used.consent(&same, NOW).err(), Some(ApprovalError::Decided));
        let hash = used.hash();
        assert_eq!(used.spend_on_change(hash, RequestId(2), NOW), Err(ApprovalError::Decided));
    }

    /// F63: self-approval, and approval by the master of others.
    #[test]
    fn nobody_but_the_master_decides() {
        for other in [2, 3] {
            assert_eq!(waiting().approve(Some(account(other)), NOW), Err(ApprovalError::NotTheMaster));
            assert_eq!(waiting().refuse(Some(account(other)), NOW), Err(ApprovalError::NotTheMaster));
        }
        let own = RequestApproval { master: account(2), ..waiting() };
        assert_eq!(own.clone().approve(Some(account(2)), NOW), Err(ApprovalError::NotTheMaster));
        assert_eq!(own.approve(None, NOW), Err(ApprovalError::NotTheMaster));
    }

    #[test]
    fn it_is_over_after_24_hours() {
        let at = |ms| NOW.plus_ms(ms);
        let same = asked("USDT 1.5 6 18 3 - - -");
        let last = at(APPROVAL_LIFE_MS - 1);
        assert_eq!(waiting().state(last), ApprovalState::Waiting);
        assert_eq!(waiting().state(at(APPROVAL_LIFE_MS)), ApprovalState::Expired);
        assert_eq!(waiting().approve(None, at(APPROVAL_LIFE_MS)), Err(ApprovalError::Expired));
        assert_eq!(waiting().refuse(None, at(APPROVAL_LIFE_MS)), Err(ApprovalError::Expired));
        // The 24 hours of the approval begin when it is given.
        let approved = waiting().approve(None, last).unwrap();
        assert!(approved.clone().spend(&same, last.plus_ms(APPROVAL_LIFE_MS - 1)).is_ok());
        assert_eq!(approved.spend(&same, last.plus_ms(APPROVAL_LIFE_MS)), Err(ApprovalError::Expired));
    }

    #[test]
    fn an_approval_can_be_taken_back_until_it_is_used() {
        let refused = waiting().approve(None, NOW).unwrap().refuse(None, NOW).unwrap();
        assert_eq!(refused.state(NOW.plus_ms(APPROVAL_LIFE_MS)), ApprovalState::Refused);
        assert_eq!(refused.clone().spend(&asked("USDT 1.5 6 18 3 - - -"), NOW), Err(ApprovalError::Decided));
        assert_eq!(refused.approve(None, NOW), Err(ApprovalError::Decided));
    }
}
