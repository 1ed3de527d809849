-- 基础数据 kept on pages (R-C-02, R-C-04): rows have a first and a last day, every change is an edition.

ALTER TABLE unit ADD COLUMN valid_from TEXT NOT NULL DEFAULT '0001-01-01';
ALTER TABLE unit ADD COLUMN valid_to TEXT NOT NULL DEFAULT '9999-12-31';
ALTER TABLE port ADD COLUMN valid_from TEXT NOT NULL DEFAULT '0001-01-01';
ALTER TABLE port ADD COLUMN valid_to TEXT NOT NULL DEFAULT '9999-12-31';

-- What a row says from a day on; the row itself changes when the day comes.
CREATE TABLE reference_edition (
    id @ID@,
    kind TEXT NOT NULL,
    code TEXT NOT NULL,
    content TEXT NOT NULL,
    effective_on TEXT NOT NULL,
    applied_at BIGINT,
    cancelled_at BIGINT,
    saved_at BIGINT NOT NULL,
    saved_by TEXT NOT NULL
);
CREATE INDEX reference_edition_row ON reference_edition (kind, code, id);
CREATE INDEX reference_edition_pending ON reference_edition (effective_on)
    WHERE applied_at IS NULL AND cancelled_at IS NULL;
