-- Systems of ports that report write-offs by machine, and the batches that they, or officers with a file, hand in.

CREATE TABLE port_system (
    id @ID@,
    bureau_code TEXT NOT NULL REFERENCES bureau (code),
    name TEXT NOT NULL,
    -- The codes of its ports with a blank between them; blank = every port of the bureau.
    ports TEXT NOT NULL,
    -- SHA-256 of the secret of its key; the key itself is shown once.
    key_hash TEXT NOT NULL UNIQUE,
    key_made_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    disabled_at BIGINT,
    UNIQUE (bureau_code, name)
);

-- A batch is known by its number, among those of its system or of the bureau's officers: handed in again it is answered
-- with the first result.
CREATE TABLE write_off_batch (
    id @ID@,
    bureau_code TEXT NOT NULL REFERENCES bureau (code),
    number TEXT NOT NULL,
    -- SHA-256 of what was handed in: another content under the same number is refused.
    digest TEXT NOT NULL,
    lines BIGINT NOT NULL CHECK (lines > 0),
    -- Who handed it in, by name; and which system or person.
    source TEXT NOT NULL,
    port_system_id BIGINT REFERENCES port_system (id),
    account_id BIGINT REFERENCES account (id),
    received_at BIGINT NOT NULL,
    -- When the holders of its certificates were told; none while lines are undecided.
    told_at BIGINT,
    CHECK ((port_system_id IS NULL) <> (account_id IS NULL))
);
CREATE UNIQUE INDEX write_off_batch_number ON write_off_batch (bureau_code, COALESCE(port_system_id, 0), number);
CREATE INDEX write_off_batch_newest ON write_off_batch (bureau_code, id);

-- Written in the transaction of the deed, so that each line is decided exactly once. No reason = accepted.
CREATE TABLE write_off_batch_line (
    batch_id BIGINT NOT NULL REFERENCES write_off_batch (id),
    ordinal BIGINT NOT NULL CHECK (ordinal > 0),
    -- What was handed in, as JSON.
    content TEXT NOT NULL,
    reason TEXT,
    decided_at BIGINT NOT NULL,
    PRIMARY KEY (batch_id, ordinal)
);
