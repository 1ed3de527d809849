-- The application form, its products, files and route; the audit trail; numbers.

CREATE TABLE application (
    id @ID@,
    state TEXT NOT NULL CHECK (state IN ('draft', 'accepting', 'returned', 'acceptance_refused', 'first_review',
        'first_review_failed', 'final_review', 'final_review_failed', 'comparing', 'comparing_paper',
        'comparing_failed', 'awaiting_issue', 'issued', 'terminated', 'withdrawn')),
    version BIGINT NOT NULL DEFAULT 1,
    owner_id BIGINT NOT NULL REFERENCES account (id),
    organisation_id BIGINT NOT NULL REFERENCES organisation (id),
    entered_by_bureau TEXT REFERENCES bureau (code),
    creation_key TEXT NOT NULL UNIQUE,
    number TEXT UNIQUE,
    certificate_no TEXT,

    applicant_name TEXT NOT NULL,
    applicant_folded TEXT NOT NULL,
    applicant_org_code TEXT NOT NULL,
    applicant_address TEXT NOT NULL,
    applicant_postcode TEXT NOT NULL,
    applicant_contact TEXT NOT NULL,
    applicant_phone TEXT NOT NULL,
    applicant_fax TEXT NOT NULL,
    applicant_email TEXT NOT NULL,
    applicant_remark TEXT NOT NULL,

    clause_code TEXT NOT NULL REFERENCES clause (code),
    trade_mode TEXT NOT NULL REFERENCES trade_mode (code),
    use_region_code TEXT,
    use_address TEXT NOT NULL DEFAULT '',
    use_unit_name TEXT NOT NULL DEFAULT '',
    use_contact TEXT NOT NULL DEFAULT '',
    use_phone TEXT NOT NULL DEFAULT '',
    contract_no TEXT NOT NULL DEFAULT '',
    contract_no_folded TEXT NOT NULL DEFAULT '',
    invoice_no TEXT NOT NULL DEFAULT '',
    bl_no TEXT NOT NULL DEFAULT '',
    bl_no_folded TEXT NOT NULL DEFAULT '',
    port_code TEXT,
    expected_import_date TEXT,
    purpose TEXT NOT NULL DEFAULT '',
    disposal_plan TEXT,
    display_from TEXT,
    display_to TEXT,
    principal_name TEXT,
    remark TEXT NOT NULL DEFAULT '',

    first_saved_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    submitted_at BIGINT,
    arrived_at BIGINT,
    receiving_bureau TEXT REFERENCES bureau (code),
    current_bureau TEXT REFERENCES bureau (code),
    current_post TEXT,
    return_post TEXT,
    return_parts TEXT NOT NULL DEFAULT '',
    first_reviewer_id BIGINT REFERENCES account (id),
    handler_id BIGINT REFERENCES account (id),
    taken_at BIGINT,
    audit_head TEXT NOT NULL DEFAULT ''
);
CREATE INDEX application_owner ON application (owner_id, id);
CREATE INDEX application_organisation ON application (organisation_id, id);
CREATE INDEX application_worklist ON application (current_bureau, current_post, arrived_at, id);
CREATE INDEX application_withdrawn ON application (receiving_bureau, arrived_at) WHERE state = 'withdrawn';
CREATE INDEX application_draft_expiry ON application (expires_at) WHERE state = 'draft';

CREATE TABLE application_item (
    id @ID@,
    application_id BIGINT NOT NULL REFERENCES application (id) ON DELETE CASCADE,
    version BIGINT NOT NULL DEFAULT 1,
    hs_code TEXT NOT NULL,
    hs_name TEXT NOT NULL,
    product_name TEXT NOT NULL,
    product_folded TEXT NOT NULL,
    model TEXT NOT NULL,
    model_folded TEXT NOT NULL,
    brand TEXT NOT NULL,
    manufacturer TEXT NOT NULL,
    origin_country TEXT NOT NULL,
    qty BIGINT NOT NULL CHECK (qty > 0),
    qty_unit TEXT NOT NULL,
    hs_qty BIGINT NOT NULL CHECK (hs_qty > 0),
    hs_unit TEXT NOT NULL,
    unit_price BIGINT NOT NULL CHECK (unit_price >= 0),
    total_price BIGINT NOT NULL CHECK (total_price >= 0),
    currency TEXT NOT NULL,
    use_region_code TEXT NOT NULL,
    use_address TEXT NOT NULL,
    serials TEXT NOT NULL,
    usage_note TEXT NOT NULL,
    remark TEXT NOT NULL,
    traits TEXT NOT NULL,
    creation_key TEXT NOT NULL,
    UNIQUE (application_id, creation_key)
);
CREATE INDEX application_item_application ON application_item (application_id, id);

CREATE TABLE attachment (
    id @ID@,
    application_id BIGINT NOT NULL REFERENCES application (id) ON DELETE CASCADE,
    kind TEXT NOT NULL REFERENCES attachment_kind (code),
    name TEXT NOT NULL,
    size_bytes BIGINT NOT NULL CHECK (size_bytes > 0),
    sha256 TEXT NOT NULL,
    content_type TEXT NOT NULL,
    object_key TEXT NOT NULL UNIQUE,
    uploaded_by BIGINT NOT NULL REFERENCES account (id),
    uploaded_at BIGINT NOT NULL
);
CREATE INDEX attachment_application ON attachment (application_id, id);

-- Objects that no row refers to: their rows are gone, or have not come yet. The sweep removes the files after an hour.
CREATE TABLE orphaned_object (
    object_key TEXT PRIMARY KEY,
    since BIGINT NOT NULL
);

-- Frozen at submission: later configuration never moves a running application (manual §2.1.3).
CREATE TABLE application_route (
    application_id BIGINT NOT NULL REFERENCES application (id) ON DELETE CASCADE,
    step TEXT NOT NULL,
    bureau_code TEXT NOT NULL REFERENCES bureau (code),
    delegation_id BIGINT,
    PRIMARY KEY (application_id, step)
);
CREATE INDEX application_route_bureau ON application_route (bureau_code, application_id);

-- Append-only; each row carries the hash of the one before it on the same subject (E12).
CREATE TABLE audit (
    id @ID@,
    subject_kind TEXT NOT NULL CHECK (subject_kind IN ('application', 'certificate', 'account')),
    subject_id BIGINT NOT NULL,
    at BIGINT NOT NULL,
    actor_id BIGINT,
    actor_name TEXT NOT NULL,
    bureau_code TEXT,
    post TEXT,
    action TEXT NOT NULL,
    from_state TEXT,
    to_state TEXT,
    opinion TEXT NOT NULL,
    detail TEXT NOT NULL,
    address TEXT NOT NULL,
    previous_hash TEXT NOT NULL,
    hash TEXT NOT NULL
);
CREATE INDEX audit_subject ON audit (subject_kind, subject_id, id);

CREATE TABLE audit_checkpoint (
    id @ID@,
    at BIGINT NOT NULL,
    last_audit_id BIGINT NOT NULL,
    -- Unique, so that the chain of checkpoints never forks.
    previous_hash TEXT NOT NULL UNIQUE,
    hash TEXT NOT NULL
);

CREATE TABLE number_series (
    name TEXT PRIMARY KEY,
    last BIGINT NOT NULL
);
