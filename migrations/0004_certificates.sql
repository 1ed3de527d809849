-- Certificates: number, versions frozen beside one balance row per line for life (E13).

CREATE TABLE certificate (
    id @ID@,
    application_id BIGINT NOT NULL UNIQUE REFERENCES application (id),
    number TEXT NOT NULL UNIQUE,
    check_code TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('valid', 'amending', 'revoked', 'surrendered')),
    version BIGINT NOT NULL,
    valid_from TEXT NOT NULL,
    valid_to TEXT NOT NULL,
    bureau_code TEXT NOT NULL REFERENCES bureau (code),
    issued_at BIGINT NOT NULL,
    issued_by BIGINT NOT NULL REFERENCES account (id),
    audit_head TEXT NOT NULL DEFAULT ''
);

CREATE TABLE certificate_version (
    certificate_id BIGINT NOT NULL REFERENCES certificate (id),
    version BIGINT NOT NULL,
    sheet TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    object_key TEXT,
    sha256 TEXT,
    size_bytes BIGINT,
    PRIMARY KEY (certificate_id, version)
);

CREATE TABLE certificate_item (
    id @ID@,
    certificate_id BIGINT NOT NULL REFERENCES certificate (id),
    ordinal BIGINT NOT NULL,
    required BIGINT NOT NULL CHECK (required > 0),
    pending BIGINT NOT NULL DEFAULT 0 CHECK (pending >= 0),
    written_off BIGINT NOT NULL DEFAULT 0,
    accounted BIGINT NOT NULL DEFAULT 0,
    hs_required BIGINT NOT NULL CHECK (hs_required > 0),
    hs_pending BIGINT NOT NULL DEFAULT 0 CHECK (hs_pending >= 0),
    hs_written_off BIGINT NOT NULL DEFAULT 0,
    UNIQUE (certificate_id, ordinal),
    CHECK (written_off BETWEEN 0 AND required),
    CHECK (hs_written_off BETWEEN 0 AND hs_required),
    CHECK (accounted BETWEEN 0 AND written_off)
);
