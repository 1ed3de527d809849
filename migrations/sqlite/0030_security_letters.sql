-- Kinds of letters are words of the program alone: letters about the security of an account are the first of more to
-- come. A CHECK cannot be changed here, so the table is made anew.
CREATE TABLE letter_of_any_kind (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id BIGINT NOT NULL REFERENCES account (id),
    job_id BIGINT NOT NULL,
    kind TEXT NOT NULL CHECK (kind <> ''),
    recipient TEXT NOT NULL,
    subject TEXT NOT NULL,
    failure TEXT,
    created_at BIGINT NOT NULL,
    sent_at BIGINT
);
INSERT INTO letter_of_any_kind (id, account_id, job_id, kind, recipient, subject, failure, created_at, sent_at)
    SELECT id, account_id, job_id, kind, recipient, subject, failure, created_at, sent_at FROM letter;
DROP TABLE letter;
ALTER TABLE letter_of_any_kind RENAME TO letter;
CREATE INDEX letter_account ON letter (account_id, id);
CREATE INDEX letter_job ON letter (job_id);
CREATE INDEX letter_age ON letter (created_at);
CREATE INDEX letter_password ON letter (created_at) WHERE kind = 'password';
