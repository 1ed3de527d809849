-- Letters and their delivery; the choice of each user; reminders of drafts (D8); the second factor of a log-in.

ALTER TABLE account ADD COLUMN letter_choice TEXT NOT NULL DEFAULT 'every'
    CHECK (letter_choice IN ('every', 'needed', 'none'));

-- What a user sees of a letter. Its text is in the job while it has not been sent, and nowhere afterwards.
CREATE TABLE letter (
    id @ID@,
    account_id BIGINT NOT NULL REFERENCES account (id),
    job_id BIGINT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('status', 'draft', 'password')),
    recipient TEXT NOT NULL,
    subject TEXT NOT NULL,
    failure TEXT,
    created_at BIGINT NOT NULL,
    sent_at BIGINT
);
CREATE INDEX letter_account ON letter (account_id, id);
CREATE INDEX letter_job ON letter (job_id);
CREATE INDEX letter_age ON letter (created_at);
CREATE INDEX letter_password ON letter (created_at) WHERE kind = 'password';

-- On which day of its ten a draft was last mentioned in a letter: 0, 7 or 9.
ALTER TABLE application ADD COLUMN reminded_day BIGINT NOT NULL DEFAULT 0;

-- The secret itself is not stored: it is made from `salt` with the key of the installation.
CREATE TABLE second_factor (
    account_id BIGINT PRIMARY KEY REFERENCES account (id),
    salt TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    confirmed_at BIGINT,
    last_step BIGINT NOT NULL DEFAULT 0
);

-- Recovery codes, each good for one log-in; only a keyed hash of them is kept.
CREATE TABLE recovery_code (
    id @ID@,
    account_id BIGINT NOT NULL REFERENCES account (id),
    code_hash TEXT NOT NULL,
    used_at BIGINT,
    UNIQUE (account_id, code_hash)
);
