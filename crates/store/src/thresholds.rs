//! What sub-accounts may transfer before their master is asked, and what they have transferred in that way.
//!
//! The thresholds are sealed, and the audit log answers for them. The sums are bookkeeping: each transfer has its own record in
//! the journal.

use keyward_rules::approval::{Thresholds, Transfer};
use keyward_rules::fence::Decimal;
use keyward_rules::grant::Scope;
use keyward_rules::id::AccountId;
use keyward_rules::key::Environment;

use crate::error::StoreError;
use crate::log::rows;
use crate::reader::Reader;
use crate::seal::{Aad, Vault};
use crate::sql::{Database, Row, Transact, Value, statements};
use crate::writer::Tx;

statements! {
    THRESHOLDS = "SELECT thresholds, data_key, seal FROM transfer_thresholds WHERE account = $1";
    SET_THRESHOLDS = "INSERT INTO transfer_thresholds (account, thresholds, data_key, seal) VALUES ($1, $2, $3, $4) \
        ON CONFLICT (account) DO UPDATE SET thresholds = excluded.thresholds, data_key = excluded.data_key, \
        seal = excluded.seal";
}

/// The statements on the sums.
pub(crate) mod sums {
    use crate::sql::statements;

    statements! {
        TRANSFER_SUM = "SELECT amount FROM transfer_sums WHERE master = $1 AND environment = $2 AND currency = $3 AND day = $4";
        INSERT_TRANSFER_SUM = "INSERT INTO transfer_sums (master, environment, currency, day, amount) VALUES ($1, $2, $3, $4, $5) \
            ON CONFLICT (master, environment, currency, day) DO NOTHING";
        /// Only from what was read: of two at once one changes no row.
        SET_TRANSFER_SUM = "UPDATE transfer_sums SET amount = $5 WHERE master = $1 AND environment = $2 AND currency = $3 \
            AND day = $4 AND amount = $6";
        DROP_TRANSFER_SUMS = "DELETE FROM transfer_sums WHERE master = $1 AND day < $2";
    }
}

use sums::{DROP_TRANSFER_SUMS, INSERT_TRANSFER_SUM, SET_TRANSFER_SUM, TRANSFER_SUM};

fn aad(account: AccountId, text: &str) -> Aad {
    Aad::new("keyward transfer thresholds 1").number("account", account.as_u64()).text("thresholds", text)
}

fn from_row(account: AccountId, row: &Row, vault: &Vault) -> Result<Thresholds, StoreError> {
    let tampered = || StoreError::tampered("transfer thresholds", account);
    let text = row.text(0)?;
    let data_key = u64::try_from(row.int(1)?).map_err(|_| tampered())?;
    vault.open_seal(data_key, &aad(account, &text), &row.bytes(2)?).ok_or_else(tampered)?;
    Thresholds::parse(&text).map_err(|_| tampered())
}

impl Reader {
    /// The thresholds of a master account within the scope; none where it set none.
    ///
    /// # Errors
    /// [`StoreError::Tampered`] when the row was altered.
    pub async fn thresholds(&self, scope: Scope, account: AccountId) -> Result<Thresholds, StoreError> {
        if !scope.reaches(account) {
            return Ok(Thresholds::default());
        }
        let row = self.database.fetch_optional(THRESHOLDS, vec![account.as_u64().into()]).await?;
        row.map_or_else(|| Ok(Thresholds::default()), |row| from_row(account, &row, &self.vault))
    }

    /// What a master's sub-accounts have transferred of a currency on a UTC day without anybody being asked.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn transfer_sum(
        &self,
        master: AccountId,
        environment: Environment,
        (currency, day): (&str, u64),
    ) -> Result<Decimal, StoreError> {
        let row =
            self.database.fetch_optional(TRANSFER_SUM, place(master, environment, (currency, day))).await?;
        row.map_or(Ok(Decimal::ZERO), |row| amount(master, &row))
    }
}

impl Tx {
    /// The thresholds of a master account; none where it set none.
    ///
    /// # Errors
    /// As [`Reader::thresholds`].
    pub async fn thresholds(&mut self, account: AccountId) -> Result<Thresholds, StoreError> {
        let row = self.transact.fetch_optional(THRESHOLDS, vec![account.as_u64().into()]).await?;
        row.map_or_else(|| Ok(Thresholds::default()), |row| from_row(account, &row, &self.vault))
    }

    /// Sets the thresholds of a master account.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn set_thresholds(&mut self, account: AccountId, to: &Thresholds) -> Result<(), StoreError> {
        self.concerns(account);
        let text = to.to_text();
        let seal = self.vault.seal(&aad(account, &text), b"")?;
        let values = vec![
            account.as_u64().into(),
            text.as_str().into(),
            self.vault.newest().into(),
            seal.as_slice().into(),
        ];
        self.transact.execute(SET_THRESHOLDS, values).await?;
        self.touch(&rows::TRANSFER_THRESHOLDS, account);
        Ok(())
    }
}

/// The capability to count transfers below thresholds, and nothing else.
#[derive(Clone)]
pub struct TransferSums {
    pub(crate) database: Database,
}

/// How often a sum is tried that others change at the same moment.
const TRIES: usize = 16;

impl TransferSums {
    /// Takes a transfer from its currency's sum of a UTC day, durably, if the thresholds let it pass; whether they do.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when others always came first; then nothing was taken.
    pub async fn take(
        &self,
        (master, environment): (AccountId, Environment),
        (transfer, day): (&Transfer, u64),
        thresholds: &Thresholds,
    ) -> Result<bool, StoreError> {
        let step = |used| thresholds.sum_with(transfer, used);
        self.move_on(master, environment, (&transfer.currency, day), step).await
    }

    /// Gives back what was taken: the transfer was certainly not sent.
    ///
    /// # Errors
    /// As [`TransferSums::take`].
    pub async fn give_back(
        &self,
        (master, environment): (AccountId, Environment),
        (transfer, day): (&Transfer, u64),
    ) -> Result<(), StoreError> {
        let step = |used: Decimal| Some(used.less(transfer.amount));
        self.move_on(master, environment, (&transfer.currency, day), step).await.map(drop)
    }

    async fn move_on(
        &self,
        master: AccountId,
        environment: Environment,
        (currency, day): (&str, u64),
        step: impl Fn(Decimal) -> Option<Decimal>,
    ) -> Result<bool, StoreError> {
        let here = || place(master, environment, (currency, day));
        for _ in 0..TRIES {
            let mut tx: Transact = self.database.begin().await?;
            let row = tx.fetch_optional(TRANSFER_SUM, here()).await?;
            let used = row.as_ref().map_or(Ok(Decimal::ZERO), |row| amount(master, row))?;
            let Some(sum) = step(used) else { return Ok(false) };
            let mut values = here();
            values.push(sum.to_string().into());
            let changed = if row.is_some() {
                values.push(used.to_string().into());
                tx.execute(SET_TRANSFER_SUM, values).await?
            } else {
                tx.execute(DROP_TRANSFER_SUMS, vec![master.as_u64().into(), day.saturating_sub(1).into()])
                    .await?;
                tx.execute(INSERT_TRANSFER_SUM, values).await?
            };
            if changed == 1 {
                tx.commit().await?;
                return Ok(true);
            }
        }
        Err(StoreError::Conflict { what: format!("the transfers of account {master}") })
    }
}

fn place(master: AccountId, environment: Environment, (currency, day): (&str, u64)) -> Vec<Value> {
    vec![master.as_u64().into(), environment.word().into(), currency.into(), day.into()]
}

fn amount(master: AccountId, row: &Row) -> Result<Decimal, StoreError> {
    Decimal::parse(&row.text(0)?).ok_or_else(|| StoreError::tampered("transfer sum", master))
}
