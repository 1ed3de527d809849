-- Jobs are tried for days: since when, for whom they are, and who revived them.

-- The first try since the job was put in or revived; none before it.
ALTER TABLE job ADD COLUMN first_run_at BIGINT;
-- The certificate of a paper, the account of a letter, the file of a long list.
ALTER TABLE job ADD COLUMN subject_id BIGINT;
ALTER TABLE job ADD COLUMN audit_head TEXT NOT NULL DEFAULT '';

UPDATE job SET first_run_at = created_at WHERE attempts > 0 AND state <> 'done';
UPDATE job SET subject_id = (SELECT MIN(l.account_id) FROM letter l WHERE l.job_id = job.id)
    WHERE kind = 'send_letter' AND state <> 'done';
UPDATE job SET subject_id = CAST(REPLACE(REPLACE(payload, '{"kind":"render_certificate","certificate":', ''), '}', '') AS BIGINT)
    WHERE kind = 'render_certificate' AND state <> 'done' AND payload LIKE '{"kind":"render_certificate","certificate":%}';
UPDATE job SET subject_id = CAST(REPLACE(REPLACE(payload, '{"kind":"make_export","export":', ''), '}', '') AS BIGINT)
    WHERE kind = 'make_export' AND state <> 'done' AND payload LIKE '{"kind":"make_export","export":%}';

-- A paper is tried without end; until now nobody could revive one.
UPDATE job SET state = 'ready', attempts = 0, first_run_at = NULL
    WHERE kind = 'render_certificate' AND state = 'dead' AND payload <> '';

CREATE INDEX job_dead ON job (id) WHERE state = 'dead';
