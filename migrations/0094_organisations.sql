-- Who belongs to an organisation and who repairs one (D29, D30), roles and invitations of its users.

-- When the mailbox of an enterprise's account was proved. Accounts that are there already count as proved.
ALTER TABLE account ADD COLUMN mailbox_proved_at BIGINT;
UPDATE account SET mailbox_proved_at = created_at;
-- 经办 or 查阅; an administrator is always 经办.
ALTER TABLE account ADD COLUMN member_role TEXT NOT NULL DEFAULT 'clerk';

-- Mailboxes that wait to be proved, each by the link or the code of one letter; only hashes of them are kept.
CREATE TABLE mailbox_proof (
    id @ID@,
    account_id BIGINT NOT NULL REFERENCES account (id),
    mailbox TEXT NOT NULL,
    link_hash TEXT NOT NULL UNIQUE,
    code_hash TEXT NOT NULL,
    -- The letter, for the page; empty unless this is a demonstration.
    shown TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX mailbox_proof_account ON mailbox_proof (account_id, created_at);
CREATE INDEX mailbox_proof_expiry ON mailbox_proof (expires_at);

-- Proved mailboxes that were replaced. The link in the letter to the old one takes the change back, once.
CREATE TABLE mailbox_change (
    id @ID@,
    account_id BIGINT NOT NULL REFERENCES account (id),
    old_mailbox TEXT NOT NULL,
    new_mailbox TEXT NOT NULL,
    undo_hash TEXT NOT NULL UNIQUE,
    changed_at BIGINT NOT NULL,
    undo_until BIGINT NOT NULL
);
CREATE INDEX mailbox_change_account ON mailbox_change (account_id, id);
CREATE INDEX mailbox_change_end ON mailbox_change (undo_until);

-- Which bureau looks after an organisation follows from the region of its administrator, or of its first user.
ALTER TABLE organisation ADD COLUMN region_code TEXT;
UPDATE organisation SET region_code = (SELECT c.region_code FROM account c WHERE c.organisation_id = organisation.id
    ORDER BY CASE c.membership WHEN 'administrator' THEN 0 ELSE 1 END, c.id LIMIT 1);
CREATE INDEX organisation_region ON organisation (region_code, id);
ALTER TABLE organisation ADD COLUMN suspended_at BIGINT;
ALTER TABLE organisation ADD COLUMN suspended_reason TEXT NOT NULL DEFAULT '';
-- The organisation of the right code, when this one was registered with a mistaken code.
ALTER TABLE organisation ADD COLUMN merged_into BIGINT REFERENCES organisation (id);

-- What was shown when another administrator was appointed, or a code was corrected.
CREATE TABLE organisation_proof (
    id @ID@,
    organisation_id BIGINT NOT NULL REFERENCES organisation (id),
    account_id BIGINT REFERENCES account (id),
    reason TEXT NOT NULL,
    name TEXT NOT NULL,
    size_bytes BIGINT NOT NULL CHECK (size_bytes > 0),
    sha256 TEXT NOT NULL,
    content_type TEXT NOT NULL,
    object_key TEXT NOT NULL UNIQUE,
    uploaded_by BIGINT NOT NULL REFERENCES account (id),
    uploaded_by_name TEXT NOT NULL,
    uploaded_at BIGINT NOT NULL
);
CREATE INDEX organisation_proof_organisation ON organisation_proof (organisation_id, id);

-- Invitations of colleagues by mail; only the hash of the link is kept.
CREATE TABLE invitation (
    id @ID@,
    organisation_id BIGINT NOT NULL REFERENCES organisation (id),
    mailbox TEXT NOT NULL,
    member_role TEXT NOT NULL,
    link_hash TEXT NOT NULL UNIQUE,
    invited_by BIGINT NOT NULL REFERENCES account (id),
    invited_by_name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT,
    accepted_at BIGINT,
    accepted_by BIGINT REFERENCES account (id)
);
CREATE INDEX invitation_organisation ON invitation (organisation_id, id);
