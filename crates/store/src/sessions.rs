//! Open sessions, and the browsers that were seen before.

use keyward_rules::grant::Scope;
use keyward_rules::id::AccountId;
use keyward_rules::limits::{HALF_SESSION_LIFE_MS, SESSIONS_PER_ACCOUNT};
use keyward_rules::person::{SessionId, SessionLife};
use keyward_rules::time::Moment;

use crate::accounts;
use crate::error::StoreError;
use crate::reader::Reader;
use crate::sql::{Row, Value, statements};
use crate::writer::Tx;

statements! {
    SESSION_BY_TOKEN = "SELECT id, account, kind, stage, began_at, seen_at, source, device, note, device_since FROM sessions WHERE token = $1";
    SESSIONS_OF_ACCOUNT = "SELECT id, account, kind, stage, began_at, seen_at, source, device, note, device_since FROM sessions \
        WHERE account = $1 ORDER BY seen_at DESC, id";
    INSERT_SESSION = "INSERT INTO sessions (id, token, account, kind, stage, began_at, seen_at, source, device, device_since) \
        VALUES ($1, $2, $3, $4, $5, $6, $6, $7, $8, $9)";
    END_SESSION = "DELETE FROM sessions WHERE account = $1 AND id = $2";
    END_SESSIONS = "DELETE FROM sessions WHERE account = $1 AND id <> $2";
    END_ALL_SESSIONS = "DELETE FROM sessions";
    /// Makes room for one: ends what exceeds the bound, those first that were unused for longest.
    TRIM_SESSIONS = "DELETE FROM sessions WHERE account = $1 AND id IN \
        (SELECT id FROM sessions WHERE account = $1 AND stage = 'full' ORDER BY seen_at DESC, id LIMIT 1000 OFFSET $2)";
    /// The same for sign-ins whose second factor is due; also ends what is over.
    TRIM_HALF_SESSIONS = "DELETE FROM sessions WHERE account = $1 AND stage = 'password' AND (began_at <= $2 OR id IN \
        (SELECT id FROM sessions WHERE account = $1 AND stage = 'password' ORDER BY began_at DESC, id LIMIT 1000 OFFSET $3))";
    UNFINISHED = "SELECT id, account, kind, stage, began_at, seen_at, source, device, note, device_since FROM sessions \
        WHERE stage = 'password' AND began_at <= $1 ORDER BY began_at LIMIT $2";
    LEAVE_NOTE = "UPDATE sessions SET note = $2 WHERE id = $1";
    /// Whoever takes the same note second changes no row.
    TAKE_NOTE = "UPDATE sessions SET note = NULL WHERE id = $1 AND note = $2";
    TOUCH_SESSION = "UPDATE sessions SET seen_at = $2 WHERE id = $1 AND seen_at < $3";
    DROP_SESSIONS = "DELETE FROM sessions WHERE seen_at <= $1 OR began_at <= $2";
    KNOWN_DEVICE = "SELECT first_at FROM devices WHERE token = $1 AND account = $2";
    /// When it was first seen stays.
    SEE_DEVICE = "INSERT INTO devices (token, account, seen_at, first_at) VALUES ($1, $2, $3, $4) \
        ON CONFLICT (token, account) DO UPDATE SET seen_at = excluded.seen_at";
    DROP_OLD_DEVICES = "DELETE FROM devices WHERE seen_at < $1";
    DROP_DEVICES = "DELETE FROM devices WHERE account = $1";
}

/// What carries the token: the two are never taken for one another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SessionKind {
    /// A browser's cookie.
    Pages,
    /// A program's bearer token.
    Program,
}

/// How far a sign-in has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// The password was right; the second factor is due.
    Password,
    /// Signed in.
    Full,
}

/// A session as stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SessionRecord {
    /// Its public name.
    pub id: SessionId,
    /// Whose.
    pub account: AccountId,
    /// What carries it.
    pub kind: SessionKind,
    /// How far it has come.
    pub stage: Stage,
    /// When it began and was last used.
    pub life: SessionLife,
    /// From which address it was begun.
    pub source: String,
    /// From which device.
    pub device: String,
    /// When this user was first signed in on that device; [`Moment::EPOCH`] for the one that the account was registered with.
    pub device_since: Moment,
    /// What the last action did, as a word of the console, until a page takes it.
    pub note: Option<String>,
}

impl SessionKind {
    const fn word(self) -> &'static str {
        match self {
            Self::Pages => "pages",
            Self::Program => "program",
        }
    }
}

impl Stage {
    const fn word(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Full => "full",
        }
    }
}

impl SessionRecord {
    pub(crate) fn from_row(row: &Row) -> Result<Self, StoreError> {
        let tampered = || StoreError::tampered("session", "row");
        let moment = |value: i64| u64::try_from(value).map(Moment::from_unix_ms).map_err(|_| tampered());
        Ok(Self {
            id: row.text(0)?.parse().map_err(|_| tampered())?,
            account: accounts::id_of(row.int(1)?)?,
            kind: match row.text(2)?.as_str() {
                "pages" => SessionKind::Pages,
                "program" => SessionKind::Program,
                _ => return Err(tampered()),
            },
            stage: match row.text(3)?.as_str() {
                "password" => Stage::Password,
                "full" => Stage::Full,
                _ => return Err(tampered()),
            },
            life: SessionLife { began_at: moment(row.int(4)?)?, seen_at: moment(row.int(5)?)? },
            source: row.text(6)?,
            device: row.text(7)?,
            note: row.text_or_null(8)?,
            device_since: moment(row.int(9)?)?,
        })
    }

    pub(crate) fn insert_values(&self, token: &[u8; 32]) -> Vec<Value> {
        vec![
            self.id.to_string().into(),
            token.as_slice().into(),
            self.account.as_u64().into(),
            self.kind.word().into(),
            self.stage.word().into(),
            self.life.began_at.unix_ms().into(),
            self.source.as_str().into(),
            self.device.as_str().into(),
            self.device_since.unix_ms().into(),
        ]
    }
}

impl SessionRecord {
    /// Whether it is over: by its life, and much sooner while the second factor is due.
    #[must_use]
    pub fn is_over(&self, now: Moment) -> bool {
        let late = self.stage == Stage::Password && now.ms_since(self.life.began_at) >= HALF_SESSION_LIFE_MS;
        late || self.life.is_over(now)
    }
}

impl Tx {
    /// Begins a session under the hash of its token; older ones beyond the bound end.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn begin_session(
        &mut self,
        session: &SessionRecord,
        token: &[u8; 32],
    ) -> Result<(), StoreError> {
        self.concerns(session.account);
        let room = u64::try_from(SESSIONS_PER_ACCOUNT).unwrap_or(u64::MAX).saturating_sub(1);
        self.transact.execute(TRIM_SESSIONS, vec![session.account.as_u64().into(), room.into()]).await?;
        self.transact.execute(INSERT_SESSION, session.insert_values(token)).await.map(drop)
    }

    /// Ends one session of an account; whether there was one.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn end_session(&mut self, account: AccountId, id: SessionId) -> Result<bool, StoreError> {
        self.concerns(account);
        let values = vec![account.as_u64().into(), id.to_string().into()];
        Ok(self.transact.execute(END_SESSION, values).await? > 0)
    }

    /// Ends all sessions of an account but one, if one is given.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn end_sessions(
        &mut self,
        account: AccountId,
        but: Option<SessionId>,
    ) -> Result<u64, StoreError> {
        self.concerns(account);
        let but = but.map(|id| id.to_string()).unwrap_or_default();
        self.transact.execute(END_SESSIONS, vec![account.as_u64().into(), but.into()]).await
    }

    /// Ends everybody's sessions.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn end_all_sessions(&mut self) -> Result<u64, StoreError> {
        self.transact.execute(END_ALL_SESSIONS, vec![]).await
    }

    /// Forgets the browsers of an account, so that none of them counts as known.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn forget_devices(&mut self, account: AccountId) -> Result<(), StoreError> {
        self.concerns(account);
        self.transact.execute(DROP_DEVICES, vec![account.as_u64().into()]).await.map(drop)
    }
}

impl Reader {
    /// The open sessions of an account in `scope`, freshest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sessions_of(
        &self,
        scope: Scope,
        account: AccountId,
    ) -> Result<Vec<SessionRecord>, StoreError> {
        if !scope.reaches(account) {
            return Ok(Vec::new());
        }
        let rows = self.database.fetch_all(SESSIONS_OF_ACCOUNT, vec![account.as_u64().into()]).await?;
        rows.iter().map(SessionRecord::from_row).collect()
    }
}
