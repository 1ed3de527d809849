-- Reference data, keyed by their official codes; days bound what may change.

CREATE TABLE region (
    code TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    parent_code TEXT NOT NULL,
    level BIGINT NOT NULL
);

CREATE TABLE bureau (
    code TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    short_name TEXT NOT NULL,
    level BIGINT NOT NULL,
    parent_code TEXT NOT NULL,
    address TEXT NOT NULL DEFAULT '',
    phone TEXT NOT NULL DEFAULT '',
    compare_enabled BOOLEAN NOT NULL DEFAULT TRUE,
    four_eyes BOOLEAN NOT NULL DEFAULT TRUE,
    validity_days BIGINT NOT NULL DEFAULT 90,
    valid_from TEXT NOT NULL,
    valid_to TEXT NOT NULL
);

-- Which direct bureau is responsible for a region; the longest prefix wins.
CREATE TABLE jurisdiction (
    region_prefix TEXT NOT NULL,
    bureau_code TEXT NOT NULL REFERENCES bureau (code),
    valid_from TEXT NOT NULL,
    valid_to TEXT NOT NULL,
    PRIMARY KEY (region_prefix, valid_from)
);

CREATE TABLE unit (
    code TEXT PRIMARY KEY,
    name TEXT NOT NULL
);

CREATE TABLE country (
    code TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    name_en TEXT NOT NULL
);

CREATE TABLE currency (
    code TEXT PRIMARY KEY,
    name TEXT NOT NULL
);

CREATE TABLE port (
    code TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    level BIGINT NOT NULL,
    parent_code TEXT NOT NULL,
    bureau_code TEXT NOT NULL
);

CREATE TABLE clause (
    code TEXT PRIMARY KEY,
    short_name TEXT NOT NULL,
    full_text TEXT NOT NULL,
    documents TEXT NOT NULL,
    follow_up TEXT NOT NULL,
    follow_up_kinds TEXT NOT NULL,
    valid_from TEXT NOT NULL,
    valid_to TEXT NOT NULL
);

CREATE TABLE trade_mode (
    code TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    common BOOLEAN NOT NULL,
    valid_from TEXT NOT NULL,
    valid_to TEXT NOT NULL
);

CREATE TABLE hs_type (
    code TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    unit_code TEXT NOT NULL,
    unit2_code TEXT NOT NULL,
    ccc_class TEXT NOT NULL,
    characteristics TEXT NOT NULL,
    valid_from TEXT NOT NULL,
    valid_to TEXT NOT NULL
);

CREATE TABLE attachment_kind (
    code TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    ordinal BIGINT NOT NULL,
    valid_from TEXT NOT NULL,
    valid_to TEXT NOT NULL
);

-- An empty bureau is any; the rule of a bureau wins over that of any.
CREATE TABLE attachment_rule (
    bureau_code TEXT NOT NULL,
    clause_code TEXT NOT NULL,
    kind TEXT NOT NULL REFERENCES attachment_kind (code),
    need TEXT NOT NULL CHECK (need IN ('must', 'if_number', 'optional', 'hidden')),
    PRIMARY KEY (bureau_code, clause_code, kind)
);

-- 业务下放: NULL is any.
CREATE TABLE delegation (
    id @ID@,
    direct_bureau_code TEXT NOT NULL REFERENCES bureau (code),
    target_bureau_code TEXT NOT NULL REFERENCES bureau (code),
    region_prefix TEXT,
    clause_code TEXT,
    hs_prefix TEXT,
    trade_mode TEXT,
    steps TEXT NOT NULL,
    priority BIGINT NOT NULL DEFAULT 0,
    valid_from TEXT NOT NULL,
    valid_to TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX delegation_direct ON delegation (direct_bureau_code);

CREATE TABLE reference_import (
    id @ID@,
    imported_at BIGINT NOT NULL,
    source TEXT NOT NULL,
    digest TEXT NOT NULL,
    rows_total BIGINT NOT NULL
);
