-- 文件对比: what became of each document of an application, and the scans of the paper originals (workflow A11 to A14).

CREATE TABLE paper_comparison (
    application_id BIGINT NOT NULL REFERENCES application (id) ON DELETE CASCADE,
    -- `file-12`: an uploaded file; `kind-license`: a kind of which a file is needed and none is there.
    document TEXT NOT NULL,
    -- None while only its arrival is known.
    result TEXT CHECK (result IN ('match', 'differs', 'absent')),
    remark TEXT NOT NULL,
    compared_at BIGINT,
    compared_by BIGINT REFERENCES account (id),
    compared_by_name TEXT NOT NULL,
    -- 收到日期 of the paper, and who wrote it down, when.
    arrived_on TEXT,
    arrived_at BIGINT,
    arrived_by BIGINT REFERENCES account (id),
    arrived_by_name TEXT NOT NULL,
    PRIMARY KEY (application_id, document)
);

CREATE TABLE paper_scan (
    id @ID@,
    application_id BIGINT NOT NULL REFERENCES application (id) ON DELETE CASCADE,
    document TEXT NOT NULL,
    name TEXT NOT NULL,
    size_bytes BIGINT NOT NULL CHECK (size_bytes > 0),
    sha256 TEXT NOT NULL,
    content_type TEXT NOT NULL,
    object_key TEXT NOT NULL UNIQUE,
    uploaded_by BIGINT NOT NULL REFERENCES account (id),
    uploaded_by_name TEXT NOT NULL,
    uploaded_at BIGINT NOT NULL
);
CREATE INDEX paper_scan_application ON paper_scan (application_id, id);
