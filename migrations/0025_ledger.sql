-- The ledger of a certificate (manual §2.8): 预核销, and every change of a balance as an entry that stays.

-- One submission of 预核销: a certificate, a port, and the bureau of that port, which alone confirms it (R-2.8-18).
CREATE TABLE pre_write_off (
    id @ID@,
    certificate_id BIGINT NOT NULL REFERENCES certificate (id),
    submission_key TEXT NOT NULL UNIQUE,
    port_code TEXT NOT NULL,
    bureau_code TEXT NOT NULL REFERENCES bureau (code),
    customs_no TEXT NOT NULL,
    declared_by BIGINT NOT NULL REFERENCES account (id),
    declared_at BIGINT NOT NULL
);
CREATE INDEX pre_write_off_certificate ON pre_write_off (certificate_id, id);

CREATE TABLE pre_write_off_item (
    id @ID@,
    pre_write_off_id BIGINT NOT NULL REFERENCES pre_write_off (id),
    certificate_id BIGINT NOT NULL REFERENCES certificate (id),
    certificate_item_id BIGINT NOT NULL REFERENCES certificate_item (id),
    bureau_code TEXT NOT NULL REFERENCES bureau (code),
    state TEXT NOT NULL CHECK (state IN ('pending', 'confirmed', 'refused', 'withdrawn', 'lapsed')),
    qty BIGINT NOT NULL CHECK (qty >= 0),
    hs_qty BIGINT NOT NULL CHECK (hs_qty >= 0),
    confirmed_qty BIGINT CHECK (confirmed_qty BETWEEN 0 AND qty),
    confirmed_hs_qty BIGINT CHECK (confirmed_hs_qty BETWEEN 0 AND hs_qty),
    declared_at BIGINT NOT NULL,
    decided_at BIGINT,
    decided_by BIGINT REFERENCES account (id),
    decided_by_name TEXT NOT NULL DEFAULT '',
    opinion TEXT NOT NULL DEFAULT '',
    CHECK (qty > 0 OR hs_qty > 0),
    CHECK ((state = 'confirmed') = (confirmed_qty IS NOT NULL)),
    CHECK ((state = 'confirmed') = (confirmed_hs_qty IS NOT NULL)),
    CHECK ((state = 'pending') = (decided_at IS NULL))
);
CREATE INDEX pre_write_off_item_batch ON pre_write_off_item (pre_write_off_id, id);
CREATE INDEX pre_write_off_item_line ON pre_write_off_item (certificate_id, id);
CREATE INDEX pre_write_off_item_pending ON pre_write_off_item (bureau_code, pre_write_off_id) WHERE state = 'pending';
CREATE INDEX pre_write_off_item_due ON pre_write_off_item (declared_at) WHERE state = 'pending';

-- Append-only. The five differences of an entry are what it did to the line's row in certificate_item; the five sums are
-- what stood there afterwards. The same key again finds the first deed.
CREATE TABLE ledger_entry (
    id @ID@,
    deed_key TEXT NOT NULL,
    ordinal BIGINT NOT NULL,
    certificate_id BIGINT NOT NULL REFERENCES certificate (id),
    certificate_item_id BIGINT NOT NULL REFERENCES certificate_item (id),
    kind TEXT NOT NULL,
    pending BIGINT NOT NULL,
    hs_pending BIGINT NOT NULL,
    written_off BIGINT NOT NULL,
    hs_written_off BIGINT NOT NULL,
    accounted BIGINT NOT NULL,
    pending_after BIGINT NOT NULL CHECK (pending_after >= 0),
    hs_pending_after BIGINT NOT NULL CHECK (hs_pending_after >= 0),
    written_off_after BIGINT NOT NULL CHECK (written_off_after >= 0),
    hs_written_off_after BIGINT NOT NULL CHECK (hs_written_off_after >= 0),
    accounted_after BIGINT NOT NULL CHECK (accounted_after BETWEEN 0 AND written_off_after),
    actor_id BIGINT REFERENCES account (id),
    actor_name TEXT NOT NULL,
    bureau_code TEXT REFERENCES bureau (code),
    port_code TEXT,
    customs_no TEXT NOT NULL,
    reason TEXT NOT NULL,
    pre_write_off_item_id BIGINT REFERENCES pre_write_off_item (id),
    reverses_id BIGINT UNIQUE REFERENCES ledger_entry (id),
    at BIGINT NOT NULL,
    UNIQUE (deed_key, ordinal)
);
CREATE INDEX ledger_entry_certificate ON ledger_entry (certificate_id, id);
CREATE INDEX ledger_entry_line ON ledger_entry (certificate_item_id, id);
CREATE INDEX ledger_entry_source ON ledger_entry (pre_write_off_item_id);

-- Officers find a certificate of the whole country by the HS 编码 of its products (R-2.8-17).
CREATE INDEX application_item_hs ON application_item (hs_code, application_id);
