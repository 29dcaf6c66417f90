-- Names are unique among profiles, in the form in which none may look like another; gateways need no uniqueness.
ALTER TABLE apps DROP CONSTRAINT IF EXISTS apps_name_key;
-- What brokers register. "folded" is the form in which no two names may be alike; "apps" keeps what gateways enforce.
CREATE TABLE app_profiles (
    id BIGINT PRIMARY KEY, owner BIGINT NOT NULL REFERENCES accounts (id), name TEXT NOT NULL, folded TEXT NOT NULL UNIQUE,
    home_page TEXT NOT NULL, contact TEXT NOT NULL, permissions BIGINT NOT NULL, logo BYTEA, standing TEXT NOT NULL,
    reason TEXT NOT NULL, verified_at BIGINT, frozen_by TEXT, demanded_at BIGINT, demand_due BIGINT, created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL, version BIGINT NOT NULL, data_key BIGINT NOT NULL, seal BYTEA NOT NULL
);
CREATE INDEX app_profiles_by_owner ON app_profiles (owner, id);
CREATE INDEX app_profiles_waiting ON app_profiles (changed_at) WHERE standing = 'submitted';
-- Versions of an app's ranges. "sealed" holds the ranges themselves, which are confidential.
CREATE TABLE app_ranges (
    app BIGINT NOT NULL REFERENCES app_profiles (id), number BIGINT NOT NULL, standing TEXT NOT NULL, note TEXT NOT NULL,
    submitted_by BIGINT NOT NULL, submitted_at BIGINT NOT NULL, decided_by BIGINT, decided_at BIGINT, reason TEXT NOT NULL,
    overlap_ms BIGINT NOT NULL, active_at BIGINT, ends_at BIGINT, version BIGINT NOT NULL, data_key BIGINT NOT NULL,
    sealed BYTEA NOT NULL, PRIMARY KEY (app, number)
);
CREATE INDEX app_ranges_waiting ON app_ranges (submitted_at) WHERE standing = 'submitted';
CREATE INDEX app_ranges_ending ON app_ranges (ends_at) WHERE standing = 'retiring';
-- News about an app that its keys' holders have not all been told yet; "after" is the key up to which they were.
CREATE TABLE app_news (
    id BIGINT PRIMARY KEY, app BIGINT NOT NULL, kind TEXT NOT NULL, detail TEXT NOT NULL, at BIGINT NOT NULL, after TEXT NOT NULL
);
-- Keys by app, for counts and for what concerns all of them.
CREATE INDEX keys_by_app ON keys (binding, id) WHERE substr(binding, 1, 4) = 'app:';
