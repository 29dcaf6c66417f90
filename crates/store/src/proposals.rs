//! Changes that take more than one operator, and their approvals. Every row is sealed with its standing.

use keyward_rules::id::AccountId;
use keyward_rules::limits;
use keyward_rules::policy::Needed;
use keyward_rules::proposal::{Approval, Change, ChangeHash, Proposal, ProposalId, Standing};
use keyward_rules::time::Moment;

use crate::accounts;
use crate::error::StoreError;
use crate::log::rows;
use crate::reader::Reader;
use crate::seal::{Aad, Vault};
use crate::sql::{Row, Value, statements};
use crate::writer::{Tx, taken};

statements! {
    NEXT_PROPOSAL = "SELECT COALESCE(MAX(id), 0) + 1 FROM proposals";
    INSERT_PROPOSAL = "INSERT INTO proposals (id, change, words, hash, needed, requester, made_at, expires_at, standing, \
        data_key, seal) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    PROPOSAL = "SELECT id, change, words, hash, needed, requester, made_at, expires_at, standing, settled_at, settled_by, \
        data_key, seal FROM proposals WHERE id = $1";
    PROPOSALS = "SELECT id, change, words, hash, needed, requester, made_at, expires_at, standing, settled_at, settled_by, \
        data_key, seal FROM proposals WHERE id < $1 ORDER BY id DESC LIMIT $2";
    OPEN_FOR = "SELECT id FROM proposals WHERE standing = 'open' AND change = $1 AND expires_at > $2 ORDER BY id DESC LIMIT 1";
    OPEN_PROPOSALS = "SELECT COUNT(*) FROM proposals WHERE standing = 'open' AND expires_at > $1";
    OPEN_ALIKE = "SELECT id, change, words, hash, needed, requester, made_at, expires_at, standing, settled_at, settled_by, \
        data_key, seal FROM proposals WHERE change = $1 AND standing = 'open' AND expires_at > $2 ORDER BY id LIMIT $3";
    WAITING = "SELECT id, change, words, hash, needed, requester, made_at, expires_at, standing, settled_at, settled_by, \
        data_key, seal FROM proposals WHERE standing = 'open' AND expires_at > $1 ORDER BY id LIMIT $2";
    WAITING_APPROVALS = "SELECT a.account, a.at, a.hash, a.data_key, a.seal, a.proposal FROM approvals a \
        JOIN proposals p ON p.id = a.proposal WHERE p.standing = 'open' AND p.expires_at > $1 ORDER BY a.at, a.account";
    /// Only from open: whoever settles second changes no row.
    SETTLE_PROPOSAL = "UPDATE proposals SET standing = $2, settled_at = $3, settled_by = $4, data_key = $5, seal = $6 \
        WHERE id = $1 AND standing = 'open'";
    INSERT_APPROVAL = "INSERT INTO approvals (proposal, account, at, hash, data_key, seal) VALUES ($1, $2, $3, $4, $5, $6)";
    APPROVALS = "SELECT account, at, hash, data_key, seal FROM approvals WHERE proposal = $1 ORDER BY at, account";
}

/// A proposal with the words that were read, and how it ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProposalRecord {
    /// The proposal.
    pub proposal: Proposal,
    /// The lines that it was made with.
    pub words: Vec<String>,
    /// When it was carried out or cancelled, and by whom; at the host by no account.
    pub settled: Option<(Moment, Option<AccountId>)>,
}

fn proposal_aad(proposal: &Proposal, words: &str, settled: Option<(Moment, Option<AccountId>)>) -> Aad {
    Aad::new("keyward proposal 1")
        .number("id", proposal.id.as_u64())
        .text("change", &proposal.change.to_string())
        .text("words", words)
        .bytes("hash", proposal.hash.as_bytes())
        .number("needed", u64::from(proposal.needed.operators()))
        .number("requester", proposal.requester.as_u64())
        .number("made_at", proposal.made_at.unix_ms())
        .number("expires_at", proposal.expires_at.unix_ms())
        .text("standing", proposal.standing.word())
        .maybe("settled_at", settled.map(|(at, _)| at.unix_ms()))
        .maybe("settled_by", settled.and_then(|(_, by)| by).map(AccountId::as_u64))
}

fn approval_aad(id: ProposalId, approval: &Approval) -> Aad {
    Aad::new("keyward approval 1")
        .number("proposal", id.as_u64())
        .number("account", approval.by.as_u64())
        .number("at", approval.at.unix_ms())
        .bytes("hash", approval.hash.as_bytes())
}

fn hash(bytes: &[u8]) -> Option<ChangeHash> {
    bytes.try_into().ok().map(ChangeHash::from_bytes)
}

impl ProposalRecord {
    /// Reads both rows; a proposal whose row was altered is an error, an altered approval is none.
    fn from_rows(row: &Row, approvals: &[Row], vault: &Vault) -> Result<Self, StoreError> {
        let tampered = || StoreError::tampered("proposal", row.int(0).unwrap_or_default());
        let number = |value: i64| u64::try_from(value).map_err(|_| tampered());
        let moment = |value: i64| number(value).map(Moment::from_unix_ms);
        let id = ProposalId::from_u64(number(row.int(0)?)?).ok_or_else(tampered)?;
        let words = row.text(2)?;
        let settled = match (row.int_or_null(9)?, row.int_or_null(10)?) {
            (None, None) => None,
            (Some(at), by) => Some((moment(at)?, by.map(accounts::id_of).transpose()?)),
            (None, Some(_)) => return Err(tampered()),
        };
        let needed = u8::try_from(row.int(4)?).ok().and_then(Needed::of_operators).ok_or_else(tampered)?;
        let proposal = Proposal {
            id,
            change: Change::parse(&row.text(1)?).ok_or_else(tampered)?,
            hash: hash(&row.bytes(3)?).ok_or_else(tampered)?,
            needed,
            requester: accounts::id_of(row.int(5)?)?,
            made_at: moment(row.int(6)?)?,
            expires_at: moment(row.int(7)?)?,
            approvals: approvals.iter().filter_map(|row| approval(id, row, vault)).collect(),
            standing: Standing::from_word(&row.text(8)?).ok_or_else(tampered)?,
        };
        let aad = proposal_aad(&proposal, &words, settled);
        vault.open_seal(number(row.int(11)?)?, &aad, &row.bytes(12)?).ok_or_else(tampered)?;
        let words: Vec<String> = words.split('\n').map(str::to_owned).collect();
        if ChangeHash::of(proposal.change, &words) != proposal.hash {
            return Err(tampered());
        }
        Ok(Self { proposal, words, settled })
    }
}

/// An approval that is as we wrote it.
fn approval(id: ProposalId, row: &Row, vault: &Vault) -> Option<Approval> {
    let number = |value: i64| u64::try_from(value).ok();
    let approval = Approval {
        by: accounts::id_of(row.int(0).ok()?).ok()?,
        at: Moment::from_unix_ms(number(row.int(1).ok()?)?),
        hash: hash(&row.bytes(2).ok()?)?,
    };
    let data_key = number(row.int(3).ok()?)?;
    vault.open_seal(data_key, &approval_aad(id, &approval), &row.bytes(4).ok()?).map(|_| approval)
}

impl Tx {
    /// Open proposals that are not over.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn open_proposals(&mut self) -> Result<u64, StoreError> {
        let row = self.transact.fetch_optional(OPEN_PROPOSALS, vec![self.now().unix_ms().into()]).await?;
        Ok(u64::try_from(row.map_or(Ok(0), |row| row.int(0))?).unwrap_or(u64::MAX))
    }

    /// The open proposal for the same change, if there is one that nobody altered.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn open_proposal_of(&mut self, change: Change) -> Result<Option<ProposalId>, StoreError> {
        let most = u64::try_from(limits::OPEN_PROPOSALS).unwrap_or(u64::MAX);
        let values = vec![change.to_string().into(), self.now().unix_ms().into(), most.into()];
        let rows = self.transact.fetch_all(OPEN_ALIKE, values).await?;
        let intact = |row| ProposalRecord::from_rows(row, &[], &self.vault).ok();
        Ok(rows.iter().find_map(intact).map(|record| record.proposal.id))
    }

    /// Keeps a proposal under the next number.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when somebody took the number at the same moment.
    pub async fn insert_proposal(
        &mut self,
        mut proposal: Proposal,
        words: &[String],
    ) -> Result<ProposalId, StoreError> {
        let row = self.transact.fetch_optional(NEXT_PROPOSAL, vec![]).await?;
        let next = u64::try_from(row.map_or(Ok(1), |row| row.int(0))?).ok().and_then(ProposalId::from_u64);
        proposal.id = next.ok_or_else(|| StoreError::tampered("proposal", "number"))?;
        let words = words.join("\n");
        let seal = self.vault.seal(&proposal_aad(&proposal, &words, None), b"")?;
        let values = vec![
            proposal.id.as_u64().into(),
            proposal.change.to_string().into(),
            words.into(),
            proposal.hash.as_bytes().as_slice().into(),
            u64::from(proposal.needed.operators()).into(),
            proposal.requester.as_u64().into(),
            proposal.made_at.unix_ms().into(),
            proposal.expires_at.unix_ms().into(),
            proposal.standing.word().into(),
            self.vault.newest().into(),
            seal.as_slice().into(),
        ];
        self.transact.execute(INSERT_PROPOSAL, values).await.map_err(taken("the proposal"))?;
        self.touch(&rows::PROPOSALS, proposal.id.as_u64());
        Ok(proposal.id)
    }

    /// A proposal with its approvals.
    ///
    /// # Errors
    /// [`StoreError::Tampered`] when its row was altered.
    pub async fn proposal(&mut self, id: ProposalId) -> Result<Option<ProposalRecord>, StoreError> {
        let Some(row) = self.transact.fetch_optional(PROPOSAL, vec![id.as_u64().into()]).await? else {
            return Ok(None);
        };
        let approvals = self.transact.fetch_all(APPROVALS, vec![id.as_u64().into()]).await?;
        ProposalRecord::from_rows(&row, &approvals, &self.vault).map(Some)
    }

    /// Keeps an approval.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when this operator approved before.
    pub async fn insert_approval(&mut self, id: ProposalId, approval: &Approval) -> Result<(), StoreError> {
        let seal = self.vault.seal(&approval_aad(id, approval), b"")?;
        let values: Vec<Value> = vec![
            id.as_u64().into(),
            approval.by.as_u64().into(),
            approval.at.unix_ms().into(),
            approval.hash.as_bytes().as_slice().into(),
            self.vault.newest().into(),
            seal.as_slice().into(),
        ];
        self.transact.execute(INSERT_APPROVAL, values).await.map_err(taken("your approval"))?;
        self.touch(&rows::APPROVALS, id.as_u64());
        Ok(())
    }

    /// Settles an open proposal, once.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it is not open any more.
    pub async fn settle_proposal(
        &mut self,
        record: &ProposalRecord,
        standing: Standing,
        by: Option<AccountId>,
    ) -> Result<(), StoreError> {
        let now = self.now();
        let proposal = Proposal { standing, ..record.proposal.clone() };
        let aad = proposal_aad(&proposal, &record.words.join("\n"), Some((now, by)));
        let seal = self.vault.seal(&aad, b"")?;
        let values = vec![
            proposal.id.as_u64().into(),
            standing.word().into(),
            now.unix_ms().into(),
            by.map(AccountId::as_u64).into(),
            self.vault.newest().into(),
            seal.as_slice().into(),
        ];
        self.touch(&rows::PROPOSALS, proposal.id.as_u64());
        if self.transact.execute(SETTLE_PROPOSAL, values).await? == 1 {
            return Ok(());
        }
        Err(StoreError::Conflict { what: format!("proposal {}", proposal.id) })
    }
}

impl Reader {
    /// The newest open proposal of exactly this change that is not over.
    ///
    /// # Errors
    /// [`StoreError::Tampered`] when its row was altered.
    pub async fn open_proposal_for(
        &self,
        change: Change,
        now: Moment,
    ) -> Result<Option<ProposalRecord>, StoreError> {
        let values = vec![change.to_string().into(), now.unix_ms().into()];
        let Some(row) = self.database.fetch_optional(OPEN_FOR, values).await? else { return Ok(None) };
        match u64::try_from(row.int(0)?).ok().and_then(ProposalId::from_u64) {
            Some(id) => self.proposal(id).await,
            None => Ok(None),
        }
    }

    /// A proposal with its approvals.
    ///
    /// # Errors
    /// [`StoreError::Tampered`] when its row was altered.
    pub async fn proposal(&self, id: ProposalId) -> Result<Option<ProposalRecord>, StoreError> {
        let Some(row) = self.database.fetch_optional(PROPOSAL, vec![id.as_u64().into()]).await? else {
            return Ok(None);
        };
        let approvals = self.database.fetch_all(APPROVALS, vec![id.as_u64().into()]).await?;
        ProposalRecord::from_rows(&row, &approvals, &self.vault).map(Some)
    }

    /// Up to `limit` open proposals that are not over, oldest first; an altered row stands in the list as its error. Two
    /// questions, however many there are.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn waiting_proposals(
        &self,
        now: Moment,
        limit: usize,
    ) -> Result<Vec<Result<ProposalRecord, StoreError>>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(0);
        let rows = self.database.fetch_all(WAITING, vec![now.unix_ms().into(), limit.into()]).await?;
        let mut approvals = self.database.fetch_all(WAITING_APPROVALS, vec![now.unix_ms().into()]).await?;
        let mut all = Vec::new();
        for row in rows {
            let id = row.int(0)?;
            let (own, others): (Vec<Row>, Vec<Row>) =
                approvals.into_iter().partition(|approval| approval.int(5).is_ok_and(|of| of == id));
            approvals = others;
            all.push(ProposalRecord::from_rows(&row, &own, &self.vault));
        }
        Ok(all)
    }

    /// Up to `limit` proposals before number `before`, newest first; an altered row stands in the list as its error.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn proposals(
        &self,
        before: Option<ProposalId>,
        limit: usize,
    ) -> Result<Vec<Result<ProposalRecord, StoreError>>, StoreError> {
        let before = before.map_or(i64::MAX, |id| i64::try_from(id.as_u64()).unwrap_or(i64::MAX));
        let limit = i64::try_from(limit).unwrap_or(0);
        let rows = self.database.fetch_all(PROPOSALS, vec![before.into(), limit.into()]).await?;
        let mut all = Vec::new();
        for row in rows {
            let approvals = self.database.fetch_all(APPROVALS, vec![row.int(0)?.into()]).await?;
            all.push(ProposalRecord::from_rows(&row, &approvals, &self.vault));
        }
        Ok(all)
    }
}
