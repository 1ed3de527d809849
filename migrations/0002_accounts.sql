-- Organisations, users, login sessions, throttling, settings.

CREATE TABLE setting (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

-- The four shared fields live here once, so they cannot diverge between the users of a code (manual §3, note 2).
CREATE TABLE organisation (
    id @ID@,
    code TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    postcode TEXT NOT NULL,
    address TEXT NOT NULL,
    remark TEXT NOT NULL,
    shares_within BOOLEAN NOT NULL DEFAULT FALSE,
    version BIGINT NOT NULL DEFAULT 1,
    created_at BIGINT NOT NULL
);

CREATE TABLE account (
    id @ID@,
    kind TEXT NOT NULL CHECK (kind IN ('enterprise', 'bureau', 'cnca')),
    username TEXT NOT NULL,
    username_folded TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    display_name TEXT NOT NULL,
    disabled BOOLEAN NOT NULL DEFAULT FALSE,
    organisation_id BIGINT REFERENCES organisation (id),
    membership TEXT CHECK (membership IN ('administrator', 'confirmed', 'pending')),
    bureau_code TEXT REFERENCES bureau (code),
    posts TEXT NOT NULL DEFAULT '',
    org_code_entered TEXT NOT NULL DEFAULT '',
    region_code TEXT,
    applicant_kind TEXT,
    legal_rep TEXT NOT NULL DEFAULT '',
    contact_name TEXT NOT NULL DEFAULT '',
    contact_phone TEXT NOT NULL DEFAULT '',
    contact_mobile TEXT NOT NULL DEFAULT '',
    contact_fax TEXT NOT NULL DEFAULT '',
    contact_email TEXT NOT NULL DEFAULT '',
    version BIGINT NOT NULL DEFAULT 1,
    audit_head TEXT NOT NULL DEFAULT '',
    created_at BIGINT NOT NULL,
    CHECK ((kind = 'enterprise') = (organisation_id IS NOT NULL)),
    CHECK ((kind = 'bureau') = (bureau_code IS NOT NULL))
);
CREATE UNIQUE INDEX account_username ON account (username_folded);
CREATE INDEX account_organisation ON account (organisation_id);
-- One administrator per organisation (D3).
CREATE UNIQUE INDEX account_administrator ON account (organisation_id) WHERE membership = 'administrator';

CREATE TABLE login_session (
    id @ID@,
    token_hash TEXT NOT NULL UNIQUE,
    account_id BIGINT NOT NULL REFERENCES account (id),
    profile TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX login_session_account ON login_session (account_id);
CREATE INDEX login_session_expiry ON login_session (expires_at);

-- Failed log-ins per (user, address): survives a restart and serves several processes.
CREATE TABLE login_attempt (
    subject TEXT PRIMARY KEY,
    failures BIGINT NOT NULL,
    first_at BIGINT NOT NULL
);
