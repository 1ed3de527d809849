-- A draft whose ten days are over is hidden and kept for thirty days: an operator can restore it. When it was deleted:
ALTER TABLE application ADD COLUMN deleted_at BIGINT;
CREATE INDEX application_draft_over ON application (expires_at) WHERE state = 'draft' AND deleted_at IS NULL;
CREATE INDEX application_draft_deleted ON application (deleted_at) WHERE deleted_at IS NOT NULL;
