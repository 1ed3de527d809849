-- Files of lists that are too long to be made while somebody waits (E37): asked for, made by a job, taken away after a week.
CREATE TABLE export (
    id @ID@,
    account_id BIGINT NOT NULL REFERENCES account (id),
    -- One click, one file.
    creation_key TEXT NOT NULL,
    report TEXT NOT NULL,
    -- The list's address behind the question mark.
    query TEXT NOT NULL,
    -- The name of the file; blank until it is made.
    name TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'done', 'failed')),
    rows_written BIGINT NOT NULL DEFAULT 0,
    size_bytes BIGINT NOT NULL DEFAULT 0,
    object_key TEXT NOT NULL DEFAULT '',
    -- Why it failed, for whoever asked.
    reason TEXT NOT NULL DEFAULT '',
    asked_at BIGINT NOT NULL,
    ended_at BIGINT,
    UNIQUE (account_id, creation_key)
);
CREATE INDEX export_account ON export (account_id, id);
CREATE INDEX export_age ON export (asked_at);
