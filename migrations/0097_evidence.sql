-- What was once submitted stays (D32): a file that a correction deletes or replaces keeps its row and its object, marked with
-- the time of its removal. A file that no submission held is deleted as before.

-- The version of the application that was first submitted with the file; NULL = none was.
ALTER TABLE attachment ADD COLUMN submitted_version BIGINT;
ALTER TABLE attachment ADD COLUMN removed_at BIGINT;
UPDATE attachment SET submitted_version = (SELECT MIN(s.version) FROM application_snapshot s
    WHERE s.application_id = attachment.application_id AND s.at >= attachment.uploaded_at);
-- Submitted before submissions were kept.
UPDATE attachment SET submitted_version = 0 WHERE submitted_version IS NULL AND EXISTS (SELECT 1 FROM application a
    WHERE a.id = attachment.application_id AND a.submitted_at >= attachment.uploaded_at);

-- 1 = the record was submitted with the file.
ALTER TABLE usage_file ADD COLUMN was_submitted BIGINT NOT NULL DEFAULT 0;
ALTER TABLE usage_file ADD COLUMN removed_at BIGINT;
UPDATE usage_file SET was_submitted = 1 WHERE record_id IN (SELECT id FROM usage_record WHERE state <> 'draft');

-- 1 = 文件对比 decided with the scan.
ALTER TABLE paper_scan ADD COLUMN was_decided BIGINT NOT NULL DEFAULT 0;
ALTER TABLE paper_scan ADD COLUMN removed_at BIGINT;
UPDATE paper_scan SET was_decided = 1 WHERE application_id IN (SELECT id FROM application
    WHERE state NOT IN ('comparing', 'comparing_paper'));

-- A file of a notice that the public could see.
ALTER TABLE bulletin_file ADD COLUMN removed_at BIGINT;

-- What a 产品使用记录 and a 证明修改 held each time they were submitted, as people read it.
CREATE TABLE submission_copy (
    id @ID@,
    kind TEXT NOT NULL CHECK (kind IN ('usage', 'amendment')),
    subject_id BIGINT NOT NULL,
    version BIGINT NOT NULL,
    at BIGINT NOT NULL,
    body TEXT NOT NULL,
    UNIQUE (kind, subject_id, version)
);
