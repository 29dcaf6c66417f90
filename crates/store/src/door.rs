//! Who comes in: bookkeeping that commits by itself, without a grant, because nobody is known yet.
//!
//! Tries are counted and committed *before* the check, so that no error, crash or parallel request un-counts a
//! guess. What is accepted once is taken by compare-and-set, so that two nodes cannot both take it.

use std::sync::Arc;

use keyward_rules::account::Email;
use keyward_rules::grant::{ActionKind, Challenge};
use keyward_rules::id::AccountId;
use keyward_rules::letter::MailMessage;
use keyward_rules::limits::{HALF_SESSION_LIFE_MS, HALF_SESSIONS_PER_ACCOUNT};
use keyward_rules::person::{CodeTag, SessionId, pause_ms};
use keyward_rules::secret::Secret;
use keyward_rules::time::Moment;

use crate::accounts::{self, AccountRecord};
use crate::error::StoreError;
use crate::outbox;
use crate::people::{self, UserRecord};
use crate::seal::{Aad, Vault};
use crate::sessions::{self, SessionRecord};
use crate::sql::{Database, Row, Value, statements};

statements! {
    /// Counts a try unless a pause runs. One try is forgotten in each interval of $3 milliseconds; `seen_at` moves by whole
    /// intervals, so that tries that come faster do not keep the others from being forgotten.
    COUNT_TRY = "INSERT INTO tries (subject, failures, until, seen_at) VALUES ($1, 1, 0, $2) \
        ON CONFLICT (subject) DO UPDATE SET \
        failures = CASE WHEN tries.failures <= (excluded.seen_at - tries.seen_at) / $3 THEN 1 \
        ELSE tries.failures - (excluded.seen_at - tries.seen_at) / $3 + 1 END, \
        seen_at = CASE WHEN tries.failures <= (excluded.seen_at - tries.seen_at) / $3 THEN excluded.seen_at \
        ELSE tries.seen_at + (excluded.seen_at - tries.seen_at) / $3 * $3 END \
        WHERE tries.until <= excluded.seen_at RETURNING failures";
    SET_PAUSE = "UPDATE tries SET until = $2 WHERE subject = $1";
    /// The pause ends only if this try began it: during a pause none is counted, so no other can have set the same end.
    REFUND_TRY = "UPDATE tries SET failures = failures - 1, until = CASE WHEN until = $2 THEN 0 ELSE until END \
        WHERE subject = $1 AND failures > 0";
    CLEAR_TRIES = "DELETE FROM tries WHERE subject = $1";
    DROP_TRIES = "DELETE FROM tries WHERE seen_at < $1 AND until < $1";
    /// Takes a time step as used, once: whoever comes second changes no row.
    USE_TOTP_STEP = "UPDATE people SET totp_step = $2 WHERE account = $1 AND totp_step < $2 AND totp IS NOT NULL";
    USE_RECOVERY_CODE = "UPDATE recovery_codes SET used_at = $3 WHERE account = $1 AND tag = $2 AND used_at IS NULL";
    /// One row per owner, so that counting and inserting cannot interleave.
    LOCK_OWNER = "INSERT INTO tries (subject, failures, until, seen_at) VALUES ($1, 0, 0, $2) \
        ON CONFLICT (subject) DO UPDATE SET seen_at = excluded.seen_at";
    CHALLENGES_SINCE = "SELECT COUNT(*), MIN(made_at) FROM challenges WHERE owner = $1 AND made_at > $2";
    INSERT_CHALLENGE = "INSERT INTO challenges (id, owner, account, session, action, intent, code, payload, data_key, \
        made_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    COUNT_CHALLENGE_TRY = "UPDATE challenges SET tries = tries + 1 WHERE id = $1 AND done_at IS NULL AND tries < 1000000 \
        RETURNING account, session, action, intent, code, payload, data_key, expires_at, tries";
    USE_CHALLENGE = "UPDATE challenges SET done_at = $2 WHERE id = $1 AND done_at IS NULL";
    DROP_CHALLENGES = "DELETE FROM challenges WHERE made_at < $1";
}

/// One wrong try of a credential is forgotten in each of these intervals, and one of a source.
const FORGET_TRY_MS: u64 = 3 * 60 * 60 * 1_000;
const FORGET_SOURCE_TRY_MS: u64 = 60 * 1_000;
/// A session's last use is written at most this often.
const TOUCH_MS: u64 = 30_000;

/// Whether a try may be made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Try {
    /// Counted: go on and check.
    Counted {
        /// Until when the pause runs that it began, if it began one.
        until: Moment,
    },
    /// A pause runs: do not even look.
    Paused,
}

/// How many wrong tries of a subject are free before pauses begin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AttemptLimit {
    /// One credential of one account.
    Credential,
    /// A network address, behind which many people may sit.
    Source,
}

/// How many challenges an owner may still have in this hour.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Quota {
    /// At least one.
    Left,
    /// None before this moment, at which the oldest one of the hour no longer counts.
    UsedUpUntil(Moment),
}

/// A challenge to make.
pub struct NewChallenge {
    /// Its name.
    pub id: SessionId,
    /// Whose codes are counted together: an account's, or a source's before sign-in.
    pub owner: String,
    /// The account, if there is one.
    pub account: Option<AccountId>,
    /// The session, if there is one.
    pub session: Option<SessionId>,
    /// What it approves.
    pub action: ActionKind,
    /// The keyed hash of the parameters.
    pub intent: CodeTag,
    /// The keyed hash of the code.
    pub code: CodeTag,
    /// What is needed once it is approved; sealed.
    pub payload: Secret<String>,
    /// How long it is good.
    pub expires_at: Moment,
    /// The most that one owner gets in an hour.
    pub most_per_hour: u32,
}

/// A counted try of a challenge.
pub struct Opened {
    /// The challenge.
    pub challenge: Challenge,
    /// What was put away with it.
    pub payload: Secret<String>,
}

/// The capability to let people in.
#[derive(Clone)]
pub struct Door {
    pub(crate) database: Database,
    pub(crate) vault: Arc<Vault>,
}

impl Door {
    /// The account and person behind an address.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn account_by_email(&self, email: &Email) -> Result<Option<AccountRecord>, StoreError> {
        let row =
            self.database.fetch_optional(accounts::ACCOUNT_BY_EMAIL, vec![email.as_str().into()]).await?;
        row.as_ref().map(AccountRecord::from_row).transpose()
    }

    /// The account with this id.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn account(&self, id: AccountId) -> Result<Option<AccountRecord>, StoreError> {
        let row = self.database.fetch_optional(accounts::ACCOUNT_BY_ID, vec![id.as_u64().into()]).await?;
        row.as_ref().map(AccountRecord::from_row).transpose()
    }

    /// The person behind an account.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn person(&self, account: AccountId) -> Result<Option<UserRecord>, StoreError> {
        let row = self.database.fetch_optional(people::PERSON, vec![account.as_u64().into()]).await?;
        row.map(|row| UserRecord::from_row(&row, &self.vault)).transpose()
    }

    /// How many recovery codes are left.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn recovery_codes_left(&self, account: AccountId) -> Result<i64, StoreError> {
        let row =
            self.database.fetch_optional(people::RECOVERY_CODES_LEFT, vec![account.as_u64().into()]).await?;
        row.map_or(Ok(0), |row| row.int(0))
    }

    /// Counts a try of `subject`, unless a pause runs. Committed when this returns.
    ///
    /// # Errors
    /// [`StoreError::Database`]; then nothing may be checked.
    pub async fn count_try(
        &self,
        subject: &str,
        patience: AttemptLimit,
        now: Moment,
    ) -> Result<Try, StoreError> {
        let mut tx = self.database.begin().await?;
        let interval_ms = match patience {
            AttemptLimit::Credential => FORGET_TRY_MS,
            AttemptLimit::Source => FORGET_SOURCE_TRY_MS,
        };
        let values = vec![subject.into(), now.unix_ms().into(), interval_ms.into()];
        let Some(row) = tx.fetch_optional(COUNT_TRY, values).await? else { return Ok(Try::Paused) };
        let failures = u32::try_from(row.int(0)?).unwrap_or(u32::MAX);
        let pause = pause_ms(match patience {
            AttemptLimit::Credential => failures,
            AttemptLimit::Source => failures.saturating_sub(25),
        });
        let until = now.plus_ms(pause);
        if pause > 0 {
            tx.execute(SET_PAUSE, vec![subject.into(), until.unix_ms().into()]).await?;
        }
        tx.commit().await?;
        Ok(Try::Counted { until })
    }

    /// Forgets the tries of `subject`, because one was right.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn clear_tries(&self, subject: &str) -> Result<(), StoreError> {
        self.alone(CLEAR_TRIES, vec![subject.into()]).await.map(drop)
    }

    /// Takes one try of `subject` back, because it was right or was not looked at, and the pause that it began; those of others
    /// who share the subject stay.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn refund_try(&self, subject: &str, counted: Try) -> Result<(), StoreError> {
        let Try::Counted { until } = counted else { return Ok(()) };
        let values = vec![subject.into(), until.unix_ms().into()];
        self.alone(REFUND_TRY, values).await.map(drop)
    }

    /// Takes an authenticator's time step as used; whether this was the first time.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn use_totp_step(&self, account: AccountId, step: u64) -> Result<bool, StoreError> {
        Ok(self.alone(USE_TOTP_STEP, vec![account.as_u64().into(), step.into()]).await? == 1)
    }

    /// Takes a recovery code as used; whether this was the first time.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn use_recovery_code(
        &self,
        account: AccountId,
        tag: &CodeTag,
        now: Moment,
    ) -> Result<bool, StoreError> {
        let values = vec![account.as_u64().into(), tag.as_bytes().as_slice().into(), now.unix_ms().into()];
        Ok(self.alone(USE_RECOVERY_CODE, values).await? == 1)
    }

    /// Makes a challenge and puts its mail into the outbox, unless its owner had as many this hour as may be.
    ///
    /// # Errors
    /// [`StoreError::Database`]; then there is neither challenge nor mail.
    pub async fn challenge(
        &self,
        new: NewChallenge,
        letter: Option<&MailMessage>,
        now: Moment,
    ) -> Result<Quota, StoreError> {
        let mut tx = self.database.begin().await?;
        let lock = format!("codes:{}", new.owner);
        tx.execute(LOCK_OWNER, vec![lock.into(), now.unix_ms().into()]).await?;
        let row =
            tx.fetch_optional(CHALLENGES_SINCE, vec![new.owner.as_str().into(), hour_before(now)]).await?;
        let quota = quota(row.as_ref(), new.most_per_hour)?;
        if quota != Quota::Left {
            return Ok(quota);
        }
        let payload = self.vault.seal(&payload_aad(new.id), new.payload.expose().as_bytes())?;
        let values: Vec<Value> = vec![
            new.id.to_string().into(),
            new.owner.into(),
            new.account.map(AccountId::as_u64).into(),
            new.session.map(|id| id.to_string()).into(),
            new.action.word().into(),
            new.intent.as_bytes().as_slice().into(),
            new.code.as_bytes().as_slice().into(),
            payload.as_slice().into(),
            self.vault.newest().into(),
            now.unix_ms().into(),
            new.expires_at.unix_ms().into(),
        ];
        tx.execute(INSERT_CHALLENGE, values).await?;
        if let Some(letter) = letter {
            outbox::put(&mut tx, &self.vault, letter, now).await?;
        }
        tx.commit().await?;
        Ok(quota)
    }

    /// Whether `owner` may still have a challenge in this hour: a look before expensive work. [`Self::challenge`] decides.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn may_challenge(
        &self,
        owner: &str,
        most_per_hour: u32,
        now: Moment,
    ) -> Result<Quota, StoreError> {
        let values = vec![owner.into(), hour_before(now)];
        let row = self.database.fetch_optional(CHALLENGES_SINCE, values).await?;
        quota(row.as_ref(), most_per_hour)
    }

    /// Counts a try of a challenge and opens it. Committed when this returns. `None` when it was used, or never
    /// was.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing may be checked.
    pub async fn try_challenge(&self, id: SessionId) -> Result<Option<Opened>, StoreError> {
        let mut tx = self.database.begin().await?;
        let Some(row) = tx.fetch_optional(COUNT_CHALLENGE_TRY, vec![id.to_string().into()]).await? else {
            return Ok(None);
        };
        tx.commit().await?;
        let tampered = || StoreError::tampered("challenge", id);
        let number = |value: i64| u64::try_from(value).map_err(|_| tampered());
        let tag = |bytes: Vec<u8>| bytes.try_into().map(CodeTag::from_bytes).map_err(|_| tampered());
        let session = row.text_or_null(1)?.map(|text| text.parse().map_err(|_| tampered())).transpose()?;
        let payload = self
            .vault
            .open_seal(number(row.int(6)?)?, &payload_aad(id), &row.bytes(5)?)
            .and_then(|bytes| String::from_utf8(bytes.expose().clone()).ok())
            .ok_or_else(tampered)?;
        let challenge = Challenge {
            action: ActionKind::from_word(&row.text(2)?).ok_or_else(tampered)?,
            account: row.int_or_null(0)?.map(accounts::id_of).transpose()?,
            session,
            intent: tag(row.bytes(3)?)?,
            code: tag(row.bytes(4)?)?,
            expires_at: Moment::from_unix_ms(number(row.int(7)?)?),
            tries: u32::try_from(row.int(8)?).map_err(|_| tampered())?,
        };
        Ok(Some(Opened { challenge, payload: Secret::new(payload) }))
    }

    /// Uses a challenge up; whether this was the first time.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn use_challenge(&self, id: SessionId, now: Moment) -> Result<bool, StoreError> {
        Ok(self.alone(USE_CHALLENGE, vec![id.to_string().into(), now.unix_ms().into()]).await? == 1)
    }

    /// The session that a token's hash opens, if it is not over.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn session(&self, token: &[u8; 32], now: Moment) -> Result<Option<SessionRecord>, StoreError> {
        let row =
            self.database.fetch_optional(sessions::SESSION_BY_TOKEN, vec![token.as_slice().into()]).await?;
        let session = row.as_ref().map(SessionRecord::from_row).transpose()?;
        Ok(session.filter(|session| !session.is_over(now)))
    }

    /// Notes that a session was used; written twice a minute at most.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn touch(&self, session: &SessionRecord, now: Moment) -> Result<(), StoreError> {
        if now.ms_since(session.life.seen_at) < TOUCH_MS {
            return Ok(());
        }
        let before = now.unix_ms().saturating_sub(TOUCH_MS - 1);
        let values = vec![session.id.to_string().into(), now.unix_ms().into(), before.into()];
        self.alone(sessions::TOUCH_SESSION, values).await.map(drop)
    }

    /// Leaves a word with a session about what was just done, in place of one that no page took.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn leave_note(&self, session: SessionId, word: &str) -> Result<(), StoreError> {
        let values = vec![session.to_string().into(), word.into()];
        self.alone(sessions::LEAVE_NOTE, values).await.map(drop)
    }

    /// Takes that word, so that it is shown once; whether this was the first time.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn take_note(&self, session: SessionId, word: &str) -> Result<bool, StoreError> {
        let values = vec![session.to_string().into(), word.into()];
        Ok(self.alone(sessions::TAKE_NOTE, values).await? == 1)
    }

    /// Begins the session of a half-done sign-in, whose second factor is due; it can do nothing else. Gives how many others
    /// of the account ended without one, because they were too old or too many.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn begin_half(&self, session: &SessionRecord, token: &[u8; 32]) -> Result<u64, StoreError> {
        let now = session.life.began_at.unix_ms();
        let mut tx = self.database.begin().await?;
        let room = u64::try_from(HALF_SESSIONS_PER_ACCOUNT).unwrap_or(u64::MAX).saturating_sub(1);
        let began = now.saturating_sub(HALF_SESSION_LIFE_MS);
        let values = vec![session.account.as_u64().into(), began.into(), room.into()];
        let ended = tx.execute(sessions::TRIM_HALF_SESSIONS, values).await?;
        tx.execute(sessions::INSERT_SESSION, session.insert_values(token)).await?;
        tx.commit().await?;
        Ok(ended)
    }

    /// Up to `limit` half-done sign-ins whose second factor did not come in time, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn unfinished(&self, now: Moment, limit: u64) -> Result<Vec<SessionRecord>, StoreError> {
        let began = now.unix_ms().saturating_sub(HALF_SESSION_LIFE_MS);
        let rows = self.database.fetch_all(sessions::UNFINISHED, vec![began.into(), limit.into()]).await?;
        rows.iter().map(SessionRecord::from_row).collect()
    }

    /// Ends a half-done sign-in.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn end_half(&self, session: &SessionRecord) -> Result<(), StoreError> {
        let values = vec![session.account.as_u64().into(), session.id.to_string().into()];
        self.alone(sessions::END_SESSION, values).await.map(drop)
    }

    /// When a browser was first signed in to the account; `None` if it never was.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn device_since(
        &self,
        token: &[u8; 32],
        account: AccountId,
    ) -> Result<Option<Moment>, StoreError> {
        let values = vec![token.as_slice().into(), account.as_u64().into()];
        let row = self.database.fetch_optional(sessions::KNOWN_DEVICE, values).await?;
        let tampered = || StoreError::tampered("device", "row");
        let moment = |ms: i64| u64::try_from(ms).map(Moment::from_unix_ms).map_err(|_| tampered());
        row.map(|row| moment(row.int(0)?)).transpose()
    }

    /// Whether a browser was signed in to the account before.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn knows_device(&self, token: &[u8; 32], account: AccountId) -> Result<bool, StoreError> {
        Ok(self.device_since(token, account).await?.is_some())
    }

    /// Remembers a browser as known to the account, since `since` unless it was known before.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn see_device(
        &self,
        token: &[u8; 32],
        account: AccountId,
        (since, now): (Moment, Moment),
    ) -> Result<(), StoreError> {
        let values = vec![
            token.as_slice().into(),
            account.as_u64().into(),
            now.unix_ms().into(),
            since.unix_ms().into(),
        ];
        self.alone(sessions::SEE_DEVICE, values).await.map(drop)
    }

    /// One statement in a transaction of its own; the number of rows touched.
    pub(crate) async fn alone(&self, sql: &'static str, values: Vec<Value>) -> Result<u64, StoreError> {
        let mut tx = self.database.begin().await?;
        let touched = tx.execute(sql, values).await?;
        tx.commit().await?;
        Ok(touched)
    }
}

/// Milliseconds in which an owner's challenges are counted together.
const HOUR_MS: u64 = 60 * 60 * 1_000;

fn hour_before(now: Moment) -> Value {
    now.unix_ms().saturating_sub(HOUR_MS).into()
}

/// Reads a row of [`CHALLENGES_SINCE`].
fn quota(row: Option<&Row>, most_per_hour: u32) -> Result<Quota, StoreError> {
    let Some(row) = row else { return Ok(Quota::Left) };
    match row.int_or_null(1)? {
        Some(oldest) if row.int(0)? >= i64::from(most_per_hour) => {
            let oldest = u64::try_from(oldest).map_err(|_| StoreError::tampered("challenge", "made_at"))?;
            Ok(Quota::UsedUpUntil(Moment::from_unix_ms(oldest).plus_ms(HOUR_MS)))
        }
        Some(_) | None => Ok(Quota::Left),
    }
}

fn payload_aad(id: SessionId) -> Aad {
    Aad::new("keyward challenge 1").text("id", &id.to_string())
}
