-- The person behind an account: how they sign in. "totp" is sealed; "totp_step" is the last step whose code was used.
CREATE TABLE people (
    account INTEGER PRIMARY KEY REFERENCES accounts (id),
    password TEXT NOT NULL,
    phrase TEXT NOT NULL,
    totp BLOB,
    totp_data_key INTEGER,
    totp_step INTEGER NOT NULL DEFAULT 0,
    cooling_until INTEGER,
    registered_at INTEGER NOT NULL
);
CREATE TABLE recovery_codes (
    account INTEGER NOT NULL REFERENCES accounts (id), tag BLOB NOT NULL, used_at INTEGER, PRIMARY KEY (account, tag)
);
-- Browsers that an account was signed in from, by the hash of a token that they keep.
CREATE TABLE devices (
    token BLOB NOT NULL, account INTEGER NOT NULL REFERENCES accounts (id), seen_at INTEGER NOT NULL, PRIMARY KEY (token, account)
);
-- Open sessions, by the hash of their token; an ended one has no row.
CREATE TABLE sessions (
    id TEXT PRIMARY KEY, token BLOB NOT NULL UNIQUE, account INTEGER NOT NULL REFERENCES accounts (id), kind TEXT NOT NULL,
    stage TEXT NOT NULL, began_at INTEGER NOT NULL, seen_at INTEGER NOT NULL, source TEXT NOT NULL, device TEXT NOT NULL
);
CREATE INDEX sessions_by_account ON sessions (account);
-- Codes that were sent by mail, and what each approves. "payload" is sealed.
CREATE TABLE challenges (
    id TEXT PRIMARY KEY, owner TEXT NOT NULL, account INTEGER, session TEXT, action TEXT NOT NULL, intent BLOB NOT NULL,
    code BLOB NOT NULL, payload BLOB NOT NULL, data_key INTEGER NOT NULL, made_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL, tries INTEGER NOT NULL DEFAULT 0, done_at INTEGER
);
CREATE INDEX challenges_by_owner ON challenges (owner, made_at);
-- Wrong tries in a row, by credential or source; "until" is when the next is looked at.
CREATE TABLE tries (subject TEXT PRIMARY KEY, failures INTEGER NOT NULL, until INTEGER NOT NULL, seen_at INTEGER NOT NULL);
-- What holders are told. Alerts with the same "once" are told once.
CREATE TABLE alerts (
    id INTEGER PRIMARY KEY, account INTEGER NOT NULL REFERENCES accounts (id), at INTEGER NOT NULL, kind TEXT NOT NULL,
    key_id TEXT, key_name TEXT, source TEXT, device TEXT, detail TEXT NOT NULL, once TEXT UNIQUE, seen_at INTEGER
);
CREATE INDEX alerts_by_account ON alerts (account, id);
-- Mails that wait, written in the transaction that causes them. "letter" is sealed.
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY, at INTEGER NOT NULL, letter BLOB, data_key INTEGER NOT NULL, due_at INTEGER NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0, lease_until INTEGER NOT NULL DEFAULT 0, state TEXT NOT NULL DEFAULT 'waiting'
);
CREATE INDEX outbox_due ON outbox (due_at) WHERE state = 'waiting';
-- What gateways need not know of a key: the holder's tags, its place in a rotation, what was told already.
CREATE TABLE key_notes (
    key_id TEXT PRIMARY KEY REFERENCES keys (id), tags TEXT NOT NULL DEFAULT '', predecessor TEXT, successor TEXT,
    overlap_until INTEGER, told TEXT NOT NULL DEFAULT '', networks TEXT NOT NULL DEFAULT ''
);
-- Creations that may be asked for again, by the caller's own id.
CREATE TABLE repeats (
    account INTEGER NOT NULL, idempotency TEXT NOT NULL, intent BLOB NOT NULL, key_id TEXT NOT NULL, at INTEGER NOT NULL,
    PRIMARY KEY (account, idempotency)
);
