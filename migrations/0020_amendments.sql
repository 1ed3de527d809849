-- Amendment (manual §2.7), revocation (D23) and surrender of certificates. What is changed lies beside the certificate,
-- which changes at the confirmation only.

CREATE TABLE certificate_amendment (
    id @ID@,
    certificate_id BIGINT NOT NULL REFERENCES certificate (id),
    holder_id BIGINT NOT NULL REFERENCES account (id),
    -- The bureau of the frozen step 证明修改.
    bureau_code TEXT NOT NULL REFERENCES bureau (code),
    state TEXT NOT NULL CHECK (state IN
        ('requested', 'opened', 'submitted', 'sent_back', 'confirmed', 'cancelled', 'refused')),
    -- Counts every change of this row and of its items.
    version BIGINT NOT NULL DEFAULT 1,
    -- The version of the certificate that is amended, and the one that the confirmation made.
    base_version BIGINT NOT NULL,
    new_version BIGINT,
    request_reason TEXT NOT NULL DEFAULT '',
    requested_at BIGINT,
    -- 来电人 and 电话记录, when it was released after a phone call.
    caller TEXT NOT NULL DEFAULT '',
    call_note TEXT NOT NULL DEFAULT '',
    opened_at BIGINT,
    opened_by BIGINT REFERENCES account (id),
    valid_from TEXT NOT NULL,
    valid_to TEXT NOT NULL,
    reason TEXT NOT NULL DEFAULT '',
    submitted_at BIGINT,
    -- The last word of the bureau.
    opinion TEXT NOT NULL DEFAULT '',
    decided_at BIGINT,
    decided_by BIGINT REFERENCES account (id)
);
-- Never two open amendments of one certificate (D13).
CREATE UNIQUE INDEX certificate_amendment_open ON certificate_amendment (certificate_id)
    WHERE state IN ('requested', 'opened', 'submitted', 'sent_back');
CREATE INDEX certificate_amendment_certificate ON certificate_amendment (certificate_id, id);
CREATE INDEX certificate_amendment_holder ON certificate_amendment (holder_id, state);
CREATE INDEX certificate_amendment_desk ON certificate_amendment (bureau_code, state, id);

-- The products that an amendment changes, with all that they hold afterwards.
CREATE TABLE certificate_amendment_item (
    amendment_id BIGINT NOT NULL REFERENCES certificate_amendment (id),
    ordinal BIGINT NOT NULL,
    product_name TEXT NOT NULL,
    hs_code TEXT NOT NULL,
    hs_name TEXT NOT NULL,
    hs_unit TEXT NOT NULL,
    model TEXT NOT NULL,
    qty BIGINT NOT NULL CHECK (qty > 0),
    hs_qty BIGINT NOT NULL CHECK (hs_qty > 0),
    brand TEXT NOT NULL,
    manufacturer TEXT NOT NULL,
    traits TEXT NOT NULL,
    PRIMARY KEY (amendment_id, ordinal)
);

CREATE TABLE certificate_revocation (
    id @ID@,
    certificate_id BIGINT NOT NULL REFERENCES certificate (id),
    holder_id BIGINT NOT NULL REFERENCES account (id),
    -- The bureau of the frozen step 后续监管.
    bureau_code TEXT NOT NULL REFERENCES bureau (code),
    state TEXT NOT NULL CHECK (state IN ('proposed', 'revoked', 'rejected', 'withdrawn')),
    reason TEXT NOT NULL,
    proposed_at BIGINT NOT NULL,
    proposed_by BIGINT NOT NULL REFERENCES account (id),
    opinion TEXT NOT NULL DEFAULT '',
    decided_at BIGINT,
    decided_by BIGINT REFERENCES account (id),
    -- The second person (E17).
    CHECK (state NOT IN ('revoked', 'rejected') OR decided_by <> proposed_by)
);
CREATE UNIQUE INDEX certificate_revocation_open ON certificate_revocation (certificate_id) WHERE state = 'proposed';
CREATE INDEX certificate_revocation_certificate ON certificate_revocation (certificate_id, id);
CREATE INDEX certificate_revocation_holder ON certificate_revocation (holder_id, state);
CREATE INDEX certificate_revocation_desk ON certificate_revocation (bureau_code, state, id);

CREATE TABLE certificate_surrender (
    id @ID@,
    certificate_id BIGINT NOT NULL REFERENCES certificate (id),
    holder_id BIGINT NOT NULL REFERENCES account (id),
    -- The issuing bureau.
    bureau_code TEXT NOT NULL REFERENCES bureau (code),
    state TEXT NOT NULL CHECK (state IN ('requested', 'surrendered', 'refused', 'withdrawn')),
    reason TEXT NOT NULL,
    requested_at BIGINT NOT NULL,
    opinion TEXT NOT NULL DEFAULT '',
    decided_at BIGINT,
    decided_by BIGINT REFERENCES account (id)
);
CREATE UNIQUE INDEX certificate_surrender_open ON certificate_surrender (certificate_id) WHERE state = 'requested';
CREATE INDEX certificate_surrender_certificate ON certificate_surrender (certificate_id, id);
CREATE INDEX certificate_surrender_holder ON certificate_surrender (holder_id, state);
CREATE INDEX certificate_surrender_desk ON certificate_surrender (bureau_code, state, id);
