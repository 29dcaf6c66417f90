-- Names are unique among profiles, in the form in which none may look like another; gateways need no uniqueness.
CREATE TABLE apps_without_unique_names (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, state TEXT NOT NULL, ranges TEXT NOT NULL, version INTEGER NOT NULL,
    data_key INTEGER NOT NULL, seal BLOB NOT NULL, created_at INTEGER NOT NULL
);
INSERT INTO apps_without_unique_names SELECT id, name, state, ranges, version, data_key, seal, created_at FROM apps;
DROP TABLE apps;
ALTER TABLE apps_without_unique_names RENAME TO apps;
-- What brokers register. "folded" is the form in which no two names may be alike; "apps" keeps what gateways enforce.
CREATE TABLE app_profiles (
    id INTEGER PRIMARY KEY, owner INTEGER NOT NULL REFERENCES accounts (id), name TEXT NOT NULL, folded TEXT NOT NULL UNIQUE,
    home_page TEXT NOT NULL, contact TEXT NOT NULL, permissions INTEGER NOT NULL, logo BLOB, standing TEXT NOT NULL,
    reason TEXT NOT NULL, verified_at INTEGER, frozen_by TEXT, demanded_at INTEGER, demand_due INTEGER, created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL, version INTEGER NOT NULL, data_key INTEGER NOT NULL, seal BLOB NOT NULL
);
CREATE INDEX app_profiles_by_owner ON app_profiles (owner, id);
CREATE INDEX app_profiles_waiting ON app_profiles (changed_at) WHERE standing = 'submitted';
-- Versions of an app's ranges. "sealed" holds the ranges themselves, which are confidential.
CREATE TABLE app_ranges (
    app INTEGER NOT NULL REFERENCES app_profiles (id), number INTEGER NOT NULL, standing TEXT NOT NULL, note TEXT NOT NULL,
    submitted_by INTEGER NOT NULL, submitted_at INTEGER NOT NULL, decided_by INTEGER, decided_at INTEGER, reason TEXT NOT NULL,
    overlap_ms INTEGER NOT NULL, active_at INTEGER, ends_at INTEGER, version INTEGER NOT NULL, data_key INTEGER NOT NULL,
    sealed BLOB NOT NULL, PRIMARY KEY (app, number)
);
CREATE INDEX app_ranges_waiting ON app_ranges (submitted_at) WHERE standing = 'submitted';
CREATE INDEX app_ranges_ending ON app_ranges (ends_at) WHERE standing = 'retiring';
-- News about an app that its keys' holders have not all been told yet; "after" is the key up to which they were.
CREATE TABLE app_news (
    id INTEGER PRIMARY KEY, app INTEGER NOT NULL, kind TEXT NOT NULL, detail TEXT NOT NULL, at INTEGER NOT NULL, after TEXT NOT NULL
);
-- Keys by app, for counts and for what concerns all of them.
CREATE INDEX keys_by_app ON keys (binding, id) WHERE substr(binding, 1, 4) = 'app:';
