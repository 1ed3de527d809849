-- Forgotten passwords (D18): the old one works until the one-time password is first used, then a change is forced.

ALTER TABLE account ADD COLUMN must_change_password BOOLEAN NOT NULL DEFAULT FALSE;

CREATE TABLE one_time_password (
    id @ID@,
    account_id BIGINT NOT NULL REFERENCES account (id),
    password_hash TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX one_time_password_account ON one_time_password (account_id, created_at);
