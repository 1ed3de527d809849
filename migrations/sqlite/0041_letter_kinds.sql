-- Letters about certificates. The program knows the kinds; a list of them here would need a new table for each.

CREATE TABLE letter_any (
    id @ID@,
    account_id BIGINT NOT NULL REFERENCES account (id),
    job_id BIGINT NOT NULL,
    kind TEXT NOT NULL CHECK (kind <> ''),
    recipient TEXT NOT NULL,
    subject TEXT NOT NULL,
    failure TEXT,
    created_at BIGINT NOT NULL,
    sent_at BIGINT
);
INSERT INTO letter_any (id, account_id, job_id, kind, recipient, subject, failure, created_at, sent_at)
    SELECT id, account_id, job_id, kind, recipient, subject, failure, created_at, sent_at FROM letter;
DROP TABLE letter;
ALTER TABLE letter_any RENAME TO letter;
CREATE INDEX letter_account ON letter (account_id, id);
CREATE INDEX letter_job ON letter (job_id);
CREATE INDEX letter_age ON letter (created_at);
CREATE INDEX letter_password ON letter (created_at) WHERE kind = 'password';
