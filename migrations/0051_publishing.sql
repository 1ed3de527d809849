-- 公告管理 (R-C-01): drafts, times, versions, files.

-- A draft has never been published; `published_at` says when it was begun.
ALTER TABLE bulletin ADD COLUMN is_draft BOOLEAN NOT NULL DEFAULT FALSE;
-- The time that a draft is to be published at; none = at once.
ALTER TABLE bulletin ADD COLUMN planned_at BIGINT;
ALTER TABLE bulletin ADD COLUMN format TEXT NOT NULL DEFAULT 'plain' CHECK (format IN ('plain', 'markdown'));
ALTER TABLE bulletin ADD COLUMN withdrawn_reason TEXT NOT NULL DEFAULT '';
ALTER TABLE bulletin ADD COLUMN title_folded TEXT NOT NULL DEFAULT '';
ALTER TABLE bulletin ADD COLUMN version BIGINT NOT NULL DEFAULT 1;
UPDATE bulletin SET title_folded = LOWER(REPLACE(title, ' ', ''));

-- What stood there after each deed.
CREATE TABLE bulletin_version (
    bulletin_id BIGINT NOT NULL REFERENCES bulletin (id) ON DELETE CASCADE,
    version BIGINT NOT NULL,
    deed TEXT NOT NULL CHECK (deed IN ('save', 'publish', 'withdraw', 'add_file', 'delete_file')),
    remark TEXT NOT NULL,
    title TEXT NOT NULL,
    category TEXT NOT NULL,
    body TEXT NOT NULL,
    format TEXT NOT NULL,
    pinned BOOLEAN NOT NULL,
    publishes_at BIGINT,
    expires_at BIGINT,
    saved_at BIGINT NOT NULL,
    saved_by TEXT NOT NULL,
    PRIMARY KEY (bulletin_id, version)
);

CREATE TABLE bulletin_file (
    id @ID@,
    bulletin_id BIGINT NOT NULL REFERENCES bulletin (id),
    name TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    content_type TEXT NOT NULL,
    object_key TEXT NOT NULL UNIQUE,
    uploaded_at BIGINT NOT NULL
);
CREATE INDEX bulletin_file_bulletin ON bulletin_file (bulletin_id, id);
