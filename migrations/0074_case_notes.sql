-- 内部备注: what the officers who see a case write to each other. The enterprise never sees it.
CREATE TABLE case_note (
    id @ID@,
    application_id BIGINT NOT NULL REFERENCES application (id),
    creation_key TEXT NOT NULL,
    author_id BIGINT NOT NULL REFERENCES account (id),
    -- As it was then.
    author_name TEXT NOT NULL,
    bureau_code TEXT NOT NULL,
    -- The post that had the case, when its author worked there.
    post TEXT,
    text TEXT NOT NULL,
    at BIGINT NOT NULL,
    -- A note is never deleted; its author may strike it out and say why.
    struck_at BIGINT,
    strike_reason TEXT NOT NULL DEFAULT '',
    CHECK ((struck_at IS NULL) = (strike_reason = ''))
);
CREATE UNIQUE INDEX case_note_creation ON case_note (application_id, creation_key);
CREATE INDEX case_note_application ON case_note (application_id, id);

CREATE TABLE case_note_file (
    id @ID@,
    note_id BIGINT NOT NULL REFERENCES case_note (id),
    name TEXT NOT NULL,
    size_bytes BIGINT NOT NULL CHECK (size_bytes > 0),
    sha256 TEXT NOT NULL,
    content_type TEXT NOT NULL,
    object_key TEXT NOT NULL UNIQUE
);
CREATE INDEX case_note_file_note ON case_note_file (note_id, id);
