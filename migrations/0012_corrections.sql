-- Corrections: the fields that 送补正 names, and what each submission held. And what was typed and not saved yet.

ALTER TABLE application ADD COLUMN return_fields TEXT NOT NULL DEFAULT '';

-- One row per submission, never changed: the officer reads old and new beside each other (manual §2.4).
CREATE TABLE application_snapshot (
    application_id BIGINT NOT NULL REFERENCES application (id) ON DELETE CASCADE,
    -- That of the application when it was submitted.
    version BIGINT NOT NULL,
    at BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (application_id, version)
);

-- Never counts as 保存: 保存, 提交 and 返回 remove it (E21).
CREATE TABLE typed_text (
    application_id BIGINT NOT NULL REFERENCES application (id) ON DELETE CASCADE,
    account_id BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    page TEXT NOT NULL,
    body TEXT NOT NULL,
    saved_at BIGINT NOT NULL,
    PRIMARY KEY (application_id, account_id, page)
);
CREATE INDEX typed_text_account ON typed_text (account_id);
CREATE INDEX typed_text_age ON typed_text (saved_at);
