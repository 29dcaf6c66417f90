//! Statements that change something without a grant and an audit event: each is listed here with its reason.

use keyward_store::STATEMENTS;

/// Files whose changes all run inside a write transaction, which has a grant and commits with an event.
const WITH_GRANT: &[&str] = &[
    "account_limits",
    "accounts",
    "announcements",
    "app_keys",
    "apps",
    "asked",
    "brokers",
    "ranges",
    "channels",
    "head",
    "keys",
    "notes",
    "overseen",
    "people",
    "policies",
    "proposals",
    "reviews",
    "staff",
];

const BOOKKEEPING: &[(&str, &str)] = &[
    ("COUNT_QUARTER", "counts for charts, from those records"),
    ("SEE_SOURCE", "from where a key was used, from those records"),
    ("DROP_SOURCES", "stated retention"),
    ("DROP_QUARTERS", "stated retention"),
    ("SET_TALLIES", "counts for charts, from those records"),
    ("ROLLED_UP", "one counts after another"),
    ("SET_ROLLED_UP", "up to which record they were counted"),
    ("DROP_CHARTS", "what no chart reaches back to"),
    ("INSERT_ACTIVITY", "one record per request"),
    ("INSERT_INTENT", "the durable record before money moves"),
    ("SETTLE_INTENT", "how it ended"),
    ("INSERT_RESERVED", "what a request takes from a day's sum, before it is forwarded"),
    ("RELEASE", "what the exchange did not take"),
    ("DROP_OLD_RESERVED", "sums of days that have passed"),
    ("ABANDON_INTENTS", "what a crash left open"),
    ("ADVANCE_HORIZON", "replay protection"),
    ("SET_MARKS_SAVED", "replay protection over a clean stop"),
    ("INSERT_MARK", "replay protection over a clean stop"),
    ("DROP_MARKS", "replay protection over a clean stop"),
    ("DROP_STALE_MARKS", "replay protection over a clean stop"),
    ("DROP_ACTIVITY", "stated retention"),
    ("DROP_SPOOLED", "what the store has taken in"),
    ("TAKE_INTENT", "the durable record before money moves, from a spool"),
    ("DROP_INTENT", "what the store has taken in"),
    ("SPOOL_TAKEN", "up to which record a spool was taken in"),
    ("SET_SPOOL_TAKEN", "up to which record a spool was taken in"),
    ("SET_SPOOL_HORIZON", "how far a spool's replay horizon has come"),
    ("SET_LATEST_SPOOL", "where the replay marks are"),
    ("TAKE_NODE", "which gateway serves"),
    ("RENEW_NODE", "which gateway serves"),
    ("LEAVE_NODE", "which gateway serves"),
    ("TOUCH_KEY", "last use: a request that passed every check is its own authority"),
    ("KEEP_BASELINE", "what is usual for a key, learned from requests"),
    ("DROP_BASELINES", "stated retention"),
    ("COUNT_TRY", "tries are counted before anybody is known"),
    ("SET_PAUSE", "the pause that follows them"),
    ("REFUND_TRY", "a right try is given back"),
    ("CLEAR_TRIES", "a right credential ends the row of wrong ones"),
    ("DROP_TRIES", "stated retention"),
    ("USE_TOTP_STEP", "a code is used up before what it proves is known"),
    ("USE_RECOVERY_CODE", "a code is used up before what it proves is known"),
    ("LOCK_OWNER", "makes the hourly bound on codes exact"),
    ("INSERT_CHALLENGE", "a code is sent before anything is approved"),
    ("COUNT_CHALLENGE_TRY", "tries are counted before they are compared"),
    ("USE_CHALLENGE", "an approval is used up before the action"),
    ("DROP_CHALLENGES", "stated retention"),
    ("INSERT_PASSKEY", "runs inside a write transaction"),
    ("RENAME_PASSKEY", "runs inside a write transaction"),
    ("REMOVE_PASSKEY", "runs inside a write transaction"),
    ("DROP_PASSKEYS", "runs inside a write transaction"),
    ("USE_PASSKEY", "the counter moves on before what the answer proves is known"),
    ("INSERT_CEREMONY", "a question is put before anybody is known"),
    ("TAKE_CEREMONY", "a question is used up before its answer is looked at"),
    ("DROP_CEREMONIES", "questions that are over"),
    ("LEAVE_NOTE", "what the last action did, for the next page of the same session"),
    ("TAKE_NOTE", "a note is told once"),
    ("TRIM_SESSIONS", "runs inside a write transaction"),
    ("TRIM_HALF_SESSIONS", "bounds the sign-ins of an account whose second factor is due"),
    ("INSERT_SESSION", "the half session between password and second factor; a full one begins with a grant"),
    ("END_SESSION", "runs inside a write transaction"),
    ("END_SESSIONS", "runs inside a write transaction"),
    ("END_ALL_SESSIONS", "runs inside a write transaction"),
    ("DROP_DEVICES", "runs inside a write transaction"),
    ("DROP_OLD_DEVICES", "stated retention"),
    ("DROP_ALERTS", "stated retention"),
    ("DROP_CHANGES", "stated retention"),
    ("TOUCH_SESSION", "when a session was last used"),
    ("DROP_SESSIONS", "sessions that are over"),
    ("SEE_DEVICE", "a browser that got in is known"),
    ("INSERT_ALERT", "runs inside a write transaction"),
    ("SEE_ALERT", "the inbox"),
    ("SEE_ALERTS", "what a holder looked at"),
    ("INSERT_LETTER", "runs inside the transaction that causes the mail"),
    ("CLAIM_LETTERS", "deliveries"),
    ("LETTER_DELIVERED", "deliveries"),
    ("LETTER_DELAYED", "deliveries"),
    ("LETTER_FAILED", "deliveries"),
    ("DROP_LETTERS", "stated retention"),
    ("INSERT_HASH", "runs inside a write transaction"),
    ("CONCERN", "runs inside a write transaction"),
    ("INSERT_CHECKPOINT", "a signature over records that are committed already"),
    ("INSERT_DELIVERY", "runs inside the transaction that causes the message"),
    ("COUNT_MISSED", "runs inside the transaction of the alert"),
    ("EXTEND_DELIVERY", "runs inside the transaction of the alert"),
    ("TRIM_LOG", "stated retention"),
    ("DROP_DELIVERIES", "stated retention"),
    ("CLAIM_CHANNELS", "deliveries"),
    ("TRY_DELIVERY", "deliveries"),
    ("DELIVERY_TAKEN", "deliveries"),
    ("DELIVERY_DELAYED", "deliveries"),
    ("DELIVERY_FAILED", "deliveries"),
    ("CHANNEL_WORKS", "what gets through to a channel ends its pause"),
    ("CHANNEL_FAILS", "deliveries"),
    ("RELEASE_CHANNEL", "deliveries"),
    ("SET_NOTED_SINCE", "the first start of an empty store, or of one from before records carried marks"),
    ("INSERT_DATA_KEY", "the first start of an empty store"),
    ("WRAP_ROOT_KEY", "only `Tx::wrap_root_key` runs it, in a transaction with grant and event"),
    ("INSERT_ROOT_KEY", "the first start of an empty store, or of one from before there were root keys"),
];

#[test]
fn every_change_without_a_grant_is_listed_with_its_reason() {
    let mut changing = Vec::new();
    for (file, statements) in STATEMENTS {
        for (name, text) in *statements {
            if !text.starts_with("SELECT") && !WITH_GRANT.contains(file) {
                changing.push(*name);
                let reason = BOOKKEEPING.iter().find(|(listed, _)| listed == name);
                assert!(reason.is_some(), "{file}: {name} changes something and is not listed");
            }
        }
    }
    for (name, reason) in BOOKKEEPING {
        assert!(changing.contains(name), "{name} is listed and no longer there");
        assert!(!reason.is_empty());
    }
}
