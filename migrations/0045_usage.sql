-- 产品使用记录 and their supervision (manual §2.9).

-- Who supervises a certificate: the bureau of the frozen step supervise.
ALTER TABLE certificate ADD COLUMN supervising_bureau TEXT REFERENCES bureau (code);
-- Lines of which something is left to account for (written_off > accounted).
ALTER TABLE certificate ADD COLUMN unaccounted_lines BIGINT NOT NULL DEFAULT 0;
-- When something was last written off.
ALTER TABLE certificate ADD COLUMN written_at BIGINT;
-- 监管完结. Goods that are written off afterwards open it again.
ALTER TABLE certificate ADD COLUMN supervision_closed_at BIGINT;

-- 尾差: less than one unit, which no record can name, closed by 后续监管 with a note. It is part of accounted.
ALTER TABLE certificate_item ADD COLUMN closed_tail BIGINT NOT NULL DEFAULT 0;
ALTER TABLE certificate_item ADD COLUMN tail_note TEXT NOT NULL DEFAULT '';

UPDATE certificate SET
    supervising_bureau = (SELECT r.bureau_code FROM application_route r
        WHERE r.application_id = certificate.application_id AND r.step = 'supervise'),
    unaccounted_lines = (SELECT COUNT(*) FROM certificate_item i WHERE i.certificate_id = certificate.id
        AND i.written_off > i.accounted);
CREATE INDEX certificate_unwritten ON certificate (supervising_bureau, issued_at, id) WHERE written_lines = 0;
CREATE INDEX certificate_unaccounted ON certificate (supervising_bureau, written_at, id) WHERE unaccounted_lines > 0;
CREATE INDEX certificate_accounted ON certificate (supervising_bureau, id)
    WHERE written_lines > 0 AND unaccounted_lines = 0 AND supervision_closed_at IS NULL;

CREATE TABLE usage_record (
    id @ID@,
    certificate_id BIGINT NOT NULL REFERENCES certificate (id),
    kind TEXT NOT NULL CHECK (kind IN ('use', 'return', 'destruction')),
    state TEXT NOT NULL CHECK (state IN ('draft', 'submitted', 'approved', 'rejected')),
    version BIGINT NOT NULL DEFAULT 1,
    creation_key TEXT NOT NULL,
    owner_id BIGINT NOT NULL REFERENCES account (id),
    bureau_code TEXT NOT NULL REFERENCES bureau (code),
    created_at BIGINT NOT NULL,
    saved_at BIGINT NOT NULL,
    submitted_at BIGINT,
    decided_at BIGINT,
    decided_by BIGINT REFERENCES account (id),
    decided_by_name TEXT NOT NULL DEFAULT '',
    opinion TEXT NOT NULL DEFAULT '',
    -- 使用
    use_unit_name TEXT NOT NULL,
    use_contact TEXT NOT NULL,
    use_phone TEXT NOT NULL,
    use_address TEXT NOT NULL,
    used_on TEXT,
    note TEXT NOT NULL,
    -- 退运
    returned_on TEXT,
    port_code TEXT,
    export_decl_no TEXT NOT NULL,
    reason TEXT NOT NULL,
    -- 销毁
    destroyed_on TEXT,
    place TEXT NOT NULL,
    method TEXT NOT NULL,
    handler TEXT NOT NULL,
    witness TEXT NOT NULL,
    UNIQUE (certificate_id, creation_key)
);
CREATE INDEX usage_record_certificate ON usage_record (certificate_id, kind, id);
CREATE INDEX usage_record_waiting ON usage_record (bureau_code, submitted_at, id) WHERE state = 'submitted';
CREATE INDEX usage_record_decided ON usage_record (owner_id, decided_at) WHERE state IN ('approved', 'rejected');

CREATE TABLE usage_line (
    id @ID@,
    record_id BIGINT NOT NULL REFERENCES usage_record (id) ON DELETE CASCADE,
    certificate_item_id BIGINT NOT NULL REFERENCES certificate_item (id),
    -- None while it was saved without one.
    qty BIGINT CHECK (qty > 0),
    serials TEXT NOT NULL,
    UNIQUE (record_id, certificate_item_id)
);
CREATE INDEX usage_line_item ON usage_line (certificate_item_id, record_id);

-- On-site visits of 后续监管 (order 117, art. 37 and 38).
CREATE TABLE supervision_visit (
    id @ID@,
    certificate_id BIGINT NOT NULL REFERENCES certificate (id),
    creation_key TEXT NOT NULL,
    visited_on TEXT NOT NULL,
    place TEXT NOT NULL,
    companions TEXT NOT NULL,
    findings TEXT NOT NULL,
    officer_id BIGINT NOT NULL REFERENCES account (id),
    officer_name TEXT NOT NULL,
    bureau_code TEXT NOT NULL REFERENCES bureau (code),
    created_at BIGINT NOT NULL,
    UNIQUE (certificate_id, creation_key)
);
CREATE INDEX supervision_visit_certificate ON supervision_visit (certificate_id, id);

-- Files wait here without a record until the form is saved that names them; what nobody saves is swept.
CREATE TABLE usage_file (
    id @ID@,
    certificate_id BIGINT NOT NULL REFERENCES certificate (id),
    record_id BIGINT REFERENCES usage_record (id),
    visit_id BIGINT REFERENCES supervision_visit (id),
    name TEXT NOT NULL,
    size_bytes BIGINT NOT NULL CHECK (size_bytes > 0),
    sha256 TEXT NOT NULL,
    content_type TEXT NOT NULL,
    object_key TEXT NOT NULL UNIQUE,
    -- When the picture was taken, as its camera wrote it; blank when it does not say.
    taken_at TEXT NOT NULL,
    uploaded_by BIGINT NOT NULL REFERENCES account (id),
    uploaded_at BIGINT NOT NULL,
    CHECK (record_id IS NULL OR visit_id IS NULL)
);
CREATE INDEX usage_file_record ON usage_file (record_id, id);
CREATE INDEX usage_file_visit ON usage_file (visit_id, id);
CREATE INDEX usage_file_waiting ON usage_file (certificate_id, uploaded_at) WHERE record_id IS NULL AND visit_id IS NULL;
