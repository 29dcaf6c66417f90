//! Approvals of what keys ask for. Every row is sealed with its standing, and the audit log answers for it.

use std::net::IpAddr;

use keyward_rules::approval::{ApprovalHash, Asker, RequestApproval, Standing, Wanted};
use keyward_rules::grant::Scope;
use keyward_rules::id::{AccountId, ApprovalId, RequestId};
use keyward_rules::limits::{APPROVALS_KEPT_MS, APPROVALS_WAITING};
use keyward_rules::time::Moment;

use crate::accounts;
use crate::error::StoreError;
use crate::log::rows;
use crate::reader::Reader;
use crate::seal::{Aad, Vault};
use crate::sql::{Row, Value, statements};
use crate::writer::{Tx, taken};

statements! {
    INSERT_REQUEST_APPROVAL = "INSERT INTO transfer_approvals (id, account, master, key_id, environment, hash, transfer, sub_name, \
        key_name, source, made_at, expires_at, standing, decided_at, decided_by, used_at, used_by, data_key, seal) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)";
    /// Only from what was read: whoever comes second changes no row.
    SET_REQUEST_APPROVAL = "UPDATE transfer_approvals SET expires_at = $2, standing = $3, decided_at = $4, decided_by = $5, \
        used_at = $6, used_by = $7, data_key = $8, seal = $9 WHERE id = $1 AND standing = $10";
    REQUEST_APPROVAL = "SELECT id, account, master, key_id, environment, hash, transfer, sub_name, key_name, source, made_at, expires_at, standing, \
        decided_at, decided_by, used_at, used_by, data_key, seal FROM transfer_approvals WHERE id = $1";
    /// What the next request with this meaning is told. `approved` stands first of the three words: an approval that was given
    /// back while the next question was on its way must not lie hidden behind that.
    OPEN_REQUEST_APPROVAL = "SELECT id, account, master, key_id, environment, hash, transfer, sub_name, key_name, source, made_at, expires_at, \
        standing, decided_at, decided_by, used_at, used_by, data_key, seal FROM transfer_approvals \
        WHERE account = $1 AND hash = $2 AND standing <> 'used' AND expires_at > $3 ORDER BY standing, made_at DESC, id LIMIT 1";
    WAITING_APPROVALS_OF = "SELECT COUNT(*) FROM transfer_approvals WHERE account = $1 AND made_at > $2 AND standing = 'waiting' \
        AND expires_at > $3";
    COUNT_WAITING_APPROVALS = "SELECT COUNT(*) FROM transfer_approvals WHERE master = $1 AND made_at > $2 \
        AND standing = 'waiting' AND expires_at > $3";
    WAITING_APPROVALS = "SELECT id, account, master, key_id, environment, hash, transfer, sub_name, key_name, source, made_at, expires_at, standing, \
        decided_at, decided_by, used_at, used_by, data_key, seal FROM transfer_approvals \
        WHERE master = $1 AND made_at > $2 AND standing = 'waiting' AND expires_at > $3 ORDER BY made_at, id LIMIT $4";
    SETTLED_APPROVALS = "SELECT id, account, master, key_id, environment, hash, transfer, sub_name, key_name, source, made_at, expires_at, standing, \
        decided_at, decided_by, used_at, used_by, data_key, seal FROM transfer_approvals \
        WHERE master = $1 AND (standing <> 'waiting' OR expires_at <= $2) \
        AND (made_at < $3 OR made_at = $3 AND id < $4) ORDER BY made_at DESC, id DESC LIMIT $5";
    UNUSED_APPROVALS = "SELECT id, account, master, key_id, environment, hash, transfer, sub_name, key_name, source, made_at, \
        expires_at, standing, decided_at, decided_by, used_at, used_by, data_key, seal FROM transfer_approvals \
        WHERE standing = 'approved' AND expires_at > $1 ORDER BY id LIMIT $2";
    OLD_APPROVALS = "SELECT id FROM transfer_approvals WHERE account = $1 AND made_at < $2 ORDER BY made_at LIMIT $3";
    DROP_REQUEST_APPROVAL = "DELETE FROM transfer_approvals WHERE id = $1";
}

/// Old ones that one new one takes away.
const DROPPED: u64 = 20;
/// The columns of a standing: its word, when and by whom it was decided, when and by which request it was used.
type StandingColumns = (&'static str, Option<u64>, Option<u64>, Option<u64>, Option<String>);

fn columns(standing: Standing) -> StandingColumns {
    let by = |by: Option<AccountId>| by.map(AccountId::as_u64);
    let word = standing.word();
    match standing {
        Standing::Waiting => (word, None, None, None, None),
        Standing::Approved(at, who) | Standing::Refused(at, who) => {
            (word, Some(at.unix_ms()), by(who), None, None)
        }
        Standing::Used((at, who), (used_at, request)) => {
            (word, Some(at.unix_ms()), by(who), Some(used_at.unix_ms()), Some(request.to_string()))
        }
    }
}

fn aad(approval: &RequestApproval) -> Aad {
    let (standing, decided_at, decided_by, used_at, used_by) = columns(approval.standing);
    Aad::new("keyward transfer approval 1")
        .number("id", approval.id.as_u64())
        .number("account", approval.account.as_u64())
        .number("master", approval.master.as_u64())
        .text("key", &approval.key.to_string())
        .text("environment", approval.environment.word())
        .text("transfer", &approval.wanted.to_string())
        .text("sub_name", &approval.asker.sub_account)
        .text("key_name", &approval.asker.key_name)
        .text("source", &approval.asker.source.map(|source| source.to_string()).unwrap_or_default())
        .number("made_at", approval.made_at.unix_ms())
        .number("expires_at", approval.expires_at.unix_ms())
        .text("standing", standing)
        .maybe("decided_at", decided_at)
        .maybe("decided_by", decided_by)
        .maybe("used_at", used_at)
        .text("used_by", &used_by.unwrap_or_default())
}

fn standing(row: &Row) -> Result<Option<Standing>, StoreError> {
    let moment = |at| row.int_or_null(at).map(|ms| ms.and_then(|ms| u64::try_from(ms).ok()));
    let (decided_at, used_at) =
        (moment(13)?.map(Moment::from_unix_ms), moment(15)?.map(Moment::from_unix_ms));
    let decided_by = row.int_or_null(14)?.map(accounts::id_of).transpose()?;
    let used_by = row.text_or_null(16)?.and_then(|hex| u128::from_str_radix(&hex, 16).ok()).map(RequestId);
    if used_at.is_some() != used_by.is_some() {
        return Ok(None);
    }
    // What a standing does not have must not be there: nothing beside the seal may say something.
    Ok(match (&*row.text(12)?, decided_at, used_at.zip(used_by)) {
        ("waiting", None, None) if decided_by.is_none() => Some(Standing::Waiting),
        ("approved", Some(at), None) => Some(Standing::Approved(at, decided_by)),
        ("refused", Some(at), None) => Some(Standing::Refused(at, decided_by)),
        ("used", Some(at), Some(used)) => Some(Standing::Used((at, decided_by), used)),
        (_, _, _) => None,
    })
}

fn from_row(row: &Row, vault: &Vault) -> Result<RequestApproval, StoreError> {
    let tampered = || StoreError::tampered("transfer approval", row.int(0).unwrap_or_default());
    let number = |value: i64| u64::try_from(value).map_err(|_| tampered());
    let moment = |value: i64| number(value).map(Moment::from_unix_ms);
    let source = row.text_or_null(9)?;
    let source = source.map(|text| text.parse::<IpAddr>().map_err(|_| tampered())).transpose()?;
    let approval = RequestApproval {
        id: ApprovalId::from_u64(number(row.int(0)?)?).ok_or_else(tampered)?,
        account: accounts::id_of(row.int(1)?)?,
        master: accounts::id_of(row.int(2)?)?,
        key: row.text(3)?.parse().map_err(|_| tampered())?,
        environment: row.text(4)?.parse().map_err(|_| tampered())?,
        wanted: Wanted::parse(&row.text(6)?).ok_or_else(tampered)?,
        asker: Asker { sub_account: row.text(7)?, key_name: row.text(8)?, source },
        made_at: moment(row.int(10)?)?,
        expires_at: moment(row.int(11)?)?,
        standing: standing(row)?.ok_or_else(tampered)?,
    };
    vault.open_seal(number(row.int(17)?)?, &aad(&approval), &row.bytes(18)?).ok_or_else(tampered)?;
    // By the hash it is found: the row of another request must not be.
    if approval.hash().as_bytes().as_slice() != row.bytes(5)? {
        return Err(tampered());
    }
    Ok(approval)
}

/// What can still wait was made after this.
fn oldest_open(now: Moment) -> Value {
    now.unix_ms().saturating_sub(keyward_rules::limits::APPROVAL_LIFE_MS).into()
}

fn waiting_values(account: AccountId, now: Moment) -> Vec<Value> {
    vec![account.as_u64().into(), oldest_open(now), now.unix_ms().into()]
}

/// Whether fewer wait than may.
fn has_room(waiting: Option<Row>) -> Result<bool, StoreError> {
    let waiting = waiting.map_or(Ok(0), |row| row.int(0))?;
    Ok(waiting < i64::try_from(APPROVALS_WAITING).unwrap_or(i64::MAX))
}

impl Tx {
    /// The approval that the next request with this meaning is told of: one that waits, is approved or refused, and is not over.
    ///
    /// # Errors
    /// [`StoreError::Tampered`] when its row was altered.
    pub async fn open_request_approval(
        &mut self,
        account: AccountId,
        hash: ApprovalHash,
    ) -> Result<Option<RequestApproval>, StoreError> {
        let values = open_values(account, hash, self.now());
        let row = self.transact.fetch_optional(OPEN_REQUEST_APPROVAL, values).await?;
        row.map(|row| from_row(&row, &self.vault)).transpose()
    }

    /// An approval, if its master is within the grant's scope: to everybody else it is not there.
    ///
    /// # Errors
    /// [`StoreError::Tampered`] when its row was altered.
    pub async fn request_approval(&mut self, id: ApprovalId) -> Result<Option<RequestApproval>, StoreError> {
        let row = self.transact.fetch_optional(REQUEST_APPROVAL, vec![id.as_u64().into()]).await?;
        let Some(row) = row else { return Ok(None) };
        if !self.grant().scope().reaches(accounts::id_of(row.int(2)?)?) {
            return Ok(None);
        }
        from_row(&row, &self.vault).map(Some)
    }

    /// Up to `limit` approvals that no request has used, of all masters; altered rows are left out, they are unusable already.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn unused_approvals(&mut self, limit: u64) -> Result<Vec<RequestApproval>, StoreError> {
        let values = vec![self.now().unix_ms().into(), limit.into()];
        let rows = self.transact.fetch_all(UNUSED_APPROVALS, values).await?;
        Ok(rows.iter().filter_map(|row| from_row(row, &self.vault).ok()).collect())
    }

    /// Whether another request about the sub-account may wait.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn may_wait(&mut self, account: AccountId) -> Result<bool, StoreError> {
        let row =
            self.transact.fetch_optional(WAITING_APPROVALS_OF, waiting_values(account, self.now())).await?;
        has_room(row)
    }

    /// Keeps a new approval, and drops some of the sub-account's that are older than they are kept.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when the number is taken.
    pub async fn insert_request_approval(&mut self, approval: &RequestApproval) -> Result<(), StoreError> {
        self.concerns(approval.account);
        self.concerns(approval.master);
        let seal = self.vault.seal(&aad(approval), b"")?;
        let (standing, decided_at, decided_by, used_at, used_by) = columns(approval.standing);
        let values: Vec<Value> = vec![
            approval.id.as_u64().into(),
            approval.account.as_u64().into(),
            approval.master.as_u64().into(),
            approval.key.to_string().into(),
            approval.environment.word().into(),
            approval.hash().as_bytes().as_slice().into(),
            approval.wanted.to_string().into(),
            approval.asker.sub_account.as_str().into(),
            approval.asker.key_name.as_str().into(),
            approval.asker.source.map(|source| source.to_string()).into(),
            approval.made_at.unix_ms().into(),
            approval.expires_at.unix_ms().into(),
            standing.into(),
            decided_at.into(),
            decided_by.into(),
            used_at.into(),
            used_by.into(),
            self.vault.newest().into(),
            seal.as_slice().into(),
        ];
        self.transact.execute(INSERT_REQUEST_APPROVAL, values).await.map_err(taken("the approval"))?;
        self.touch(&rows::TRANSFER_APPROVALS, approval.id.as_u64());
        self.drop_old(approval.account).await
    }

    async fn drop_old(&mut self, account: AccountId) -> Result<(), StoreError> {
        let before = self.now().unix_ms().saturating_sub(APPROVALS_KEPT_MS);
        let values = vec![account.as_u64().into(), before.into(), DROPPED.into()];
        for row in self.transact.fetch_all(OLD_APPROVALS, values).await? {
            let id = row.int(0)?;
            self.transact.execute(DROP_REQUEST_APPROVAL, vec![id.into()]).await?;
            self.touch(&rows::TRANSFER_APPROVALS, id);
        }
        Ok(())
    }

    /// Uses up the approval that the grant rests on, if it rests on one. Every change begins with it, so that none can leave it
    /// out; a change that is not committed has used nothing up.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it was used or taken back since it was read.
    pub(crate) async fn use_consent(&mut self) -> Result<(), StoreError> {
        let consent = self.grant().consent().map(|consent| (consent.id(), consent.hash(), consent.request()));
        let Some((id, hash, request)) = consent else { return Ok(()) };
        let gone = || StoreError::Conflict { what: format!("approval {id}") };
        let row = self.transact.fetch_optional(REQUEST_APPROVAL, vec![id.as_u64().into()]).await?;
        let approval = from_row(&row.ok_or_else(gone)?, &self.vault)?;
        let before = approval.standing;
        let used = approval.spend_on_change(hash, request, self.now()).map_err(|_| gone())?;
        self.set_request_approval(before, &used).await
    }

    /// Moves an approval on from the standing `before`.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the row is no longer the one that was read.
    pub async fn set_request_approval(
        &mut self,
        before: Standing,
        to: &RequestApproval,
    ) -> Result<(), StoreError> {
        self.concerns(to.account);
        self.concerns(to.master);
        let seal = self.vault.seal(&aad(to), b"")?;
        let (standing, decided_at, decided_by, used_at, used_by) = columns(to.standing);
        let values: Vec<Value> = vec![
            to.id.as_u64().into(),
            to.expires_at.unix_ms().into(),
            standing.into(),
            decided_at.into(),
            decided_by.into(),
            used_at.into(),
            used_by.into(),
            self.vault.newest().into(),
            seal.as_slice().into(),
            before.word().into(),
        ];
        self.touch(&rows::TRANSFER_APPROVALS, to.id.as_u64());
        if self.transact.execute(SET_REQUEST_APPROVAL, values).await? == 1 {
            return Ok(());
        }
        Err(StoreError::Conflict { what: format!("transfer approval {}", to.id) })
    }
}

fn open_values(account: AccountId, hash: ApprovalHash, now: Moment) -> Vec<Value> {
    vec![account.as_u64().into(), hash.as_bytes().as_slice().into(), now.unix_ms().into()]
}

impl Reader {
    /// As [`Tx::may_wait`], without taking the writer's turn.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn may_wait(&self, account: AccountId, now: Moment) -> Result<bool, StoreError> {
        has_room(self.database.fetch_optional(WAITING_APPROVALS_OF, waiting_values(account, now)).await?)
    }

    /// As [`Tx::open_request_approval`], without taking the writer's turn.
    ///
    /// # Errors
    /// [`StoreError::Tampered`] when its row was altered.
    pub async fn open_request_approval(
        &self,
        account: AccountId,
        hash: ApprovalHash,
        now: Moment,
    ) -> Result<Option<RequestApproval>, StoreError> {
        let row =
            self.database.fetch_optional(OPEN_REQUEST_APPROVAL, open_values(account, hash, now)).await?;
        row.map(|row| from_row(&row, &self.vault)).transpose()
    }

    /// The approval with this number, of whichever account: the caller compares whose it is.
    ///
    /// # Errors
    /// [`StoreError::Tampered`] when its row was altered.
    pub async fn request_approval(&self, id: ApprovalId) -> Result<Option<RequestApproval>, StoreError> {
        let row = self.database.fetch_optional(REQUEST_APPROVAL, vec![id.as_u64().into()]).await?;
        row.map(|row| from_row(&row, &self.vault)).transpose()
    }

    /// How many requests wait for a master within the scope.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn count_waiting_approvals(
        &self,
        scope: Scope,
        master: AccountId,
        now: Moment,
    ) -> Result<u64, StoreError> {
        if !scope.reaches(master) {
            return Ok(0);
        }
        let values = vec![master.as_u64().into(), oldest_open(now), now.unix_ms().into()];
        let row = self.database.fetch_optional(COUNT_WAITING_APPROVALS, values).await?;
        Ok(u64::try_from(row.map_or(Ok(0), |row| row.int(0))?).unwrap_or_default())
    }

    /// Up to `limit` requests that wait for a master within the scope, oldest first; an altered row stands in the list as its
    /// error.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn waiting_approvals(
        &self,
        scope: Scope,
        master: AccountId,
        now: Moment,
        limit: usize,
    ) -> Result<Vec<Result<RequestApproval, StoreError>>, StoreError> {
        if !scope.reaches(master) {
            return Ok(Vec::new());
        }
        let limit = i64::try_from(limit).unwrap_or(0);
        let values = vec![master.as_u64().into(), oldest_open(now), now.unix_ms().into(), limit.into()];
        let rows = self.database.fetch_all(WAITING_APPROVALS, values).await?;
        Ok(rows.iter().map(|row| from_row(row, &self.vault)).collect())
    }

    /// Up to `limit` requests to a master within the scope that were decided or are over, newest first, older than `before`; an
    /// altered row stands in the list as its error.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn settled_approvals(
        &self,
        scope: Scope,
        master: AccountId,
        (now, before): (Moment, Option<(Moment, ApprovalId)>),
        limit: usize,
    ) -> Result<Vec<Result<RequestApproval, StoreError>>, StoreError> {
        if !scope.reaches(master) {
            return Ok(Vec::new());
        }
        let (at, id): (Value, Value) = match before {
            Some((at, id)) => (at.unix_ms().into(), id.as_u64().into()),
            None => (i64::MAX.into(), i64::MAX.into()),
        };
        let limit = i64::try_from(limit).unwrap_or(0);
        let values = vec![master.as_u64().into(), now.unix_ms().into(), at, id, limit.into()];
        let rows = self.database.fetch_all(SETTLED_APPROVALS, values).await?;
        Ok(rows.iter().map(|row| from_row(row, &self.vault)).collect())
    }
}
