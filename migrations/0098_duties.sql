-- 逾期证明: every duty of a certificate in a tab of its own, for a bureau and for the whole country (E10).

-- Since when its oldest record waits for 后续监管, and when a record was last judged; kept by the deeds on records.
ALTER TABLE certificate ADD COLUMN waiting_since BIGINT;
ALTER TABLE certificate ADD COLUMN judged_at BIGINT;
UPDATE certificate SET
    waiting_since = (SELECT MIN(r.submitted_at) FROM usage_record r
        WHERE r.certificate_id = certificate.id AND r.state = 'submitted'),
    judged_at = (SELECT MAX(r.decided_at) FROM usage_record r WHERE r.certificate_id = certificate.id)
WHERE written_lines > 0;

CREATE INDEX certificate_reviewing ON certificate (supervising_bureau, waiting_since, id) WHERE waiting_since IS NOT NULL;
CREATE INDEX certificate_reviewing_all ON certificate (waiting_since, id) WHERE waiting_since IS NOT NULL;
CREATE INDEX certificate_unwritten_all ON certificate (issued_at, id) WHERE written_lines = 0;
CREATE INDEX certificate_unaccounted_all ON certificate (written_at, id) WHERE unaccounted_lines > 0;
CREATE INDEX certificate_rest ON certificate (supervising_bureau, valid_to, id)
    WHERE written_lines > 0 AND open_lines > 0 AND state = 'valid';
CREATE INDEX certificate_rest_all ON certificate (valid_to, id) WHERE written_lines > 0 AND open_lines > 0 AND state = 'valid';
-- What can be closed, by when the last of it happened.
DROP INDEX certificate_accounted;
CREATE INDEX certificate_closing ON certificate (supervising_bureau, written_at, id, judged_at, valid_to, open_lines, state)
    WHERE written_lines > 0 AND unaccounted_lines = 0 AND supervision_closed_at IS NULL AND waiting_since IS NULL;
CREATE INDEX certificate_closing_all ON certificate (written_at, id, judged_at, valid_to, open_lines, state)
    WHERE written_lines > 0 AND unaccounted_lines = 0 AND supervision_closed_at IS NULL AND waiting_since IS NULL;
