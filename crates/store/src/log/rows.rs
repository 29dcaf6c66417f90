//! Which rows the log answers for, and the mark of each that a record carries.
//!
//! Somebody who can write to the database can put an old row back, with a seal that still opens. So each audit record carries a
//! keyed hash of every row that its change left behind, read back in the transaction: the newest record about a row says
//! what it must be ([`super::state`]). What changes without a record (last uses, counters, pauses) is in no hash.

use std::collections::{BTreeMap, BTreeSet};

use keyward_rules::time::Moment;

use super::append::append;
use crate::error::StoreError;
use crate::seal::Vault;
use crate::sql::{Row, Transact, Value, statements};

statements! {
    ACCOUNT_ROW = "SELECT email, master, sub_name, created_at, frozen_at FROM accounts WHERE id = $1";
    ACCOUNT_IDS = "SELECT id FROM accounts WHERE id > $1 ORDER BY id LIMIT $2";
    PERSON_ROW = "SELECT password, phrase, totp, totp_data_key, cooling_until, registered_at FROM people WHERE account = $1";
    PERSON_IDS = "SELECT account FROM people WHERE account > $1 ORDER BY account LIMIT $2";
    RECOVERY_ROWS = "SELECT tag FROM recovery_codes WHERE account = $1 ORDER BY tag";
    RECOVERY_IDS = "SELECT DISTINCT account FROM recovery_codes WHERE account > $1 ORDER BY account LIMIT $2";
    PASSKEY_ROWS = "SELECT id, name, handle, created_at FROM passkeys WHERE account = $1 ORDER BY id";
    PASSKEY_IDS = "SELECT DISTINCT account FROM passkeys WHERE account > $1 ORDER BY account LIMIT $2";
    /// Without limits, which came later: rows that were noted before must go on to have their marks. The seal is of them too.
    KEY_ROW = "SELECT account, master, name, permissions, binding, environment, state, holds, ended_at, expires_at, \
        passphrase, version, data_key, seal, created_at, rate_cap FROM keys WHERE id = $1";
    KEY_IDS = "SELECT id FROM keys WHERE id > $1 ORDER BY id LIMIT $2";
    ACCOUNT_LIMITS_ROW = "SELECT fences, data_key, seal FROM account_limits WHERE account = $1";
    ACCOUNT_LIMITS_IDS = "SELECT account FROM account_limits WHERE account > $1 ORDER BY account LIMIT $2";
    SUB_ACCOUNT_ROW = "SELECT label, permissions, rate_cap, frozen_at, data_key, seal FROM sub_accounts WHERE account = $1";
    SUB_ACCOUNT_IDS = "SELECT account FROM sub_accounts WHERE account > $1 ORDER BY account LIMIT $2";
    MEMBER_ROWS = "SELECT account, since, data_key, seal FROM members WHERE sub_account = $1 ORDER BY account";
    MEMBER_IDS = "SELECT DISTINCT sub_account FROM members WHERE sub_account > $1 ORDER BY sub_account LIMIT $2";
    INVITATION_ROWS = "SELECT email, until, data_key, seal FROM invitations WHERE sub_account = $1 ORDER BY email";
    INVITATION_IDS = "SELECT DISTINCT sub_account FROM invitations WHERE sub_account > $1 ORDER BY sub_account LIMIT $2";
    REVIEW_ROWS = "SELECT at, score, key_count, answers, reviewer, data_key, seal FROM reviews WHERE account = $1 ORDER BY at";
    REVIEW_IDS = "SELECT DISTINCT account FROM reviews WHERE account > $1 ORDER BY account LIMIT $2";
    CHANNEL_ROW = "SELECT account, name, kind, target, data_key, which, quiet_from, quiet_to, digest, made_at \
        FROM channels WHERE id = $1";
    CHANNEL_IDS = "SELECT id FROM channels WHERE id > $1 ORDER BY id LIMIT $2";
    ROLE_ROW = "SELECT role, granted_at, data_key, seal FROM roles WHERE account = $1";
    ROLE_IDS = "SELECT account FROM roles WHERE account > $1 ORDER BY account LIMIT $2";
    /// All of them together: one that is missing is lenient.
    POLICY_ROWS = "SELECT name, value, set_at, set_by, data_key, seal FROM policies WHERE $1 = 1 ORDER BY name";
    POLICY_IDS = "SELECT id FROM head WHERE id > $1 ORDER BY id LIMIT $2";
    PROPOSAL_ROW = "SELECT change, words, hash, needed, requester, made_at, expires_at, standing, settled_at, settled_by, \
        data_key, seal FROM proposals WHERE id = $1";
    PROPOSAL_IDS = "SELECT id FROM proposals WHERE id > $1 ORDER BY id LIMIT $2";
    APPROVAL_ROWS = "SELECT account, at, hash, data_key, seal FROM approvals WHERE proposal = $1 ORDER BY account";
    APPROVAL_IDS = "SELECT DISTINCT proposal FROM approvals WHERE proposal > $1 ORDER BY proposal LIMIT $2";
    APP_ROW = "SELECT name, state, ranges, version, data_key, seal FROM apps WHERE id = $1";
    APP_IDS = "SELECT id FROM apps WHERE id > $1 ORDER BY id LIMIT $2";
    PROFILE_ROW = "SELECT owner, name, folded, home_page, contact, permissions, logo, standing, reason, verified_at, \
        frozen_by, demanded_at, demand_due, version, data_key, seal FROM app_profiles WHERE id = $1";
    PROFILE_IDS = "SELECT id FROM app_profiles WHERE id > $1 ORDER BY id LIMIT $2";
    RANGE_ROWS = "SELECT number, standing, version, data_key, sealed FROM app_ranges WHERE app = $1 ORDER BY number";
    RANGE_IDS = "SELECT DISTINCT app FROM app_ranges WHERE app > $1 ORDER BY app LIMIT $2";
    TRANSFER_APPROVAL_ROW = "SELECT account, master, key_id, environment, hash, transfer, sub_name, key_name, source, made_at, expires_at, standing, \
        decided_at, decided_by, used_at, used_by, data_key, seal FROM transfer_approvals WHERE id = $1";
    TRANSFER_APPROVAL_IDS = "SELECT id FROM transfer_approvals WHERE id > $1 ORDER BY id LIMIT $2";
    THRESHOLDS_ROW = "SELECT thresholds, data_key, seal FROM transfer_thresholds WHERE account = $1";
    THRESHOLDS_IDS = "SELECT account FROM transfer_thresholds WHERE account > $1 ORDER BY account LIMIT $2";
    NOTED_SINCE = "SELECT since FROM rows_noted WHERE id = 1";
    SET_NOTED_SINCE = "UPDATE rows_noted SET since = $1 WHERE id = 1";
}

/// Rows of one kind.
#[derive(Debug)]
pub(crate) struct Tracked {
    /// The word before their ids in records.
    name: &'static str,
    /// The rows of one id, without what changes by itself.
    rows: &'static str,
    /// The next ids after one.
    ids: &'static str,
    /// Whether ids are texts; otherwise they are numbers.
    text: bool,
}

macro_rules! tracked {
    ($($(#[$doc:meta])* $kind:ident = $name:literal, $rows:ident, $ids:ident, $text:literal;)+) => {
        $($(#[$doc])* pub(crate) const $kind: Tracked = Tracked { name: $name, rows: $rows, ids: $ids, text: $text };)+
        /// All of them.
        pub(crate) const TRACKED: &[Tracked] = &[$($kind),+];
    };
}

tracked! {
    /// By account.
    ACCOUNTS = "account", ACCOUNT_ROW, ACCOUNT_IDS, false;
    /// By account.
    PEOPLE = "person", PERSON_ROW, PERSON_IDS, false;
    /// Those of an account together.
    RECOVERY_CODES = "recovery codes", RECOVERY_ROWS, RECOVERY_IDS, false;
    /// Those of an account together.
    PASSKEYS = "passkeys", PASSKEY_ROWS, PASSKEY_IDS, false;
    /// By key.
    KEYS = "key", KEY_ROW, KEY_IDS, true;
    /// By account.
    ACCOUNT_LIMITS = "account limits", ACCOUNT_LIMITS_ROW, ACCOUNT_LIMITS_IDS, false;
    /// By account.
    SUB_ACCOUNTS = "sub-account", SUB_ACCOUNT_ROW, SUB_ACCOUNT_IDS, false;
    /// Those of a sub-account together.
    MEMBERS = "members", MEMBER_ROWS, MEMBER_IDS, false;
    /// Those of a sub-account together.
    INVITATIONS = "invitations", INVITATION_ROWS, INVITATION_IDS, false;
    /// Those of an account together.
    REVIEWS = "reviews", REVIEW_ROWS, REVIEW_IDS, false;
    /// By channel.
    CHANNELS = "channel", CHANNEL_ROW, CHANNEL_IDS, true;
    /// By account.
    ROLES = "role", ROLE_ROW, ROLE_IDS, false;
    /// All together, as number 1.
    POLICIES = "policies", POLICY_ROWS, POLICY_IDS, false;
    /// By proposal.
    PROPOSALS = "proposal", PROPOSAL_ROW, PROPOSAL_IDS, false;
    /// Those of a proposal together.
    APPROVALS = "approvals", APPROVAL_ROWS, APPROVAL_IDS, false;
    /// By app.
    APPS = "app", APP_ROW, APP_IDS, false;
    /// By app.
    PROFILES = "app profile", PROFILE_ROW, PROFILE_IDS, false;
    /// Those of an app together.
    RANGES = "app ranges", RANGE_ROWS, RANGE_IDS, false;
    /// By approval.
    TRANSFER_APPROVALS = "transfer approval", TRANSFER_APPROVAL_ROW, TRANSFER_APPROVAL_IDS, false;
    /// By master account.
    TRANSFER_THRESHOLDS = "transfer thresholds", THRESHOLDS_ROW, THRESHOLDS_IDS, false;
}

/// The mark of rows that are not there.
pub(crate) const GONE: &str = "gone";
/// The action of the records that note what stood in a store from before records carried marks.
pub(crate) const NOTING: &str = "store.rows";
/// Rows noted by one record.
const NOTED: usize = 2_000;
/// Ids read at once.
pub(super) const PAGE: u64 = 1_000;

impl Tracked {
    /// The kind with this word before its ids.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        TRACKED.iter().find(|tracked| tracked.name == name)
    }

    /// Whether it is keys.
    pub(super) fn is_keys(&self) -> bool {
        self.name == KEYS.name
    }

    /// The name of a row in records.
    pub(crate) fn subject(&self, id: &str) -> String {
        format!("{}:{id}", self.name)
    }

    /// The statement that reads the rows of `id`, and its value.
    pub(crate) fn question(&self, id: &str) -> Result<(&'static str, Vec<Value>), StoreError> {
        let value = if self.text {
            Value::from(id)
        } else {
            id.parse::<i64>().map_err(|_| StoreError::tampered(self.name, id))?.into()
        };
        Ok((self.rows, vec![value]))
    }

    /// The statement that reads the next ids after `after`, and its values.
    pub(super) fn next(&self, after: Option<&str>) -> Result<(&'static str, Vec<Value>), StoreError> {
        let after = match (after, self.text) {
            (None, true) => Value::from(""),
            (None, false) => i64::MIN.into(),
            (Some(id), _) => self.question(id)?.1.remove(0),
        };
        Ok((self.ids, vec![after, PAGE.into()]))
    }

    /// The id in a row of [`Self::next`].
    pub(super) fn id(&self, row: &Row) -> Result<String, StoreError> {
        if self.text { row.text(0) } else { Ok(row.int(0)?.to_string()) }
    }

    /// The mark of what stands there: a keyed hash, so that a record tells nothing of a row to who guesses what it holds.
    pub(crate) fn mark(&self, key: &[u8; 32], id: &str, rows: &[Row]) -> Result<String, StoreError> {
        if rows.is_empty() {
            return Ok(GONE.to_owned());
        }
        let mut hasher = blake3::Hasher::new_keyed(key);
        for part in [self.name, id] {
            hasher.update(&(part.len() as u64).to_be_bytes()).update(part.as_bytes());
        }
        rows.iter().try_for_each(|row| row.absorb(&mut hasher))?;
        Ok(hasher.finalize().to_hex().get(..MARK_CHARS).unwrap_or_default().to_owned())
    }
}

/// Hexadecimal digits of a mark: 128 bits.
pub(crate) const MARK_CHARS: usize = 32;

/// The rows that a change touched, by their names.
pub(crate) type Touched = BTreeMap<String, (&'static Tracked, String)>;

/// The marks of what a change leaves behind.
pub(crate) async fn marks(
    transact: &mut Transact,
    vault: &Vault,
    touched: &Touched,
) -> Result<BTreeMap<String, String>, StoreError> {
    let key = vault.root().row_marks_key();
    let mut marks = BTreeMap::new();
    for (subject, (tracked, id)) in touched {
        let (sql, values) = tracked.question(id)?;
        let rows = transact.fetch_all(sql, values).await?;
        marks.insert(subject.clone(), tracked.mark(&key, id, &rows)?);
    }
    Ok(marks)
}

/// Notes all rows of a store from before records carried marks, once.
pub(crate) async fn note_all(transact: &mut Transact, vault: &Vault, now: Moment) -> Result<(), StoreError> {
    let since = transact.fetch_optional(NOTED_SINCE, vec![]).await?;
    let since = since.ok_or_else(|| StoreError::tampered("rows_noted", "row"))?;
    if since.int_or_null(0)?.is_some() {
        return Ok(());
    }
    let (mut first, mut waiting) = (None, Touched::new());
    for tracked in TRACKED {
        let mut after: Option<String> = None;
        loop {
            let (sql, values) = tracked.next(after.as_deref())?;
            let rows = transact.fetch_all(sql, values).await?;
            for row in &rows {
                let id = tracked.id(row)?;
                waiting.insert(tracked.subject(&id), (tracked, id.clone()));
                after = Some(id);
                if waiting.len() == NOTED {
                    let n = note(transact, vault, &std::mem::take(&mut waiting), now).await?;
                    first = first.or(n);
                }
            }
            if rows.is_empty() {
                break;
            }
        }
    }
    if !waiting.is_empty() {
        let n = note(transact, vault, &waiting, now).await?;
        first = first.or(n);
    }
    transact.execute(SET_NOTED_SINCE, vec![first.unwrap_or(0).into()]).await.map(drop)
}

/// Writes one record; gives its number, unless there was nothing to note.
async fn note(
    transact: &mut Transact,
    vault: &Vault,
    touched: &Touched,
    now: Moment,
) -> Result<Option<u64>, StoreError> {
    let mut marks = marks(transact, vault, touched).await?;
    // A table without rows needs no mark.
    marks.retain(|_, mark| mark != GONE);
    if marks.is_empty() {
        return Ok(None);
    }
    let record = serde_json::to_string(&BTreeMap::from([
        ("action", serde_json::json!(NOTING)),
        ("actor", serde_json::json!("system:upgrade")),
        ("at", serde_json::json!(now.to_string())),
        ("facts", serde_json::json!({})),
        ("rows", serde_json::json!(marks)),
        ("subject", serde_json::json!("store")),
        ("v", serde_json::json!("1")),
    ]))
    .unwrap_or_default();
    append(transact, (&record, now), &BTreeSet::new()).await.map(Some)
}
